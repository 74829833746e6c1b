-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE term ADD PRIMARY KEY (id), ADD UNIQUE (serial_no);
ALTER TABLE term_batch ADD PRIMARY KEY (id), ADD UNIQUE (term_id, batch_no);
ALTER TABLE term_hb ADD PRIMARY KEY (term_id, ts);
