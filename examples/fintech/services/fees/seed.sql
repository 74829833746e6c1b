-- SPDX-License-Identifier: Apache-2.0

INSERT INTO fee_schedules (id, kind, currency, name, minimum, maximum, active, valid_from, valid_until, created_by, terms, created_at)
SELECT n, kind, cur, initcap(kind) || ' ' || cur || CASE WHEN old = 1 THEN ' (alt)' ELSE '' END, CASE WHEN n % 3 = 0 THEN 0.5 ELSE 0 END, CASE WHEN n % 4 = 0 THEN 250 END, old = 0,
       CASE old WHEN 1 THEN date '2023-01-01' ELSE date '2025-01-01' END, CASE old WHEN 1 THEN date '2024-12-31' END, 1 + n % 5,
       CASE WHEN n % 2 = 0 THEN 'Gebühren gemäß § ' || n || repeat(', siehe Anhang', 12) END, timestamptz '2023-01-02 00:00:00+00' + old * interval '-1 day' + n / 3 * interval '1 hour'
FROM (SELECT row_number() OVER (ORDER BY o, c, old) AS n, k AS kind, cur, old
      FROM unnest(ARRAY['payment','transfer','fx','payout','card','atm']) WITH ORDINALITY a(k, o), unnest(ARRAY['EUR','USD','JPY','KWD']) WITH ORDINALITY b(cur, c), generate_series(0, 1) old) s;

INSERT INTO fee_tiers (schedule_id, position, from_amount, percent, fixed)
SELECT s.id, t, (ARRAY[0, 100, 1000, 10000])[t], (ARRAY[1.5, 1.2, 0.8, 0.25])[t] + s.id % 3 * 0.1, CASE WHEN t = 1 THEN 0.25 ELSE 0 END
FROM fee_schedules s, generate_series(1, 2 + s.id % 3) t;

INSERT INTO fee_waivers (id, user_id, kinds, percent, reason, granted_by, starts_at, ends_at, revoked_at, created_at)
SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 220), 2))::bigint, CASE n % 4 WHEN 0 THEN ARRAY['payment','transfer','fx','payout','card','atm'] WHEN 1 THEN ARRAY['atm'] ELSE ARRAY['fx','transfer'] END,
       (ARRAY[100, 50, 12.5])[1 + n % 3], (ARRAY['goodwill','Beschwerde','employee','VIP — années','launch offer'])[1 + n % 5], CASE WHEN n % 7 > 0 THEN 1 + n % 20 END, at,
       CASE WHEN n % 3 > 0 THEN at + interval '1 year' END, CASE WHEN n % 9 = 0 THEN at + interval '40 days' END, at - interval '1 hour'
FROM (SELECT n, timestamptz '2024-03-30 23:00:00+00' + n / 2 * (interval '3000 days' / :users) AS at FROM generate_series(1, :users / 5) n) s;

-- Every fifth transaction cost something.
INSERT INTO fee_charges (id, user_id, account_id, transaction_id, schedule_id, kind, base_amount, amount, vat, waiver_id, status, note, charged_at)
SELECT row_number() OVER (ORDER BY id), user_id, account_id, id, CASE WHEN v < 0.95 THEN CASE kind WHEN 'transfer' THEN 9 ELSE 1 END END, kind, amount,
       CASE WHEN v < 0.05 THEN 0 ELSE round(amount * 0.012, 2) END, CASE WHEN v < 0.05 THEN 0 ELSE round(amount * 0.012 * 0.19, 2) END,
       CASE WHEN v < 0.05 THEN 1 + floor(v * 20 * (:users / 5))::bigint END, CASE WHEN v < 0.05 THEN 'waived' WHEN v > 0.98 THEN 'refunded' WHEN v > 0.97 THEN 'disputed' ELSE 'charged' END,
       CASE WHEN id % 6 = 0 THEN 'Entgelt für Auftrag ' || id END, CASE WHEN id % 4 = 0 THEN date_trunc('day', created_at) ELSE created_at END
FROM (SELECT t.*, pg_temp.u(t.id, :seed + 221) AS v FROM transactions t WHERE kind <> 'deposit' AND id % 5 = 0) t;

INSERT INTO fee_charges (id, user_id, account_id, transaction_id, schedule_id, kind, base_amount, amount, vat, refund_of, status, note, charged_at)
SELECT 10000000 + id, user_id, account_id, transaction_id, schedule_id, kind, base_amount, -amount, -vat, id, 'charged', 'Gutschrift', least(charged_at + interval '26 hours', timestamptz '2026-06-30 23:59:59+00')
FROM fee_charges WHERE status = 'refunded';

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['fee_schedules','fee_charges','fee_waivers']) r \gset
