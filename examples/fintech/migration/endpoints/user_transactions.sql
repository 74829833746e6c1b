-- endpoint: GET /users/{user_id}/transactions
-- service: transactions
-- flag: transactions-read
-- user: path.user_id
-- param: user_id path bigint
-- param: page query int default 1 min 1 max 100000
-- param: per_page query int default 20 min 1 max 100
-- content-type: application/json
-- not-found: 404 {"error":"not found"}
-- bad-parameter: 400 {"error":"bad request"}
-- enumerate: SELECT id AS user_id, page, 20 AS per_page FROM users, generate_series(1, 2) page
SELECT '{"user_id":' || u.user_id || ',"page":' || :page::int || ',"per_page":' || :per_page::int || ',"total":' ||
       coalesce((SELECT sum(m.transactions) FROM api.user_month m WHERE m.user_id = u.user_id), 0) || ',"items":[' ||
       coalesce((SELECT string_agg(x.body, ',' ORDER BY x.created_at DESC, x.transaction_id DESC)
                 FROM (SELECT * FROM api.transaction_list t WHERE t.user_id = u.user_id
                       ORDER BY t.created_at DESC, t.transaction_id DESC
                       LIMIT :per_page::int OFFSET (:page::int - 1) * :per_page::int) x), '') || ']}' AS body
FROM api.user_head u WHERE u.user_id = :user_id
