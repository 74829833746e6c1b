-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE webhook_endpoints ADD PRIMARY KEY (id);
ALTER TABLE webhook_subscriptions ADD PRIMARY KEY (endpoint_id, event_type);
ALTER TABLE webhook_deliveries ADD PRIMARY KEY (id);
