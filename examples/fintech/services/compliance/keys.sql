-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE compliance_records ADD PRIMARY KEY (id);
ALTER TABLE compliance_cases ADD PRIMARY KEY (id);
ALTER TABLE compliance_evidence ADD PRIMARY KEY (id);
