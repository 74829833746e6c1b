-- view: merchant_month
-- service: transactions
-- key: merchant_id, period
SELECT m.id AS merchant_id, t.period, count(*) AS transactions, sum(t.amount) AS volume,
       json_build_object('month', t.period, 'count', count(*), 'volume', sum(t.amount)::text,
                         'customers', count(DISTINCT t.user_id), 'countries', count(DISTINCT u.country),
                         'last_at', max(t.created_at))::text AS body
FROM merchants m JOIN transactions t ON t.merchant_id = m.id JOIN users u ON u.id = t.user_id
GROUP BY m.id, t.period
