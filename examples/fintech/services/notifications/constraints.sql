-- SPDX-License-Identifier: Apache-2.0
-- transaction_id has no foreign key: archiving of transactions was planned once.
ALTER TABLE notifications ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (template_id) REFERENCES notification_templates,
    ADD CHECK (priority BETWEEN 1 AND 9), ADD CHECK (attempts >= 0);
ALTER TABLE notification_preferences ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE delivery_attempts ADD FOREIGN KEY (notification_id) REFERENCES notifications ON DELETE CASCADE, ADD CHECK (outcome IN ('ok', 'error'));

CREATE INDEX notifications_user_id_created_at ON notifications (user_id, created_at DESC);
CREATE INDEX notifications_queued ON notifications (scheduled_for) WHERE status = 'queued';
CREATE INDEX delivery_attempts_notification_id ON delivery_attempts (notification_id);
