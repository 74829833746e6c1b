-- SPDX-License-Identifier: Apache-2.0
-- Purposes 370 to 379.

INSERT INTO gift_card_designs (id, title, occasion, image_url, colours, retired, created_at)
SELECT n, (ARRAY['Geburtstag', 'Félicitations', 'Merry Christmas', 'ありがとう', 'Zur Hochzeit', 'Just because'])[1 + n % 6] || ' ' || n,
       CASE WHEN n % 6 < 5 THEN (ARRAY['birthday', 'exam', 'christmas', 'thanks', 'wedding'])[1 + n % 6] END, '/img/gift/' || n || '.webp',
       CASE WHEN n % 3 > 0 THEN ARRAY['#ff0000', 'gold'] ELSE '{}' END, n % 7 = 0, timestamptz '2023-01-01 00:00:00+00' + n * interval '3 days'
FROM generate_series(1, 24) n;

INSERT INTO gift_cards (id, code, design_id, buyer_id, recipient_id, recipient_email, merchant_id, currency, initial_minor, balance_minor, status, message,
                        transaction_id, redemption_count, expires_on, deliver_at, activated_at, created_at, updated_at, deleted_at)
SELECT n, upper(left(md5('gift' || n), 4) || '-' || substr(md5('gift' || n), 5, 4) || '-' || substr(md5('gift' || n), 9, 4) || '-' || lpad(to_hex(n), 4, '0')),
       1 + n % 24, who, CASE WHEN n % 3 > 0 THEN other END, CASE WHEN n % 3 = 0 THEN 'oma' || n || '@example.org' END, CASE WHEN n % 4 = 0 THEN 1 + n * 13 % 400 END,
       currency, initial, initial, CASE WHEN n % 29 = 0 THEN 'cancelled' WHEN n % 31 = 0 THEN 'expired' WHEN n % 37 = 0 THEN 'pending' ELSE 'active' END::giftcard_status,
       CASE n % 5 WHEN 0 THEN 'Alles Gute zum Geburtstag, liebe Grüße!' WHEN 1 THEN 'Enjoy 🎁' WHEN 2 THEN repeat('Für dich. ', 1 + n % 40) END,
       CASE WHEN n % 6 = 0 THEN 110 + 3 * :users + 1 + n * 7 % :transactions END, 0, CASE WHEN n % 8 > 0 THEN (at + interval '3 years')::date END,
       CASE WHEN n % 10 = 0 THEN at + interval '5 days' END, CASE WHEN n % 37 > 0 THEN at + interval '6 hours' END, at, at + interval '1 day',
       CASE WHEN n % 43 = 0 THEN at + interval '400 days' END
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 370), 3))::int AS who, 1 + floor(:users * power(pg_temp.u(n, :seed + 371), 2))::int AS other,
             CASE WHEN n % 12 = 1 THEN 'JPY' WHEN n % 15 = 2 THEN 'KWD' WHEN n % 9 = 3 THEN 'USD' ELSE 'EUR' END AS currency,
             (ARRAY[1000, 2500, 5000, 10000, 12345, 200000])[1 + floor(6 * power(pg_temp.u(n, :seed + 372), 2))::int] AS initial,
             CASE WHEN n % 90 = 0 THEN timestamptz '2025-10-26 00:59:59+00' + (n / 90 % 3) * interval '1 second'
                  ELSE timestamptz '2023-09-01 22:00:00+00' + (n / 2) * (interval '19 hours' * (2000.0 / :users)) END AS at
      FROM generate_series(1, :users * 6 / 5) n) s;

INSERT INTO gift_card_redemptions (id, gift_card_id, user_id, merchant_id, amount_minor, balance_after_minor, reference, created_at)
SELECT md5('gift redemption' || g.id || '.' || k)::uuid, g.id, coalesce(g.recipient_id, g.buyer_id), coalesce(g.merchant_id, 1 + (g.id * k) % 400),
       CASE WHEN k = 4 THEN -1 ELSE 1 END * (g.initial_minor / 4), g.initial_minor - (g.initial_minor / 4) * CASE WHEN k = 4 THEN 2 ELSE k END,
       CASE WHEN k % 2 = 0 THEN 'Bon ' || g.id || '/' || k END, g.activated_at + k * interval '31 hours'
FROM gift_cards g, generate_series(1, 4) k WHERE g.status = 'active' AND k <= floor(5 * pg_temp.u(g.id, :seed + 373));

UPDATE gift_cards g SET balance_minor = s.left, redemption_count = s.n
FROM (SELECT gift_card_id, count(*) AS n, (array_agg(balance_after_minor ORDER BY created_at DESC))[1] AS left FROM gift_card_redemptions GROUP BY 1) s
WHERE s.gift_card_id = g.id;

SELECT count(setval(pg_get_serial_sequence('gift_cards', 'id'), 1000000000)) + count(setval(pg_get_serial_sequence('gift_card_designs', 'id'), 10000)) AS sequences \gset
