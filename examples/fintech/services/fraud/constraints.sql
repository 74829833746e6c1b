-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE fraud_alerts ADD FOREIGN KEY (transaction_id) REFERENCES transactions, ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD FOREIGN KEY (rule_id) REFERENCES fraud_rules, ADD CHECK (status IN ('open', 'in_review', 'confirmed', 'dismissed'));
ALTER TABLE fraud_scores ADD FOREIGN KEY (account_id) REFERENCES accounts, ADD CHECK (verdict IN ('approve', 'review', 'decline'));
ALTER TABLE fraud_device_links ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (linked_user_id) REFERENCES users;

CREATE INDEX fraud_alerts_transaction_id ON fraud_alerts (transaction_id);
CREATE INDEX fraud_alerts_user_id ON fraud_alerts (user_id);
CREATE INDEX fraud_alerts_raised ON fraud_alerts (raised_at, id);
CREATE INDEX fraud_scores_user_id ON fraud_scores (user_id, created_at);
CREATE INDEX fraud_device_links_user_id ON fraud_device_links (user_id);
CREATE INDEX fraud_device_links_fp ON fraud_device_links (device_fp);
