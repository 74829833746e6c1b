-- One line of a user's transaction list; the row key's order is the list's.
-- view: transaction_list
-- service: transactions
-- key: transaction_id
-- row: user_id, created_at, transaction_id
SELECT t.id AS transaction_id, t.user_id, t.created_at,
       json_build_object(
           'id', t.id, 'account_id', t.account_id, 'kind', t.kind, 'amount', t.amount::text, 'currency', t.currency,
           'status', t.status, 'description', t.description, 'created_at', t.created_at, 'settled_at', t.settled_at,
           'merchant', CASE WHEN m.id IS NOT NULL THEN json_build_object('id', m.id, 'name', m.name, 'category', m.category) END,
           'compliance',
           CASE WHEN EXISTS (SELECT 1 FROM compliance_records c WHERE c.transaction_id = t.id AND c.status = 'flagged') THEN 'flagged'
                WHEN EXISTS (SELECT 1 FROM compliance_records c WHERE c.transaction_id = t.id AND c.status = 'pending') THEN 'pending'
                ELSE 'clear' END)::text AS body
FROM transactions t LEFT JOIN merchants m ON m.id = t.merchant_id
