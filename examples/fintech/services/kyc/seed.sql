-- SPDX-License-Identifier: Apache-2.0
-- Verification n of the first :users is that of user n; only these may be open, so nobody has two.

INSERT INTO kyc_levels (level, code, name, daily_limit, monthly_limit, required_documents, needs_liveness, valid_for, description) VALUES
    (1, 'basic', 'Basic', 150, 1000, '{}', false, NULL, 'name and address'),
    (2, 'standard', 'Standard', 5000, 25000, '{passport,id_card}', false, '5 years', 'an identity document'),
    (3, 'plus', 'Plus — für Selbstständige', 25000, 100000, '{passport,proof_of_address}', true, '3 years', 'identity, address, liveness'),
    (4, 'business', 'Business', 100000, NULL, '{passport,proof_of_address,contract}', true, '1 year', 'all of it, and the company');

INSERT INTO kyc_reviewers (id, full_name, email, team, languages, max_open, may_approve_pep, active, certified_until, created_at)
SELECT n, (ARRAY['Ágnes','Björn','Chloë','Dženan','Éric','Fatma','Grzegorz','Heike'])[1 + n % 8] || ' ' || (ARRAY['Müller','Kovács','García','D''Angelo','van der Berg'])[1 + n % 5],
       'reviewer' || n || '@example.com', (ARRAY['Dublin','Berlin','Warszawa'])[1 + n % 3], CASE n % 3 WHEN 0 THEN ARRAY['en'] WHEN 1 THEN ARRAY['de','en'] ELSE ARRAY['pl','en','fr'] END,
       10 + n % 4 * 10, n % 6 = 0, n % 10 <> 3, CASE WHEN n % 7 > 0 THEN date '2026-01-01' + n * 23 END, '2023-01-02 08:00:00+00'
FROM generate_series(1, 30) n;

CREATE TEMP TABLE s AS
SELECT n, who, luck, pace, at, CASE WHEN n > :users THEN (CASE WHEN luck < 0.7 THEN 'approved' WHEN luck < 0.85 THEN 'rejected' WHEN luck < 0.95 THEN 'expired' ELSE 'withdrawn' END)
       WHEN luck < 0.08 THEN 'draft' WHEN luck < 0.16 THEN 'submitted' WHEN luck < 0.24 THEN 'in_review' WHEN luck < 0.8 THEN 'approved' WHEN luck < 0.9 THEN 'rejected' WHEN luck < 0.96 THEN 'expired' ELSE 'withdrawn' END::kyc_status AS status
FROM (SELECT n, CASE WHEN n <= :users THEN n ELSE 1 + floor(:users * power(pg_temp.u(n, :seed + 150), 3))::bigint END AS who, pg_temp.u(n, :seed + 151) AS luck, pg_temp.u(n, :seed + 152) AS pace,
             CASE WHEN n % 73 = 0 THEN timestamptz '2026-03-29 00:59:30+00' WHEN n % 41 = 0 THEN date_trunc('day', timestamptz '2023-02-01 00:00:00+00' + n % 1230 * interval '1 day') + interval '23 hours'
                  ELSE date_trunc('second', timestamptz '2023-02-01 00:00:00+00' + pg_temp.u(n / 4, :seed + 153) * interval '1230 days') END AS at
      FROM generate_series(1, (:users * 1.6)::int) n) g;

INSERT INTO kyc_verifications (id, user_id, target_level, status, provider, provider_ref, reviewer_id, risk_score, is_pep, nationality, channel, attempt, declared_income, source_of_funds,
                               rejection_reason, notes, answers, submitted_at, decided_at, expires_at, version, created_at, updated_at)
SELECT n, who, 2 + floor(3 * power(pace, 2))::int, status, CASE n % 4 WHEN 0 THEN 'onfido' WHEN 1 THEN 'idnow' WHEN 2 THEN 'postident' END, CASE WHEN n % 4 < 3 THEN md5('kyc' || n)::uuid END,
       CASE WHEN status IN ('in_review','approved','rejected','expired') THEN 1 + floor(30 * power(pace, 1.5))::int END, CASE WHEN status <> 'draft' THEN round((100 * power(luck, 2))::numeric, CASE WHEN n % 3 = 0 THEN 0 ELSE 2 END) END,
       n % 90 = 0, CASE WHEN n % 5 > 0 THEN (ARRAY['DE','FR','ES','NL','IT','PL','TR','UA'])[1 + n % 8] END, (enum_range(NULL::channel))[1 + floor(5 * power(pace, 2))::int], 1 + (n > :users)::int + n % 2,
       CASE WHEN n % 6 = 0 THEN NULL WHEN n % 97 = 0 THEN -1200.50 WHEN n % 31 = 0 THEN 0 ELSE round((8000 + 90000 * power(luck, 3))::numeric, 2) END, (ARRAY['salary','savings','Erbschaft','company', NULL])[1 + n % 5],
       CASE WHEN status = 'rejected' THEN (ARRAY['document_unreadable','name_mismatch','underage','sanctions_hit'])[1 + n % 4] END, CASE WHEN n % 8 = 0 THEN 'Kundin hat angerufen — ' || repeat('bitte prüfen; ', 1 + n % 40) END,
       CASE WHEN n % 7 = 0 THEN '{}' ELSE jsonb_build_object('occupation', (ARRAY['nurse','Ingenieur','student'])[1 + n % 3], 'us_person', n % 50 = 0, 'children', n % 4) END,
       CASE WHEN status <> 'draft' THEN at + pace * interval '3 days' END, CASE WHEN status IN ('approved','rejected','expired','withdrawn') THEN at + (4 + 6 * pace) * interval '1 day' END,
       CASE WHEN status = 'approved' THEN timestamptz '2029-01-01 00:00:00+00' + n * interval '5 hours' WHEN status = 'expired' THEN at + interval '1 year' END, 1 + (status <> 'draft')::int + n % 3, at, at + interval '10 days'
FROM s;

INSERT INTO kyc_document_checks (id, verification_id, document_id, check_type, result, confidence, provider, findings, raw, performed_by, performed_at)
SELECT 4 * n + g, n, CASE WHEN g < 2 THEN who END, (ARRAY['document','face_match','liveness','sanctions'])[g + 1],
       CASE WHEN v < 0.06 THEN 'fail' WHEN v < 0.15 THEN 'unclear' ELSE 'pass' END::kyc_check_result, CASE WHEN g < 3 THEN round((100 * power(v, 0.3))::numeric, 4) END,
       CASE n % 4 WHEN 0 THEN 'onfido' WHEN 1 THEN 'idnow' WHEN 2 THEN 'postident' ELSE 'manual' END, CASE WHEN v < 0.06 THEN ARRAY['expired','unscharf'] WHEN v < 0.15 THEN ARRAY['glare'] ELSE '{}' END,
       CASE WHEN g <> 1 THEN jsonb_build_object('score', round(v::numeric, 3), 'engine', 'v' || n % 5) END, CASE WHEN n % 4 = 3 THEN 'reviewer' || 1 + n % 30 END, at + g * interval '1 hour'
FROM s, generate_series(0, 3) g, LATERAL (SELECT pg_temp.u(4 * n + g, :seed + 154) AS v) r WHERE status <> 'draft' AND (g = 0 OR v < 0.7);

INSERT INTO kyc_status_changes (verification_id, seq, from_status, to_status, actor, reason, changed_at)
SELECT n, g, CASE g WHEN 2 THEN 'draft' WHEN 3 THEN 'submitted' WHEN 4 THEN CASE WHEN status = 'withdrawn' THEN 'submitted' ELSE 'in_review' END END::kyc_status,
       CASE g WHEN 1 THEN 'draft' WHEN 2 THEN 'submitted' WHEN 3 THEN 'in_review' ELSE CASE WHEN status = 'expired' THEN 'approved' ELSE status END END::kyc_status,
       CASE WHEN g < 3 THEN 'customer' ELSE 'reviewer' || 1 + n % 30 END, CASE WHEN g = 4 AND n % 3 = 0 THEN 'Alles in Ordnung' END, at + (g - 1) * interval '1 day'
FROM s, generate_series(1, 4) g WHERE g = 1 OR (g = 2 AND status <> 'draft') OR (g = 3 AND status NOT IN ('draft','submitted','withdrawn')) OR (g = 4 AND status NOT IN ('draft','submitted','in_review'));

DROP TABLE s;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['kyc_reviewers','kyc_verifications','kyc_document_checks']) r \gset
