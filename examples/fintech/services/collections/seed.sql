-- SPDX-License-Identifier: Apache-2.0
-- A case for every loan that is or was paid badly (as loans/seed.sql decides). Purposes 430 to 439.

INSERT INTO collection_cases (id, case_no, loan_id, user_id, stage, status, overdue_amount, currency, days_past_due, prio, assigned_to, agency, tags,
    hardship, notes, opened_at, next_action_at, updated_at, closed_at, close_reason)
SELECT n, 'INK-' || lpad(n::text, 7, '0'), n, 1 + floor(:users * power(pg_temp.u(2 * n, :seed + 400), 3))::bigint,
       (ARRAY['reminder','dunning_1','dunning_2','legal','agency'])[1 + stage]::collection_stage, status,
       CASE WHEN status = 'resolved' AND n % 3 > 0 THEN 0 ELSE round((20 + 3000 * power(pg_temp.u(n, :seed + 431), 3))::numeric * CASE n % 40 WHEN 7 THEN 100 ELSE 1 END, CASE n % 40 WHEN 7 THEN 0 ELSE 2 END) END,
       CASE n % 40 WHEN 7 THEN 'JPY' WHEN 19 THEN 'KWD' WHEN 29 THEN 'PLN' ELSE 'EUR' END, CASE WHEN status = 'resolved' THEN 0 ELSE (5 + 170 * pg_temp.u(n, :seed + 432))::int END,
       1 + n % 5, CASE WHEN n % 4 > 0 THEN 'agent' || n % 12 END, CASE WHEN stage = 4 THEN (ARRAY['Inkasso Rhein-Ruhr GmbH','Société de Recouvrement'])[1 + n % 2] END,
       (ARRAY['{}','{vip}','{dispute,address_unknown}','{insolvency}'])[1 + n % 4]::text[], n % 13 = 0,
       CASE WHEN n % 5 = 0 THEN repeat('Schuldner verspricht Zahlung nach Gehaltseingang. ', 1 + n % 12) END, opened,
       CASE WHEN status IN ('open', 'promised') THEN date_trunc('hour', opened) + (n % 30) * interval '1 day' END, opened + interval '3 days',
       CASE WHEN status IN ('resolved', 'written_off') THEN least(opened + (10 + n % 90) * interval '1 day', timestamptz '2026-06-29 22:00:00+00') END,
       CASE status WHEN 'resolved' THEN (ARRAY['paid','settled','goodwill'])[1 + n % 3] WHEN 'written_off' THEN 'uncollectable' END
FROM (SELECT n, pg_temp.u(2 * n, :seed + 405) AS b, floor(5 * power(pg_temp.u(n, :seed + 430), 1.5))::int AS stage,
             timestamptz '2023-05-01 00:00:00+00' + (n - n % 2 * (n % 8 / 7)) * (interval '1100 days' / (3 * :users / 4 + 1)) AS opened
      FROM generate_series(1, 3 * :users / 4) n) l,
     LATERAL (SELECT CASE WHEN b < 0.78 THEN 'resolved' WHEN b >= 0.99 THEN 'written_off' WHEN stage >= 3 THEN 'legal'
                          ELSE (ARRAY['open','open','promised','paused'])[1 + n % 4] END AS status) s
WHERE n % 61 > 0 AND n * 100 < 3 * :users / 4 * 93 AND (b >= 0.78 OR n % 6 = 0);

INSERT INTO collection_actions (id, case_id, kind, outcome, performed_by, cost, detail, note, performed_at, created_at, voided_at)
SELECT 10 * c.id + k, c.id, (ARRAY['email','sms','call','letter','visit','hold'])[1 + (c.id + k * k) % 6], CASE WHEN (c.id + k) % 5 > 0 THEN
       (ARRAY['reached','no_answer','refused','delivered'])[1 + (c.id + k) % 4] END, CASE WHEN k = 0 THEN 'system' ELSE coalesce(c.assigned_to, 'agent0') END,
       CASE (c.id + k * k) % 6 WHEN 3 THEN 1.10 WHEN 4 THEN 35.00 ELSE 0 END, jsonb_build_object('attempt', k + 1, 'template', 'M' || (c.id % 7)),
       CASE WHEN k = 2 THEN 'Rückruf erbeten, „bitte erst nach 18 Uhr“' END, date_trunc('day', c.opened_at) + (k / 2) * interval '9 days' + interval '10 hours',
       c.opened_at AT TIME ZONE 'Europe/Berlin', CASE WHEN (c.id + k) % 41 = 0 THEN c.opened_at + interval '40 days' END
FROM collection_cases c, generate_series(0, 7) k WHERE k < 2 + c.id % 7;

INSERT INTO payment_promises (id, case_id, loan_id, user_id, amount, currency, promised_for, status, made_via, note, created_at, resolved_at)
SELECT 10 * c.id + k, c.id, c.loan_id, c.user_id, CASE WHEN c.currency = 'JPY' THEN 1000 ELSE 25.50 END * (1 + (c.id + k) % 9), c.currency,
       (c.opened_at + (14 + 10 * k) * interval '1 day')::date, (CASE WHEN c.status = 'promised' AND k = 0 THEN 'open'
       ELSE (ARRAY['kept','broken','cancelled','kept'])[1 + (c.id + k) % 4] END)::promise_status,
       (ARRAY['phone','web','ios','branch'])[1 + (c.id + k) % 4]::channel, CASE WHEN k = 1 THEN 'nach Urlaubsgeld' END, c.opened_at + k * interval '10 days',
       CASE WHEN c.status <> 'promised' OR k > 0 THEN c.opened_at + (15 + 10 * k) * interval '1 day' END
FROM collection_cases c, generate_series(0, 2) k WHERE k < 1 + c.id % 3;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS collection_sequences
FROM unnest(ARRAY['collection_cases','collection_actions','payment_promises']) r \gset
