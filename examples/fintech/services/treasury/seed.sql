-- SPDX-License-Identifier: Apache-2.0
-- A chart of four levels with 156 accounts, a journal entry for every thirtieth payment, six months of positions.

INSERT INTO gl_accounts (id, code, name, parent, type, currency, is_postable, closed_on, notes)
SELECT n, n::text, (ARRAY['Aktiva','Passiva','Eigenkapital','Erträge','Aufwände'])[n], NULL, (enum_range(NULL::gl_type))[n], 'EUR', false, NULL::date, NULL
FROM generate_series(1, 5) n
UNION ALL
SELECT n * 10 + k, (n * 10 + k)::text, (ARRAY['Bank','Kunden','Händler','Gebühren','Übriges'])[k] || ' ' || n, n, (enum_range(NULL::gl_type))[n], 'EUR', false, NULL::date, NULL
FROM generate_series(1, 5) n, generate_series(1, 5) k
UNION ALL
SELECT n * 100 + k * 10 + j, (n * 100 + k * 10 + j)::text, 'Konto ' || n || k || j, n * 10 + k, (enum_range(NULL::gl_type))[n],
       (ARRAY['EUR','EUR','JPY','KWD','EUR'])[j], j <> 1, CASE WHEN (n * 100 + k * 10 + j) % 29 = 0 THEN date '2025-12-31' END,
       CASE WHEN j = 2 THEN 'Abstimmung monatlich; siehe Handbuch §' || k END
FROM generate_series(1, 5) n, generate_series(1, 5) k, generate_series(1, 5) j
UNION ALL
SELECT n * 1110 + 1, (n * 1110 + 1)::text, 'Unterkonto', n * 111, (enum_range(NULL::gl_type))[n], 'EUR', true, NULL, NULL FROM generate_series(1, 1) n;

CREATE TEMP TABLE j AS
SELECT row_number() OVER (ORDER BY t.id) AS n, t.*, (ARRAY['EUR','EUR','EUR','EUR','EUR','EUR','EUR','JPY','KWD'])[1 + t.id % 9] AS ccy
FROM transactions t WHERE t.id > 110 + 3 * :users AND t.id % 30 = 11;

INSERT INTO journal_entries (id, doc_no, posted_on, memo, source, transaction_id, merchant_id, reverses, status, posted_by, created_at)
SELECT n, 'JE-' || extract(year FROM created_at) || '-' || lpad(n::text, 6, '0'), (created_at AT TIME ZONE 'Europe/Berlin')::date,
       CASE WHEN n % 4 <> 0 THEN 'Buchung ' || description ELSE CASE WHEN n % 40 = 0 THEN repeat('Umbuchung gemäß Beleg; ', 90) END END,
       (ARRAY['transactions','settlement','manual','import'])[1 + n % 4], CASE WHEN n % 4 < 2 THEN id END, CASE WHEN n % 3 <> 0 THEN merchant_id END,
       CASE WHEN n % 50 = 0 THEN n - 1 END, CASE WHEN n % 50 = 49 THEN 'reversed' WHEN n % 61 = 0 THEN 'draft' ELSE 'posted' END, 'stf_' || 1 + n % 9,
       date_trunc('hour', created_at)
FROM j;

-- Two lines, or three with a fee: zero in sum.
INSERT INTO journal_lines (entry_id, line_no, gl_account, amount, currency, text)
SELECT n, k, CASE k WHEN 1 THEN 112 + n % 4 WHEN 2 THEN 200 + 10 * (1 + n % 5) + 2 ELSE 442 END,
       CASE k WHEN 1 THEN amount WHEN 2 THEN -amount + fee ELSE -fee END, ccy, CASE WHEN k = 3 THEN 'Gebühr' WHEN n % 5 = 0 THEN 'Los ' || n / 5 END
FROM (SELECT n, ccy, round(amount, CASE ccy WHEN 'JPY' THEN 0 WHEN 'KWD' THEN 3 ELSE 2 END) AS amount,
             CASE WHEN n % 3 = 0 THEN CASE WHEN n % 6 = 0 THEN 0 ELSE 0.250 END ELSE NULL END AS f FROM j) s,
     generate_series(1, 3) k, LATERAL (SELECT CASE WHEN ccy = 'JPY' THEN coalesce(ceil(f), 0) ELSE coalesce(f, 0) END AS fee) x
WHERE k < 3 OR f IS NOT NULL;

INSERT INTO treasury_positions (id, day, currency, gl_account, amount, rate, rate_source, limit_amount, hedged_share, dealer, comment, updated_at)
SELECT row_number() OVER (ORDER BY d, c), date '2026-06-30' - d, cur, 110 + c,
       round(((pg_temp.u(d * 10 + c, :seed + 561) - 0.35) * 4000000 * rate)::numeric, CASE cur WHEN 'JPY' THEN 0 WHEN 'KWD' THEN 3 ELSE 2 END),
       rate * (1 + 0.04 * (pg_temp.u(d * 10 + c, :seed + 562) - 0.5)), CASE WHEN d % 7 IN (5, 6) THEN 'carried' ELSE 'ecb' END,
       CASE WHEN c <> 2 THEN round((2500000 * rate)::numeric) END, (d * c % 11)::real / 10, CASE WHEN (d + c) % 4 <> 0 THEN 'stf_' || 1 + d % 9 END,
       CASE WHEN d % 30 = 0 THEN 'Ultimo – Überhang abgebaut' END, (date '2026-06-30' - d)::timestamp AT TIME ZONE 'Europe/Berlin' + interval '18 hours'
FROM generate_series(0, 180) d, generate_series(1, 5) c,
     LATERAL (SELECT (ARRAY['EUR','USD','JPY','KWD','PLN'])[c] AS cur, (ARRAY[1, 1.0873, 163.2, 0.33451, 4.2817])[c]::float8 AS rate) r;

DROP TABLE j;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['journal_entries', 'treasury_positions']) r \gset
