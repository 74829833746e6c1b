-- Which users there are, so that the list of one without transactions is empty and that of nobody is 404.
-- view: user_head
-- service: transactions
-- key: user_id
SELECT u.id AS user_id FROM users u
