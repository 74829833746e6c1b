-- SPDX-License-Identifier: Apache-2.0

INSERT INTO invoice (id, issuer_id, customer_id, number, status, customer_name, customer_vat, country, currency, discount, tax_rate, terms, transaction_id, issued_on, due_on, paid_at, reminders, version, created_at, updated_at, deleted_at)
SELECT n, issuer, CASE WHEN u < 0.6 THEN 1 + floor(:users * u / 0.6)::bigint END,
       CASE WHEN s <> 'draft' THEN 'RE-' || extract(year FROM at) || '-' || lpad(row_number() OVER (PARTITION BY issuer, extract(year FROM at), s <> 'draft' ORDER BY n)::text, 5, '0') END, s,
       (ARRAY['Bäckerei Übermut GmbH','ACME Inc.','Öztürk & Söhne','école normale','Zürcher Käse AG','acme inc.'])[1 + n % 6] || CASE WHEN n % 4 = 0 THEN ' ' || n ELSE '' END,
       CASE WHEN n % 3 = 0 THEN 'DE' || 100000000 + n END, (ARRAY['DE','AT','CH','FR'])[1 + n % 4], CASE WHEN n % 29 = 0 THEN 'JPY' WHEN n % 31 = 0 THEN 'KWD' ELSE 'EUR' END,
       CASE WHEN n % 7 = 0 THEN 5 ELSE 0 END, CASE WHEN n % 4 = 2 THEN 0 WHEN n % 5 = 0 THEN 7 ELSE 19 END, CASE WHEN n % 3 = 0 THEN 'Zahlbar innerhalb von 14 Tagen ohne Abzug.' || repeat(' Vielen Dank!', (n % 30)::int) END,
       CASE WHEN s = 'paid' AND n % 2 = 0 THEN 110 + 3 * :users + 1 + n * 13 % :transactions END, CASE WHEN s <> 'draft' THEN at::date END, CASE WHEN s <> 'draft' THEN at::date + 14 END,
       CASE WHEN s = 'paid' THEN at + n % 40 * interval '1 day' END, CASE WHEN s = 'overdue' THEN n % 4 ELSE 0 END, 1 + n % 3, at, at + n % 40 * interval '1 day', CASE WHEN s = 'void' AND n % 2 = 0 THEN at + interval '50 days' END
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 250), 3))::bigint AS issuer, pg_temp.u(n, :seed + 251) AS u, (ARRAY['paid','issued','paid','draft','overdue','paid','paid','void','paid'])[1 + n % 9]::invoice_status AS s,
             timestamptz '2023-12-31 22:45:00+00' + n / 3 * (interval '840 days' / :users) AS at FROM generate_series(1, 3 * :users) n) q;

INSERT INTO invoice_line (invoice_id, position, description, quantity, unit_price, merchant_id)
SELECT i.id, p, (ARRAY['Beratung','hosting','Croissants','Reisekosten','licence, per seat','Nachlass','Bücher'])[1 + (i.id + p) % 7], CASE WHEN p % 3 = 0 THEN 1.5 ELSE 1 + (i.id + p) % 9 END,
       CASE WHEN (i.id + p) % 7 = 5 THEN -2.5 ELSE round((0.5 + 400 * power(pg_temp.u(i.id * 8 + p, :seed + 252), 3))::numeric, CASE WHEN p % 2 = 0 THEN 4 ELSE 2 END) END, CASE WHEN (i.id + p) % 5 = 0 THEN 1 + (i.id + p) % 400 END
FROM invoice i, generate_series(1, 5) p WHERE p <= 1 + i.id % 5 AND i.id % 100 > 0;

UPDATE invoice i SET line_sum = s.sum FROM (SELECT invoice_id, sum(amount) FROM invoice_line GROUP BY 1) s WHERE s.invoice_id = i.id;

INSERT INTO invoice_numbers (issuer_id, year, last)
SELECT issuer_id, extract(year FROM created_at), count(*) FROM invoice WHERE status <> 'draft' GROUP BY 1, 2;

SELECT setval(pg_get_serial_sequence('invoice', 'id'), 1000000000) AS sequences \gset
