-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE tax_rates ADD PRIMARY KEY (id), ADD CHECK (NOT isempty(validity));
ALTER TABLE tax_withholdings ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (account_id) REFERENCES accounts, ADD FOREIGN KEY (rate_id) REFERENCES tax_rates;
ALTER TABLE tax_reports ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users, ADD UNIQUE (user_id, year), ADD CHECK (status IN ('draft', 'final', 'withdrawn'));
CREATE INDEX tax_rates_validity ON tax_rates USING gist (validity);
CREATE INDEX tax_withholdings_user ON tax_withholdings (user_id, year);
