-- SPDX-License-Identifier: Apache-2.0
SELECT 'webhook', NULL, id::text FROM webhook_endpoints ORDER BY id;
SELECT 'delivery', NULL, id::text FROM webhook_deliveries ORDER BY id LIMIT 20000;
SELECT 'delivery_failed', NULL, id::text FROM webhook_deliveries WHERE status IN ('failed', 'dead') ORDER BY id LIMIT 20000;
