-- SPDX-License-Identifier: Apache-2.0
-- The schedule of every loan, and the payments of those instalments that were paid; loans as loans/seed.sql makes them
-- (purposes 400 to 406); own purposes 420 to 429.

CREATE TEMP TABLE re AS
SELECT n, who, currency, amount, rate, term, created, scale, first_due, paid, cancelled, round(amount / term, scale) AS part
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(2 * n, :seed + 400), 3))::bigint AS who,
             CASE n % 40 WHEN 7 THEN 'JPY' WHEN 19 THEN 'KWD' WHEN 29 THEN 'PLN' ELSE 'EUR' END AS currency,
             CASE n % 40 WHEN 7 THEN 0 WHEN 19 THEN 3 ELSE 2 END AS scale,
             round((500 + 25000 * power(pg_temp.u(2 * n, :seed + 402), 3))::numeric * CASE WHEN n % 40 = 7 THEN 100 ELSE 1 END,
                   CASE WHEN n % 40 = 7 THEN 0 ELSE 2 END) AS amount,
             (ARRAY[6,6,9,12,12,18])[1 + floor(6 * pg_temp.u(2 * n, :seed + 403))::int] AS term,
             round((2.5 + 14 * pg_temp.u(2 * n, :seed + 404))::numeric, 4) AS rate, n % 61 = 0 AS cancelled,
             timestamptz '2023-02-01 00:00:00+00' + n * (interval '1235 days' / (3 * :users / 4 + 1)) AS created
      FROM generate_series(1, 3 * :users / 4) n) l,
     LATERAL (SELECT (created AT TIME ZONE 'UTC' + interval '1 month')::date AS first_due) f,
     LATERAL (SELECT count(*)::int AS due FROM generate_series(1, term) k WHERE f.first_due + (k - 1) * interval '1 month' < date '2026-06-30') d,
     LATERAL (SELECT CASE WHEN b < 0.78 THEN 0 WHEN b < 0.9 THEN 1 WHEN b < 0.96 THEN 3 ELSE 7 END AS missed FROM pg_temp.u(2 * n, :seed + 405) b) m,
     LATERAL (SELECT CASE WHEN cancelled OR due = 0 THEN 0 ELSE due - least(due, missed) END AS paid) p;

INSERT INTO instalments (id, plan_id, loan_id, user_id, number, due_on, principal_due, interest_due, fee_due, principal_paid, interest_paid, fee_paid,
                         status, paid_at, reminded_at, updated_at)
SELECT 100 * n + k, n, n, who, k, due, principal, interest, fee, CASE WHEN full_paid THEN principal ELSE 0 END,
       CASE WHEN full_paid THEN interest WHEN part_paid THEN round(interest / 2, scale) ELSE 0 END, CASE WHEN full_paid OR part_paid THEN fee ELSE 0 END,
       (CASE WHEN cancelled THEN 'cancelled' WHEN full_paid THEN 'paid' WHEN part_paid THEN 'partial' WHEN due < date '2026-06-16' THEN 'overdue'
             WHEN due < date '2026-06-30' THEN 'due' WHEN n % 29 = 0 AND k = term THEN 'waived' ELSE 'scheduled' END)::instalment_status,
       CASE WHEN full_paid THEN due + interval '9 hours' + floor(90000 * pg_temp.u(100 * n + k, :seed + 420)) * interval '1 second' END,
       CASE WHEN due < date '2026-06-30' AND NOT full_paid THEN least(due + interval '3 days', timestamp '2026-06-30') END, least(due, date '2026-06-30')::timestamptz
FROM re, generate_series(1, term) k,
     LATERAL (SELECT (first_due + (k - 1) * interval '1 month')::date AS due, CASE WHEN k = term THEN amount - (term - 1) * part ELSE part END AS principal,
              round((amount - (k - 1) * part) * rate / 1200, scale) AS interest, CASE WHEN (n + k) % 19 = 0 THEN 5 ELSE 0 END AS fee,
              k <= paid AS full_paid, k = paid + 1 AND n % 5 = 0 AND NOT cancelled AND first_due + (k - 1) * interval '1 month' < date '2026-06-30' AS part_paid) i;

INSERT INTO repayment_plans (id, loan_id, user_id, version, kind, instalments, currency, total_principal, total_interest, status, generated_by, settings, created_at, updated_at)
SELECT n, n, who, 1, 'linear', term, currency, amount, (SELECT sum(round((amount - (k - 1) * part) * rate / 1200, scale)) FROM generate_series(1, term) k),
       CASE WHEN cancelled THEN 'cancelled' WHEN paid = term THEN 'completed' ELSE 'active' END, CASE WHEN n % 10 = 0 THEN 'officer' || n % 9 ELSE 'engine' END,
       jsonb_build_object('holidays', n % 6 = 0, 'dayOfMonth', extract(day FROM first_due)), created, created + interval '1 day'
FROM re;

-- One payment for each instalment that is paid or partly paid; some paid a little more. Some were paid twice: the second
-- payment was taken back, or waits for somebody to look at it.
INSERT INTO repayments (id, loan_id, user_id, account_id, transaction_id, amount, currency, method, status, reference, note, unallocated, value_date, received_at, created_at)
SELECT i.id + 50 * twice, i.loan_id, i.user_id, CASE WHEN i.id % 4 > 0 THEN 100 + 3 * i.user_id END,
       CASE WHEN i.id % 4 > 0 AND pg_temp.u(i.id, :seed + 421) < 0.5 THEN 110 + 3 * :users + 1 + floor(:transactions * pg_temp.u(i.id, :seed + 422))::bigint END,
       i.principal_paid + i.interest_paid + i.fee_paid + extra, r.currency,
       (ARRAY['sepa_debit','card','transfer','manual'])[1 + floor(4 * power(pg_temp.u(i.id, :seed + 423), 2))::int],
       CASE WHEN twice = 1 THEN (ARRAY['reversed','refunded','reversed','received'])[1 + i.number % 4] ELSE 'allocated' END,
       CASE WHEN i.id % 6 > 0 THEN 'Rate ' || i.number || ' Kredit ' || i.loan_id END, CASE WHEN i.id % 200 = 1 THEN 'Überweisung ohne Verwendungszweck, manuell zugeordnet' END,
       CASE WHEN twice = 0 THEN extra WHEN i.number % 4 = 3 THEN i.principal_paid + i.interest_paid + i.fee_paid + extra ELSE 0 END, i.due_on,
       CASE WHEN i.number % 4 = 0 THEN date_trunc('day', at) ELSE at END, at AT TIME ZONE 'Europe/Berlin'
FROM instalments i JOIN re r ON r.n = i.loan_id, generate_series(0, 1) twice, LATERAL (SELECT CASE WHEN i.id % 50 = 2 THEN 1.00 ELSE 0 END AS extra) e,
     LATERAL (SELECT least(coalesce(i.paid_at, i.due_on::timestamptz), timestamptz '2026-06-30 09:00:00+00') AS at) t
WHERE i.status IN ('paid', 'partial') AND (twice = 0 OR i.id % 83 = 0);

INSERT INTO repayment_allocations (repayment_id, instalment_id, bucket, amount, created_at)
SELECT id, id, bucket, amount, coalesce(paid_at, due_on::timestamptz) FROM instalments,
    LATERAL (VALUES ('principal', principal_paid), ('interest', interest_paid), ('fee', fee_paid)) b (bucket, amount)
WHERE status IN ('paid', 'partial') AND amount > 0;

DROP TABLE re;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS repayment_sequences FROM unnest(ARRAY['repayment_plans','instalments','repayments']) r \gset
