-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE partners ADD PRIMARY KEY (id), ADD UNIQUE (code);
ALTER TABLE partner_contacts ADD PRIMARY KEY (id);
ALTER TABLE partner_agreements ADD PRIMARY KEY (id);
ALTER TABLE partner_merchants ADD PRIMARY KEY (partner_id, merchant_id);
ALTER TABLE partner_commission ADD PRIMARY KEY (id);
