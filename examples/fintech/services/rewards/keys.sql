-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE reward_tiers ADD PRIMARY KEY (code);
ALTER TABLE reward_members ADD PRIMARY KEY (user_id);
ALTER TABLE points_ledger ADD PRIMARY KEY (user_id, seq);
ALTER TABLE rewards_catalogue ADD PRIMARY KEY (id), ADD UNIQUE (sku);
ALTER TABLE reward_redemptions ADD PRIMARY KEY (user_id, number);
