-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE disputes ADD PRIMARY KEY (id);
ALTER TABLE dispute_events ADD PRIMARY KEY (id);
ALTER TABLE dispute_evidence_files ADD PRIMARY KEY (id);
