-- SPDX-License-Identifier: Apache-2.0
-- Alerts and scores stand on the core's transactions. Purposes 460 to 469.

INSERT INTO fraud_rules (id, code, kind, description, threshold, window_s, weight, severity, enabled, params, owner, created_at, updated_at)
SELECT n, (ARRAY['VEL_COUNT','VEL_SUM','AMT_HIGH','AMT_ROUND','GEO_JUMP','DEV_NEW','DEV_SHARED','MCC_RISK'])[1 + n % 8] || '_' || n,
       (ARRAY['velocity','velocity','amount','amount','geo','device','device','merchant'])[1 + n % 8], 'Löst aus, wenn Schwelle ' || n || ' überschritten wird',
       (ARRAY[5, 2000, 1500, 100, 500, 1, 2, 0.5])[1 + n % 8] * (1 + n / 8), (ARRAY[3600, 86400])[1 + n % 2], CASE WHEN n % 11 = 0 THEN 0 ELSE 5 + n % 30 END,
       (ARRAY['info','low','medium','high','critical'])[1 + n % 5]::fraud_severity, n % 7 > 0, jsonb_build_object('n', n, 'countries', jsonb_build_array('DE', 'FR')),
       CASE WHEN n % 3 > 0 THEN 'team-' || n % 4 END, '2023-01-05 08:00:00+00', timestamptz '2025-10-26 00:30:00+00' + n * interval '1 hour'
FROM generate_series(1, 32) n;

INSERT INTO fraud_alerts (id, transaction_id, user_id, rule_id, severity, status, score, assignee, evidence, comment, resolution, raised_at, updated_at, resolved_at)
SELECT n, id, user_id, 1 + (n % 32)::int, (ARRAY['info','low','medium','high','critical'])[1 + (n % 5)::int]::fraud_severity, status,
       round((100 * sqrt(pg_temp.u(n, :seed + 461)))::numeric, 2), CASE WHEN status <> 'open' OR n % 3 = 0 THEN 'analyst' || n % 6 END,
       jsonb_build_object('velocity', n % 12, 'amount', amount, 'hints', jsonb_build_array('h' || n % 5)), CASE WHEN n % 9 = 0 THEN 'Kundin telefonisch erreicht – „war ich selbst“' END,
       CASE status WHEN 'confirmed' THEN 'fraud' WHEN 'dismissed' THEN (ARRAY['customer_ok','rule_noise'])[1 + (n % 2)::int] END,
       CASE WHEN n % 10 = 0 THEN date_trunc('day', created_at) ELSE created_at + interval '4 seconds' END, least(created_at + interval '1 hour', timestamptz '2026-06-30 12:00:00+00'),
       CASE WHEN status IN ('confirmed', 'dismissed') THEN least(created_at + interval '30 hours', timestamptz '2026-06-30 12:00:00+00') END
FROM (SELECT row_number() OVER (ORDER BY id) AS n, * FROM (SELECT id, user_id, amount, created_at FROM transactions
      WHERE kind <> 'deposit' AND pg_temp.u(id, :seed + 460) < 0.02) t) t,
     LATERAL (SELECT CASE WHEN pg_temp.u(n, :seed + 462) < 0.3 THEN 'open' WHEN pg_temp.u(n, :seed + 462) < 0.45 THEN 'in_review'
                          WHEN pg_temp.u(n, :seed + 462) < 0.6 THEN 'confirmed' ELSE 'dismissed' END AS status) s;

INSERT INTO fraud_scores (id, user_id, account_id, merchant_id, amount, currency, score, verdict, rules_hit, tx_last_hour, spent_last_day, device_fp, ip, created_at)
SELECT row_number() OVER (ORDER BY id), user_id, account_id, merchant_id, amount, currency, score,
       CASE WHEN score >= 85 THEN 'decline' WHEN score >= 60 THEN 'review' ELSE 'approve' END, (ARRAY['{}','{VEL_COUNT_8}','{AMT_HIGH_2,DEV_NEW_5}','{}'])[1 + (id % 4)::int]::text[],
       (id % 5)::int, round(amount * (1 + id % 3), 2), CASE WHEN id % 6 > 0 THEN left(md5('fp' || user_id % 300), 16) END,
       CASE WHEN id % 5 > 0 THEN ('172.16.' || id % 250 || '.' || 1 + id % 200)::inet END, created_at - interval '1 second'
FROM (SELECT *, (100 * power(pg_temp.u(id, :seed + 464), 3))::int AS score FROM transactions WHERE kind <> 'deposit' AND pg_temp.u(id, :seed + 463) < 0.06) t;

INSERT INTO fraud_device_links (id, device_fp, user_id, linked_user_id, kind, confidence, blocked, first_seen, last_seen)
SELECT n, left(md5('fp' || who % 300), 16), who, 1 + (who * 7 + n) % :users, (ARRAY['device','device','address','iban'])[1 + n % 4],
       CASE WHEN n % 30 = 0 THEN 1 ELSE round(pg_temp.u(n, :seed + 466)::numeric, 4) END, n % 21 = 0, seen, seen + (n % 200) * interval '1 day'
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 465), 2))::bigint AS who, timestamptz '2023-07-01 22:00:00+00' + n / 2 * (interval '880 days' / (:users / 2 + 1)) AS seen
      FROM generate_series(1, :users) n) s;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS fraud_sequences FROM unnest(ARRAY['fraud_alerts','fraud_scores','fraud_device_links']) r \gset
