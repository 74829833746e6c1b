-- SPDX-License-Identifier: Apache-2.0
-- Purposes 450 to 459.

INSERT INTO risk_rules (id, code, name, description, priority, weight, condition, applies_to, active, created_by, created_at, updated_at, deleted_at)
SELECT n, (ARRAY['COUNTRY','CASH','PEP','AGE','NEWACC','NIGHT','VOLUME','CRYPTO','DEVICE','ADDR','LANG','DORMANT'])[1 + n % 12] || '-' || n,
       (ARRAY['Risikoland','Bargeldintensiv','Politisch exponiert','Sehr jung','Neues Konto','Nachtaktiv','Umsatzsprung','Kryptobörse','Fremdes Gerät','Adresswechsel',
              'Sprachwechsel','Schlafendes Konto'])[1 + n % 12] || CASE WHEN n > 12 THEN ' ' || n / 12 ELSE '' END,
       CASE WHEN n % 5 > 0 THEN 'Rule ' || n || ' of the catalogue' END, n / 2 * 10, CASE n % 9 WHEN 0 THEN -5.5 WHEN 1 THEN 0 ELSE round((n * 1.75)::numeric, 2) END,
       jsonb_build_object('op', '>=', 'value', n * 10, 'field', (ARRAY['turnover','age_days','logins'])[1 + n % 3]), (ARRAY['{retail}','{retail,business}','{}'])[1 + n % 3]::text[],
       n % 6 > 0, 'analyst' || n % 4, '2023-01-10 12:00:00+00', timestamptz '2024-03-31 00:59:59+00' + n * interval '1 day', CASE WHEN n % 18 = 0 THEN timestamptz '2025-10-26 01:30:00+00' END
FROM generate_series(1, 60) n;

-- Three generations of scores: n, users + n, 2 users + n belong to user n; the last is the current one. One user in nine has only two.
INSERT INTO risk_scores (id, user_id, score, factors, rule_ids, model, is_current, previous_id, overridden, override_reason, computed_by, computed_at, valid_until)
SELECT g * :users + n, n, CASE WHEN n % 111 = 0 THEN 0 ELSE round((1000 * power(pg_temp.u(g * :users + n, :seed + 450), 2.2))::numeric, 2) END,
       jsonb_build_array(jsonb_build_object('rule', 1 + n % 60, 'points', n % 90), jsonb_build_object('rule', 1 + (n * 7 + g) % 60, 'points', round((n % 17)::numeric * 1.5, 1))),
       ARRAY[1 + n % 60, 1 + (n * 7 + g) % 60]::int[], 'kyc-' || g, g = CASE WHEN n % 9 = 0 THEN 1 ELSE 2 END, CASE WHEN g > 0 THEN (g - 1) * :users + n END,
       n % 67 = 0 AND g = 2, CASE WHEN n % 67 = 0 AND g = 2 THEN 'bekannter Kunde, Herkunft der Mittel geprüft' END, CASE WHEN n % 67 = 0 AND g = 2 THEN 'officer' || n % 9 ELSE 'engine' END,
       timestamptz '2023-03-01 00:00:00+00' + g * interval '380 days' + n / 3 * (interval '350 days' / (:users / 3 + 1)), CASE WHEN n % 4 > 0 THEN date '2024-04-01' + g * 365 + (n % 300)::int END
FROM generate_series(1, :users) n, generate_series(0, 2) g WHERE g < 2 OR n % 9 > 0;

INSERT INTO pep_flags (id, user_id, full_name, position, country, relation, since, until, source, status, reviewed_by, reviewed_at, notes, created_at, updated_at)
SELECT n, 1 + floor(:users * pg_temp.u(n, :seed + 451))::bigint, (ARRAY['Łukasz Żuraw','Ada Acheson','Óscar Núñez','İpek Şahin','Jörg Weiß','Mária Kovács'])[1 + n % 6],
       (ARRAY['Bürgermeister','Member of Parliament','Ambassador','Vorstand Landesbank','Judge','Général de brigade'])[1 + n % 6], (ARRAY['PL','GB','ES','TR','DE','HU'])[1 + n % 6],
       (ARRAY['self','self','family','associate'])[1 + n % 4], CASE WHEN n % 7 > 0 THEN date '2005-01-01' + n * 13 % 7000 END, CASE WHEN n % 5 = 0 THEN date '2025-03-30' - n % 800 END,
       (ARRAY['worldcheck','Presse','self declaration'])[1 + n % 3], (ARRAY['suspected','confirmed','cleared','expired','suspected'])[1 + n % 5]::pep_status,
       CASE WHEN n % 5 BETWEEN 1 AND 3 THEN 'officer' || n % 9 END, CASE WHEN n % 5 BETWEEN 1 AND 3 THEN timestamptz '2025-03-29 23:45:00+00' + n * interval '1 hour' END,
       CASE WHEN n % 6 = 0 THEN repeat('Name match only; date of birth unknown. ', 1 + n % 20) END, timestamptz '2023-06-01 12:00:00+00' + n / 2 * interval '17 hours', timestamp '2025-06-01 00:00:00'
FROM generate_series(1, :users / 8) n;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS risk_sequences FROM unnest(ARRAY['risk_scores','pep_flags']) r \gset
