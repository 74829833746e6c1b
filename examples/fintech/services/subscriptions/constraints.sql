-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE plans ADD PRIMARY KEY (id), ADD UNIQUE (code);
ALTER TABLE subscriptions ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (plan_id) REFERENCES plans, ADD CHECK (period_end > period_start), ADD CHECK (quantity > 0);
ALTER TABLE subscription_usages ADD PRIMARY KEY (id), ADD FOREIGN KEY (subscription_id) REFERENCES subscriptions;
CREATE INDEX index_subscriptions_on_user_id ON subscriptions (user_id);
CREATE INDEX index_subscriptions_on_plan_id ON subscriptions (plan_id);
CREATE INDEX index_subscription_usages_on_subscription_id ON subscription_usages (subscription_id);
