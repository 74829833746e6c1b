-- One account as the list of a user's accounts shows it.
-- view: account_card
-- service: accounts
-- key: account_id
-- row: user_id, account_id
SELECT a.id AS account_id, a.user_id,
       json_build_object('id', a.id, 'kind', a.kind, 'currency', a.currency, 'balance', a.balance::text,
                         'status', a.status)::text AS body
FROM accounts a
