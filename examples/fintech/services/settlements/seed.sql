-- SPDX-License-Identifier: Apache-2.0
-- The last two fifths of the payments to the hundred biggest merchants; older ones are in an archive that nobody has seen.

CREATE TEMP TABLE settled AS
SELECT t.id, t.merchant_id, (t.created_at AT TIME ZONE 'Europe/Berlin')::date AS business_day, t.created_at, cur.currency, cur.rate, cur.digits,
       round(t.amount * cur.rate, cur.digits) AS amount, (ARRAY[2.9, 1.9, 1.25])[1 + t.merchant_id % 3] AS fee_rate
FROM transactions t, LATERAL (SELECT CASE WHEN t.merchant_id % 16 = 5 THEN 'JPY' WHEN t.merchant_id % 16 = 11 THEN 'KWD' ELSE 'EUR' END AS currency,
             CASE WHEN t.merchant_id % 16 = 5 THEN 163.2 WHEN t.merchant_id % 16 = 11 THEN 0.3345 ELSE 1 END AS rate,
             CASE WHEN t.merchant_id % 16 = 5 THEN 0 WHEN t.merchant_id % 16 = 11 THEN 3 ELSE 2 END AS digits) cur
WHERE t.kind = 'payment' AND t.status = 'posted' AND t.merchant_id <= 100 AND t.id > 110 + 3 * :users + :transactions * 3 / 5;

CREATE TEMP TABLE batch AS
SELECT row_number() OVER (ORDER BY business_day, merchant_id) AS id, merchant_id, business_day, currency, rate, digits, count(*) AS n,
       sum(amount) AS gross, sum(round(amount * fee_rate / 100, digits)) AS fees
FROM settled GROUP BY merchant_id, business_day, currency, rate, digits;

INSERT INTO settlement_lines (id, batch_id, transaction_id, amount, fee, fee_rate, created_at)
SELECT row_number() OVER (ORDER BY s.id), b.id, s.id, s.amount, round(s.amount * s.fee_rate / 100, s.digits), s.fee_rate,
       (s.business_day + 1)::timestamp AT TIME ZONE 'Europe/Berlin'
FROM settled s JOIN batch b USING (merchant_id, business_day);

INSERT INTO settlement_adjustments (id, batch_id, kind, amount, reason, created_by, created_at)
SELECT row_number() OVER (ORDER BY b.id, k), b.id, (enum_range(NULL::adjustment_kind))[1 + (b.id + k) % 4],
       CASE WHEN b.id % 10 = 0 THEN 0 ELSE round(((pg_temp.u(b.id * 2 + k, :seed + 537) - 0.8) * 30 * b.rate)::numeric, b.digits) END,
       CASE WHEN b.id % 3 <> 0 THEN 'Fall ' || b.id || ': Rückbuchung – „geprüft“' END, 'stf_' || 1 + b.id % 9,
       least((b.business_day + 1)::timestamp AT TIME ZONE 'Europe/Berlin' + interval '9 hours', timestamptz '2026-06-30 18:00:00+00')
FROM batch b, generate_series(0, 1) k WHERE b.id % 5 = 0 AND (k = 0 OR b.id % 15 = 0);

INSERT INTO settlement_batches (id, merchant_id, business_day, currency, fx_rate, gross, fees, adjustments, line_count, state, hold_reason, payout_ref,
                                approved_by, created_at, closed_at, paid_at)
SELECT b.id, merchant_id, business_day, currency, rate, gross, fees, coalesce(a.amount, 0), n, state::settlement_state,
       CASE WHEN state = 'held' THEN 'manual review' END, CASE WHEN state = 'paid' THEN 'PO' || to_char(business_day, 'YYYYMMDD') || '-' || merchant_id END,
       CASE WHEN state = 'paid' AND b.id % 3 = 0 THEN 'stf_' || 1 + b.id % 9 END, business_day::timestamp AT TIME ZONE 'Europe/Berlin',
       CASE WHEN state <> 'open' THEN (business_day + 1)::timestamp AT TIME ZONE 'Europe/Berlin' + interval '2 hours 30 minutes' END,
       CASE WHEN state = 'paid' THEN (business_day + 2)::timestamp AT TIME ZONE 'Europe/Berlin' + interval '6 hours' END
FROM (SELECT *, CASE WHEN business_day >= '2026-06-26' THEN 'open' WHEN business_day >= '2026-06-15' THEN 'closed' WHEN id % 37 = 4 THEN 'held' ELSE 'paid' END AS state
      FROM batch) b LEFT JOIN (SELECT batch_id, sum(amount) AS amount FROM settlement_adjustments GROUP BY batch_id) a ON a.batch_id = b.id;

DROP TABLE settled, batch;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences
FROM unnest(ARRAY['settlement_batches', 'settlement_lines', 'settlement_adjustments']) r \gset
