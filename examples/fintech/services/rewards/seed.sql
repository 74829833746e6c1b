-- SPDX-License-Identifier: Apache-2.0
-- Purposes 335 to 349. Nine users in ten take part; every fourth payment of theirs gives points.

INSERT INTO reward_tiers (code, name, min_points, multiplier, perks, colour) VALUES
    ('blue', 'Blue', 0, 1.00, '{}', '#1f4e9c'), ('silver', 'Silber', 500, 1.25, ARRAY['free atm'], '#c0c0c0'),
    ('gold', 'Gold', 2500, 1.50, ARRAY['free atm', 'lounge'], '#d4af37'), ('black', 'Black Größe', 10000, 2.00, ARRAY['free atm', 'lounge', 'concierge 24/7'], NULL);

INSERT INTO rewards_catalogue (id, sku, title, description, cost_points, cash_value, merchant_id, min_tier, stock, countries, active, created_at)
SELECT n, 'RW' || lpad(n::text, 5, '0'), (ARRAY['Gutschein ', 'Coffee for two ', 'Kinokarten ', 'Flight upgrade ', 'Spende: Bäume ', '割引券 '])[1 + n % 6] || n,
       CASE WHEN n % 4 > 0 THEN repeat('Einlösbar in allen teilnehmenden Filialen. ', 1 + n % 12) END, 40 + (n * 37 % 30) * 40,
       CASE WHEN n % 5 > 0 THEN (n % 5) * 5.00 WHEN n % 10 = 0 THEN 0 END, CASE WHEN n % 3 > 0 THEN 1 + n * 7 % 400 END,
       (ARRAY['blue', 'blue', 'silver', 'gold', 'blue', 'black'])[1 + n % 6], CASE WHEN n % 4 > 0 THEN 1000000 WHEN n % 8 = 0 THEN 0 END,
       CASE WHEN n % 5 = 0 THEN ARRAY['DE', 'NL']::char(2)[] ELSE '{}' END, n % 13 > 0, timestamptz '2024-01-01 00:00:00+00' + (n / 4) * interval '1 day'
FROM generate_series(1, 120) n;

-- Joining gives 100 points, payments a tenth of their amount, and now and then something else happens.
INSERT INTO points_ledger (user_id, seq, delta, balance_after, reason, transaction_id, note, created_at)
SELECT user_id, row_number() OVER w, delta, sum(delta) OVER w, reason::points_reason, transaction_id, note, created_at
FROM (SELECT n AS user_id, 100 AS delta, 'bonus' AS reason, NULL::bigint AS transaction_id, 'Willkommen – schön, dass du da bist' AS note, 0 AS o,
             timestamptz '2023-06-15 22:00:00+00' AS created_at FROM generate_series(1, :users) n WHERE pg_temp.u(n, :seed + 335) < 0.9
      UNION ALL
      SELECT x.user_id, CASE x.id % 101 WHEN 0 THEN 0 WHEN 1 THEN -5 ELSE 1 + least(x.amount, 30000)::int / 10 END,
             CASE x.id % 101 WHEN 0 THEN 'correction' WHEN 1 THEN 'expiry' WHEN 2 THEN 'referral' ELSE 'purchase' END,
             CASE WHEN x.id % 101 > 2 THEN x.id END, CASE x.id % 101 WHEN 0 THEN 'Kulanz' WHEN 2 THEN 'friend joined' END, x.id,
             CASE WHEN x.id % 300 = 0 THEN timestamptz '2025-10-26 00:30:00+00' + (x.id / 300 % 3) * interval '30 minutes' ELSE date_trunc('second', x.created_at) + interval '2 hours' END
      FROM transactions x WHERE x.kind = 'payment' AND x.id % 4 = 1 AND pg_temp.u(x.user_id, :seed + 335) < 0.9) s
WINDOW w AS (PARTITION BY user_id ORDER BY created_at, o);

INSERT INTO reward_members (user_id, tier, joined_on, points, lifetime_points, last_seq, opted_out, tier_until, birthday_bonus, updated_at)
SELECT l.user_id, (SELECT code FROM reward_tiers WHERE min_points <= l.lifetime ORDER BY min_points DESC LIMIT 1), l.joined, l.points, l.lifetime, l.last_seq,
       l.user_id % 50 = 49, CASE WHEN l.lifetime >= 500 THEN date '2026-12-31' END, CASE WHEN l.user_id % 4 = 0 THEN 50 END, l.last_at
FROM (SELECT user_id, sum(delta) AS points, sum(greatest(delta, 0)) AS lifetime, max(seq) AS last_seq, min(created_at)::date AS joined, max(created_at) AS last_at
      FROM points_ledger GROUP BY user_id) l;

-- What was redeemed before the ledger of today was introduced does not show in it.
INSERT INTO reward_redemptions (user_id, number, reward_id, points, state, address, redeemed_at, shipped_at)
SELECT user_id, row_number() OVER (PARTITION BY user_id ORDER BY n), reward, 40 + (reward * 37 % 30) * 40, (ARRAY['delivered', 'requested', 'shipped', 'cancelled'])[1 + n % 4],
       CASE WHEN n % 3 = 0 THEN jsonb_build_object('street', 'Grüner Weg ' || n, 'city', 'Köln', 'zip', lpad((n % 99999)::text, 5, '0')) END, at,
       CASE WHEN n % 4 IN (0, 2) THEN at + interval '2 days' END
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 336), 3))::int AS user_id, 1 + floor(120 * power(pg_temp.u(n, :seed + 337), 2))::int AS reward,
             timestamptz '2024-02-01 23:00:00+00' + (n / 2) * (interval '20 hours' * (2000.0 / :users)) AS at FROM generate_series(1, :users) n) s
WHERE pg_temp.u(user_id, :seed + 335) < 0.9;

SELECT setval(pg_get_serial_sequence('rewards_catalogue', 'id'), 1000000000) \gset
