-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE audit_events ADD PRIMARY KEY (id, at);
ALTER TABLE audit_retention ADD PRIMARY KEY (service), ADD CHECK (keep_months > 0);
