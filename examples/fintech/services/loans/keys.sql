-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE loan_products ADD PRIMARY KEY (id), ADD UNIQUE (code);
ALTER TABLE loan_applications ADD PRIMARY KEY (id);
ALTER TABLE loans ADD PRIMARY KEY (id), ADD UNIQUE (loan_number);
ALTER TABLE loan_collateral ADD PRIMARY KEY (id);
