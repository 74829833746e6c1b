-- SPDX-License-Identifier: Apache-2.0
SELECT 'gl_account', NULL, id::text FROM gl_accounts ORDER BY id;
SELECT 'gl_leaf', NULL, id::text FROM gl_accounts WHERE is_postable AND closed_on IS NULL AND currency = 'EUR' ORDER BY id;
SELECT 'journal_entry', NULL, id::text FROM journal_entries ORDER BY id DESC LIMIT 20000;
SELECT 'position', NULL, id::text FROM treasury_positions ORDER BY id DESC LIMIT 20000;
