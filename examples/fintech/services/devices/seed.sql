-- SPDX-License-Identifier: Apache-2.0
-- Device n of the first :users belongs to user n. Every fortieth has a fingerprint that it shares with others.

INSERT INTO devices (id, user_id, fingerprint, platform, model, display_name, os_version, app_version, locale, is_trusted, trust_score, is_rooted, blocked_at, blocked_reason,
                     first_ip, last_ip, attestation, capabilities, last_seen_at, deleted_at, created_at, updated_at)
SELECT n, who, md5('fp' || CASE WHEN n % 40 = 0 THEN -(n / 200) ELSE n END), p,
       (ARRAY['iPhone 15','Pixel 8','Firefox','Surface','iPhone SE','Galaxy S23'])[1 + n % 6], CASE n % 4 WHEN 0 THEN 'Mein Gerät 📱' WHEN 1 THEN 'phone of ' || who END,
       (ARRAY['17.4','14','115.0 ESR','11'])[1 + n % 4], CASE WHEN p IN ('ios', 'android') THEN '5.' || floor(12 * power(luck, 0.5))::int || '.' || n % 7 END,
       (ARRAY['de_DE','en_GB','fr_FR','es_ES','it_IT','pl_PL'])[1 + n % 6], luck > 0.3, round((100 * power(luck, 0.4))::numeric, 2), CASE WHEN n % 5 > 0 THEN n % 57 = 0 END,
       CASE WHEN luck < 0.03 THEN at + interval '200 days' END, CASE WHEN luck < 0.03 THEN (ARRAY['stolen','fraud','too many failures'])[1 + n % 3] END,
       ('10.' || n % 200 || '.' || n % 251 || '.' || who % 250)::inet,
       CASE WHEN n % 9 = 0 THEN ('2001:db8::' || to_hex(n % 65000))::inet ELSE ('91.' || n % 190 || '.' || n % 240 || '.7')::inet END,
       CASE WHEN n % 3 > 0 THEN jsonb_build_object('verdict', (ARRAY['basic','strong','none'])[1 + n % 3], 'nonce', left(md5('n' || n), 8)) END,
       CASE n % 3 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY['biometrics'] ELSE ARRAY['biometrics','nfc','camera'] END,
       CASE WHEN n % 29 > 0 THEN least(at + power(luck, 0.3) * interval '800 days', '2026-06-30 20:00:00+00') END, CASE WHEN luck > 0.95 AND n > :users THEN at + interval '1 year' END, at, at + interval '1 day'
FROM (SELECT n, CASE WHEN n <= :users THEN n ELSE 1 + floor(:users * power(pg_temp.u(n, :seed + 130), 3))::bigint END AS who, pg_temp.u(n, :seed + 131) AS luck,
             (enum_range(NULL::device_platform))[1 + floor(4 * power(pg_temp.u(n, :seed + 132), 1.7))::int] AS p,
             CASE WHEN n % 59 = 0 THEN timestamptz '2023-10-29 00:30:00+00' ELSE date_trunc('second', timestamptz '2023-01-20 00:00:00+00' + pg_temp.u(n / 3, :seed + 133) * interval '1200 days') END AS at
      FROM generate_series(1, (:users * 1.7)::int) n) s;

INSERT INTO device_push_tokens (device_id, provider, token, valid, failures, created_at, updated_at)
SELECT d.id, p, left(md5(p || d.id) || md5(d.id || p), 48), d.id % 17 > 0, CASE WHEN d.id % 17 = 0 THEN 5 ELSE d.id % 2 END, d.created_at, d.updated_at
FROM devices d, unnest(ARRAY['apns','fcm','webpush']) p
WHERE (d.platform = 'ios' AND p = 'apns') OR (d.platform = 'android' AND p = 'fcm') OR (p = 'webpush' AND (d.platform = 'web' OR d.id % 8 = 0));

INSERT INTO device_trust_events (id, device_id, user_id, event, delta, reason, actor, created_at)
SELECT 4 * d.id + g, d.id, d.user_id, (ARRAY['registered','login_ok','login_failed','blocked'])[g + 1], (ARRAY[0, 2.5, -10, -50])[g + 1],
       CASE g WHEN 2 THEN 'Passwort falsch' WHEN 3 THEN d.blocked_reason END, CASE WHEN g = 3 THEN 'officer' || d.id % 9 ELSE 'system' END,
       CASE WHEN g = 3 THEN d.blocked_at ELSE d.created_at + g / 2 * interval '30 days' END
FROM devices d, generate_series(0, 3) g WHERE g = 0 OR (g < 3 AND pg_temp.u(4 * d.id + g, :seed + 134) < 0.4) OR (g = 3 AND d.blocked_at IS NOT NULL);

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['devices','device_trust_events']) r \gset
