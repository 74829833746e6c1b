-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE report_definitions ADD PRIMARY KEY (id), ADD UNIQUE (slug);
ALTER TABLE report_runs ADD PRIMARY KEY (id);
ALTER TABLE report_exports ADD PRIMARY KEY (id);
