-- SPDX-License-Identifier: Apache-2.0
SELECT 'limit_request', user_id::text, id::text FROM limit_requests WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'open_limit_request', user_id::text, id::text FROM limit_requests WHERE deleted_at IS NULL AND status = 'open' ORDER BY id LIMIT 20000;
SELECT 'decided_limit_request', user_id::text, id::text FROM limit_requests WHERE deleted_at IS NULL AND status = 'approved' ORDER BY id LIMIT 20000;
SELECT 'limited_user', NULL, user_id::text FROM user_limits WHERE kind = 'fx' AND NOT locked ORDER BY user_id LIMIT 20000;
SELECT 'locked_transfer_user', NULL, user_id::text FROM user_limits WHERE locked AND kind = 'transfer' ORDER BY user_id LIMIT 1000;
SELECT 'unlimited_account', user_id::text, (100 + 3 * user_id)::text FROM user_limits WHERE kind = 'transfer' AND daily = 0 ORDER BY user_id LIMIT 20000;
