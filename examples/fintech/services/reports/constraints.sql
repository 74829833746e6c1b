-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX report_runs_definition_id ON report_runs (definition_id);
CREATE INDEX report_exports_run_id ON report_exports (run_id);

ALTER TABLE report_definitions ADD FOREIGN KEY (owner_id) REFERENCES users, ADD CHECK (visibility IN ('private', 'team', 'board'));
ALTER TABLE report_runs ADD FOREIGN KEY (definition_id) REFERENCES report_definitions, ADD CHECK (status IN ('queued', 'running', 'done', 'failed'));
ALTER TABLE report_exports ADD FOREIGN KEY (run_id) REFERENCES report_runs, ADD CHECK (format IN ('csv', 'pdf', 'xlsx'));

-- A day is a day in Berlin. The house's own movements do not count.
CREATE VIEW v_daily_volume AS
SELECT (t.created_at AT TIME ZONE 'Europe/Berlin')::date AS day, m.country AS merchant_country, m.tier, u.country AS user_country, t.currency,
       count(*) AS payments, count(DISTINCT t.user_id) AS payers, sum(t.amount) AS volume, max(t.amount) AS biggest,
       count(*) FILTER (WHERE t.status <> 'posted') AS not_posted
FROM transactions t JOIN merchants m ON m.id = t.merchant_id JOIN users u ON u.id = t.user_id
WHERE t.kind = 'payment' AND u.status <> 'internal'
GROUP BY 1, 2, 3, 4, 5;
COMMENT ON VIEW v_daily_volume IS 'The dashboard''s; there are three copies of it in spreadsheets';
