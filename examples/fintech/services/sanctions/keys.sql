-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE sanction_lists ADD PRIMARY KEY (id), ADD UNIQUE (code);
ALTER TABLE sanction_entries ADD PRIMARY KEY (id), ADD UNIQUE (list_id, ext_ref);
ALTER TABLE screenings ADD PRIMARY KEY (id);
ALTER TABLE screening_matches ADD PRIMARY KEY (screening_id, entry_id);
