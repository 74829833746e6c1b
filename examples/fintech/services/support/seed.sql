-- SPDX-License-Identifier: Apache-2.0

INSERT INTO ticket_categories (id, parent_id, slug, name, default_priority, sla_hours, sort_order, is_active, created_at)
SELECT id, parent, slug, name, p::ticket_priority, sla, id % 10, id <> 24, timestamptz '2023-01-03 08:00:00+00' + id * interval '3 days'
FROM (VALUES (1, NULL::int, 'payments', 'Payments', 'p2', 24), (2, NULL, 'account', 'Account', 'p3', 48), (3, NULL, 'cards', 'Cards', 'p2', 24),
             (4, NULL, 'security', 'Security', 'p1', 4), (5, NULL, 'other', 'Sonstiges / Other', 'p4', 120),
             (6, 1, 'payments-missing', 'Payment is missing', 'p2', 12), (7, 1, 'payments-double', 'Paid twice', 'p2', 12), (8, 1, 'payments-refund', 'Refunds', 'p3', 48),
             (9, 1, 'payments-fees', 'Fees & Gebühren', 'p3', 48), (10, 2, 'account-open', 'Opening an account', 'p3', 48), (11, 2, 'account-close', 'Closing an account', 'p3', 72),
             (12, 2, 'account-data', 'My data', 'p4', 72), (13, 3, 'cards-lost', 'Lost or stolen', 'p1', 1), (14, 3, 'cards-declined', 'Declined', 'p2', 8),
             (15, 3, 'cards-delivery', 'Where is my card?', 'p3', 72), (16, 4, 'security-phishing', 'Phishing', 'p1', 2), (17, 4, 'security-login', 'I cannot sign in', 'p2', 8),
             (18, 8, 'refund-partial', 'Partial refund', 'p3', 48), (19, 8, 'refund-late', 'Refund is late', 'p2', 24), (20, 12, 'data-export', 'Export (Art. 15 DSGVO)', 'p3', 240),
             (21, 12, 'data-erase', 'Erasure', 'p3', 240), (22, 17, 'login-2fa', 'Second factor', 'p2', 8), (23, 17, 'login-email', 'New e-mail address', 'p3', 24),
             (24, 5, 'other-fax', 'By fax', 'p4', 240)) c (id, parent, slug, name, p, sla);

INSERT INTO support_agents (id, name, email, team, languages, user_id, active, hired_on, created_at)
SELECT n, (ARRAY['Søren','Zoë','Łukasz','Małgorzata','Jürgen','Inés','Tom','Aylin'])[1 + n % 8] || ' ' || (ARRAY['Øster','Weiß','Nowak','Peña','Smith'])[1 + n % 5],
       'agent' || n || '@example.com', (ARRAY['first-line','first-line','payments','fraud','vip'])[1 + n % 5],
       CASE n % 3 WHEN 0 THEN ARRAY['en'] WHEN 1 THEN ARRAY['en','de'] ELSE ARRAY['en','fr','pl'] END, CASE WHEN n % 6 = 0 THEN n END, n % 9 <> 0,
       date '2022-05-01' + n * 17, '2023-01-02 00:00:00+00'
FROM generate_series(1, 36) n;

CREATE TEMP TABLE s AS
SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 110), 3))::bigint AS somebody,
       (ARRAY[6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,1,2,3,4,5])[1 + floor(24 * power(pg_temp.u(n, :seed + 111), 2))::int] AS category,
       CASE WHEN pg_temp.u(n, :seed + 112) < 0.45 THEN 110 + 3 * :users + 1 + floor(:transactions * pg_temp.u(n, :seed + 113))::bigint END AS about,
       pg_temp.u(n, :seed + 114) AS luck, pg_temp.u(n, :seed + 115) AS pace,
       CASE WHEN n % 71 = 0 THEN timestamptz '2025-03-30 00:59:59+00'
            WHEN n % 43 = 0 THEN date_trunc('day', timestamptz '2023-03-01 00:00:00+00' + n % 1190 * interval '1 day') + interval '21 hours 59 minutes 59 seconds'
            ELSE date_trunc('minute', timestamptz '2023-03-01 00:00:00+00' + power(pg_temp.u(n - n % 3 / 2, :seed + 116), 0.5) * interval '1190 days') END AS at
FROM generate_series(1, (:users * 1.5)::int) n;

INSERT INTO support_tickets (id, user_id, category_id, agent_id, transaction_id, merged_into_id, subject, description, priority, status, opened_via, language,
                             tags, custom, csat, message_count, first_response_at, resolved_at, closed_at, due_at, created_at, updated_at)
SELECT s.n, coalesce(x.user_id, somebody), c.id, CASE WHEN luck > 0.08 THEN 1 + floor(36 * power(pace, 1.4))::int END, x.id,
       CASE WHEN luck > 0.98 AND s.n > 10 THEN s.n - 7 END,
       (ARRAY['Question about','Problem with','Urgent:','Frage zu','Réclamation :','Beschwerde über'])[1 + s.n % 6] || ' ' || c.name || CASE WHEN x.id IS NOT NULL THEN ' ' || x.amount || ' ' || x.currency ELSE '' END,
       (ARRAY['I do not understand what happened.','Please help me, I have been waiting for days!','Können Sie das bitte prüfen? Grüße','It says „declined“ at the till — why?','Where did my money go?'])[1 + s.n % 5]
           || ' ' || left(md5('w' || s.n), 6) || CASE WHEN s.n % 250 = 0 THEN repeat(' I have told you before that this is unacceptable.', 150) ELSE '' END,
       CASE WHEN s.n % 10 = 0 THEN 'p1'::ticket_priority ELSE c.default_priority END,
       CASE WHEN luck < 0.05 THEN 'new' WHEN luck < 0.18 THEN 'open' WHEN luck < 0.25 THEN 'waiting_customer' WHEN luck < 0.45 THEN 'resolved'
            WHEN luck > 0.98 AND s.n > 10 THEN 'merged' ELSE 'closed' END::ticket_status,
       (enum_range(NULL::channel))[1 + floor(6 * power(pace, 2))::int], (ARRAY['en','de','fr','es','en','pl'])[1 + s.n % 6],
       CASE s.n % 5 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY['vip'] WHEN 2 THEN ARRAY['refund','angry'] WHEN 3 THEN ARRAY['app ' || s.n % 4] ELSE ARRAY['a "quoted" tag'] END,
       CASE WHEN s.n % 4 = 0 THEN jsonb_build_object('app_version', '5.' || s.n % 9, 'steps', jsonb_build_array('open', 'pay', s.n % 3)) END,
       CASE WHEN luck > 0.3 AND s.n % 3 = 0 THEN 1 + floor(5 * power(pg_temp.u(s.n, :seed + 117), 0.4))::int END, 0,
       CASE WHEN luck > 0.08 THEN at + (1 + 1500 * pace * pace) * interval '1 minute' END,
       CASE WHEN luck >= 0.25 THEN at + (100 + 9000 * pace) * interval '1 minute' END,
       CASE WHEN luck >= 0.45 THEN at + interval '14 days' END, at + c.sla_hours * interval '1 hour', at, at + interval '2 days'
FROM s JOIN ticket_categories c ON c.id = s.category LEFT JOIN transactions x ON x.id = s.about;

INSERT INTO ticket_messages (id, ticket_id, author_kind, author_id, body, is_internal, attachments, created_at, edited_at)
SELECT t.id * 10 + g, t.id, kind, CASE kind WHEN 'user' THEN t.user_id WHEN 'agent' THEN t.agent_id END,
       CASE kind WHEN 'user' THEN 'Any news about ' || t.subject || '? 😕' WHEN 'bot' THEN 'We have received your question.' ELSE 'Hello, we are looking into it. — ' || left(md5(t.id || 'm' || g), 8) END,
       kind = 'agent' AND (t.id + g) % 4 = 0,
       CASE WHEN (t.id + g) % 12 = 0 THEN jsonb_build_array(jsonb_build_object('name', 'Beleg ' || g || '.pdf', 'bytes', 1000 + t.id % 9000)) ELSE '[]' END,
       CASE WHEN g = 2 THEN t.created_at + interval '1 hour' ELSE t.created_at + g * interval '1 hour' - interval '59 minutes' * (g = 1)::int END,
       CASE WHEN (t.id + g) % 40 = 0 THEN t.created_at + interval '3 days' END
FROM support_tickets t, generate_series(1, 6) g,
     LATERAL (SELECT CASE WHEN g = 1 THEN 'bot' WHEN g % 2 = 1 OR t.agent_id IS NULL THEN 'user' ELSE 'agent' END AS kind) k
WHERE g <= 1 + (t.id * 7 + g) % 6;
UPDATE support_tickets t SET message_count = m.n FROM (SELECT ticket_id, count(*) AS n FROM ticket_messages WHERE NOT is_internal GROUP BY ticket_id) m WHERE m.ticket_id = t.id;

DROP TABLE s;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences
FROM unnest(ARRAY['ticket_categories','support_agents','support_tickets','ticket_messages']) r \gset
