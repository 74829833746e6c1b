-- SPDX-License-Identifier: Apache-2.0
-- Keys, foreign keys and indexes of schema.sql, separate so that seeding is fast.

ALTER TABLE users ADD PRIMARY KEY (id), ADD UNIQUE (email);
ALTER TABLE accounts ADD PRIMARY KEY (id);
ALTER TABLE merchants ADD PRIMARY KEY (id);
ALTER TABLE transactions ADD PRIMARY KEY (id);
ALTER TABLE entries ADD PRIMARY KEY (id);
ALTER TABLE compliance_records ADD PRIMARY KEY (id);
ALTER TABLE compliance_cases ADD PRIMARY KEY (id);
ALTER TABLE compliance_evidence ADD PRIMARY KEY (id);

CREATE INDEX accounts_user_id ON accounts (user_id);
CREATE INDEX transactions_user_id ON transactions (user_id);
CREATE INDEX transactions_account_id ON transactions (account_id);
CREATE INDEX transactions_merchant_id ON transactions (merchant_id);
CREATE INDEX transactions_created_at ON transactions (created_at);
CREATE INDEX entries_transaction_id ON entries (transaction_id);
CREATE INDEX entries_account_id ON entries (account_id);
CREATE INDEX compliance_records_transaction_id ON compliance_records (transaction_id);
CREATE INDEX compliance_records_user_id ON compliance_records (user_id);
CREATE INDEX compliance_cases_user_id ON compliance_cases (user_id);
CREATE INDEX compliance_cases_transaction_id ON compliance_cases (transaction_id);
CREATE INDEX compliance_evidence_case_id ON compliance_evidence (case_id);

ALTER TABLE accounts ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE accounts ADD CHECK (kind IN ('checking', 'savings', 'card', 'settlement'));
ALTER TABLE merchants ADD FOREIGN KEY (settlement_account_id) REFERENCES accounts;
ALTER TABLE transactions ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (account_id) REFERENCES accounts,
    ADD FOREIGN KEY (merchant_id) REFERENCES merchants, ADD CHECK (amount > 0),
    ADD CHECK (status IN ('pending', 'posted', 'failed', 'reversed'));
ALTER TABLE entries ADD FOREIGN KEY (transaction_id) REFERENCES transactions, ADD FOREIGN KEY (account_id) REFERENCES accounts;
ALTER TABLE compliance_records ADD FOREIGN KEY (transaction_id) REFERENCES transactions,
    ADD CHECK (status IN ('clear', 'pending', 'flagged'));
ALTER TABLE compliance_cases ADD FOREIGN KEY (transaction_id) REFERENCES transactions, ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD CHECK (status IN ('open', 'investigating', 'escalated', 'closed'));
ALTER TABLE compliance_evidence ADD FOREIGN KEY (case_id) REFERENCES compliance_cases;
