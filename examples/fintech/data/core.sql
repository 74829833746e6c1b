-- SPDX-License-Identifier: Apache-2.0
-- The core: users, accounts, merchants, transactions, entries, compliance. Deterministic: the same settings give the same rows
-- on every machine. Popularity is skewed as in life: user ranks follow a power law (rank ~ users * u^3), merchants likewise.
-- "Random" numbers are hashes of the row number and the seed, so that no row depends on another or on order of execution.

INSERT INTO users (id, email, full_name, phone, country, kyc_level, preferences, created_at, updated_at, birth_date, deleted_at)
SELECT n, 'user' || n || '@example.com',
       (ARRAY['Ada','Bela','Chidi','Dana','Emre','Farah','Goro','Hana','Ivan','Jun','Kofi','Lena'])[1 + (n * 7 + :seed) % 12] || ' ' ||
       (ARRAY['Acheson','Brandt','Castro','Dubois','Eriksen','Fischer','Garcia','Horvat','Ito','Jensen','Kovacs'])[1 + (n * 5 + :seed) % 11],
       '+49 30 ' || (100000 + n), (ARRAY['DE','FR','ES','NL','IT','PL'])[1 + floor(6 * pg_temp.u(n, :seed + 1))::int],
       1 + (n % 3)::int, jsonb_build_object('locale', 'en', 'newsletter', n % 2 = 0, 'limits', jsonb_build_object('daily', 1000 + n % 500)),
       timestamptz '2023-01-01 00:00:00+00' + n * interval '37 minutes', timestamptz '2026-06-30 12:00:00+00',
       date '1946-03-01' + floor(22000 * pg_temp.u(n, :seed + 20))::int,
       CASE WHEN n % 131 = 0 THEN timestamptz '2026-03-01 00:00:00+00' + n * interval '11 minutes' END
FROM generate_series(1, :users) n;

-- The house: one user who owns the settlement accounts (ids 1 to 16).
INSERT INTO users (id, email, full_name, country, status, created_at, updated_at)
VALUES (:users + 1, 'house@example.com', 'The House', 'DE', 'internal', '2023-01-01 00:00:00+00', '2023-01-01 00:00:00+00');
INSERT INTO accounts (id, user_id, kind, opened_at)
SELECT n, :users + 1, 'settlement', '2023-01-01 00:00:00+00' FROM generate_series(1, 16) n;

-- Three accounts a user: user n has accounts 100+3n .. 102+3n.
INSERT INTO accounts (id, user_id, kind, opened_at, iban)
SELECT 100 + 3 * n + k, n, (ARRAY['checking','savings','card'])[k + 1], timestamptz '2023-02-01 00:00:00+00' + n * interval '37 minutes',
       CASE WHEN k < 2 THEN 'DE' || lpad((10 + n % 89)::text, 2, '0') || '1001' || lpad((100 + 3 * n + k)::text, 14, '0') END
FROM generate_series(1, :users) n, generate_series(0, 2) k;

INSERT INTO merchants (id, name, category, country, tier, tags, settlement_account_id, created_at, legal_name)
SELECT n, 'Merchant ' || n, (ARRAY['grocery','travel','fuel','rent','utilities','games','pharmacy'])[1 + n % 7],
       (ARRAY['DE','FR','ES','NL'])[1 + n % 4], (ARRAY['basic','preferred','strategic'])[1 + n % 3]::merchant_tier,
       ARRAY['online', 'm' || n % 5], 1 + n % 16, timestamptz '2023-01-01 00:00:00+00' + n * interval '1 hour',
       CASE WHEN n % 23 > 0 THEN (ARRAY['Äpfel & Söhne','apfelhaus','Zürn','öko-Markt','Brasserie Élan','straße 7','Strasse 8','ÉCLAIR','eclair','de Vries'])[1 + n % 10]
           || ' ' || n || (ARRAY[' GmbH',' SARL',' B.V.',''])[1 + n % 4] END
FROM generate_series(1, 400) n;

-- Every account starts with a deposit (transaction id = account id), then payments and transfers over 36 months.
INSERT INTO transactions (id, user_id, account_id, kind, amount, description, period, created_at, settled_at)
SELECT id, user_id, id, 'deposit', 50000000, 'opening deposit', 202306, '2023-06-01 00:00:00+00', '2023-06-01 00:00:00+00'
FROM accounts WHERE kind <> 'settlement';

-- One in 25 has user and time of the one before it: an import that booked in bulk. One in 33 is a standing order at the month's end.
CREATE TEMP TABLE t AS
SELECT 100 + 3 * :users + 10 + n AS id, who, 100 + 3 * who + floor(3 * pg_temp.u(n, :seed + 3))::int AS account_id,
       CASE WHEN pg_temp.u(n, :seed + 4) < 0.9 THEN 1 + floor(400 * power(pg_temp.u(n, :seed + 5), 2))::int END AS merchant_id,
       1 + floor(:users * pg_temp.u(n, :seed + 6))::int AS other,
       round((1 + 9000 * power(pg_temp.u(n, :seed + 7), 6))::numeric, 2) AS amount,
       CASE WHEN pg_temp.u(g, :seed + 22) < 0.03 THEN date_trunc('month', day) + interval '1 month - 30 minutes' ELSE day END AS created_at,
       pg_temp.u(n, :seed + 8) AS luck
FROM (SELECT n, g, 1 + floor(:users * power(pg_temp.u(g, :seed + 2), 3))::int AS who,
             timestamptz '2023-07-01 00:00:00+00' + g * (interval '1095 days' / (:transactions + 1)) AS day
      FROM (SELECT n, n - (n > 1 AND pg_temp.u(n, :seed + 21) < 0.04)::int AS g FROM generate_series(1, :transactions) n) pairs) s;

INSERT INTO transactions (id, user_id, account_id, merchant_id, kind, amount, status, description, period, created_at, settled_at)
SELECT id, who, account_id, merchant_id, CASE WHEN merchant_id IS NULL THEN 'transfer' ELSE 'payment' END, amount,
       CASE WHEN luck < 0.01 THEN 'pending' ELSE 'posted' END,
       CASE WHEN merchant_id IS NULL THEN 'transfer to user ' || other ELSE 'order ' || id END,
       (extract(year FROM created_at) * 100 + extract(month FROM created_at))::int, created_at,
       CASE WHEN luck >= 0.01 THEN created_at + interval '2 hours' END
FROM t;

-- Double entry: the customer's side and the other side.
INSERT INTO entries (id, transaction_id, account_id, user_id, amount, period, created_at)
SELECT 2 * x.id + side, x.id,
       CASE WHEN side = 0 THEN x.account_id WHEN x.kind = 'transfer' THEN 100 + 3 * t.other ELSE coalesce(m.settlement_account_id, 1) END,
       CASE WHEN side = 0 THEN x.user_id WHEN x.kind = 'transfer' THEN t.other ELSE :users + 1 END,
       CASE WHEN (side = 0) = (x.kind = 'deposit') THEN x.amount ELSE -x.amount END, x.period, x.created_at
FROM transactions x LEFT JOIN t USING (id) LEFT JOIN merchants m ON m.id = x.merchant_id, generate_series(0, 1) side;

UPDATE accounts a SET balance = s.sum
FROM (SELECT account_id, sum(amount) FROM entries GROUP BY account_id) s WHERE s.account_id = a.id AND a.kind <> 'settlement';

-- Two checks a transaction; 1 % of them flagged, 1 % pending.
INSERT INTO compliance_records (id, transaction_id, user_id, check_type, status, score, checked_at)
SELECT 2 * x.id + k, x.id, x.user_id, (ARRAY['sanctions','velocity'])[k + 1],
       CASE WHEN v < 0.01 THEN 'flagged' WHEN v < 0.02 THEN 'pending' ELSE 'clear' END, round(v::numeric, 4), x.created_at + interval '3 seconds'
FROM transactions x, generate_series(0, 1) k, LATERAL (SELECT pg_temp.u(2 * x.id + k, :seed + 9) AS v) r;

-- One case for every flagged transaction, some evidence for each. Narratives of about 3 kB that do not compress well.
INSERT INTO compliance_cases (id, transaction_id, user_id, severity, status, assignee, narrative, opened_at)
SELECT row_number() OVER (ORDER BY transaction_id), transaction_id, user_id,
       CASE WHEN score < 0.003 THEN 'high' ELSE 'medium' END, CASE WHEN score < 0.005 THEN 'investigating' ELSE 'open' END, 'officer' || transaction_id % 9,
       (SELECT string_agg(md5((transaction_id * 100 + g)::text), ' ' ORDER BY g) FROM generate_series(1, 90) g), checked_at + interval '1 minute'
FROM (SELECT transaction_id, user_id, min(score) AS score, min(checked_at) AS checked_at FROM compliance_records
      WHERE status = 'flagged' GROUP BY transaction_id, user_id) f;

INSERT INTO compliance_evidence (id, case_id, user_id, kind, payload, collected_by, collected_at, deleted_at)
SELECT 4 * c.id + g, c.id, c.user_id, (ARRAY['device','document','list_hit','note'])[g + 1],
       jsonb_build_object('reference', md5((c.id * 10 + g)::text), 'confidence', (c.id * 31 + g * 7) % 100, 'tags', jsonb_build_array('auto', 'g' || g)),
       'system', c.opened_at + g * interval '10 minutes', CASE WHEN (c.id * 7 + g) % 9 = 0 THEN c.opened_at + interval '3 days' END
FROM compliance_cases c, generate_series(0, 3) g WHERE g < 1 + c.id % 4;

DROP TABLE t;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['users','accounts','merchants','transactions',
    'entries','compliance_records','compliance_cases','compliance_evidence']) r \gset
