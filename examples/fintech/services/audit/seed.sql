-- SPDX-License-Identifier: Apache-2.0
-- A tenth as many audit events as transactions. Purposes 480 to 489.

INSERT INTO audit_events (id, actor_id, actor_kind, service, action, entity, entity_id, before, after, ip, request_id, at)
SELECT n,
       CASE WHEN who < 0.72 THEN 1 + floor(:users * power(pg_temp.u(n, :seed + 480), 3))::bigint
            WHEN who < 0.93 THEN 1 + n % 40 WHEN who < 0.95 THEN 1 + n % 5 END,
       CASE WHEN who < 0.72 THEN 'user' WHEN who < 0.93 THEN 'staff' WHEN who < 0.95 THEN 'partner' ELSE 'system' END,
       (ARRAY['accounts','loans','repayments','fraud','sanctions','risk','credit','collections','users','cards'])[kind],
       (ARRAY['account.update','loan.decide','repayment.record','alert.resolve','screening.decide','risk.override','line.change',
              'case.note','user.update','card.freeze'])[kind],
       (ARRAY['account','loan_application','repayment','fraud_alert','screening','risk_score','credit_line','collection_case','user','card'])[kind],
       CASE WHEN n % 211 = 0 THEN NULL WHEN kind = 1 THEN (100 + 3 * hot + n % 3)::text ELSE hot::text END,
       CASE WHEN n % 5 > 0 THEN CASE kind
           WHEN 1 THEN jsonb_build_object('status', 'open', 'limit', round((n % 900)::numeric * 1.01, 2))
           WHEN 9 THEN jsonb_build_object('phone', '+49 30 ' || (n % 100000), 'kyc_level', 1 + n % 3, 'full_name', 'Zoë Müller-Łęcka ' || n % 100)
           ELSE jsonb_build_object('status', (ARRAY['open','pending','new'])[1 + (n % 3)::int], 'version', n % 7) END END,
       CASE WHEN n % 97 = 0 THEN NULL
            WHEN kind = 1 THEN jsonb_build_object('status', CASE WHEN n % 50 = 1 THEN 'blocked' ELSE 'open' END, 'limit', round((n % 700)::numeric * 1.01, 2))
            WHEN kind = 9 THEN jsonb_build_object('phone', '+49 30 ' || (n % 77777), 'kyc_level', 1 + n % 4, 'full_name', 'Zoë Müller-Łęcka ' || n % 100)
            ELSE jsonb_build_object('status', (ARRAY['closed','done','rejected','open'])[1 + (n % 4)::int], 'version', 1 + n % 7,
                 'comment', CASE WHEN n % 40 = 0 THEN repeat('Prüfung ohne Befund – nächste Vorlage. ', 12 + (n % 9)::int) END) END,
       CASE WHEN who < 0.93 THEN ('10.' || n % 200 || '.' || n % 251 || '.' || 1 + n % 250)::inet END,
       CASE WHEN n % 3 > 0 THEN md5('audit' || n)::uuid END,
       CASE WHEN n % 500 = 3 THEN timestamptz '2024-10-27 00:30:00+00'          -- the hour that Berlin has twice
            WHEN n % 500 = 4 THEN timestamptz '2025-03-30 00:59:59.999999+00'
            WHEN n % 500 = 5 THEN timestamptz '2024-12-31 23:00:00+00'          -- next year in Berlin already
            WHEN n % 500 = 6 THEN timestamptz '2025-06-30 21:59:59.5+00'
            ELSE timestamptz '2023-01-02 00:00:00+00' + ((n - CASE WHEN n % 14 < 2 THEN n % 2 ELSE 0 END) * (interval '1270 days' / (:transactions / 10 + 1))) END
FROM (SELECT n, pg_temp.u(n, :seed + 481) AS who, 1 + floor(10 * power(pg_temp.u(n, :seed + 482), 1.4))::int AS kind,
             1 + floor(:users * power(pg_temp.u(n, :seed + 483), 2))::bigint AS hot
      FROM generate_series(1, :transactions / 10) n) s;

INSERT INTO audit_retention (service, keep_months, legal_basis, owner_team, contact, purge, exempt_kinds, reviewed_on, updated_at) VALUES
    ('accounts', 120, '§ 257 HGB', 'Core Banking', 'core@example.com', false, '{}', '2025-11-03', '2025-11-03 09:12:00'),
    ('loans', 120, '§ 257 HGB', 'Lending', 'lending@example.com', false, '{}', '2025-02-17', '2025-02-17 17:45:10'),
    ('repayments', 120, '§ 257 HGB', 'Lending', 'lending@example.com', false, '{}', '2025-02-17', '2025-02-17 17:45:10'),
    ('collections', 72, '§ 257 HGB', 'Forderungsmanagement', NULL, true, '{case.note}', '2024-08-30', '2024-08-30 08:00:00'),
    ('fraud', 60, 'AMLD5 art. 40', 'Financial Crime', 'fincrime@example.com', true, '{}', '2026-01-15', '2026-01-15 11:11:11'),
    ('sanctions', 60, 'AMLD5 art. 40', 'Financial Crime', 'fincrime@example.com', true, '{}', '2026-01-15', '2026-01-15 11:11:11'),
    ('risk', 36, 'art. 6 (1) f GDPR', 'Risk', 'risk@example.com', true, '{risk.override}', NULL, '2023-05-01 00:00:00'),
    ('credit', 36, 'art. 6 (1) b GDPR', 'Risk', NULL, true, '{}', NULL, '2023-05-01 00:00:00'),
    ('users', 24, 'art. 17 GDPR', 'Identity', 'identity@example.com', true, '{user.delete}', '2026-03-09', '2026-03-09 23:59:59');

SELECT setval(pg_get_serial_sequence('audit_events', 'id'), 1000000000) AS audit_sequence \gset
