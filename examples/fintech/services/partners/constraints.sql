-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX partner_contacts_partner_id ON partner_contacts (partner_id);
CREATE INDEX partner_agreements_partner_id ON partner_agreements (partner_id);
CREATE INDEX partner_merchants_merchant_id ON partner_merchants (merchant_id);
CREATE INDEX partner_commission_partner_id ON partner_commission (partner_id, accrued_at DESC, id DESC);
CREATE INDEX partner_commission_merchant_id ON partner_commission (merchant_id);
CREATE UNIQUE INDEX partner_contacts_primary ON partner_contacts (partner_id) WHERE is_primary AND deleted_at IS NULL;

ALTER TABLE partners ADD FOREIGN KEY (parent_partner_id) REFERENCES partners, ADD FOREIGN KEY (account_manager_id) REFERENCES users,
    ADD CHECK (status IN ('prospect', 'onboarding', 'active', 'suspended', 'terminated')), ADD CHECK (risk_rating BETWEEN 1 AND 5);
ALTER TABLE partner_contacts ADD FOREIGN KEY (partner_id) REFERENCES partners, ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE partner_agreements ADD FOREIGN KEY (partner_id) REFERENCES partners,
    ADD CHECK (status IN ('draft', 'signed', 'expired', 'terminated')), ADD CHECK (valid_to IS NULL OR valid_to > valid_from);
ALTER TABLE partner_merchants ADD FOREIGN KEY (partner_id) REFERENCES partners, ADD FOREIGN KEY (merchant_id) REFERENCES merchants;
-- No key to transactions: commission is kept when they are archived.
ALTER TABLE partner_commission ADD FOREIGN KEY (partner_id) REFERENCES partners, ADD FOREIGN KEY (agreement_id) REFERENCES partner_agreements;
