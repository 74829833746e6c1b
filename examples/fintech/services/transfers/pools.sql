-- SPDX-License-Identifier: Apache-2.0
SELECT 'transfer', user_id::text, id::text FROM transfers ORDER BY id LIMIT 20000;
SELECT 'failed_transfer', user_id::text, id::text FROM transfers WHERE status = 'failed' ORDER BY id LIMIT 20000;
SELECT 'pending_transfer', user_id::text, id::text FROM transfers WHERE status = 'pending' ORDER BY id LIMIT 20000;
SELECT 'beneficiary', user_id::text, id::text FROM beneficiaries WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'inner_beneficiary', user_id::text, id::text FROM beneficiaries WHERE deleted_at IS NULL AND account_id IS NOT NULL AND account_id NOT BETWEEN 100 + 3 * user_id AND 102 + 3 * user_id ORDER BY id LIMIT 20000;
SELECT 'outer_beneficiary', user_id::text, id::text FROM beneficiaries WHERE deleted_at IS NULL AND iban IS NOT NULL ORDER BY id LIMIT 20000;
SELECT 'scheduled_transfer', user_id::text, id::text FROM scheduled_transfers WHERE state <> 'ended' AND next_run_on > '2100-01-01' ORDER BY id LIMIT 20000;
SELECT 'ended_schedule', user_id::text, id::text FROM scheduled_transfers WHERE state = 'ended' ORDER BY id LIMIT 20000;
-- somebody else's account, to send money to
SELECT 'savings_of_others', NULL, id::text FROM accounts WHERE kind = 'savings' AND status = 'open' ORDER BY id DESC LIMIT 1000;
SELECT 'checking', user_id::text, id::text FROM accounts WHERE kind = 'checking' AND status = 'open' ORDER BY id LIMIT 20000;
