-- SPDX-License-Identifier: Apache-2.0
-- Every transfer of the ledger has its row here, and there are some that never became a booking.

INSERT INTO transfers (id, user_id, from_account_id, to_account_id, to_user_id, beneficiary_id, transaction_id, amount, fee, reference, note, status, via, tags, meta,
                       requested_at, completed_at)
SELECT n, user_id, from_account, to_account, to_user, CASE WHEN u2 < 0.3 THEN 1 + floor(1.5 * :users * u1)::bigint END, transaction_id, amount,
       CASE WHEN amount > 1000 THEN round(amount * 0.001, 2) ELSE 0 END,
       CASE WHEN u1 < 0.7 THEN (ARRAY['Miete','rent','für Oma','Geburtstag 🎂','dinner','RE-' || n,'',E'zwei\nZeilen','Übertrag'])[1 + n % 9] END,
       CASE WHEN n % 40 = 0 THEN repeat('Lorem ipsum dolor sit amet, čeština, ', 20) WHEN n % 7 = 0 THEN 'note ' || n END,
       CASE WHEN u2 > 0.985 THEN 'returned' ELSE 'completed' END::transfer_status, (enum_range(NULL::channel))[1 + floor(6 * u1 * u1)::int],
       CASE n % 5 WHEN 0 THEN ARRAY['family'] WHEN 1 THEN ARRAY['rent','monthly, fixed'] ELSE '{}' END,
       CASE WHEN n % 3 = 0 THEN jsonb_build_object('device', md5(n::text), 'attempt', n % 4) ELSE '{}' END,
       -- a burst of requests at one moment, now and then
       CASE WHEN n % 50 = 0 THEN date_trunc('hour', at) ELSE at END, at + n % 90 * interval '1 second'
FROM (SELECT row_number() OVER (ORDER BY t.id) AS n, t.user_id, t.account_id AS from_account, e.account_id AS to_account, e.user_id AS to_user, t.id AS transaction_id,
             t.amount, t.created_at AS at, pg_temp.u(t.id, :seed + 200) AS u1, pg_temp.u(t.id, :seed + 201) AS u2
      FROM transactions t JOIN entries e ON e.transaction_id = t.id AND e.amount > 0 WHERE t.kind = 'transfer') s;

INSERT INTO transfers (id, user_id, from_account_id, to_account_id, to_user_id, amount, reference, status, failure_code, via, requested_at)
SELECT 100000000 + n, who, 100 + 3 * who, 100 + 3 * other + 1, other, round((1 + 5000 * pg_temp.u(n, :seed + 202))::numeric, 2), 'attempt ' || n,
       (ARRAY['pending','failed','cancelled'])[1 + n % 3]::transfer_status,
       CASE WHEN n % 3 = 1 THEN (ARRAY['insufficient_funds','account_closed','limit_exceeded'])[1 + n % 5 % 3] END, 'ios',
       timestamptz '2026-06-30 21:58:00+00' - (n / 4) * (interval '2400 days' / :users)
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 203), 3))::bigint AS who, 1 + floor(:users * pg_temp.u(n, :seed + 204))::bigint AS other
      FROM generate_series(1, :users / 4) n) s;

INSERT INTO idempotency_keys (user_id, key, request_hash, transfer_id, response, created_at)
SELECT user_id, md5('transfer' || id), md5(id || ':' || amount), id, json_build_object('id', id, 'amount', amount::text, 'status', 'completed'), requested_at
FROM transfers WHERE transaction_id IS NOT NULL AND id % 3 = 0;

INSERT INTO beneficiaries (id, user_id, nickname, holder, account_id, iban, bic, bank_name, country, trusted, used_count, last_used, created_at, updated_at, deleted_at)
SELECT n, 1 + floor(:users * power(u1, 2))::bigint, (ARRAY['Mama','landlord','Zoë','Größte Liebe','work','électricité','αβγ','savings pot'])[1 + n % 8] || CASE WHEN n % 3 = 0 THEN ' ' || n ELSE '' END,
       (ARRAY['Anna Müller','Jürgen Groß','José Niño','Łukasz Żak','van der Berg','O''Neill','Şeyma Çelik'])[1 + n % 7],
       CASE WHEN u2 < 0.6 THEN 100 + 3 * (1 + floor(:users * u2 / 0.6)::bigint) END, CASE WHEN u2 >= 0.6 THEN 'DE' || lpad((n::bigint * 7919 % 100)::text, 2, '0') || '10050000' || lpad(n::text, 10, '0') END,
       CASE WHEN u2 >= 0.6 THEN (ARRAY['BELADEBEXXX','COBADEFFXXX','DEUTDEFF'])[1 + n % 3] END, CASE WHEN u2 >= 0.6 THEN (ARRAY['Sparkasse','Commerzbank','Deutsche Bank'])[1 + n % 3] END,
       (ARRAY['DE','FR','AT','PL'])[1 + n % 4], n % 4 = 0, n % 13, CASE WHEN n % 13 > 0 THEN timestamptz '2026-03-29 00:59:59+00' + n % 900 * interval '1 hour' END,
       timestamptz '2023-03-01 00:00:00+00' + (n / 2) * (interval '800 days' / :users), timestamptz '2025-10-26 01:30:00+00' + n % 2000 * interval '1 hour',
       CASE WHEN n % 11 = 0 THEN timestamptz '2026-01-15 12:00:00+00' + n * (interval '100 days' / :users) END
FROM (SELECT n, pg_temp.u(n, :seed + 205) AS u1, pg_temp.u(n, :seed + 206) AS u2 FROM generate_series(1, :users * 3 / 2) n) s;

INSERT INTO scheduled_transfers (id, user_id, from_account_id, to_account_id, amount, every, next_run_on, ends_on, runs, state, last_error, reference, created_at, updated_at)
SELECT n, who, 100 + 3 * who, 100 + 3 * (1 + floor(:users * u2)::bigint) + 1, round((5 + 1200 * u2 * u2)::numeric, 2),
       (ARRAY['1 month','7 days','3 mons','1 year'])[1 + n % 4]::interval, date '2026-07-01' + floor(60 * u2)::int + CASE WHEN n % 4 = 0 THEN 40000 ELSE 0 END,
       CASE WHEN n % 6 = 0 THEN date '2027-12-31' END, n % 36, (ARRAY['active','active','paused','active','ended'])[1 + n % 5],
       CASE WHEN n % 17 = 0 THEN 'insufficient funds' END, CASE WHEN n % 3 > 0 THEN 'Dauerauftrag ' || n END,
       timestamp '2024-01-31 23:30:00' + n / 3 * (interval '2400 days' / :users), timestamp '2026-06-01 00:00:00'
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 207), 2))::bigint AS who, pg_temp.u(n, :seed + 208) AS u2 FROM generate_series(1, :users / 2) n) s;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['transfers','beneficiaries','scheduled_transfers']) r \gset
