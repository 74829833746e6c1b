-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX disputes_user_id ON disputes (user_id);
CREATE INDEX disputes_transaction_id ON disputes (transaction_id);
CREATE INDEX disputes_merchant_id ON disputes (merchant_id);
CREATE INDEX disputes_open ON disputes (deadline_on) WHERE status IN ('opened', 'evidence_needed', 'submitted');
CREATE INDEX dispute_events_dispute_id ON dispute_events (dispute_id);
CREATE INDEX dispute_evidence_files_dispute_id ON dispute_evidence_files (dispute_id);

ALTER TABLE disputes ADD FOREIGN KEY (transaction_id) REFERENCES transactions, ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD FOREIGN KEY (account_id) REFERENCES accounts, ADD FOREIGN KEY (merchant_id) REFERENCES merchants, ADD FOREIGN KEY (card_id) REFERENCES cards,
    ADD CHECK (amount >= 0);
ALTER TABLE dispute_events ADD FOREIGN KEY (dispute_id) REFERENCES disputes ON DELETE CASCADE;
ALTER TABLE dispute_evidence_files ADD FOREIGN KEY (dispute_id) REFERENCES disputes, ADD CHECK (bytes >= 0);
