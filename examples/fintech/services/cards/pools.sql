-- SPDX-License-Identifier: Apache-2.0
-- A user's physical card has the user's id.
SELECT 'card', user_id::text, id::text FROM cards WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'card_deleted', user_id::text, id::text FROM cards WHERE deleted_at IS NOT NULL ORDER BY id LIMIT 100;
SELECT 'card_token', card_id::text, id::text FROM card_tokens WHERE deleted_at IS NULL AND card_id IN (SELECT user_id FROM cards) ORDER BY id LIMIT 20000;
SELECT 'card_hold', user_id::text, id::text FROM card_authorizations WHERE status = 'approved' AND card_id = user_id ORDER BY id LIMIT 20000;
SELECT 'card_captured', user_id::text, id::text FROM card_authorizations WHERE status = 'captured' AND card_id = user_id ORDER BY id LIMIT 100;
SELECT 'card_active', user_id::text, id::text FROM cards WHERE deleted_at IS NULL AND status = 'active' ORDER BY id LIMIT 20000;
SELECT 'card_frozen', user_id::text, id::text FROM cards WHERE deleted_at IS NULL AND status = 'frozen' ORDER BY id LIMIT 20000;
