-- SPDX-License-Identifier: Apache-2.0
-- key: user_id
SELECT u.id AS user_id, u.full_name, s.n, s.total, c.open_cases, l.last_id
FROM users u
LEFT JOIN (SELECT t.user_id, count(*) AS n, sum(t.amount) AS total FROM transactions t JOIN merchants m ON m.id = t.merchant_id GROUP BY t.user_id) s ON s.user_id = u.id
LEFT JOIN (SELECT user_id, count(*) AS open_cases FROM compliance_cases WHERE status = 'open' GROUP BY user_id) c ON c.user_id = u.id
LEFT JOIN LATERAL (SELECT t.id AS last_id FROM transactions t WHERE t.user_id = u.id ORDER BY t.created_at DESC, t.id DESC LIMIT 1) l ON true
