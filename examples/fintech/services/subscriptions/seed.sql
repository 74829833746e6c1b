-- SPDX-License-Identifier: Apache-2.0

INSERT INTO plans (id, code, name, description, price, currency, every, trial_days, features, included, unit_price, created_at, updated_at, deleted_at)
SELECT n, (ARRAY['free','plus','premium','business','plus-year','premium-year','legacy','japan','kuwait'])[n], (ARRAY['Free','Plus','Premium','Geschäftskonto','Plus (Jahr)','Premium (Jahr)','Classique','日本','الكويت'])[n],
       CASE WHEN n % 2 = 0 THEN repeat('All of the cheaper plans, and more. ', 8) END, (ARRAY[0, 4.99, 9.99, 29, 49.9, 99.9, 2.5, 900, 1.25])[n], (ARRAY['EUR','EUR','EUR','EUR','EUR','EUR','EUR','JPY','KWD'])[n],
       CASE WHEN n IN (5, 6) THEN '1 year' WHEN n = 7 THEN '14 days' ELSE '1 month' END::interval, (ARRAY[0, 14, 30])[1 + n % 3],
       jsonb_build_object('cards', n % 4, 'support', (ARRAY['mail','chat','phone'])[1 + n % 3], 'cashback', n > 2), CASE WHEN n <> 4 THEN 100 * n END, 0.05 + n * 0.0025,
       timestamptz '2023-01-01 00:00:00+00' + n % 3 * interval '1 day', '2025-12-31 23:00:00+00', CASE WHEN n = 7 THEN timestamptz '2025-12-31 23:00:00+00' END
FROM generate_series(1, 9) n;

INSERT INTO subscriptions (id, user_id, plan_id, account_id, state, quantity, discount, period, period_start, period_end, paused_at, cancelled_at, cancel_reason, renewals, metadata, lock_version, created_at, updated_at, deleted_at)
SELECT n, who, p.id, CASE WHEN n % 8 > 0 THEN 100 + 3 * who END, s, CASE WHEN p.id = 4 THEN 1 + n % 12 ELSE 1 END, CASE WHEN n % 6 = 0 THEN (ARRAY[10, 33.3333, 100])[1 + n / 6 % 3] END, p.every, at, at + p.every,
       CASE WHEN s = 'paused' THEN at + interval '5 days' END, CASE WHEN s = 'cancelled' THEN at + interval '9 days' END, CASE WHEN s = 'cancelled' AND n % 2 = 0 THEN 'too expensive — zu teuer' END, n % 30,
       CASE WHEN n % 4 = 0 THEN jsonb_build_object('campaign', 'c' || n % 7, 'ref', NULL) ELSE '{}' END, n % 5, at - n % 30 * interval '1 month', at, CASE WHEN s = 'cancelled' AND n % 15 = 0 THEN at + interval '10 days' END
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 240), 2))::bigint AS who, 1 + floor(9 * power(pg_temp.u(n, :seed + 241), 2))::int AS plan,
             (ARRAY['active','active','trial','active','paused','past_due','active','cancelled'])[1 + n % 8]::subscription_state AS s, timestamptz '2026-05-31 22:00:00+00' + n / 2 * (interval '29 days' / :users) AS at
      FROM generate_series(1, :users) n) q JOIN plans p ON p.id = q.plan;

INSERT INTO subscription_usages (id, subscription_id, metric, quantity, merchant_id, occurred_at, created_at)
SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 242), 2))::bigint, (ARRAY['transfers','api_calls','atm','statements'])[1 + n % 4],
       CASE WHEN n % 50 = 0 THEN -1 WHEN n % 4 = 1 THEN 0.5 * (n % 300) ELSE 1 + n % 3 END, CASE WHEN n % 4 = 2 THEN 1 + n % 400 END, at, at + interval '10 seconds'
FROM (SELECT n, timestamptz '2026-03-29 00:30:00+00' + n / 2 * (interval '180 days' / (8 * :users)) AS at FROM generate_series(1, 8 * :users) n) q;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['plans','subscriptions','subscription_usages']) r \gset
