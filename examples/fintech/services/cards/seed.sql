-- SPDX-License-Identifier: Apache-2.0
-- Purposes 300 to 314. User n has the physical card n on the card account; virtual ones on the checking account follow.

INSERT INTO cards (id, user_id, account_id, kind, status, scheme, last4, embossed_name, nickname, currency, exp_month, exp_year,
                   per_payment_limit, online_enabled, atm_enabled, blocked_mcc, allowed_countries, settings, pin_tries,
                   issued_at, activated_at, frozen_at, created_at, updated_at, deleted_at)
SELECT k.id, k.who, 100 + 3 * k.who + CASE WHEN k.id <= :users THEN 2 ELSE 0 END, k.kind::card_kind, s.status::card_status,
       CASE WHEN k.id % 3 = 0 THEN 'mastercard' ELSE 'visa' END, lpad((k.id::bigint * 7919 % 10000)::text, 4, '0'),
       upper(left(w.full_name, 40)),
       CASE WHEN k.luck < 0.3 THEN (ARRAY['Urlaub', 'Für zu Hause', 'groceries', 'Ägypten 2025', 'カード', 'Büro & Reise'])[1 + k.id % 6] END,
       CASE WHEN k.id % 97 = 5 THEN 'JPY' WHEN k.id % 101 = 7 THEN 'KWD' ELSE 'EUR' END,
       1 + k.id % 12, 2026 + k.id % 5, CASE WHEN k.id % 97 = 5 THEN 300000 WHEN k.id % 10 = 0 THEN 10000 ELSE 2500 END,
       k.luck >= 0.05, k.id % 4 <> 0, CASE WHEN k.id % 9 = 0 THEN ARRAY[7995, 5921] ELSE '{}'::int[] END,
       CASE WHEN k.id % 11 = 0 THEN ARRAY['DE', 'FR', 'NL']::char(2)[] END,
       CASE WHEN k.id % 5 = 0 THEN jsonb_build_object('roundUp', true, 'notify', jsonb_build_array('push', 'email')) ELSE '{}'::jsonb END,
       CASE WHEN s.status = 'blocked' THEN 3 ELSE 0 END, k.at,
       CASE WHEN s.status <> 'inactive' THEN k.at + interval '3 days' END, CASE WHEN s.status = 'frozen' THEN k.at + interval '80 days' END,
       k.at, k.at + interval '90 days', CASE WHEN s.status = 'closed' AND k.id % 2 = 0 THEN k.at + interval '91 days' END
FROM (SELECT n AS id, n AS who, 'physical' AS kind, pg_temp.u(n, :seed + 300) AS luck,
             timestamptz '2023-02-01 10:00:00+00' + n * interval '41 minutes' AS at FROM generate_series(1, :users) n
      UNION ALL
      SELECT :users + n, 1 + floor(:users * power(pg_temp.u(n, :seed + 301), 3))::int, CASE WHEN n % 7 = 0 THEN 'disposable' ELSE 'virtual' END,
             pg_temp.u(:users + n, :seed + 300), timestamptz '2023-08-01 22:30:00+00' + (n / 3) * interval '1 day' * 1000 / (:users * 6 / 10 / 3 + 1)
      FROM generate_series(1, :users * 6 / 10) n) k
     JOIN users w ON w.id = k.who,
     LATERAL (SELECT CASE WHEN k.luck < 0.03 THEN 'inactive' WHEN k.luck < 0.86 THEN 'active' WHEN k.luck < 0.91 THEN 'frozen'
                          WHEN k.luck < 0.93 THEN 'blocked' WHEN k.luck < 0.95 OR k.id <= :users THEN 'expired' ELSE 'closed' END AS status) s;

INSERT INTO card_limits (card_id, scope, amount, used, resets_at, set_by, updated_at)
SELECT c.id, s.scope::card_limit_scope, c.per_payment_limit * s.times, round(c.per_payment_limit * pg_temp.u(c.id * 4 + s.i, :seed + 302)::numeric * 0.8),
       CASE WHEN s.i < 3 THEN timestamptz '2026-06-30 22:00:00+00' END, CASE WHEN c.id % 6 = 0 THEN 'user' ELSE 'system' END, c.updated_at
FROM cards c, (VALUES (0, 'daily', 2), (1, 'weekly', 5), (2, 'monthly', 12), (3, 'atm', 1)) s (i, scope, times)
WHERE s.i = 0 OR c.id % 4 >= s.i;

INSERT INTO card_events (id, card_id, user_id, event, actor, detail, created_at)
SELECT 10 * c.id + e.i, c.id, c.user_id, e.event, e.actor, e.detail, e.at
FROM cards c, LATERAL (VALUES
    (0, 'issued', 'system', jsonb_build_object('scheme', c.scheme), c.issued_at), (1, 'shipped', 'system', NULL, c.issued_at),
    (2, 'activated', 'user', NULL, c.activated_at), (3, 'frozen', 'user', jsonb_build_object('reason', 'lost', 'note', 'im Zug – Gleis 7'), c.frozen_at),
    (4, 'blocked', 'fraud', '{"reason":"pin","tries":3}', CASE WHEN c.status = 'blocked' THEN c.updated_at END),
    (5, 'closed', 'staff_3', NULL, CASE WHEN c.status = 'closed' THEN c.updated_at END)) e (i, event, actor, detail, at)
WHERE e.at IS NOT NULL AND (e.i <> 1 OR c.kind = 'physical');

INSERT INTO card_tokens (id, card_id, wallet, device_name, token_suffix, state, created_at, last_used_at, deleted_at)
SELECT md5('card token' || n)::uuid, card, (ARRAY['apple_pay', 'google_pay', 'garmin'])[1 + n % 3], CASE WHEN n % 4 > 0 THEN 'Gerät ' || n END,
       lpad((n * 31 % 10000)::text, 4, '0'), CASE WHEN n % 13 = 0 THEN 'suspended' ELSE 'active' END, at,
       CASE WHEN n % 5 > 0 THEN at + interval '30 days' END, CASE WHEN n % 17 = 0 THEN at + interval '31 days' END
FROM (SELECT n, 1 + floor(:users * 1.6 * power(pg_temp.u(n, :seed + 303), 2))::int AS card,
             timestamptz '2024-01-01 00:00:00+00' + (n / 2) * interval '11 hours' AS at FROM generate_series(1, :users * 8 / 10) n) t;

-- One payment in eight was made with the payer's card; what is not settled yet, or never was, follows.
INSERT INTO card_authorizations (id, card_id, account_id, user_id, merchant_id, transaction_id, terminal_id, amount, currency, status,
                                 decline_reason, mcc, entry_mode, risk, network, hold_until, created_at, updated_at)
SELECT x.id / 8, c.id, c.account_id, x.user_id, x.merchant_id, CASE WHEN v.status = 'captured' THEN x.id END,
       CASE WHEN x.id % 3 = 0 THEN 1 + x.id % 300 END,
       CASE c.currency WHEN 'JPY' THEN round(x.amount) * 100 WHEN 'KWD' THEN x.amount + 0.005 ELSE x.amount END, c.currency,
       v.status::card_authorization_status,
       CASE WHEN v.status = 'declined' THEN (ARRAY['insufficient_funds', 'card_frozen', 'over_limit', 'merchant_blocked'])[1 + x.id % 4] END,
       (ARRAY[5411, 4722, 5541, 6513, 4900, 7995, 5912])[1 + x.merchant_id % 7], (ARRAY['chip', 'contactless', 'online', 'stripe'])[1 + x.id % 4],
       CASE WHEN x.id % 6 > 0 THEN round(pg_temp.u(x.id, :seed + 305)::numeric, 4) END,
       jsonb_build_object('rrn', lpad(x.id::text, 12, '0'), 'stan', x.id % 1000000),
       CASE WHEN v.status = 'approved' THEN timestamptz '2027-01-01 00:00:00+00' END, t.at, t.at + interval '1 minute'
FROM transactions x JOIN cards c ON c.id = x.user_id,
     LATERAL (SELECT pg_temp.u(x.id, :seed + 304) AS luck) l,
     LATERAL (SELECT CASE WHEN l.luck < 0.02 THEN 'approved' WHEN l.luck < 0.08 THEN 'declined' WHEN l.luck < 0.11 THEN 'reversed'
                          WHEN l.luck < 0.13 THEN 'expired' ELSE 'captured' END AS status) v,
     LATERAL (SELECT CASE WHEN x.id % 400 = 3 THEN (ARRAY['2024-03-31 00:59:59.999+00', '2024-10-27 00:30:00+00', '2024-10-27 01:30:00+00',
                              '2025-12-31 22:59:59.999999+00', '2025-12-31 23:00:00+00', '2026-03-29 01:00:00+00']::timestamptz[])[1 + x.id / 400 % 6]
                          ELSE date_trunc('second', x.created_at) END AS at) t
WHERE x.kind = 'payment' AND x.id % 8 = 3;

SELECT count(setval(pg_get_serial_sequence(t, 'id'), 1000000000)) AS sequences
FROM unnest(ARRAY['cards', 'card_events', 'card_authorizations']) t \gset
