-- SPDX-License-Identifier: Apache-2.0
SELECT 'tax_report', user_id::text, id::text FROM tax_reports ORDER BY id LIMIT 20000;
SELECT 'draft_tax_report', user_id::text, id::text FROM tax_reports WHERE status = 'draft' ORDER BY id LIMIT 20000;
SELECT 'final_tax_report', user_id::text, id::text FROM tax_reports WHERE status = 'final' ORDER BY id LIMIT 20000;
SELECT 'finally_taxed_user', NULL, user_id::text FROM tax_reports WHERE status = 'final' AND year = 2024 ORDER BY user_id LIMIT 20000;
