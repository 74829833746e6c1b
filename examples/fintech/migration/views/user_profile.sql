-- view: user_profile
-- service: accounts
-- key: user_id
SELECT u.id AS user_id,
       json_build_object(
           'id', u.id, 'email', u.email, 'full_name', u.full_name, 'phone', u.phone, 'country', u.country,
           'kyc_level', u.kyc_level, 'status', u.status, 'preferences', u.preferences,
           'created_at', u.created_at, 'updated_at', u.updated_at,
           'total_balance', coalesce((SELECT sum(a.balance) FROM accounts a WHERE a.user_id = u.id), 0.00)::text,
           'accounts', coalesce((SELECT json_agg(json_build_object(
                                            'id', a.id, 'kind', a.kind, 'currency', a.currency, 'balance', a.balance::text,
                                            'status', a.status, 'opened_at', a.opened_at) ORDER BY a.id)
                                 FROM accounts a WHERE a.user_id = u.id), '[]'::json))::text AS body
FROM users u
