-- SPDX-License-Identifier: Apache-2.0
-- Document n of the first :users belongs to user n and shows who that is.

CREATE TEMP TABLE s AS
SELECT n, coalesce(c.user_id, x.user_id, CASE WHEN n <= :users THEN n ELSE 1 + floor(:users * power(pg_temp.u(n, :seed + 120), 3))::bigint END) AS who,
       x.id AS transaction_id, c.id AS case_id, pg_temp.u(n, :seed + 121) AS luck, pg_temp.u(n, :seed + 122) AS size,
       CASE WHEN n <= :users THEN 1 + floor(3 * pg_temp.u(n, :seed + 123))::int ELSE 4 + floor(5 * pg_temp.u(n, :seed + 123))::int END AS kind,
       CASE WHEN n % 83 = 0 THEN timestamptz '2024-03-31 01:00:00+00'
            WHEN n % 37 = 0 THEN date_trunc('day', timestamptz '2023-02-10 00:00:00+00' + n % 1200 * interval '1 day') + interval '22 hours 59 minutes 59.5 seconds'
            ELSE timestamptz '2023-02-10 00:00:00+00' + pg_temp.u(n / 2 * 2, :seed + 124) * interval '1220 days' END AS at
FROM generate_series(1, (:users * 2.2)::int) n
     LEFT JOIN compliance_cases c ON n > :users AND n % 4 = 0 AND c.id = 1 + n / 4 % 1500
     LEFT JOIN transactions x ON n > :users AND n % 4 IN (1, 2) AND x.id = 110 + 3 * :users + 1 + floor(:transactions * pg_temp.u(n, :seed + 125))::bigint;

INSERT INTO documents (id, user_id, kind, status, title, file_name, mime_type, size_bytes, page_count, sha256, ocr_text, ocr_confidence, language, issuing_country,
                       tags, metadata, transaction_id, compliance_case_id, uploaded_via, uploaded_by, latest_version, expires_on, deleted_at, created_at, updated_at)
SELECT n, who, (enum_range(NULL::document_kind))[kind],
       CASE WHEN luck < 0.04 THEN 'uploaded' WHEN luck < 0.06 THEN 'scanning' WHEN luck < 0.13 THEN 'rejected' WHEN luck > 0.92 THEN 'archived' ELSE 'accepted' END::document_status,
       (ARRAY['Reisepass','ID card','Führerschein','Stromrechnung','Contrat n° ','Invoice','Quittung','Scan'])[kind] || CASE WHEN kind > 4 THEN ' ' || n ELSE '' END,
       (ARRAY['IMG_','scan-','Dokument ','façade '])[1 + n % 4] || n || (ARRAY['.pdf','.jpg','.png'])[1 + n % 3], (ARRAY['application/pdf','image/jpeg','image/png'])[1 + n % 3],
       floor(2000 + 6000000 * power(size, 4))::bigint, CASE WHEN n % 3 = 0 THEN 1 + floor(30 * power(size, 5))::int END, sha256(convert_to('v' || 1 + n % 3 || ':' || n / 5 * 5, 'UTF8')),
       CASE WHEN luck >= 0.06 THEN (SELECT string_agg(md5('ocr' || n || g), CASE WHEN g % 9 = 0 THEN E'\n' ELSE ' ' END ORDER BY g) FROM generate_series(1, 10 + floor(110 * size * size)::int) g) END,
       CASE WHEN luck >= 0.06 THEN round((1 - power(pg_temp.u(n, :seed + 126), 5) / 2)::numeric, 4) END,
       CASE WHEN n % 6 > 0 THEN (ARRAY['de','en','fr','es','it'])[1 + n % 5] END, CASE WHEN n <= :users THEN (ARRAY['DE','FR','ES','NL','IT','PL'])[1 + n % 6] END,
       CASE n % 5 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY['identity'] WHEN 2 THEN ARRAY['2025','Müll, Kosten'] WHEN 3 THEN ARRAY['tax','home "office"'] ELSE ARRAY['todo'] END,
       CASE WHEN n % 7 = 0 THEN '{}' ELSE jsonb_build_object('camera', (ARRAY['Pixel 8','iPhone 15', NULL])[1 + n % 3], 'fields', jsonb_build_object('number', left(md5('no' || n), 9), 'checksum_ok', n % 11 > 0)) END,
       transaction_id, case_id, (enum_range(NULL::channel))[1 + floor(6 * power(size, 2))::int], CASE WHEN case_id IS NOT NULL THEN 'officer' || n % 9 WHEN n % 50 = 0 THEN 'agent' || n % 36 ELSE 'customer' END,
       1 + n % 3, CASE WHEN n <= :users AND n % 8 > 0 THEN date '2025-01-01' + (n * 7 % 3000)::int END, CASE WHEN luck > 0.97 THEN at + interval '100 days' END, at, at + interval '5 minutes' * (n % 3)
FROM s;

INSERT INTO document_versions (document_id, version, sha256, size_bytes, storage_key, comment, created_by, created_at)
SELECT d.id, v, CASE WHEN v = d.latest_version THEN d.sha256 ELSE sha256(convert_to('old' || v || ':' || d.id, 'UTF8')) END, d.size_bytes - (d.latest_version - v) * 100,
       's3://documents/' || d.user_id || '/' || md5('k' || d.id || v), CASE WHEN v > 1 THEN (ARRAY['besser lesbar','rescanned', NULL])[1 + d.id % 3] END, d.uploaded_by, d.created_at + (v - 1) * interval '5 minutes'
FROM documents d, generate_series(1, 3) v WHERE v <= d.latest_version;

INSERT INTO document_shares (id, document_id, shared_with, email, token, permission, opened, expires_at, revoked_at, created_at)
SELECT n, d.id, CASE WHEN n % 3 > 0 THEN 1 + (d.user_id + n) % :users END, CASE WHEN n % 3 = 0 THEN 'steuerbüro' || n % 40 || '@example.org' END, md5('share' || n)::uuid,
       CASE WHEN n % 9 = 0 THEN 'comment' ELSE 'read' END, floor(20 * power(pg_temp.u(n, :seed + 127), 6))::int, CASE WHEN n % 4 > 0 THEN d.created_at + (n % 90) * interval '1 day' END,
       CASE WHEN n % 12 = 0 THEN d.created_at + interval '2 days' END, d.created_at + interval '1 hour'
FROM generate_series(1, (:users * 0.5)::int) n JOIN documents d ON d.id = 1 + floor(:users * 2.2 * pg_temp.u(n, :seed + 128))::bigint;

DROP TABLE s;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['documents','document_shares']) r \gset
