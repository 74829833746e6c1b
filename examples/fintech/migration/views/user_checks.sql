-- view: user_checks
-- service: compliance
-- key: user_id
SELECT u.id AS user_id,
       json_build_object('total', count(r.id), 'flagged', count(r.id) FILTER (WHERE r.status = 'flagged'),
                         'pending', count(r.id) FILTER (WHERE r.status = 'pending'))::text AS body,
       u.kyc_level
FROM users u LEFT JOIN compliance_records r ON r.user_id = u.id
GROUP BY u.id, u.kyc_level
