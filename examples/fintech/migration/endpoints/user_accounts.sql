-- endpoint: GET /users/{user_id}/accounts
-- service: accounts
-- flag: accounts-read
-- user: path.user_id
-- param: user_id path bigint
-- key: user_id
-- content-type: application/json
-- not-found: 404 {"error":"not found"}
-- bad-parameter: 400 {"error":"bad request"}
-- enumerate: SELECT id AS user_id FROM users WHERE status <> 'internal'
SELECT '{"user_id":' || u.user_id || ',"accounts":[' ||
       coalesce((SELECT string_agg(left(a.body, -1) || ',"last_transactions":[' || coalesce(r.items, '') || ']}', ','
                                   ORDER BY a.account_id)
                 FROM api.account_card a
                     LEFT JOIN LATERAL (SELECT string_agg(x.body, ',' ORDER BY x.created_at DESC, x.transaction_id DESC) AS items
                                        FROM (SELECT * FROM api.account_recent t WHERE t.account_id = a.account_id
                                              ORDER BY t.created_at DESC, t.transaction_id DESC LIMIT 5) x) r ON true
                 WHERE a.user_id = u.user_id), '') || ']}' AS body
FROM api.user_profile u WHERE u.user_id = :user_id
