-- SPDX-License-Identifier: Apache-2.0
SELECT 'audit_event', NULL, id::text FROM audit_events WHERE id % 4 = 0 ORDER BY id LIMIT 2000;
SELECT 'audit_trail', NULL, entity || '/' || entity_id FROM audit_events WHERE id % 6 = 0 AND entity_id IS NOT NULL ORDER BY id LIMIT 2000;
