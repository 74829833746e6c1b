-- SPDX-License-Identifier: Apache-2.0
-- key: account_id
SELECT e.account_id, e.id AS entry_id, e.period, sum(e.amount) OVER (PARTITION BY e.account_id ORDER BY e.created_at, e.id) AS balance, t.kind, m.name AS merchant
FROM entries e JOIN transactions t ON t.id = e.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id
