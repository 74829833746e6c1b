-- SPDX-License-Identifier: Apache-2.0
-- Two applications a user; loan n comes from application 2n, for n up to 3/4 of the users. Purposes 400 to 419.
-- Schedules and collections recompute a loan's behaviour from the same purposes.

INSERT INTO loan_products (id, code, name, kind, currency, min_amount, max_amount, min_term_months, max_term_months, rate_from, rate_to, fee_pct,
                           requires_collateral, active, countries, terms, valid_from, created_at)
SELECT n, (ARRAY['PERS-S','PERS-L','CAR-NEW','CAR-USED','HOME','HOME-GREEN','OVERDRAFT','BIZ-START','BIZ-GROW','STUDENT','PERS-JP','BIZ-KW'])[n],
       (ARRAY['Sofortkredit','Ratenkredit Plus','Neuwagen','Gebrauchtwagen','Baufinanzierung','Baufinanzierung Grün','Dispo','Gründerkredit',
              'Betriebsmittel','Studienkredit','カードローン','قرض أعمال'])[n],
       (ARRAY['personal','personal','car','car','mortgage','mortgage','overdraft','business','business','student','personal','business'])[n]::loan_kind,
       CASE n WHEN 11 THEN 'JPY' WHEN 12 THEN 'KWD' ELSE 'EUR' END, 100 * n, 50000 * n, 3, 60 + 12 * n, 1.5 + n * 0.25, 9.9 + n * 0.5,
       CASE WHEN n % 3 = 0 THEN 1.5 ELSE 0 END, n BETWEEN 3 AND 6, n <> 4, CASE WHEN n < 7 THEN '{DE,FR,NL}'::text[] ELSE '{DE}' END,
       repeat('Der Darlehensnehmer verpflichtet sich zur Rückzahlung in gleichbleibenden Raten. ', 5 * n), date '2023-01-01' + 20 * n, timestamp '2022-12-31 23:59:59'
FROM generate_series(1, 12) n;

CREATE TEMP TABLE lo AS
SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 400), 3))::bigint AS who, 1 + floor(12 * pg_temp.u(n, :seed + 401))::int AS product,
       CASE (n / 2) % 40 WHEN 7 THEN 'JPY' WHEN 19 THEN 'KWD' WHEN 29 THEN 'PLN' ELSE 'EUR' END AS currency,
       round((500 + 25000 * power(pg_temp.u(n, :seed + 402), 3))::numeric * CASE WHEN (n / 2) % 40 = 7 THEN 100 ELSE 1 END,
             CASE WHEN (n / 2) % 40 = 7 THEN 0 ELSE 2 END) AS amount,
       (ARRAY[6,6,9,12,12,18])[1 + floor(6 * pg_temp.u(n, :seed + 403))::int] AS term,
       timestamptz '2023-02-01 00:00:00+00' + (n / 2) % (3 * :users / 4 + 1) * (interval '1235 days' / (3 * :users / 4 + 1)) AS created,
       pg_temp.u(n, :seed + 406) AS luck, n % 2 = 0 AND n <= 3 * :users / 2 AS granted
FROM generate_series(1, 2 * :users) n;

INSERT INTO loan_applications (id, user_id, product_id, account_id, amount, currency, term_months, purpose, status, channel, declared_income,
    monthly_expenses, answers, score, decision_reason, decided_by, decided_at, submitted_at, created_at, updated_at, deleted_at)
SELECT n, who, product, 100 + 3 * who, amount, currency, term,
       CASE WHEN n % 9 > 0 THEN (ARRAY['Auto','Küche','Umschuldung','Studium','Hochzeit','Sonstiges'])[1 + n % 6] END, status::application_status,
       (ARRAY['web','ios','android','branch','phone','partner'])[1 + floor(6 * power(pg_temp.u(n, :seed + 407), 2))::int]::channel,
       CASE WHEN n % 7 > 0 THEN round((900 + 6000 * pg_temp.u(n, :seed + 408))::numeric, 2) END, CASE WHEN n % 5 > 0 THEN 300 + n % 1500 END,
       jsonb_build_object('dependants', n % 4, 'housing', (ARRAY['rent','own','parents'])[1 + n % 3], 'self_employed', n % 11 = 0),
       CASE WHEN status IN ('approved', 'declined') THEN (300 + 600 * luck)::int END,
       CASE status WHEN 'declined' THEN (ARRAY['affordability','bureau score','Angaben unvollständig'])[1 + n % 3] END,
       CASE WHEN status IN ('approved', 'declined') THEN CASE WHEN n % 4 = 0 THEN 'officer' || n % 9 ELSE 'engine' END END,
       CASE WHEN status IN ('approved', 'declined') THEN created + interval '1 day' END, CASE WHEN status <> 'draft' THEN created + interval '2 hours' END,
       created, created + interval '1 day', CASE WHEN status = 'draft' AND n % 3 = 0 THEN least(created + interval '90 days', timestamptz '2026-06-30 00:00:00+00') END
FROM lo, LATERAL (SELECT CASE WHEN granted THEN 'approved' WHEN luck < 0.08 THEN 'draft' WHEN luck < 0.3 THEN 'submitted' WHEN luck < 0.5 THEN 'in_review'
       WHEN luck < 0.8 THEN 'declined' WHEN luck < 0.9 THEN 'withdrawn' ELSE 'expired' END AS status) s;

INSERT INTO loans (id, application_id, user_id, account_id, product_id, loan_number, principal, currency, rate_pct, term_months, status, outstanding,
    risk_class, officer, covenants, first_due, matures_on, disbursed_at, closed_at, created_at, updated_at)
SELECT n / 2, n, who, 100 + 3 * who, product, 'LN-' || extract(year FROM created) || '-' || lpad((n / 2)::text, 6, '0'), amount, currency,
       round((2.5 + 14 * pg_temp.u(n, :seed + 404))::numeric, 4), term, state::loan_status, CASE WHEN paid = term THEN 0 ELSE amount - paid * round(amount / term, scale) END,
       CASE WHEN n % 13 > 0 THEN substr('ABCDE', 1 + floor(5 * pg_temp.u(n, :seed + 405))::int, 1) END, CASE WHEN n % 4 = 0 THEN 'officer' || n % 9 END,
       CASE WHEN product IN (8, 9, 12) THEN '{quarterly_report,no_dividends}'::text[] ELSE '{}' END, first_due, (first_due + (term - 1) * interval '1 month')::date,
       CASE WHEN state NOT IN ('approved', 'cancelled') THEN created + interval '2 days' END,
       CASE WHEN state IN ('settled', 'written_off', 'cancelled') THEN timestamptz '2026-06-29 22:30:00+00' - n * interval '11 minutes' END, created, created + interval '2 days'
FROM lo, LATERAL (SELECT (created AT TIME ZONE 'UTC' + interval '1 month')::date AS first_due, CASE currency WHEN 'JPY' THEN 0 WHEN 'KWD' THEN 3 ELSE 2 END AS scale) f,
     LATERAL (SELECT count(*)::int AS due FROM generate_series(1, term) k WHERE f.first_due + (k - 1) * interval '1 month' < date '2026-06-30') d,
     LATERAL (SELECT CASE WHEN b < 0.78 THEN 0 WHEN b < 0.9 THEN 1 WHEN b < 0.96 THEN 3 ELSE 7 END AS missed, b FROM pg_temp.u(n, :seed + 405) b) m,
     LATERAL (SELECT CASE WHEN (n / 2) % 61 = 0 OR due = 0 THEN 0 ELSE due - least(due, missed) END AS paid) p,
     LATERAL (SELECT CASE WHEN (n / 2) % 61 = 0 THEN 'cancelled' WHEN paid = term THEN 'settled' WHEN due = 0 THEN 'approved' WHEN missed = 0 THEN 'active'
              WHEN missed = 7 AND n % 3 = 0 THEN 'written_off' WHEN missed = 7 THEN 'defaulted' ELSE 'overdue' END AS state) s
WHERE granted;

INSERT INTO loan_collateral (id, loan_id, kind, description, valuation, currency, haircut, valued_on, registry_ref, document_ids, created_at, released_at, deleted_at)
SELECT 2 * n + k, n, (ARRAY['vehicle','property','deposit','guarantee'])[1 + (n + k) % 4],
       (ARRAY['VW Golf, Bj. 2019','Wohnung, 3. OG, Köln-Sülz','Festgeld','Bürgschaft der Eltern'])[1 + (n + k) % 4] || ' #' || n,
       CASE WHEN n % 37 = 0 THEN 0 ELSE round((800 + 90000 * power(pg_temp.u(2 * n + k, :seed + 409), 2))::numeric, 2) END,
       CASE WHEN n % 40 = 7 THEN 'JPY' ELSE 'EUR' END, (ARRAY[0.2, 0.35, 0, 0.5])[1 + (n + k) % 4], date '2023-01-15' + n % 1100,
       CASE WHEN (n + k) % 4 < 2 THEN 'GB-' || md5('land' || n) END,
       CASE WHEN n % 2 = 0 THEN ARRAY[md5('document' || n)::uuid, md5('deed' || n)::uuid] ELSE '{}' END,
       timestamptz '2023-02-03 10:00:00+00' + n * interval '9 hours', CASE WHEN n % 17 = 0 THEN timestamptz '2026-01-31 23:30:00+00' END,
       CASE WHEN n % 23 = 0 THEN timestamptz '2026-02-01 00:00:00+00' END
FROM generate_series(1, 3 * :users / 4) n, generate_series(0, 1) k WHERE n % 3 = 0 OR (n % 5 = 0 AND k = 0);

DROP TABLE lo;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS loan_sequences FROM unnest(ARRAY['loan_applications','loans','loan_collateral']) r \gset
