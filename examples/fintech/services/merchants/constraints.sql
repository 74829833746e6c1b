-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE merchants ADD FOREIGN KEY (settlement_account_id) REFERENCES accounts;
