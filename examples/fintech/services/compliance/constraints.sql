-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX compliance_records_transaction_id ON compliance_records (transaction_id);
CREATE INDEX compliance_records_user_id ON compliance_records (user_id);
CREATE INDEX compliance_cases_user_id ON compliance_cases (user_id);
CREATE INDEX compliance_cases_transaction_id ON compliance_cases (transaction_id);
CREATE INDEX compliance_evidence_case_id ON compliance_evidence (case_id);
ALTER TABLE compliance_records ADD FOREIGN KEY (transaction_id) REFERENCES transactions,
    ADD CHECK (status IN ('clear', 'pending', 'flagged'));
ALTER TABLE compliance_cases ADD FOREIGN KEY (transaction_id) REFERENCES transactions, ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD CHECK (status IN ('open', 'investigating', 'escalated', 'closed'));
ALTER TABLE compliance_evidence ADD FOREIGN KEY (case_id) REFERENCES compliance_cases;
