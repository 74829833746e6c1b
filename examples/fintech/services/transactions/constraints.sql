-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX transactions_user_id ON transactions (user_id);
CREATE INDEX transactions_account_id ON transactions (account_id);
CREATE INDEX transactions_merchant_id ON transactions (merchant_id);
CREATE INDEX transactions_created_at ON transactions (created_at);
ALTER TABLE transactions ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (account_id) REFERENCES accounts,
    ADD FOREIGN KEY (merchant_id) REFERENCES merchants, ADD CHECK (amount > 0),
    ADD CHECK (status IN ('pending', 'posted', 'failed', 'reversed'));
