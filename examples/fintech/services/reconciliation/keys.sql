-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE bank_stmt_lines ADD PRIMARY KEY (id), ADD UNIQUE (stmt_no, line_no);
ALTER TABLE recon_matches ADD PRIMARY KEY (id);
ALTER TABLE recon_breaks ADD PRIMARY KEY (id);
