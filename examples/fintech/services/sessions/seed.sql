-- SPDX-License-Identifier: Apache-2.0
-- Session n has the id md5('session' || n) and the token md5('token' || n); the password of user n is pw-n.

INSERT INTO login_credentials (user_id, salt, password_hash, second_factor, failed_count, locked_until, last_login_at, password_changed_at, must_change)
SELECT n, left(md5('salt' || n), 8), encode(sha256(convert_to('pw-' || n || left(md5('salt' || n), 8), 'UTF8')), 'hex'),
       (ARRAY['totp','sms', NULL, 'passkey'])[1 + n % 4], CASE WHEN n % 250 = 0 THEN 10 WHEN n % 20 = 0 THEN 2 ELSE 0 END, CASE WHEN n % 250 = 0 THEN timestamptz '2099-01-01 00:00:00+00' END,
       CASE WHEN n % 40 > 0 THEN timestamptz '2026-06-29 23:00:00+00' - n % 900 * interval '7 hours' END, timestamptz '2024-01-01 00:00:00+00' + n * interval '3 hours', n % 77 = 0
FROM generate_series(1, :users) n;

CREATE TEMP TABLE s AS
SELECT n, g.id, who, luck, stay, at, CASE WHEN n % 11 = 0 THEN (ARRAY['FR','TR','US','IT'])[1 + n / 11 % 4] ELSE u.country END AS country FROM (
SELECT n, md5('session' || n)::uuid AS id, 1 + floor(:users * power(pg_temp.u(n, :seed + 140), 3))::bigint AS who, pg_temp.u(n, :seed + 141) AS luck, pg_temp.u(n, :seed + 142) AS stay,
       CASE WHEN n % 101 = 0 THEN timestamptz '2025-10-26 01:00:00+00' WHEN n % 67 = 0 THEN date_trunc('day', timestamptz '2024-06-01 00:00:00+00' + n % 750 * interval '1 day') + interval '22 hours'
            ELSE timestamptz '2024-06-01 00:00:00+00' + power(pg_temp.u(n / 2, :seed + 143), 0.6) * interval '757 days' END AS at
FROM generate_series(1, :users * 5) n) g JOIN users u ON u.id = who;

INSERT INTO sessions (id, user_id, device_id, token_hash, status, channel, ip, country, user_agent, scopes, mfa_level, refresh_count, created_at, last_seen_at, expires_at, revoked_at, revoke_reason)
SELECT id, who, CASE WHEN n % 5 > 0 THEN who END, encode(sha256(convert_to(md5('token' || n), 'UTF8')), 'hex'),
       CASE WHEN luck < 0.2 THEN 'active' WHEN luck < 0.3 THEN 'revoked' ELSE 'expired' END::session_status, (enum_range(NULL::channel))[1 + floor(3 * power(stay, 0.8))::int],
       CASE WHEN n % 13 = 0 THEN ('2001:db8:' || to_hex(n % 60000) || '::1')::inet ELSE ('91.' || who % 190 || '.' || n % 200 || '.' || n % 250)::inet END,
       CASE WHEN n % 23 > 0 THEN country END,
       CASE WHEN n % 19 > 0 THEN (ARRAY['Mozilla/5.0 (X11; Linux x86_64)','FintechApp/5.4 (iPhone; iOS 17.4)','FintechApp/5.4 (Android 14)','curl/7.88 "scripted"'])[1 + n % 4] END,
       CASE n % 4 WHEN 0 THEN ARRAY['read'] WHEN 1 THEN ARRAY['read','pay'] ELSE ARRAY['read','pay','admin:self'] END, n % 3, floor(9 * power(stay, 3))::int, at,
       at + stay * stay * interval '30 days', CASE WHEN luck < 0.2 THEN timestamptz '2099-01-01 00:00:00+00' - n * interval '1 hour' ELSE at + interval '30 days' END,
       CASE WHEN luck >= 0.2 AND luck < 0.3 THEN at + stay * interval '12 hours' END, CASE WHEN luck >= 0.2 AND luck < 0.3 THEN (ARRAY['logout','password changed','Gerät verloren'])[1 + n % 3] END
FROM s;

INSERT INTO session_events (session_id, seq, kind, ip, details, created_at)
SELECT id, g, (ARRAY['login','refresh','step_up','refresh','payment'])[g], CASE WHEN g < 3 THEN ('91.' || who % 190 || '.' || n % 200 || '.' || n % 250)::inet END,
       CASE WHEN g = 5 THEN jsonb_build_object('amount', (n % 900)::text || '.00', 'currency', 'EUR') WHEN g = 3 THEN '{"factor": "totp"}' END, at + (g - 1) * interval '10 minutes'
FROM s, generate_series(1, 5) g WHERE g <= 1 + floor(5 * power(stay, 3))::int;

INSERT INTO login_attempts (id, user_id, email, session_id, device_id, ip, country, success, failure_reason, risk_score, signals, created_at)
SELECT 2 * n + g, CASE WHEN g = 0 OR n % 15 > 0 THEN who END, CASE WHEN g = 1 AND n % 15 = 0 THEN 'nobody' || n || '@example.net' ELSE 'user' || who || '@example.com' END,
       CASE WHEN g = 0 THEN id END, CASE WHEN n % 5 > 0 THEN who END, ('91.' || who % 190 || '.' || n % 200 || '.' || n % 250)::inet,
       CASE WHEN n % 23 > 0 THEN country END, g = 0, CASE WHEN g = 1 THEN (ARRAY['wrong password','unknown address','locked'])[CASE WHEN n % 15 = 0 THEN 2 WHEN n % 40 = 1 THEN 3 ELSE 1 END] END,
       CASE WHEN n % 10 > 0 THEN round(power(luck, 4)::numeric, 4) END, CASE WHEN luck > 0.9 THEN ARRAY['new_ip','impossible travel'] ELSE '{}' END,
       (at - g * interval '30 seconds') AT TIME ZONE 'UTC'
FROM s, generate_series(0, 1) g WHERE g = 0 OR n % 5 = 0;

DROP TABLE s;
SELECT setval(pg_get_serial_sequence('login_attempts', 'id'), 1000000000) AS sequences \gset
