-- SPDX-License-Identifier: Apache-2.0
-- A job for every third user's worth, of 1 to about 60 items, mostly short.

INSERT INTO batch_jobs (id, kind, status, submitted_by, partner_id, via, file_name, priority, params, external_ref, created_at, started_at, finished_at, cancelled_by)
SELECT n, (ARRAY['payout','statement_run','address_import','notice','fee_run'])[1 + n % 5], status,
       CASE WHEN n % 4 <> 0 THEN 1 + floor(:users * power(pg_temp.u(n, :seed + 573), 3))::int END,
       CASE WHEN n % 4 = 0 AND n % 8 <> 0 THEN 1 + floor(60 * power(pg_temp.u(n, :seed + 574), 2))::int END,
       (enum_range(NULL::channel))[1 + n % 6], CASE WHEN n % 3 <> 0 THEN 'löhne_' || n || '.csv' END, 1 + n % 9,
       CASE n % 4 WHEN 0 THEN '{}' WHEN 1 THEN '{"z": 1,  "a": [1, 2.50, null], "dryRun":false}'
                  WHEN 2 THEN '{ "mode": "fast", "mode": "safe", "note": "Grüße\u00e9" }' ELSE '{"limit": ' || n || '.00, "tags": ["x", "Ü"]}' END::json,
       CASE WHEN n % 5 = 1 THEN 'REF/' || n % 100 END, at, CASE WHEN status NOT IN ('queued', 'cancelled') THEN at + interval '30 seconds' END,
       CASE WHEN status IN ('done', 'partial', 'failed') THEN at + interval '95.5 seconds' END, CASE WHEN status = 'cancelled' THEN 'stf_' || 1 + n % 9 END
FROM (SELECT n, timestamptz '2023-09-01 22:00:00+00' + (n / 2) * interval '1030 days' / greatest(:users / 6, 1) AS at,
             CASE WHEN n > :users / 3 - 12 THEN 'queued' WHEN pg_temp.u(n, :seed + 575) < 0.75 THEN 'done'
                  WHEN pg_temp.u(n, :seed + 575) < 0.9 THEN 'partial' WHEN pg_temp.u(n, :seed + 575) < 0.95 THEN 'failed' ELSE 'cancelled' END AS status
      FROM generate_series(1, :users / 3) n) s;

INSERT INTO batch_items (job_id, item_no, user_id, account_id, amount, currency, reference, status, error_code, error_text, attempts, processed_at)
SELECT id, i, who, CASE WHEN kind IN ('payout', 'fee_run') THEN 100 + 3 * who + i % 3 END,
       CASE WHEN kind IN ('payout', 'fee_run') THEN CASE WHEN i % 20 = 3 THEN 0 WHEN i % 20 = 4 THEN -1 ELSE 1 END
            * round((400 * power(pg_temp.u(id * 100 + i, :seed + 577), 3))::numeric, CASE i % 25 WHEN 7 THEN 0 WHEN 8 THEN 3 ELSE 2 END) END,
       CASE WHEN kind IN ('payout', 'fee_run') THEN CASE i % 25 WHEN 7 THEN 'JPY' WHEN 8 THEN 'KWD' ELSE 'EUR' END END,
       CASE WHEN i % 3 <> 0 THEN 'Gehalt Nr. ' || i END, st, CASE WHEN st = 'failed' THEN (ARRAY['no_account','limit','blocked_user'])[1 + i % 3] END,
       CASE WHEN st = 'failed' AND i % 2 = 0 THEN 'Konto ' || i || ' nicht verfügbar: ' || repeat('retry ', i % 30) END, CASE WHEN st = 'pending' THEN 0 ELSE 1 + i % 2 END,
       CASE WHEN st IN ('ok', 'failed') THEN created_at + interval '30 seconds' + i / 3 * interval '1 second' END
FROM (SELECT j.*, i, 1 + floor(:users * power(pg_temp.u(j.id * 100 + i, :seed + 576), 2))::int AS who,
             CASE WHEN j.status = 'queued' THEN 'pending' WHEN j.status = 'cancelled' THEN 'skipped' WHEN j.status = 'done' THEN 'ok'
                  WHEN j.status = 'failed' OR i % 7 = 0 THEN 'failed' ELSE 'ok' END AS st
      FROM batch_jobs j, generate_series(1, (1 + 60 * power(pg_temp.u(j.id, :seed + 578), 3))::int) i) s;

UPDATE batch_jobs j SET items = s.items, ok = s.ok, failed = s.failed
FROM (SELECT job_id, count(*) AS items, count(*) FILTER (WHERE status = 'ok') AS ok, count(*) FILTER (WHERE status = 'failed') AS failed
      FROM batch_items GROUP BY job_id) s WHERE s.job_id = j.id;

SELECT setval(pg_get_serial_sequence('batch_jobs', 'id'), 1000000000) AS sequences \gset
