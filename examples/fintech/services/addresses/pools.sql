-- SPDX-License-Identifier: Apache-2.0
SELECT 'address', user_id::text, id::text FROM addresses WHERE deleted_at IS NULL AND (is_primary OR id % 3 > 0) ORDER BY id LIMIT 20000;
SELECT 'address_primary', user_id::text, id::text FROM addresses WHERE deleted_at IS NULL AND is_primary ORDER BY id LIMIT 20000;
SELECT 'address_secondary', user_id::text, id::text FROM addresses WHERE deleted_at IS NULL AND NOT is_primary AND id % 3 > 0 ORDER BY id LIMIT 20000;
SELECT 'address_to_delete', user_id::text, id::text FROM addresses WHERE deleted_at IS NULL AND NOT is_primary AND id % 3 = 0 ORDER BY id LIMIT 20000;
SELECT 'address_unverified', user_id::text, id::text FROM addresses WHERE deleted_at IS NULL AND verified_at IS NULL AND (is_primary OR id % 3 > 0) ORDER BY id LIMIT 20000;
