-- SPDX-License-Identifier: Apache-2.0
SELECT 'report', NULL, id::text FROM report_definitions WHERE deleted_at IS NULL ORDER BY id;
SELECT 'report_run', NULL, id::text FROM report_runs ORDER BY id;
SELECT 'report_run_done', NULL, id::text FROM report_runs WHERE status = 'done' ORDER BY id;
SELECT 'report_export', NULL, id::text FROM report_exports ORDER BY id LIMIT 20000;
