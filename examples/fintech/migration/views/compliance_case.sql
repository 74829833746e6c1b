-- view: compliance_case
-- service: compliance
-- key: case_id
SELECT c.id AS case_id,
       json_build_object(
           'id', c.id, 'severity', c.severity, 'status', c.status, 'assignee', c.assignee, 'narrative', c.narrative,
           'opened_at', c.opened_at, 'closed_at', c.closed_at,
           'user', json_build_object('id', u.id, 'name', u.full_name, 'country', u.country, 'kyc_level', u.kyc_level),
           'transaction', json_build_object('id', t.id, 'amount', t.amount::text, 'currency', t.currency, 'status', t.status,
                                            'created_at', t.created_at, 'merchant', m.name),
           'checks', coalesce((SELECT json_agg(json_build_object('type', r.check_type, 'status', r.status, 'score', r.score::text,
                                                                 'checked_at', r.checked_at) ORDER BY r.id)
                               FROM compliance_records r WHERE r.transaction_id = t.id), '[]'::json),
           'evidence', coalesce((SELECT json_agg(json_build_object('id', e.id, 'kind', e.kind, 'payload', e.payload,
                                                                   'collected_by', e.collected_by,
                                                                   'collected_at', e.collected_at) ORDER BY e.id)
                                 FROM compliance_evidence e WHERE e.case_id = c.id AND e.deleted_at IS NULL), '[]'::json))::text AS body
FROM compliance_cases c
    JOIN users u ON u.id = c.user_id
    JOIN transactions t ON t.id = c.transaction_id
    LEFT JOIN merchants m ON m.id = t.merchant_id
