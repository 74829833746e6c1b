-- SPDX-License-Identifier: Apache-2.0
SELECT 'giftcard', buyer_id::text, id::text FROM gift_cards WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'giftcard_deleted', buyer_id::text, id::text FROM gift_cards WHERE deleted_at IS NOT NULL ORDER BY id LIMIT 50;
SELECT 'giftcard_mine', coalesce(recipient_id, buyer_id)::text, id::text FROM gift_cards WHERE deleted_at IS NULL AND status = 'active' ORDER BY id LIMIT 20000;
SELECT 'giftcard_code', NULL, code FROM gift_cards WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'giftcard_yen', buyer_id::text, id::text FROM gift_cards WHERE deleted_at IS NULL AND currency = 'JPY' AND status = 'active' ORDER BY id LIMIT 200;
