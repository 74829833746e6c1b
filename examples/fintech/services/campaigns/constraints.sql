-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX offers_campaign_id ON offers (campaign_id);
CREATE INDEX offers_merchant_id ON offers (merchant_id);
CREATE INDEX offer_activations_user_id ON offer_activations (user_id);

ALTER TABLE campaigns ADD CHECK (status IN ('draft', 'live', 'paused', 'ended', 'cancelled')), ADD CHECK (ends_on >= starts_on);
ALTER TABLE offers ADD FOREIGN KEY (campaign_id) REFERENCES campaigns, ADD FOREIGN KEY (merchant_id) REFERENCES merchants;
ALTER TABLE offer_activations ADD FOREIGN KEY (offer_id) REFERENCES offers, ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD FOREIGN KEY (last_transaction_id) REFERENCES transactions;
