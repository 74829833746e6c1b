-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE gift_card_designs ADD PRIMARY KEY (id);
ALTER TABLE gift_cards ADD PRIMARY KEY (id), ADD UNIQUE (code);
ALTER TABLE gift_card_redemptions ADD PRIMARY KEY (id);
