-- SPDX-License-Identifier: Apache-2.0

CREATE TEMP TABLE fx_base AS
SELECT * FROM (VALUES ('USD', 1, 1.0832, 2), ('GBP', 2, 0.8561, 2), ('CHF', 3, 0.9512, 2), ('JPY', 4, 163.21, 0), ('KWD', 5, 0.33214, 3), ('PLN', 6, 4.3121, 2), ('SEK', 7, 11.402, 2), ('HUF', 8, 396.7, 2)) v(cur, o, mid, places);

-- A rate a day and currency; the last one is in force.
INSERT INTO fx_rates (id, quote, mid, bid, ask, source, valid_from, valid_to)
SELECT 8 * d + o, cur, round(m, 8), round(m * 0.9985, 8), round(m * 1.0015, 8), CASE WHEN d % 30 = 0 THEN 'manual' WHEN d % 7 = 0 THEN 'Börse Frankfurt' ELSE 'ecb' END,
       at, CASE WHEN d < 1275 THEN at + interval '1 day' END
FROM generate_series(1, 1275) d, fx_base, LATERAL (SELECT timestamptz '2023-01-01 14:15:00+00' + d * interval '1 day' AS at,
     (mid * (1 + 0.06 * sin(d / 90.0 + o) + 0.004 * (pg_temp.u(d * 8 + o, :seed + 230) - 0.5)))::numeric AS m) r;

INSERT INTO fx_quotes (id, user_id, account_id, rate_id, kind, sell_currency, buy_currency, sell_amount, buy_amount, rate, margin, fee, status, drawn, context, created_at, expires_at, accepted_at)
SELECT n, who, 100 + 3 * who + n % 2, r.id, CASE WHEN n % 10 = 0 THEN 'standing' ELSE 'spot' END, 'EUR', b.cur, sell, round(sell * r.bid, b.places), r.bid, (ARRAY[0.5, 0.25, 1])[1 + n % 3], round(sell * 0.002, 2), s::quote_status,
       CASE WHEN s = 'accepted' THEN sell WHEN n % 10 = 0 THEN round(sell / 3, 2) ELSE 0 END,
       CASE WHEN n % 4 = 0 THEN jsonb_build_object('purpose', (ARRAY['Urlaub','invoice','Ölgemälde'])[1 + n % 3], 'ip', '10.0.' || n % 256 || '.7') END,
       at, CASE WHEN n % 10 > 0 THEN at + interval '15 minutes' END, CASE WHEN s = 'accepted' THEN at + n % 800 * interval '1 second' END
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 231), 2))::bigint AS who, round((10 + 4000 * power(pg_temp.u(n, :seed + 232), 3))::numeric, 2) AS sell,
             CASE WHEN n % 10 = 0 THEN CASE WHEN n % 90 = 0 THEN 'withdrawn' ELSE 'open' END ELSE (ARRAY['accepted','expired','accepted','accepted','withdrawn','open'])[CASE WHEN n % 60 = 1 THEN 6 ELSE 1 + n % 5 END] END AS s,
             timestamptz '2024-10-27 00:55:00+00' + n / 3 * (interval '600 days' / :users) AS at FROM generate_series(1, :users * 3) n) q
JOIN fx_base b ON b.o = 1 + n % 8 JOIN fx_rates r ON r.id = 8 * (at::date - date '2023-01-01') + b.o;

INSERT INTO fx_conversions (id, quote_id, user_id, account_id, transaction_id, sold, sold_currency, bought, bought_currency, rate, fee, state, value_date, created_at, settled_at)
SELECT row_number() OVER (ORDER BY id), CASE WHEN id % 25 > 0 THEN id END, user_id, account_id, CASE WHEN id % 3 > 0 THEN 110 + 3 * :users + 1 + id * 7 % :transactions END, sell_amount, sell_currency, buy_amount, buy_currency, rate, fee, s,
       accepted_at::date + 2, accepted_at, CASE WHEN s <> 'P' THEN accepted_at + interval '2 days' END
FROM (SELECT *, CASE WHEN id % 37 = 0 THEN 'R' WHEN id % 11 = 0 THEN 'P' ELSE 'S' END AS s FROM fx_quotes WHERE status = 'accepted') q;

DROP TABLE fx_base;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['fx_rates','fx_quotes','fx_conversions']) r \gset
