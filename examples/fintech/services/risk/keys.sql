-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE risk_rules ADD PRIMARY KEY (id), ADD UNIQUE (code);
ALTER TABLE risk_scores ADD PRIMARY KEY (id);
ALTER TABLE pep_flags ADD PRIMARY KEY (id);
