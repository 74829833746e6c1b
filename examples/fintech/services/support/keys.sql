-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE ticket_categories ADD PRIMARY KEY (id), ADD UNIQUE (slug);
ALTER TABLE support_agents ADD PRIMARY KEY (id), ADD UNIQUE (email);
ALTER TABLE support_tickets ADD PRIMARY KEY (id);
ALTER TABLE ticket_messages ADD PRIMARY KEY (id);
