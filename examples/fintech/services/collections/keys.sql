-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE collection_cases ADD PRIMARY KEY (id), ADD UNIQUE (case_no);
ALTER TABLE collection_actions ADD PRIMARY KEY (id);
ALTER TABLE payment_promises ADD PRIMARY KEY (id);
