-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE fx_rates ADD PRIMARY KEY (id), ADD CHECK (bid <= mid AND mid <= ask), ADD CHECK (base <> quote);
ALTER TABLE fx_quotes ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (account_id) REFERENCES accounts, ADD FOREIGN KEY (rate_id) REFERENCES fx_rates,
    ADD CHECK (kind IN ('spot', 'standing')), ADD CHECK (kind = 'standing' OR expires_at IS NOT NULL);
ALTER TABLE fx_conversions ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (quote_id) REFERENCES fx_quotes, ADD CHECK (state IN ('P', 'S', 'R'));
CREATE UNIQUE INDEX fx_rates_current ON fx_rates (base, quote) WHERE valid_to IS NULL;
CREATE INDEX fx_rates_pair ON fx_rates (base, quote, valid_from);
CREATE INDEX fx_quotes_user_id ON fx_quotes (user_id);
CREATE INDEX fx_quotes_open ON fx_quotes (expires_at) WHERE status = 'open';
CREATE INDEX fx_conversions_user_id ON fx_conversions (user_id);
CREATE INDEX fx_conversions_quote_id ON fx_conversions (quote_id);
