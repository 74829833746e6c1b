-- SPDX-License-Identifier: Apache-2.0
SELECT 'giftcard', buyer_id::text, id::text FROM gift_cards WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'giftcard_deleted', buyer_id::text, id::text FROM gift_cards WHERE deleted_at IS NOT NULL ORDER BY id LIMIT 50;
SELECT 'giftcard_mine', coalesce(recipient_id, buyer_id)::text, id::text FROM gift_cards WHERE deleted_at IS NULL AND status = 'active' ORDER BY id LIMIT 20000;
SELECT 'giftcard_code', NULL, code FROM gift_cards WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'giftcard_yen', buyer_id::text, id::text FROM gift_cards WHERE deleted_at IS NULL AND currency = 'JPY' AND status = 'active' ORDER BY id LIMIT 200;
SELECT 'giftcard_full', coalesce(recipient_id, buyer_id)::text, id::text FROM gift_cards
WHERE deleted_at IS NULL AND status = 'active' AND merchant_id IS NULL AND balance_minor >= 500 ORDER BY id LIMIT 20000;
SELECT 'giftcard_unused', buyer_id::text, id::text FROM gift_cards
WHERE deleted_at IS NULL AND status IN ('pending', 'active') AND redemption_count = 0 ORDER BY id LIMIT 20000;
SELECT 'giftcard_over', buyer_id::text, id::text FROM gift_cards WHERE deleted_at IS NULL AND status IN ('cancelled', 'expired') ORDER BY id LIMIT 20000;
