-- SPDX-License-Identifier: Apache-2.0

INSERT INTO tax_rates (id, country, category, rate, surcharge, validity, law, notes)
SELECT row_number() OVER (ORDER BY o, co, p), country, category, base + p * 0.5 + co % 3, CASE WHEN country = 'DE' THEN 5.5 ELSE 0 END,
       CASE p WHEN 0 THEN daterange(NULL, '2024-01-01') WHEN 1 THEN daterange('2024-01-01', '2025-07-01') ELSE daterange('2025-07-01', NULL) END,
       CASE WHEN country = 'DE' THEN '§ 43 EStG' END, CASE WHEN p = 2 THEN jsonb_build_object('source', 'gazette', 'page', o * 10 + co) END
FROM unnest(ARRAY['DE','FR','ES','NL','IT','PL']) WITH ORDINALITY a(country, co), (VALUES (1, 'interest', 25.0), (2, 'sales', 19.0), (3, 'reduced', 7.0)) b(o, category, base), generate_series(0, 2) p;

INSERT INTO tax_withholdings (id, user_id, account_id, transaction_id, rate_id, year, base, allowance, tax, surcharge, church, corrected_by, booked_on, remitted_at)
SELECT n, who, 101 + 3 * who, CASE WHEN n % 4 > 0 THEN 110 + 3 * :users + 1 + n * 11 % :transactions END, CASE WHEN n % 13 > 0 THEN 1 + (n % 54)::int END, extract(year FROM d), base, CASE WHEN n % 3 = 0 THEN 801 ELSE 0 END,
       CASE WHEN n % 3 = 0 THEN 0 WHEN n % 41 = 0 THEN -round(base * 0.25, 2) ELSE round(base * 0.25, 2) END, CASE WHEN n % 3 = 0 THEN 0 ELSE round(base * 0.25 * 0.055, 2) END, CASE WHEN n % 5 = 0 THEN round(base * 0.0225, 2) END,
       CASE WHEN n % 97 = 0 THEN n - 1 END, d, CASE WHEN n % 6 > 0 THEN d + time '23:59:59' + interval '10 days' END
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 260), 2))::bigint AS who, round((1000 * power(pg_temp.u(n, :seed + 261), 3))::numeric, 2) AS base, date '2023-12-30' + (n * 900 / (4 * :users))::int AS d
      FROM generate_series(1, 4 * :users) n) s;

INSERT INTO tax_reports (id, user_id, year, status, country, turnover, interest, withheld, transactions, breakdown, remarks, created_at, finalized_at, finalized_by)
SELECT row_number() OVER (ORDER BY t.year, t.user_id), t.user_id, t.year, CASE WHEN t.year < 2025 THEN 'final' WHEN t.user_id % 3 = 0 THEN 'final' WHEN t.user_id % 17 = 0 THEN 'withdrawn' ELSE 'draft' END, u.country, t.turnover,
       round(t.turnover * 0.002, 2), coalesce(w.withheld, 0), t.count, jsonb_build_object('payments', t.payments, 'transfers', t.count - t.payments), CASE WHEN t.user_id % 8 = 0 THEN 'geprüft — ' || repeat('vérifié ', (t.user_id % 50)::int) END,
       make_timestamptz(t.year + 1, 1, 1, 0, 0, 0, 'Europe/Berlin') + t.user_id / 2 * interval '1 minute', CASE WHEN t.year < 2025 OR t.user_id % 3 = 0 THEN make_timestamptz(t.year + 1, 3, 31, 23, 59, 59, 'Europe/Berlin') END, CASE WHEN t.year < 2025 THEN 1 + t.user_id % 7 END
FROM (SELECT user_id, extract(year FROM created_at AT TIME ZONE 'Europe/Berlin')::int AS year, sum(amount) AS turnover, count(*), count(*) FILTER (WHERE kind = 'payment') AS payments FROM transactions WHERE kind <> 'deposit' GROUP BY 1, 2) t
JOIN users u ON u.id = t.user_id LEFT JOIN (SELECT user_id, year, sum(tax) AS withheld FROM tax_withholdings GROUP BY 1, 2) w USING (user_id, year) WHERE t.year IN (2023, 2024, 2025);

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['tax_rates','tax_withholdings','tax_reports']) r \gset
