-- SPDX-License-Identifier: Apache-2.0
SELECT 'stmt_line', NULL, id::text FROM bank_stmt_lines ORDER BY id DESC LIMIT 20000;
SELECT 'stmt_line_open', NULL, id::text FROM bank_stmt_lines WHERE match_st IN ('open', 'suggested') ORDER BY id LIMIT 20000;
SELECT 'stmt_no', NULL, n FROM (SELECT DISTINCT stmt_no AS n FROM bank_stmt_lines) s ORDER BY n;
SELECT 'recon_match', NULL, id::text FROM recon_matches WHERE undone_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'recon_break_txn', NULL, id::text FROM recon_breaks WHERE txn_id IS NOT NULL ORDER BY id DESC LIMIT 20000;
SELECT 'recon_break', NULL, id::text FROM recon_breaks ORDER BY id LIMIT 20000;
