-- SPDX-License-Identifier: Apache-2.0
SELECT 'ticket', user_id::text, id::text FROM support_tickets ORDER BY id LIMIT 20000;
SELECT 'ticket_open', user_id::text, id::text FROM support_tickets WHERE status IN ('new', 'open', 'waiting_customer') ORDER BY id LIMIT 20000;
SELECT 'ticket_new', user_id::text, id::text FROM support_tickets WHERE status = 'new' ORDER BY id LIMIT 20000;
SELECT 'ticket_closed', user_id::text, id::text FROM support_tickets WHERE status = 'closed' ORDER BY id LIMIT 20000;
SELECT 'ticket_category', NULL, id::text FROM ticket_categories WHERE is_active ORDER BY id;
SELECT 'support_agent', NULL, id::text FROM support_agents WHERE active ORDER BY id;
