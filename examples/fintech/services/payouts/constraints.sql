-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE bank_accounts ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE payout_batches ADD PRIMARY KEY (id), ADD UNIQUE (ref), ADD CHECK (state IN ('open', 'sent', 'failed'));
ALTER TABLE payouts ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (account_id) REFERENCES accounts, ADD FOREIGN KEY (bank_account_id) REFERENCES bank_accounts,
    ADD FOREIGN KEY (batch_id) REFERENCES payout_batches, ADD CHECK (amount > 0);
ALTER TABLE fund_reservations ADD PRIMARY KEY (id), ADD FOREIGN KEY (payout_id) REFERENCES payouts, ADD CHECK (state IN ('held', 'used', 'released'));
CREATE INDEX bank_accounts_user_id ON bank_accounts (user_id);
CREATE INDEX payouts_user_id ON payouts (user_id);
CREATE INDEX payouts_batch_id ON payouts (batch_id);
CREATE INDEX payouts_status ON payouts (status);
CREATE INDEX fund_reservations_payout_id ON fund_reservations (payout_id);
CREATE UNIQUE INDEX fund_reservations_held ON fund_reservations (payout_id) WHERE state = 'held';
CREATE INDEX fund_reservations_account_id ON fund_reservations (account_id) WHERE state = 'held';
