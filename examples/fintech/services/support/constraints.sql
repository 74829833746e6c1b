-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE ticket_categories ADD FOREIGN KEY (parent_id) REFERENCES ticket_categories, ADD CHECK (parent_id <> id);
ALTER TABLE support_tickets ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (category_id) REFERENCES ticket_categories,
    ADD FOREIGN KEY (agent_id) REFERENCES support_agents, ADD FOREIGN KEY (transaction_id) REFERENCES transactions,
    ADD FOREIGN KEY (merged_into_id) REFERENCES support_tickets, ADD CHECK (csat BETWEEN 1 AND 5);
ALTER TABLE ticket_messages ADD FOREIGN KEY (ticket_id) REFERENCES support_tickets, ADD CHECK (author_kind IN ('user', 'agent', 'bot'));

CREATE INDEX support_tickets_user_id ON support_tickets (user_id);
CREATE INDEX support_tickets_created ON support_tickets (created_at, id);
CREATE INDEX support_tickets_transaction_id ON support_tickets (transaction_id);
CREATE INDEX support_tickets_search ON support_tickets USING gin (search);
CREATE INDEX ticket_messages_ticket_id ON ticket_messages (ticket_id);
