-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE referral_codes ADD PRIMARY KEY (code);
ALTER TABLE referral ADD PRIMARY KEY (id), ADD UNIQUE (referred_id);
ALTER TABLE referral_bonuses ADD PRIMARY KEY (referral_id, level);
