-- SPDX-License-Identifier: Apache-2.0
-- Address n of the first :users is the primary one of user n.

INSERT INTO address_zones (id, country, prefix, name, carrier, delivery_days, surcharge, time_zone, deliverable)
SELECT 10 * k + d, c, d::text, name || ' ' || d, CASE WHEN (k + d) % 4 > 0 THEN (ARRAY['DHL','La Poste','Correos','PostNL','Poczta Polska'])[1 + k % 5] END, 1 + (k * d) % 6,
       CASE WHEN (k + d) % 9 = 0 THEN 14.90 WHEN d % 3 = 0 THEN 2.50 ELSE 0 END, tz, (k * 10 + d) % 23 <> 7
FROM (VALUES (1,'DE','Leitregion','Europe/Berlin'), (2,'FR','Département','Europe/Paris'), (3,'ES','Provincia','Europe/Madrid'), (4,'NL','Regio','Europe/Amsterdam'), (5,'IT','Zona','Europe/Rome'), (6,'PL','Okręg','Europe/Warsaw')) z (k, c, name, tz),
     generate_series(0, 9) d WHERE NOT (c = 'PL' AND d > 7);

CREATE TEMP TABLE s AS
SELECT n, k, CASE WHEN n <= :users THEN n ELSE 1 + floor(:users * power(pg_temp.u(n, :seed + 160), 3))::bigint END AS who, pg_temp.u(n, :seed + 161) AS luck, (n::bigint * 7919 % 90000 + 1000)::int AS code,
       CASE WHEN n % 79 = 0 THEN timestamptz '2024-10-27 00:30:00+00' ELSE date_trunc('second', timestamptz '2023-01-15 00:00:00+00' + pg_temp.u(n / 2, :seed + 163) * interval '1230 days') END AS at
FROM (SELECT n, 1 + floor(6 * power(pg_temp.u(n, :seed + 162), 1.4))::int AS k FROM generate_series(1, (:users * 1.5)::int) n) g;

INSERT INTO addresses (id, user_id, zone_id, kind, recipient, line1, line2, postal_code, city, region, country, latitude, longitude, is_primary, verified_at, verification_method, proof_document_id,
                       lived_since, instructions, version, deleted_at, created_at, updated_at)
SELECT n, who, CASE WHEN n % 14 > 0 THEN z.id END, CASE WHEN n <= :users THEN 'home' ELSE (enum_range(NULL::address_kind))[1 + n % 4] END::address_kind,
       CASE WHEN n % 6 = 0 THEN (ARRAY['c/o Müller','Empfang','Mme Lefèvre','Apt. „Süd“'])[1 + n % 4] END,
       (ARRAY['Karl-Marx-Straße','Rue de l''Église','Calle Ñuñoa','Prinsengracht','Via Garibaldi','ul. Święty Marcin'])[k] || ' ' || 1 + n % 190 || CASE WHEN n % 11 = 0 THEN 'a' ELSE '' END,
       CASE n % 7 WHEN 0 THEN 'Hinterhaus' WHEN 3 THEN '3ème étage' END,
       CASE k WHEN 4 THEN left(lpad(code::text, 5, '0'), 4) || ' ' || chr(65 + (n % 26)::int) || chr(65 + (n / 26 % 26)::int) WHEN 6 THEN left(lpad(code::text, 5, '0'), 2) || '-' || right(lpad(code::text, 5, '0'), 3) ELSE lpad(code::text, 5, '0') END,
       (ARRAY[ARRAY['Berlin','München','Köln','Würzburg'], ARRAY['Paris','Nîmes','Orléans','lyon'], ARRAY['Madrid','León','A Coruña','Cádiz'], ARRAY['Utrecht','''s-Hertogenbosch','Den Haag','Breda'], ARRAY['Roma','Forlì','Milano','L''Aquila'], ARRAY['Łódź','Kraków','Gdańsk','Żary']])[k][1 + n % 4],
       CASE WHEN n % 3 = 0 THEN (ARRAY['Bayern','Île-de-France','Galicia'])[1 + n % 3] END, (ARRAY['DE','FR','ES','NL','IT','PL'])[k],
       CASE WHEN n % 5 > 0 THEN round((36 + 18 * luck)::numeric, 6) END, CASE WHEN n % 5 > 0 THEN round((-9 + 30 * pg_temp.u(n, :seed + 164))::numeric, 6) END, n <= :users,
       CASE WHEN luck > 0.35 THEN at + interval '5 days' END, CASE WHEN luck > 0.35 THEN (ARRAY['letter','document','registry'])[1 + n % 3] END, CASE WHEN luck > 0.35 AND n % 3 = 1 THEN who END,
       CASE WHEN n % 4 > 0 THEN date '1990-01-01' + floor(12500 * power(luck, 0.5))::int END, CASE WHEN n % 100 = 0 THEN repeat('Bitte dreimal klingeln und beim Nachbarn fragen. ', 20) WHEN n % 9 = 0 THEN 'ring twice' END,
       1 + (n % 4 = 0)::int + (n % 8 = 0)::int, CASE WHEN n > :users AND luck > 0.9 THEN at + interval '300 days' END, at, at + interval '90 days' * ((n % 4 = 0)::int + (n % 8 = 0)::int)
FROM s JOIN address_zones z ON z.id = 10 * k + CASE WHEN k = 6 THEN code / 10000 % 8 ELSE code / 10000 END;

INSERT INTO address_history (id, address_id, version, change, line1, postal_code, city, country, before, changed_by, valid_from)
SELECT 4 * a.id + v, a.id, v, CASE v WHEN 1 THEN 'created' ELSE 'moved' END, CASE WHEN v = a.version THEN a.line1 ELSE 'Alte Straße ' || v * 7 END, CASE WHEN v = a.version THEN a.postal_code ELSE '1011' || v END,
       CASE WHEN v = a.version THEN a.city ELSE 'Altstadt' END, a.country, CASE WHEN v > 1 THEN jsonb_build_object('line1', 'Alte Straße ' || (v - 1) * 7, 'city', 'Altstadt') END,
       CASE WHEN a.id % 10 = 0 THEN 'agent' || a.id % 36 ELSE 'customer' END, a.created_at + (v - 1) * interval '90 days'
FROM addresses a, generate_series(1, 3) v WHERE v <= a.version;

DROP TABLE s;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['address_zones','addresses','address_history']) r \gset
