-- The head of an account's statement.
-- view: account_head
-- service: transactions
-- key: account_id
SELECT a.id AS account_id, json_build_object('account_id', a.id, 'owner', u.full_name, 'currency', a.currency)::text AS body
FROM accounts a JOIN users u ON u.id = a.user_id
