-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX gift_cards_buyer_id ON gift_cards (buyer_id);
CREATE INDEX gift_cards_recipient_id ON gift_cards (recipient_id);
CREATE INDEX gift_card_redemptions_gift_card_id ON gift_card_redemptions (gift_card_id);

ALTER TABLE gift_cards ADD FOREIGN KEY (design_id) REFERENCES gift_card_designs, ADD FOREIGN KEY (buyer_id) REFERENCES users,
    ADD FOREIGN KEY (recipient_id) REFERENCES users, ADD FOREIGN KEY (merchant_id) REFERENCES merchants,
    ADD CHECK (balance_minor BETWEEN 0 AND initial_minor), ADD CHECK (initial_minor > 0);
ALTER TABLE gift_card_redemptions ADD FOREIGN KEY (gift_card_id) REFERENCES gift_cards, ADD FOREIGN KEY (user_id) REFERENCES users;
-- transaction_id and the redemptions' merchant_id never got their keys.
