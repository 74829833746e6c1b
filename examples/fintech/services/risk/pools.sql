-- SPDX-License-Identifier: Apache-2.0
SELECT 'pep_flag', NULL, id::text FROM pep_flags ORDER BY id LIMIT 5000;
SELECT 'pep_suspect', NULL, id::text FROM pep_flags WHERE status = 'suspected' ORDER BY id LIMIT 5000;
SELECT 'risk_rule', NULL, id::text FROM risk_rules WHERE deleted_at IS NULL AND active ORDER BY id;
SELECT 'pep_decided', NULL, id::text FROM pep_flags WHERE status <> 'suspected' ORDER BY id LIMIT 500;
SELECT 'spare_rule', NULL, id::text FROM risk_rules WHERE deleted_at IS NULL AND NOT active ORDER BY id;
