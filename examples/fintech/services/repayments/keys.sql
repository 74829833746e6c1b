-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE repayment_plans ADD PRIMARY KEY (id);
ALTER TABLE instalments ADD PRIMARY KEY (id), ADD UNIQUE (plan_id, number);
ALTER TABLE repayments ADD PRIMARY KEY (id);
ALTER TABLE repayment_allocations ADD PRIMARY KEY (repayment_id, instalment_id, bucket);
