-- endpoint: GET /merchants/{merchant_id}/summary
-- service: transactions
-- flag: transactions-read
-- user: header.X-User-Id
-- param: merchant_id path bigint
-- key: merchant_id
-- content-type: application/json
-- not-found: 404 {"error":"not found"}
-- bad-parameter: 400 {"error":"bad request"}
-- enumerate: SELECT id AS merchant_id FROM merchants
SELECT left(h.body, -1) || ',"count":' || m.transactions || ',"volume":"' || m.volume || '","months":[' || m.months || ']}' AS body
FROM api.merchant_head h,
    LATERAL (SELECT coalesce(sum(x.transactions), 0) AS transactions, coalesce(sum(x.volume), 0.00) AS volume,
                    coalesce(string_agg(x.body, ',' ORDER BY x.period), '') AS months
             FROM api.merchant_month x WHERE x.merchant_id = h.merchant_id) m
WHERE h.merchant_id = :merchant_id
