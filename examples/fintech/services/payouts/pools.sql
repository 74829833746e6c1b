-- SPDX-License-Identifier: Apache-2.0
SELECT 'payout', user_id::text, id::text FROM payouts ORDER BY id LIMIT 20000;
SELECT 'waiting_payout', user_id::text, id::text FROM payouts WHERE status IN ('pending', 'reserved') AND currency = 'EUR' AND id % 10 NOT IN (2, 4, 5, 6, 8) ORDER BY id LIMIT 20000;
SELECT 'new_payout', user_id::text, id::text FROM payouts WHERE status = 'pending' AND currency = 'EUR' AND id % 10 = 5 ORDER BY id LIMIT 20000;
SELECT 'releasable_payout', user_id::text, id::text FROM payouts WHERE status = 'reserved' AND currency = 'EUR' AND id % 10 = 6 ORDER BY id LIMIT 20000;
SELECT 'held_payout', user_id::text, id::text FROM payouts WHERE status = 'reserved' AND currency = 'EUR' AND id % 10 = 4 ORDER BY id LIMIT 20000;
SELECT 'pending_payout', user_id::text, id::text FROM payouts WHERE status = 'pending' AND id % 10 = 8 ORDER BY id LIMIT 20000;
SELECT 'reserved_payout', NULL, id::text FROM payouts WHERE status = 'reserved' AND id % 10 IN (2, 8) ORDER BY id LIMIT 20000;
SELECT 'sent_payout', user_id::text, id::text FROM payouts WHERE status = 'sent' ORDER BY id LIMIT 20000;
SELECT 'foreign_payout', user_id::text, id::text FROM payouts WHERE status = 'pending' AND currency <> 'EUR' ORDER BY id LIMIT 20000;
SELECT 'payout_batch', NULL, id::text FROM payout_batches ORDER BY id LIMIT 20000;
SELECT 'bank_account', user_id::text, id::text FROM bank_accounts WHERE deleted_at IS NULL AND verified_at IS NOT NULL ORDER BY id LIMIT 20000;
SELECT 'unverified_bank_account', user_id::text, id::text FROM bank_accounts WHERE deleted_at IS NULL AND verified_at IS NULL ORDER BY id LIMIT 20000;
