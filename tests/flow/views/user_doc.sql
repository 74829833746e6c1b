-- SPDX-License-Identifier: Apache-2.0
-- key: user_id
WITH per_account AS (SELECT e.account_id, count(*) AS entries, sum(e.amount) AS net FROM entries e GROUP BY e.account_id)
SELECT u.id AS user_id, json_agg(json_build_object('id', a.id, 'entries', p.entries, 'net', p.net) ORDER BY a.id) AS doc
FROM users u JOIN accounts a ON a.user_id = u.id LEFT JOIN per_account p ON p.account_id = a.id
WHERE NOT EXISTS (SELECT 1 FROM compliance_cases c WHERE c.user_id = u.id AND c.severity = 'x')
GROUP BY u.id
