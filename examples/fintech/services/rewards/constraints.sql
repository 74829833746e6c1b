-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX points_ledger_transaction_id ON points_ledger (transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX points_ledger_created_at ON points_ledger (created_at);
CREATE INDEX reward_redemptions_reward_id ON reward_redemptions (reward_id);

ALTER TABLE reward_members ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (tier) REFERENCES reward_tiers;
ALTER TABLE points_ledger ADD FOREIGN KEY (user_id) REFERENCES reward_members, ADD FOREIGN KEY (transaction_id) REFERENCES transactions;
ALTER TABLE rewards_catalogue ADD FOREIGN KEY (merchant_id) REFERENCES merchants, ADD FOREIGN KEY (min_tier) REFERENCES reward_tiers,
    ADD CHECK (cost_points > 0), ADD CHECK (stock >= 0);
ALTER TABLE reward_redemptions ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (reward_id) REFERENCES rewards_catalogue,
    ADD CHECK (state IN ('requested', 'shipped', 'delivered', 'cancelled'));
