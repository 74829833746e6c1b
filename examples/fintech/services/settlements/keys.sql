-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE settlement_batches ADD PRIMARY KEY (id), ADD UNIQUE (merchant_id, business_day, currency);
ALTER TABLE settlement_lines ADD PRIMARY KEY (id), ADD UNIQUE (transaction_id);
ALTER TABLE settlement_adjustments ADD PRIMARY KEY (id);
