-- SPDX-License-Identifier: Apache-2.0
-- Purposes 350 to 359. Half of the users were referred by somebody with a smaller id; early users brought most of them.

INSERT INTO referral_codes (code, user_id, label, max_uses, uses, bonus, currency, channel, expires_on, active, created_at)
SELECT upper(left(md5('code' || n), 4)) || '-' || n, n, CASE n % 6 WHEN 0 THEN 'für Freunde' WHEN 1 THEN 'Büro' END, CASE WHEN n % 5 = 0 THEN 3 END, 0,
       CASE WHEN n % 70 = 0 THEN 0 WHEN n % 9 = 0 THEN 50 WHEN n % 110 = 3 THEN 3000 ELSE 20 END, CASE WHEN n % 110 = 3 THEN 'JPY' ELSE 'EUR' END,
       (enum_range(NULL::channel))[1 + n % 6], CASE WHEN n % 4 = 0 THEN date '2024-12-31' + (n % 900)::int END, n % 23 > 0,
       timestamptz '2023-02-01 23:59:59+00' + n * interval '37 minutes'
FROM generate_series(1, :users, 1) n WHERE pg_temp.u(n, :seed + 350) < 0.6 OR n < 40;

INSERT INTO referral (id, code, referrer_id, referred_id, invited_email, state, message, utm, reject_reason, invited_at, signed_up_at, qualified_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT s.n, c.code, s.who, CASE WHEN s.luck < 0.5 THEN s.n + 1 END,
       CASE WHEN s.luck < 0.5 THEN 'user' || s.n + 1 || '@example.com' ELSE 'friend' || s.n || '@example.org' END,
       CASE WHEN s.luck >= 0.62 THEN 'invited' WHEN s.luck >= 0.5 OR s.luck < 0.03 THEN 'rejected' WHEN s.luck < 0.12 THEN 'signed_up' WHEN s.luck < 0.2 THEN 'qualified' ELSE 'rewarded' END::referral_state,
       CASE s.n % 5 WHEN 0 THEN 'Schau mal: läuft super 👍' WHEN 1 THEN 'join me' END, CASE WHEN s.n % 3 = 0 THEN jsonb_build_object('source', 'share', 'tries', s.n % 4) ELSE '{}' END,
       CASE WHEN s.luck >= 0.5 AND s.luck < 0.62 THEN 'bounced' WHEN s.luck < 0.03 THEN 'same device' END, s.at,
       CASE WHEN s.luck < 0.5 THEN s.at + interval '1 day' END, CASE WHEN s.luck < 0.5 AND s.luck >= 0.12 THEN s.at + interval '9 days' END, s.at + interval '10 days'
FROM (SELECT n, 1 + floor(n * power(pg_temp.u(n, :seed + 351), 2))::bigint AS who, pg_temp.u(n, :seed + 352) AS luck,
             CASE WHEN n % 100 = 0 THEN timestamptz '2024-10-27 00:30:00+00' + (n / 100 % 2) * interval '1 hour'
                  ELSE timestamptz '2023-02-02 00:00:00+00' + (n / 3) * 3 * (interval '10 hours' * (2000.0 / :users)) END AS at
      FROM generate_series(1, :users - 1) n) s LEFT JOIN referral_codes c ON c.user_id = s.who;

UPDATE referral_codes c SET uses = s.n FROM (SELECT code, count(*) AS n FROM referral WHERE referred_id IS NOT NULL GROUP BY code) s WHERE s.code = c.code;

INSERT INTO referral_bonuses (referral_id, level, user_id, amount, currency, state, account_id, created_at, paid_at)
SELECT r.id, l.level, l.who, CASE WHEN r.id % 41 = 0 THEN -1 ELSE 1 END * coalesce(c.bonus, 20) / (l.level * l.level), coalesce(c.currency, 'EUR'),
       CASE WHEN r.id % 41 = 0 THEN 'clawed_back' WHEN r.state = 'rewarded' THEN 'paid' ELSE 'due' END, CASE WHEN r.state = 'rewarded' THEN 100 + 3 * l.who END,
       r.qualified_at, CASE WHEN r.state = 'rewarded' THEN r.qualified_at + interval '14 days' END
FROM referral r LEFT JOIN referral_codes c ON c.code = r.code LEFT JOIN referral up ON up.referred_id = r.referrer_id
CROSS JOIN LATERAL (VALUES (1, r.referrer_id), (2, up.referrer_id)) l (level, who)
WHERE r.state IN ('qualified', 'rewarded') AND l.who IS NOT NULL;

SELECT setval(pg_get_serial_sequence('referral', 'id'), 1000000000) \gset
