-- SPDX-License-Identifier: Apache-2.0

ALTER TABLE cards ADD PRIMARY KEY (id);
ALTER TABLE card_limits ADD PRIMARY KEY (card_id, scope);
ALTER TABLE card_events ADD PRIMARY KEY (id);
ALTER TABLE card_tokens ADD PRIMARY KEY (id);
ALTER TABLE card_authorizations ADD PRIMARY KEY (id);
