-- SPDX-License-Identifier: Apache-2.0
SELECT 'statement', user_id::text, id::text FROM statements ORDER BY id LIMIT 20000;
SELECT 'final_statement', user_id::text, id::text FROM statements WHERE status = 'final' ORDER BY id LIMIT 20000;
SELECT 'draft_statement', user_id::text, id::text FROM statements WHERE status = 'draft' ORDER BY id LIMIT 20000;
SELECT 'withdrawn_statement', user_id::text, id::text FROM statements WHERE status = 'withdrawn' ORDER BY id LIMIT 20000;
SELECT 'final_statement_account', user_id::text, account_id::text FROM statements WHERE status = 'final' AND month = '2026-05-01' ORDER BY id LIMIT 20000;
