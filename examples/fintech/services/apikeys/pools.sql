-- SPDX-License-Identifier: Apache-2.0
-- The keys are not in the database; they are made again as the seed made them.
SELECT 'api_secret', NULL, k.prefix || '_' || md5('api key ' || k.id || ' ' || :seed) FROM api_keys k ORDER BY k.id LIMIT 20000;
SELECT 'api_key', NULL, id::text FROM api_keys WHERE revoked_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'api_client', NULL, id::text FROM api_clients WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'own_api_client', user_id::text, id::text FROM api_clients WHERE deleted_at IS NULL AND user_id IS NOT NULL ORDER BY id LIMIT 20000;
