-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX referral_referrer_id ON referral (referrer_id);
CREATE INDEX referral_codes_user_id ON referral_codes (user_id);
CREATE INDEX referral_bonuses_user_id ON referral_bonuses (user_id);

ALTER TABLE referral_codes ADD FOREIGN KEY (user_id) REFERENCES users, ADD CHECK (uses >= 0);
ALTER TABLE referral ADD FOREIGN KEY (code) REFERENCES referral_codes, ADD FOREIGN KEY (referrer_id) REFERENCES users, ADD FOREIGN KEY (referred_id) REFERENCES users,
    ADD CHECK (referred_id <> referrer_id);
ALTER TABLE referral_bonuses ADD FOREIGN KEY (referral_id) REFERENCES referral, ADD FOREIGN KEY (account_id) REFERENCES accounts,
    ADD CHECK (state IN ('due', 'paid', 'clawed_back'));
