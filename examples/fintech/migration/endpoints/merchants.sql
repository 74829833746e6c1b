-- endpoint: GET /merchants
-- service: transactions
-- flag: transactions-read
-- user: header.X-User-Id
-- param: country query text
-- content-type: application/json
-- bad-parameter: 400 {"error":"bad request"}
-- enumerate: SELECT DISTINCT country FROM merchants
SELECT '{"country":' || to_json(:country::text) || ',"merchants":[' ||
       coalesce(string_agg(m.body, ',' ORDER BY m.legal_name COLLATE "C", m.merchant_id), '') || ']}' AS body
FROM api.merchant_entry m WHERE m.country = :country
