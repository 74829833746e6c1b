-- SPDX-License-Identifier: Apache-2.0

INSERT INTO user_limits (user_id, kind, daily, monthly, per_movement, source, reason, locked, version, created_at, updated_at)
SELECT n, k, CASE WHEN v < 0.03 THEN NULL WHEN v < 0.05 THEN 0 ELSE (1000 + floor(v * 9) * 1000) * (1 + n % 3) END,
       CASE WHEN v > 0.2 THEN 20000 + floor(v * 50) * 1000 END, CASE WHEN n % 4 > 0 THEN 5000 END,
       CASE WHEN v > 0.9 THEN 'request' WHEN v < 0.05 THEN 'compliance' ELSE 'default' END, CASE WHEN v < 0.05 THEN 'Prüfung läuft: ' || md5(n::text) END,
       v BETWEEN 0.03 AND 0.05, 1 + floor(4 * v)::int, timestamptz '2023-02-01 00:00:00+00' + n / 10 * (interval '1000 days' / :users), timestamptz '2026-05-01 22:00:00+00' + n % 1000 * interval '1 hour'
FROM generate_series(1, :users) n, unnest(enum_range(NULL::limit_kind)) WITH ORDINALITY e(k, o), LATERAL (SELECT pg_temp.u(n * 5 + o, :seed + 210) AS v) r
WHERE o <= 2 OR v > 0.4;

INSERT INTO limit_usage (user_id, kind, day, used, count, last_at)
SELECT user_id, CASE kind WHEN 'transfer' THEN 'transfer' ELSE 'card' END::limit_kind, (created_at AT TIME ZONE 'Europe/Berlin')::date, sum(amount), count(*), max(created_at)
FROM transactions WHERE kind <> 'deposit' AND created_at >= timestamptz '2026-04-30 22:00:00+00' AND status <> 'failed' GROUP BY 1, 2, 3;

INSERT INTO limit_requests (id, user_id, kind, wanted, current, status, message, decided_by, decision, evidence, created_at, decided_at, deleted_at)
SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 211), 2))::bigint, (enum_range(NULL::limit_kind))[1 + n % 5], 1000 * (1 + n % 40), CASE WHEN n % 6 > 0 THEN 1000 * (n % 9) END, s,
       CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN 'Ich möchte ein Auto kaufen' WHEN 2 THEN repeat('please ', 60) ELSE 'holiday in São Paulo' END,
       CASE WHEN s IN ('approved', 'refused') THEN 'officer' || n % 9 END, CASE s WHEN 'refused' THEN 'income not shown' WHEN 'approved' THEN '' END,
       CASE WHEN n % 3 = 0 THEN jsonb_build_object('income', 2000 + n, 'documents', jsonb_build_array('payslip', n)) END,
       at, CASE WHEN s IN ('approved', 'refused') THEN at + n % 70 * interval '1 hour' END, CASE WHEN n % 19 = 0 THEN at + interval '3 days' END
FROM (SELECT n, (ARRAY['open','approved','refused','open','withdrawn','approved'])[1 + n % 6] AS s, timestamptz '2026-06-25 22:30:00+00' - n / 2 * (interval '4000 days' / :users) AS at
      FROM generate_series(1, :users / 5) n) x;

SELECT setval(pg_get_serial_sequence('limit_requests', 'id'), 1000000000) AS sequences \gset
