-- One line of a statement but for the running balance, which the endpoint adds; the row key's order is the statement's.
-- view: statement_line
-- service: transactions
-- key: entry_id
-- row: account_id, period, created_at, entry_id
SELECT e.id AS entry_id, e.account_id, e.period, e.created_at, e.amount,
       json_build_object('entry_id', e.id, 'transaction_id', t.id, 'created_at', e.created_at, 'kind', t.kind,
                         'description', t.description, 'merchant', m.name, 'amount', e.amount::text)::text AS body
FROM entries e JOIN transactions t ON t.id = e.transaction_id LEFT JOIN merchants m ON m.id = t.merchant_id
