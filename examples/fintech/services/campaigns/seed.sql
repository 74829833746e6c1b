-- SPDX-License-Identifier: Apache-2.0
-- Purposes 360 to 369. Segment n holds the users whose id gives n when divided by eight, and who are verified well enough.

INSERT INTO campaign_segments (id, name, min_kyc, min_age, description)
SELECT n, (ARRAY['students', 'families', 'commuters', 'Vielreisende', 'gamers', 'home owners', 'Über 60', 'new'])[n + 1], 1 + (n % 3 = 2)::int,
       CASE n WHEN 6 THEN 60 WHEN 5 THEN 25 END, CASE WHEN n % 2 = 0 THEN 'kept by CRM' END
FROM generate_series(0, 7) n;

INSERT INTO campaigns (id, code, title, status, target_segments, countries, priority, min_kyc, budget, spent, currency, starts_on, ends_on, terms, settings,
                       created_by, created_at, updated_at, archived_at)
SELECT n, 'C' || n || (ARRAY['', 'SUM', 'XMAS'])[1 + n % 3], (ARRAY['Sommer-Cashback ', 'Back to school ', 'Vuelta al cole ', 'Weihnachten für alle ', 'Été à Paris '])[1 + n % 5] || (2023 + n % 4),
       s.status, CASE n % 4 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY[n % 8] WHEN 2 THEN ARRAY[n % 8, (n + 3) % 8] ELSE ARRAY[0, 1, 2, 3, 4] END::int[],
       CASE n % 3 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY['DE', 'NL'] ELSE ARRAY['FR', 'ES', 'IT', 'PL', 'DE'] END::char(2)[], n % 5, 1 + (n % 6 = 5)::int,
       CASE WHEN n % 19 = 0 THEN 0 ELSE 1000 * (1 + n % 40) END, 0, CASE WHEN n % 31 = 0 THEN 'JPY' WHEN n % 37 = 0 THEN 'KWD' ELSE 'EUR' END,
       d.day, CASE WHEN n % 7 > 0 THEN d.day + 30 + (n % 5) * 15 END, repeat('Es gelten die Bedingungen des Händlers; nicht mit anderen Aktionen. ', n % 30),
       CASE WHEN n % 3 = 0 THEN jsonb_build_object('ab', jsonb_build_array('a', 'b'), 'utm', 'c' || n) ELSE '{}' END,
       (ARRAY['marketing', 'jürgen', 'agency'])[1 + n % 3], d.day - interval '20 days', d.day - interval '20 days' + (n % 3) * interval '1 day',
       CASE WHEN s.status = 'ended' AND n % 2 = 0 THEN d.day + interval '200 days' END
FROM generate_series(1, 120 + :users / 100) n, LATERAL (SELECT date '2023-07-01' + (n / 4) * 28 * 2000 / (2000 + :users / 10) AS day) d,
     LATERAL (SELECT CASE WHEN d.day < '2025-01-01' AND n % 7 > 0 THEN 'ended' WHEN n % 11 = 0 THEN 'draft' WHEN n % 13 = 0 THEN 'paused' WHEN n % 17 = 0 THEN 'cancelled' ELSE 'live' END AS status) s;

INSERT INTO offers (id, campaign_id, merchant_id, headline, cashback, max_cashback, min_spend, weekdays, valid_from, valid_to, max_uses, image, sort, withdrawn, created_at)
SELECT n, c.id, 1 + floor(400 * power(pg_temp.u(n, :seed + 361), 2))::int, (n % 20 + 1) || ' % ' || (ARRAY['zurück', 'cashback', 'de vuelta'])[1 + n % 3] || CASE WHEN n % 9 = 0 THEN ' – nur heute!' ELSE '' END,
       CASE WHEN n % 50 = 0 THEN 0 ELSE (n % 20 + 1) + (n % 4) * 0.125 END, CASE WHEN n % 4 > 0 THEN 5 * (1 + n % 6) END, CASE WHEN n % 3 = 0 THEN 25 ELSE 0 END,
       CASE WHEN n % 5 = 0 THEN '{6,7}' ELSE '{1,2,3,4,5,6,7}' END::smallint[], c.starts_on::timestamp AT TIME ZONE 'Europe/Berlin',
       CASE WHEN c.ends_on IS NOT NULL THEN (c.ends_on + 1)::timestamp AT TIME ZONE 'Europe/Berlin' - interval '1 microsecond' END, 1 + n % 5,
       CASE WHEN n % 3 > 0 THEN 'https://cdn.example.com/o/' || md5('offer' || n) || '.png' END, 10 * (n % 12), n % 27 = 0, c.created_at
FROM generate_series(1, (120 + :users / 100) * 6) n JOIN campaigns c ON c.id = 1 + floor((120 + :users / 100) * sqrt(pg_temp.u(n, :seed + 362)))::int;

INSERT INTO offer_activations (offer_id, user_id, channel, uses, cashback_total, last_transaction_id, activated_at, used_at)
SELECT DISTINCT ON (s.offer, s.who) s.offer, s.who, (enum_range(NULL::channel))[1 + s.n % 6], s.used, s.used * o.cashback * (1 + s.n % 3),
       CASE WHEN s.used > 0 AND s.n % 2 = 0 THEN 110 + 3 * :users + 1 + s.n % :transactions END,
       o.valid_from + (s.n % 20) * interval '11 hours', CASE WHEN s.used > 0 THEN o.valid_from + (s.n % 20) * interval '12 hours' END
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 363), 3))::int AS who, 1 + floor((120 + :users / 100) * 6 * power(pg_temp.u(n, :seed + 364), 0.5))::int AS offer,
             floor(4 * power(pg_temp.u(n, :seed + 365), 3))::int AS used FROM generate_series(1, :users * 4) n) s JOIN offers o ON o.id = s.offer
ORDER BY s.offer, s.who, s.n;

UPDATE campaigns c SET spent = s.cashback
FROM (SELECT o.campaign_id, sum(a.cashback_total) AS cashback FROM offer_activations a JOIN offers o ON o.id = a.offer_id GROUP BY 1) s WHERE s.campaign_id = c.id;

SELECT count(setval(pg_get_serial_sequence(t, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['campaigns', 'offers']) t \gset
