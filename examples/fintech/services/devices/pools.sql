-- SPDX-License-Identifier: Apache-2.0
SELECT 'device', user_id::text, id::text FROM devices WHERE deleted_at IS NULL AND blocked_at IS NULL AND id % 7 > 0 ORDER BY id LIMIT 20000;
SELECT 'device_free', user_id::text, id::text FROM devices WHERE deleted_at IS NULL AND blocked_at IS NULL AND id % 7 = 0 ORDER BY id LIMIT 20000;
SELECT 'device_blocked', user_id::text, id::text FROM devices WHERE deleted_at IS NULL AND blocked_at IS NOT NULL ORDER BY id LIMIT 20000;
