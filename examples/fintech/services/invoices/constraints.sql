-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE invoice ADD PRIMARY KEY (id), ADD FOREIGN KEY (issuer_id) REFERENCES users, ADD FOREIGN KEY (customer_id) REFERENCES users, ADD UNIQUE (issuer_id, number),
    ADD CHECK ((status = 'draft') = (number IS NULL)), ADD CHECK (due_on >= issued_on);
ALTER TABLE invoice_line ADD PRIMARY KEY (invoice_id, position), ADD FOREIGN KEY (invoice_id) REFERENCES invoice ON DELETE CASCADE;
ALTER TABLE invoice_numbers ADD PRIMARY KEY (issuer_id, year);
CREATE INDEX invoice_issuer ON invoice (issuer_id, created_at);
CREATE INDEX invoice_customer ON invoice (customer_id);
CREATE INDEX invoice_due ON invoice (due_on) WHERE status IN ('issued', 'overdue');
