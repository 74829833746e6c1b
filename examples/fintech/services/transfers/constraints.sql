-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE transfers ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (from_account_id) REFERENCES accounts,
    ADD FOREIGN KEY (to_account_id) REFERENCES accounts, ADD FOREIGN KEY (transaction_id) REFERENCES transactions,
    ADD CHECK (status <> 'completed' OR transaction_id IS NOT NULL), ADD CHECK (fee >= 0);
ALTER TABLE idempotency_keys ADD PRIMARY KEY (user_id, key);
ALTER TABLE beneficiaries ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (account_id) REFERENCES accounts,
    ADD CONSTRAINT beneficiary_has_target CHECK ((account_id IS NULL) <> (iban IS NULL));
ALTER TABLE scheduled_transfers ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (from_account_id) REFERENCES accounts,
    ADD FOREIGN KEY (to_account_id) REFERENCES accounts, ADD CHECK (state IN ('active', 'paused', 'ended'));
ALTER TABLE transfers ADD FOREIGN KEY (scheduled_id) REFERENCES scheduled_transfers;

CREATE INDEX transfers_user_id ON transfers (user_id, requested_at);
CREATE INDEX transfers_to_user_id ON transfers (to_user_id);
CREATE INDEX transfers_transaction_id ON transfers (transaction_id);
CREATE INDEX transfers_from_account_id ON transfers (from_account_id);
CREATE INDEX beneficiaries_user_id ON beneficiaries (user_id);
CREATE INDEX scheduled_transfers_user_id ON scheduled_transfers (user_id);
CREATE INDEX scheduled_transfers_due ON scheduled_transfers (next_run_on) WHERE state = 'active';
