-- SPDX-License-Identifier: Apache-2.0
SELECT 'notification', user_id::text, id::text FROM notifications WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'unread_notification', user_id::text, id::text FROM notifications WHERE deleted_at IS NULL AND read_at IS NULL AND id % 2 = 0 ORDER BY id LIMIT 20000;
SELECT 'notification_to_delete', user_id::text, id::text FROM notifications WHERE deleted_at IS NULL AND id % 2 = 1 AND kind = 'marketing' ORDER BY id LIMIT 20000;
SELECT 'template_code', NULL, code FROM notification_templates WHERE active GROUP BY code ORDER BY code;
