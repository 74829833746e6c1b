-- SPDX-License-Identifier: Apache-2.0
-- Invented people and companies. Purposes 470 to 479.

INSERT INTO sanction_lists (id, code, name, publisher, url, version, entry_count, active, checksum, published_on, fetched_at) VALUES
    (1, 'OFAC-SDN', 'Specially Designated Nationals', 'OFAC', 'https://sdn.example.org', '2026-06-11', 400, true, md5('1'), '2026-06-11', '2026-06-12 02:00:00'),
    (2, 'EU-CFSP', 'Consolidated list', 'European Union', 'https://cfsp.example.org', '2026/24', 300, true, md5('2'), '2026-06-15', '2026-06-15 02:00:01'),
    (3, 'UN-SC', 'Security Council list', 'United Nations', NULL, '1989-2253', 200, true, md5('3'), '2026-03-29', '2026-03-29 02:30:00'),
    (4, 'UK-HMT', 'Consolidated list of targets', 'HM Treasury', 'https://hmt.example.org', '881', 150, true, NULL, '2026-05-31', '2026-06-01 00:00:00'),
    (5, 'DE-BAFIN', 'Allgemeinverfügungen', 'BaFin', NULL, '12', 100, true, md5('5'), '2025-12-31', '2026-01-01 00:00:00'),
    (6, 'CH-SECO', 'Gesamtliste', 'SECO', NULL, 'old', 50, false, NULL, '2023-02-28', '2023-03-01 12:00:00');

INSERT INTO sanction_entries (id, list_id, ext_ref, kind, primary_name, aliases, nationality, birth_year, birth_place, programs, identifiers, remarks, listed_on, delisted_on, updated_at)
SELECT n, CASE WHEN n <= 400 THEN 1 WHEN n <= 700 THEN 2 WHEN n <= 900 THEN 3 WHEN n <= 1050 THEN 4 WHEN n <= 1150 THEN 5 ELSE 6 END, 'R' || (10000 + n * 7), kind::sanction_kind,
       CASE kind WHEN 'person' THEN first || ' ' || last WHEN 'entity' THEN last || ' Trading ' || (ARRAY['LLC','GmbH','FZE','S.à r.l.'])[1 + n % 4]
                 WHEN 'vessel' THEN 'MV ' || upper(last) || ' ' || n % 9 ELSE 'EP-' || upper(substr(md5(n::text), 1, 3)) END,
       CASE WHEN n % 3 = 0 THEN '{}' WHEN kind = 'person' THEN ARRAY[last || ', ' || first, left(first, 1) || '. ' || last] ELSE ARRAY[last || ' Group', 'Группа ' || n % 50] END,
       CASE WHEN n % 6 > 0 THEN (ARRAY['RU','IR','KP','SY','BY','VE'])[1 + n % 6] END, CASE WHEN kind = 'person' AND n % 5 > 0 THEN 1940 + n % 60 END,
       CASE WHEN kind = 'person' AND n % 4 = 0 THEN (ARRAY['Минск','Teherān','Düsseldorf','Caracas'])[1 + n / 4 % 4] END, ARRAY['P' || n % 12, (ARRAY['DRUGS','CYBER','TERROR','PROLIF'])[1 + n % 4]],
       jsonb_build_object('passport', 'X' || (n::bigint * 7919 % 1000000), 'tax', CASE WHEN n % 2 = 0 THEN n * 31 END), CASE WHEN n % 10 = 0 THEN repeat('Linked to several front companies. ', 2 + n % 30) END,
       date '2008-01-01' + n * 5 % 6500, CASE WHEN n % 40 = 0 THEN date '2025-10-26' - n % 300 END, timestamptz '2026-01-01 00:00:00+00' + n / 3 * interval '2 hours'
FROM (SELECT n, CASE WHEN n % 10 < 7 THEN 'person' WHEN n % 10 < 9 THEN 'entity' WHEN n % 20 = 9 THEN 'vessel' ELSE 'aircraft' END AS kind,
             (ARRAY['Ada','Bela','Ivan','Jürgen','Łucja','Omar','Farah','Hana','Óscar','Emre','Сергей','Lena'])[1 + floor(12 * pg_temp.u(n, :seed + 470))::int] AS first,
             (ARRAY['Horvat','Brandt','Castro','Al-Masri','Žižek','Petrov','Garcia','Müller','O''Neill','Kovacs','Nguyễn','Özdemir','Eriksen','Ito'])[1 + floor(14 * pg_temp.u(n, :seed + 471))::int] AS last
      FROM generate_series(1, 1200) n) s;

INSERT INTO screenings (id, user_id, transaction_id, subject_name, reason, status, best_score, list_ids, requested_by, query, created_at, decided_by, decided_at, comment)
SELECT n, CASE WHEN n % 8 > 0 THEN u.id END, CASE WHEN reason = 'payment' THEN 110 + 3 * :users + 1 + floor(:transactions * pg_temp.u(n, :seed + 473))::bigint END,
       CASE WHEN n % 8 > 0 THEN u.full_name ELSE 'Payee ' || (ARRAY['Müller & Söhne','Žižek d.o.o.','Kovacs Kft'])[1 + n % 3] || ' ' || n % 90 END, reason, s.status::screening_status,
       CASE WHEN s.status = 'clear' THEN CASE WHEN n % 2 = 0 THEN (n % 60)::int END ELSE 60 + (n % 41)::int END, (ARRAY['{1,2,3}','{1,2,3,4,5}','{2}'])[1 + n % 3]::int[],
       CASE WHEN n % 12 = 0 THEN 'officer' || n % 9 ELSE 'batch' END, jsonb_build_object('threshold', 60 + n % 3 * 10),
       CASE WHEN n % 4 = 0 THEN date_trunc('day', at) ELSE at END, CASE WHEN s.status IN ('confirmed', 'false_positive') THEN 'officer' || n % 7 END,
       CASE WHEN s.status IN ('confirmed', 'false_positive') THEN at + interval '2 days' END, CASE WHEN s.status = 'false_positive' AND n % 2 = 0 THEN 'anderes Geburtsjahr' END
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 472), 2))::bigint AS who, (ARRAY['onboarding','periodic','payment','manual'])[1 + n % 4] AS reason,
             CASE WHEN pg_temp.u(n, :seed + 474) < 0.86 THEN 'clear' WHEN pg_temp.u(n, :seed + 474) < 0.92 THEN 'potential' WHEN pg_temp.u(n, :seed + 474) < 0.94 THEN 'confirmed' ELSE 'false_positive' END AS status,
             timestamptz '2023-01-25 00:00:00+00' + n * (interval '1245 days' / (5 * :users / 2 + 1)) AS at
      FROM generate_series(1, 5 * :users / 2) n) s JOIN users u ON u.id = s.who;

INSERT INTO screening_matches (screening_id, entry_id, score, matched_name, method, decision, created_at)
SELECT s.id, e.id, greatest(60, s.best_score - 7 * k), CASE WHEN k = 1 AND e.aliases <> '{}' THEN e.aliases[1] ELSE e.primary_name END, (ARRAY['exact','contains','tokens'])[1 + (s.id + k) % 3],
       CASE s.status WHEN 'confirmed' THEN CASE k WHEN 0 THEN 'true_match' ELSE 'false_positive' END WHEN 'false_positive' THEN 'false_positive' ELSE 'undecided' END, s.created_at
FROM screenings s, generate_series(0, 2) k, LATERAL (SELECT 1 + (s.id * 13 + k * 401) % 1200 AS entry) x JOIN sanction_entries e ON e.id = x.entry
WHERE s.status <> 'clear' AND k < 1 + s.id % 3;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sanction_sequences FROM unnest(ARRAY['sanction_entries','screenings']) r \gset
