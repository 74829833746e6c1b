-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX webhook_endpoints_partner_id ON webhook_endpoints (partner_id);
CREATE INDEX webhook_deliveries_endpoint_id ON webhook_deliveries (endpoint_id, created_at);
CREATE INDEX webhook_deliveries_user_id ON webhook_deliveries (user_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

ALTER TABLE webhook_endpoints ADD FOREIGN KEY (partner_id) REFERENCES partners,
    ADD CHECK (status IN ('enabled', 'paused', 'disabled')), ADD CHECK (max_attempts BETWEEN 1 AND 20);
ALTER TABLE webhook_subscriptions ADD FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoints ON DELETE CASCADE;
ALTER TABLE webhook_deliveries ADD FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoints, ADD FOREIGN KEY (user_id) REFERENCES users;
