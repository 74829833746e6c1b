-- SPDX-License-Identifier: Apache-2.0
SELECT 'fraud_alert', NULL, id::text FROM fraud_alerts ORDER BY id LIMIT 20000;
SELECT 'fraud_rule', NULL, id::text FROM fraud_rules ORDER BY id;
SELECT 'open_alert', NULL, id::text FROM fraud_alerts WHERE status IN ('open', 'in_review') ORDER BY id LIMIT 20000;
SELECT 'resolved_alert', NULL, id::text FROM fraud_alerts WHERE status IN ('confirmed', 'dismissed') ORDER BY id LIMIT 500;
