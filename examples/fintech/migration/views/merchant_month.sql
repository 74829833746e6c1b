-- view: merchant_month
-- service: transactions
-- key: merchant_id, period
SELECT t.merchant_id, t.period, count(*) AS transactions, sum(t.amount) AS volume,
       json_build_object('month', t.period, 'count', count(*), 'volume', sum(t.amount)::text,
                         'customers', count(DISTINCT t.user_id), 'countries', count(DISTINCT u.country),
                         'last_at', max(t.created_at))::text AS body
FROM transactions t JOIN users u ON u.id = t.user_id
WHERE t.merchant_id IS NOT NULL
GROUP BY t.merchant_id, t.period
