-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE statements ADD PRIMARY KEY (id), ADD FOREIGN KEY (account_id) REFERENCES accounts, ADD UNIQUE (account_id, month), ADD CHECK (closing = opening + credits - debits),
    ADD CHECK (status IN ('draft', 'final', 'withdrawn')), ADD CHECK (extract(day FROM month) = 1);
ALTER TABLE statement_deliveries ADD PRIMARY KEY (id), ADD FOREIGN KEY (statement_id) REFERENCES statements, ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD CHECK (state IN ('queued', 'sent', 'failed'));
CREATE INDEX statements_user_id ON statements (user_id);
CREATE INDEX statement_deliveries_statement_id ON statement_deliveries (statement_id);
CREATE INDEX statement_deliveries_queued ON statement_deliveries (queued_at) WHERE state = 'queued';
