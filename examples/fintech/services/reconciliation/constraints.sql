-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX bank_stmt_lines_match_st ON bank_stmt_lines (match_st, val_dt);
CREATE INDEX bank_stmt_lines_val_dt ON bank_stmt_lines (val_dt, id);
CREATE INDEX recon_matches_line_id ON recon_matches (line_id);
CREATE INDEX recon_matches_txn_id ON recon_matches (txn_id);
CREATE UNIQUE INDEX recon_matches_live ON recon_matches (line_id) WHERE undone_at IS NULL;
CREATE INDEX recon_breaks_line_id ON recon_breaks (line_id);
CREATE INDEX recon_breaks_txn_id ON recon_breaks (txn_id);
CREATE INDEX recon_log_line_id ON recon_log (line_id);

ALTER TABLE bank_stmt_lines ADD CHECK (match_st IN ('open', 'suggested', 'matched', 'ignored'));
ALTER TABLE recon_matches ADD FOREIGN KEY (line_id) REFERENCES bank_stmt_lines, ADD FOREIGN KEY (txn_id) REFERENCES transactions,
    ADD CHECK (confidence BETWEEN 0 AND 1);
ALTER TABLE recon_breaks ADD FOREIGN KEY (line_id) REFERENCES bank_stmt_lines, ADD FOREIGN KEY (txn_id) REFERENCES transactions,
    ADD FOREIGN KEY (merchant_id) REFERENCES merchants, ADD CHECK (st IN ('open', 'investigating', 'resolved', 'written_off'));
