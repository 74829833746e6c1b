-- view: transaction_detail
-- service: transactions
-- key: transaction_id
SELECT t.id AS transaction_id,
       json_build_object(
           'id', t.id, 'user', json_build_object('id', u.id, 'name', u.full_name), 'account_id', t.account_id,
           'kind', t.kind, 'amount', t.amount::text, 'currency', t.currency, 'status', t.status,
           'description', t.description, 'created_at', t.created_at, 'settled_at', t.settled_at,
           'merchant', CASE WHEN m.id IS NOT NULL
                            THEN json_build_object('id', m.id, 'name', m.name, 'category', m.category, 'country', m.country) END,
           'entries', coalesce((SELECT json_agg(json_build_object('id', e.id, 'account_id', e.account_id, 'amount', e.amount::text)
                                                ORDER BY e.id)
                                FROM entries e WHERE e.transaction_id = t.id), '[]'::json),
           'checks', coalesce((SELECT json_agg(json_build_object('type', c.check_type, 'status', c.status, 'score', c.score::text,
                                                                 'checked_at', c.checked_at) ORDER BY c.id)
                               FROM compliance_records c WHERE c.transaction_id = t.id), '[]'::json))::text AS body
FROM transactions t JOIN users u ON u.id = t.user_id LEFT JOIN merchants m ON m.id = t.merchant_id
