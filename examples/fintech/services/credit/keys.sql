-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE bureau_reports ADD PRIMARY KEY (id);
ALTER TABLE credit_scores ADD PRIMARY KEY (id);
ALTER TABLE credit_lines ADD PRIMARY KEY (id);
