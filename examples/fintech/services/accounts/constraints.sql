-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX accounts_user_id ON accounts (user_id);
ALTER TABLE accounts ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE accounts ADD CHECK (kind IN ('checking', 'savings', 'card', 'settlement'));
