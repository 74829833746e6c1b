-- SPDX-License-Identifier: Apache-2.0
-- Purposes 440 to 449.

INSERT INTO bureau_reports (id, user_id, bureau, score, score_min, score_max, reason, payload, raw, cost, expires_on, pulled_at)
SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 440), 2))::bigint, (ARRAY['SCHUFA','CRIF','Équifax','Experian'])[1 + n % 4],
       CASE WHEN n % 31 > 0 THEN round((CASE n % 4 WHEN 0 THEN 100 * v ELSE 300 + 550 * v END)::numeric, 2) END, CASE n % 4 WHEN 0 THEN 0 ELSE 300 END,
       CASE n % 4 WHEN 0 THEN 100 ELSE 850 END, (ARRAY['application','review','collection'])[1 + n % 3],
       jsonb_build_object('inquiries', n % 9, 'open_accounts', n % 6, 'negative', CASE WHEN n % 17 = 0 THEN jsonb_build_array('Mahnverfahren', 'Insolvenz') ELSE '[]' END),
       CASE WHEN n % 25 = 0 THEN (SELECT string_agg(md5((n * 100 + g)::text), E'\n') FROM generate_series(1, 80) g) END,
       (ARRAY[0.85, 1.2345, 0, 2.1])[1 + n % 4], (pulled + interval '90 days')::date, pulled
FROM (SELECT n, sqrt(pg_temp.u(n, :seed + 441)) AS v, timestamptz '2023-01-20 06:00:00+00' + n / 2 * 2 * (interval '1250 days' / (3 * :users / 2 + 1)) AS pulled
      FROM generate_series(1, 3 * :users / 2) n) s;

INSERT INTO credit_scores (id, user_id, report_id, model, score, default_pct, reasons, inputs, computed_at)
SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 442), 1.5))::bigint, CASE WHEN n % 3 = 0 THEN 1 + n % (3 * :users / 2) END,
       CASE WHEN n < 2 * :users THEN 'v1' WHEN n % 20 = 0 THEN 'v3-beta' ELSE 'v2' END, score, round((100 / (1 + exp((score - 420) / 70.0)))::numeric, 4),
       (ARRAY['{}','{thin_file}','{high_utilisation,late_payment}','{young_account}'])[1 + n % 4]::text[],
       jsonb_build_object('utilisation', n % 100, 'late', n % 3, 'months', n % 240), timestamptz '2023-02-01 00:00:00+00' + n * (interval '1240 days' / (4 * :users + 1))
FROM (SELECT n, (300 + 550 * sqrt(pg_temp.u(n, :seed + 443)))::int AS score FROM generate_series(1, 4 * :users) n) s;

INSERT INTO credit_lines (id, user_id, account_id, limit_amount, drawn, currency, apr, status, frozen_reason, reviewed_by, reviewed_at, opened_at, closed_at, version)
SELECT n, who, 102 + 3 * who, lim, CASE WHEN status IN ('pending', 'closed') THEN 0 WHEN n % 19 = 0 THEN lim * 1.05 ELSE round(lim * power(pg_temp.u(n, :seed + 444), 2)::numeric, 2) END,
       CASE n % 50 WHEN 9 THEN 'JPY' WHEN 21 THEN 'KWD' ELSE 'EUR' END, round((4.9 + 12 * pg_temp.u(n, :seed + 445))::numeric, 2), status::credit_line_status,
       CASE WHEN status = 'frozen' THEN (ARRAY['Zahlungsverzug','fraud suspicion'])[1 + n % 2] END, CASE WHEN n % 3 > 0 THEN 'officer' || n % 9 END,
       CASE WHEN n % 3 > 0 THEN opened + interval '180 days' END, opened, CASE WHEN status = 'closed' THEN opened + interval '400 days' END, 1 + n % 3
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 446), 2))::bigint AS who, CASE WHEN n % 60 = 0 THEN 0 ELSE 250 * (1 + floor(40 * power(pg_temp.u(n, :seed + 447), 3)))::numeric END AS lim,
             CASE WHEN n % 14 = 0 THEN 'pending' WHEN n % 10 = 3 THEN 'frozen' WHEN n % 8 = 5 THEN 'closed' ELSE 'open' END AS status,
             timestamptz '2023-03-26 00:30:00+00' + n * (interval '700 days' / (:users + 1)) AS opened
      FROM generate_series(1, 7 * :users / 10) n) s;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS credit_sequences FROM unnest(ARRAY['bureau_reports','credit_scores','credit_lines']) r \gset
