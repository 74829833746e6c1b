-- SPDX-License-Identifier: Apache-2.0
-- Purposes 325 to 334. 300 terminals and three per cent of the users; big merchants have many.

INSERT INTO term (id, serial_no, mer_id, model, fw_ver, st, addr, city, cc, tz, lat, lon, cfg, rent_eur, inst_dt, last_hb, cr_dt, upd_dt, del_flg)
SELECT n, 'T' || lpad((n::bigint * 104729 % 100000000)::text, 9, '0'), mer, (ARRAY['V200c', 'Move/5000', 'A920', 'P400'])[1 + n % 4],
       CASE WHEN n % 8 > 0 THEN '4.' || n % 6 || '.' || n % 11 END,
       CASE WHEN luck < 0.05 THEN 'ordered' WHEN luck < 0.75 THEN 'online' WHEN luck < 0.88 THEN 'offline' WHEN luck < 0.93 THEN 'service' ELSE 'retired' END::term_state,
       CASE WHEN n % 6 > 0 THEN (ARRAY['Königstraße ', 'Rue de l’Église ', 'Calle Mayor ', 'Prinsengracht '])[1 + mer % 4] || n END,
       (ARRAY['München', 'Lyon', 'Málaga', 'Amsterdam', 'Köln'])[1 + mer % 5], (ARRAY['DE', 'FR', 'ES', 'NL', 'DE'])[1 + mer % 5],
       (ARRAY['Europe/Berlin', 'Europe/Paris', 'Europe/Madrid', 'Europe/Amsterdam', 'Europe/Berlin'])[1 + mer % 5],
       CASE WHEN n % 7 > 0 THEN round((42 + 11 * pg_temp.u(n, :seed + 326))::numeric, 6) END,
       CASE WHEN n % 7 > 0 THEN round((-4 + 18 * pg_temp.u(n, :seed + 327))::numeric, 6) END,
       jsonb_build_object('tip', n % 3 = 0, 'lang', (ARRAY['de', 'fr', 'es', 'nl'])[1 + mer % 4], 'limits', jsonb_build_object('contactless', 50, 'day', n % 20 * 500)),
       CASE n % 9 WHEN 0 THEN 0 WHEN 1 THEN 14.90 ELSE 9.90 END, CASE WHEN luck >= 0.05 THEN cr + interval '9 days' END,
       CASE WHEN luck >= 0.05 THEN timestamp '2026-06-30 23:59:59' - floor(86400 * 3 * power(luck, 8)) * interval '1 second' END, cr, cr + interval '9 days',
       CASE WHEN luck > 0.985 THEN 'Y' ELSE 'N' END
FROM (SELECT n, 1 + floor(400 * power(pg_temp.u(n, :seed + 325), 2))::int AS mer, pg_temp.u(n, :seed + 328) AS luck,
             timestamp '2023-03-26 02:30:00' + (n / 2) * interval '5 days 7 hours' AS cr FROM generate_series(1, 300 + :users * 3 / 100) n) s;

-- Daily batches: opened in the morning, closed at night, now and then after midnight or in the hour that there is twice.
INSERT INTO term_batch (id, term_id, batch_no, st, cur, tx_cnt, gross, refunds, op_dt, cl_dt, rsp_cd)
SELECT n, term_id, n / (300 + :users * 3 / 100) + 1, st, CASE WHEN term_id % 90 = 0 THEN 'JPY' ELSE 'EUR' END, tx, gross,
       CASE WHEN n % 33 = 0 THEN gross + 12.5 WHEN n % 6 = 0 THEN round(gross / 10, 2) ELSE 0 END, day + interval '8 hours',
       CASE WHEN st <> 'O' THEN day + CASE n % 40 WHEN 0 THEN interval '24 hours' WHEN 1 THEN interval '23:59:59.999' WHEN 2 THEN interval '26 hours 30 minutes' ELSE interval '20 hours' END END,
       CASE WHEN st = 'E' THEN '91' WHEN st <> 'O' THEN '00' END
FROM (SELECT n, 1 + n % (300 + :users * 3 / 100) AS term_id, floor(60 * power(pg_temp.u(n, :seed + 329), 3))::int AS tx,
             CASE WHEN n > :transactions / 12 - 300 - :users * 3 / 100 THEN 'O' WHEN n % 50 = 7 THEN 'E' WHEN n % 9 = 0 THEN 'C' ELSE 'S' END AS st,
             round((4000 * power(pg_temp.u(n, :seed + 330), 4))::numeric, 2) * (1 - (n % 17 = 0)::int) AS gross,
             timestamp '2024-10-01' + (n / (300 + :users * 3 / 100)) * (interval '1 day' * CASE WHEN :transactions > 200000 THEN 1 ELSE 26 END) AS day
      FROM generate_series(1, :transactions / 12) n) s;

INSERT INTO term_hb (term_id, ts, bat, sig, temp, ip, err_cds)
SELECT 1 + n % (300 + :users * 3 / 100), timestamp '2026-06-30 23:59:59' - (n / (300 + :users * 3 / 100)) * interval '47 minutes 13.5 seconds' - (n % 7) * interval '1 second',
       CASE WHEN n % 5 > 0 THEN floor(101 * pg_temp.u(n, :seed + 331))::int END, -40 - n % 60, (15 + 30 * pg_temp.u(n, :seed + 332))::real,
       ('10.' || n % 200 || '.' || n % 250 || '.' || n % 240)::inet, CASE WHEN n % 14 = 0 THEN ARRAY[501, 17 + n % 3] WHEN n % 9 = 0 THEN ARRAY[91] ELSE '{}' END
FROM generate_series(0, :transactions / 8 - 1) n;

SELECT count(setval(pg_get_serial_sequence(t, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['term', 'term_batch']) t \gset
