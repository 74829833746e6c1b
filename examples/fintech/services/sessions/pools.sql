-- SPDX-License-Identifier: Apache-2.0
SELECT 'session', user_id::text, id::text FROM sessions WHERE status <> 'active' ORDER BY id LIMIT 20000;
SELECT 'session_active', user_id::text, id::text FROM sessions WHERE status = 'active' AND id::text < 'c' ORDER BY id LIMIT 20000;
SELECT 'session_to_end', user_id::text, id::text FROM sessions WHERE status = 'active' AND id::text >= 'c' ORDER BY id LIMIT 20000;
SELECT 'session_token', user_id::text, md5('token' || n) FROM sessions JOIN generate_series(1, 20000) n ON id = md5('session' || n)::uuid
    WHERE status = 'active' OR n % 25 = 0 ORDER BY n LIMIT 20000;
