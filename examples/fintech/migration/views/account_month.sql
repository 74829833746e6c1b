-- What a month did to an account: a statement's opening balance is the sum of the months before.
-- view: account_month
-- service: transactions
-- key: account_id, period
SELECT e.account_id, e.period, sum(e.amount) AS net
FROM entries e
GROUP BY e.account_id, e.period
