-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE campaign_segments ADD PRIMARY KEY (id);
ALTER TABLE campaigns ADD PRIMARY KEY (id), ADD UNIQUE (code);
ALTER TABLE offers ADD PRIMARY KEY (id);
ALTER TABLE offer_activations ADD PRIMARY KEY (offer_id, user_id);
