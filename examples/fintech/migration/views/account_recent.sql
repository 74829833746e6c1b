-- A transaction as the list of a user's accounts shows it; in the row key's order the newest of an account are at hand.
-- view: account_recent
-- service: accounts
-- key: transaction_id
-- row: account_id, created_at, transaction_id
SELECT t.id AS transaction_id, t.account_id, t.created_at,
       json_build_object('id', t.id, 'kind', t.kind, 'amount', t.amount::text, 'description', t.description,
                         'merchant', m.name, 'created_at', t.created_at)::text AS body
FROM transactions t LEFT JOIN merchants m ON m.id = t.merchant_id
