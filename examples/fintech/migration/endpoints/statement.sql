-- endpoint: GET /accounts/{account_id}/statement
-- service: transactions
-- flag: transactions-read
-- user: header.X-User-Id
-- param: account_id path bigint
-- param: month query int min 200001 max 299912
-- content-type: application/json
-- not-found: 404 {"error":"not found"}
-- bad-parameter: 400 {"error":"bad request"}
-- enumerate: SELECT id AS account_id, 202606 AS month FROM accounts WHERE kind <> 'settlement'
SELECT left(h.body, -1) || ',"month":' || :month::int || ',"opening":"' || o.opening || '","closing":"' ||
       coalesce(l.closing, o.opening) || '","lines":[' || coalesce(l.lines, '') || ']}' AS body
FROM api.account_head h,
    LATERAL (SELECT coalesce(sum(m.net), 0)::numeric(18,2) AS opening FROM api.account_month m
             WHERE m.account_id = h.account_id AND m.period < :month::int) o,
    LATERAL (SELECT string_agg(left(s.body, -1) || ',"balance":"' || (o.opening + s.running) || '"}', ','
                               ORDER BY s.created_at, s.entry_id) AS lines,
                    o.opening + sum(s.amount) AS closing
             FROM (SELECT x.*, sum(x.amount) OVER (ORDER BY x.created_at, x.entry_id) AS running
                   FROM api.statement_line x WHERE x.account_id = h.account_id AND x.period = :month::int) s) l
WHERE h.account_id = :account_id
