-- One case as a user's compliance page lists it.
-- view: user_case
-- service: compliance
-- key: case_id
-- row: user_id, opened_at, case_id
SELECT c.id AS case_id, c.user_id, c.opened_at,
       json_build_object('id', c.id, 'transaction_id', t.id, 'amount', t.amount::text, 'severity', c.severity,
                         'status', c.status, 'opened_at', c.opened_at,
                         'evidence', (SELECT count(*) FROM compliance_evidence e WHERE e.case_id = c.id))::text AS body
FROM compliance_cases c JOIN transactions t ON t.id = c.transaction_id
