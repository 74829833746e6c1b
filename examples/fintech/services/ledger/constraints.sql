-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX entries_transaction_id ON entries (transaction_id);
CREATE INDEX entries_account_id ON entries (account_id);
ALTER TABLE entries ADD FOREIGN KEY (transaction_id) REFERENCES transactions, ADD FOREIGN KEY (account_id) REFERENCES accounts;
