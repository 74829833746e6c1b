-- SPDX-License-Identifier: Apache-2.0
SELECT 'audit_event', NULL, id::text FROM audit_events WHERE id % 4 = 0 ORDER BY id LIMIT 2000;
SELECT 'audited_account', NULL, entity_id FROM audit_events WHERE entity = 'account' AND id % 3 = 0 AND entity_id IS NOT NULL ORDER BY id LIMIT 2000;
SELECT 'audited_loan', NULL, entity_id FROM audit_events WHERE entity = 'loan_application' AND entity_id IS NOT NULL ORDER BY id LIMIT 2000;
