-- How many transactions a user has in a month: the list's total is the sum of a few of these.
-- view: user_month
-- service: transactions
-- key: user_id, period
SELECT t.user_id, t.period, count(*) AS transactions
FROM transactions t
GROUP BY t.user_id, t.period
