-- SPDX-License-Identifier: Apache-2.0
-- Ids of the core that requests are made of: pool, owner (a user), value.
SELECT 'account', user_id::text, id::text FROM accounts WHERE kind <> 'settlement' ORDER BY id LIMIT 20000;
SELECT 'merchant', NULL, id::text FROM merchants ORDER BY id LIMIT 20000;
SELECT 'transaction', user_id::text, id::text FROM transactions WHERE kind <> 'deposit' ORDER BY id LIMIT 20000;
SELECT 'case', user_id::text, id::text FROM compliance_cases ORDER BY id LIMIT 20000;
