-- SPDX-License-Identifier: Apache-2.0
-- Eighty definitions, five hundred runs of which half kept their printout of some ten kilobytes, and what was exported.

INSERT INTO report_definitions (id, slug, title, report, spec, owner_id, visibility, schedule, recipients, created_at, updated_at, deleted_at)
SELECT n, (ARRAY['volume','cohorts','top-customers','failed-payments','ageing'])[1 + n % 5] || '-' || n,
       (ARRAY['Umsatz nach Ländern','Cohort retention','Größte Kunden','Failed payments','Âge des écarts'])[1 + n % 5] || CASE WHEN n % 3 = 0 THEN ' (Entwurf)' ELSE '' END,
       (ARRAY['volume','cohorts','top_customers','failed_payments','ageing'])[1 + n % 5],
       jsonb_build_object('columns', jsonb_build_array('country', 'tier', 'gross'), 'filter', CASE WHEN n % 4 = 0 THEN NULL ELSE jsonb_build_object('country', 'DE', 'min', n * 1.50) END,
                          'order', jsonb_build_array(jsonb_build_object('by', 'gross', 'desc', n % 2 = 0))),
       CASE WHEN n % 7 <> 0 THEN 1 + floor(:users * power(pg_temp.u(n, :seed + 585), 3))::int END, (ARRAY['private','team','board'])[1 + n % 3],
       CASE WHEN n % 4 = 1 THEN '0 6 * * 1' END, CASE WHEN n % 3 = 0 THEN '{}' ELSE ARRAY['board@example.com', 'größe+' || n || '@example.com'] END,
       timestamptz '2024-01-01 00:00:00+00' + n / 2 * interval '6 days', timestamptz '2026-04-01 00:00:00+00' + n * interval '5 hours',
       CASE WHEN n % 16 = 15 THEN timestamptz '2026-05-31 22:00:00+00' END
FROM generate_series(1, 80) n;

INSERT INTO report_runs (id, definition_id, status, requested_by, params, row_count, result, error, started_at, finished_at)
SELECT n, 1 + floor(80 * power(pg_temp.u(n, :seed + 586), 2)), status, CASE WHEN n % 3 = 0 THEN 'schedule' ELSE 'stf_' || 1 + n % 9 END,
       jsonb_build_object('month', 202301 + n % 12, 'limit', CASE WHEN n % 2 = 0 THEN 10 END), CASE WHEN status = 'done' THEN n % 7 * 100 END,
       CASE WHEN status = 'done' AND n % 2 = 0
            THEN (SELECT string_agg('DE;' || md5((n::bigint * 1000 + g)::text) || ';' || g * n || E'.00\r\n', '' ORDER BY g) FROM generate_series(1, 120 + n % 300) g) END,
       CASE WHEN status = 'failed' THEN 'canceling statement due to statement timeout' END, timestamptz '2025-01-01 05:00:00+00' + n / 3 * interval '3 days 2 hours',
       CASE WHEN status IN ('done', 'failed') THEN timestamptz '2025-01-01 05:00:00+00' + n / 3 * interval '3 days 2 hours' + n % 60 * interval '1.5 seconds' END
FROM (SELECT n, CASE WHEN n % 11 = 0 THEN 'failed' WHEN n > 495 THEN 'running' ELSE 'done' END AS status FROM generate_series(1, 500) n) s;

INSERT INTO report_exports (id, run_id, format, bytes, checksum, downloads, expires_at, created_by, created_at)
SELECT md5('export' || id || k)::uuid, id, (ARRAY['csv','pdf','xlsx'])[1 + (id + k) % 3], length(result) * (1 + k), CASE WHEN id % 4 <> 0 THEN md5(result) END,
       (id + k) % 5, CASE WHEN k = 1 THEN finished_at + interval '30 days' END, 'stf_' || 1 + id % 9, finished_at + k * interval '1 minute'
FROM report_runs, generate_series(0, 1) k WHERE result IS NOT NULL;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['report_definitions', 'report_runs']) r \gset
