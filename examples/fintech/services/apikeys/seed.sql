-- SPDX-License-Identifier: Apache-2.0
-- A client for every eighth customer and two for each partner; two or three keys a client. The keys themselves: pools.sql.

INSERT INTO api_clients (id, user_id, partner_id, name, environment, status, allowed_ips, rate_limit, contact_email, created_at, updated_at, deleted_at)
SELECT n, CASE WHEN n > 120 THEN 1 + floor(:users * power(pg_temp.u(n, :seed + 513), 3))::int END, CASE WHEN n <= 120 THEN 1 + (n - 1) % 60 END,
       (ARRAY['Buchhaltung','Kasse Süd','ERP','cron','Zählwerk','my first key'])[1 + n % 6] || ' ' || n, CASE WHEN n % 5 = 4 THEN 'test' ELSE 'live' END,
       CASE WHEN n % 23 = 7 THEN 'disabled' ELSE 'enabled' END,
       CASE n % 4 WHEN 0 THEN ARRAY['10.0.0.0/8', '192.168.7.9']::inet[] WHEN 1 THEN '{}'::inet[] WHEN 2 THEN ARRAY['2001:db8::/32']::inet[] END,
       (ARRAY[60, 600, 600, 6000])[1 + n % 4], CASE WHEN n % 3 <> 0 THEN 'ops' || n || '@example.org' END,
       timestamptz '2023-05-01 12:00:00+00' + n / 2 * (interval '1000 days' / (60 + :users / 16)), timestamptz '2026-03-29 00:59:59.999999+00' + n % 50 * interval '1 day',
       CASE WHEN n > 120 AND n % 31 = 0 THEN timestamptz '2026-01-31 23:00:00+00' END
FROM generate_series(1, 120 + :users / 8) n;

INSERT INTO api_keys (id, client_id, prefix, key_hash, scopes, label, created_by, created_at, expires_at, last_used_at, last_used_ip, revoked_at, revoked_reason)
SELECT k, client, 'fk_' || environment, encode(sha256(convert_to('fk_' || environment || '_' || md5('api key ' || k || ' ' || :seed), 'UTF8')), 'hex'),
       (ARRAY['{}', '{read}', '{read,write}', '{read,"payments:write","webhooks:*"}', '{admin}'])[1 + k % 5]::text[],
       CASE WHEN k % 4 <> 1 THEN 'Schlüssel ' || k END, CASE WHEN k % 2 = 0 THEN 'stf_' || k % 9 ELSE 'self' END,
       created_at + k % 3 * interval '40 days', CASE WHEN k % 6 = 0 THEN timestamptz '2026-01-01 00:00:00+00' + k % 400 * interval '1 day' END,
       CASE WHEN k % 7 <> 3 THEN timestamptz '2026-06-01 00:00:00+00' + pg_temp.u(k, :seed + 514) * interval '29 days' END,
       CASE WHEN k % 7 <> 3 THEN '10.' || k % 250 || '.3.' || k % 19 END::inet,
       CASE WHEN k % 19 = 5 THEN timestamptz '2026-05-05 05:05:05+00' + k % 30 * interval '1 day' END, CASE WHEN k % 19 = 5 AND k % 2 = 0 THEN 'leaked' END
FROM (SELECT row_number() OVER (ORDER BY c.id, g) AS k, c.id AS client, c.environment, c.created_at
      FROM api_clients c, generate_series(1, 3) g WHERE g < 3 OR c.id % 2 = 0) s;

INSERT INTO api_key_usages (id, key_id, day, calls, errors, bytes_out)
SELECT row_number() OVER (ORDER BY k.id, d), k.id, date '2026-06-30' - d, floor(5000 * power(pg_temp.u(k.id * 100 + d, :seed + 515), 6)),
       floor(9 * power(pg_temp.u(k.id * 100 + d, :seed + 516), 9)), floor(3e9 * power(pg_temp.u(k.id * 100 + d, :seed + 517), 6))
FROM api_keys k, generate_series(0, 13) d WHERE k.last_used_at IS NOT NULL AND (k.id + d) % 9 <> 0;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['api_clients', 'api_keys', 'api_key_usages']) r \gset
