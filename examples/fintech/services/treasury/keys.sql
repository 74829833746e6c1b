-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE gl_accounts ADD PRIMARY KEY (id), ADD UNIQUE (code);
ALTER TABLE journal_entries ADD PRIMARY KEY (id);
ALTER TABLE journal_lines ADD PRIMARY KEY (entry_id, line_no);
ALTER TABLE treasury_positions ADD PRIMARY KEY (id), ADD UNIQUE (day, currency);
