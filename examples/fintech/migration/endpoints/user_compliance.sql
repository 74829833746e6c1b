-- endpoint: GET /users/{user_id}/compliance
-- service: compliance
-- flag: compliance-read
-- user: path.user_id
-- param: user_id path bigint
-- key: user_id
-- content-type: application/json
-- not-found: 404 {"error":"not found"}
-- bad-parameter: 400 {"error":"bad request"}
-- enumerate: SELECT id AS user_id FROM users
SELECT '{"user_id":' || u.user_id || ',"kyc_level":' || u.kyc_level || ',"checks":' || u.body || ',"cases":[' ||
       coalesce((SELECT string_agg(c.body, ',' ORDER BY c.opened_at DESC, c.case_id DESC)
                 FROM api.user_case c WHERE c.user_id = u.user_id), '') || ']}' AS body
FROM api.user_checks u WHERE u.user_id = :user_id
