-- SPDX-License-Identifier: Apache-2.0

-- Bank account n belongs to user n; some users have a second one.
INSERT INTO bank_accounts (id, user_id, holder, iban, bic, bank, country, verified_at, is_default, created_at, deleted_at)
SELECT n, 1 + (n - 1) % :users, (ARRAY['Ada Acheson','Björn Åkesson','Zoë Łopez','Ümit Öz','Jean-Luc Ça va'])[1 + n % 5], c || lpad((n * 31 % 97)::text, 2, '0') || lpad((n::bigint * 7919)::text, 18, '0'),
       CASE WHEN n % 4 > 0 THEN 'BANK' || c || '2L' END, CASE WHEN n % 6 > 0 THEN (ARRAY['Sparkasse Köln','BNP Paribas','ING','mBank'])[1 + n % 4] END, c, CASE WHEN n % 5 > 0 THEN timestamptz '2023-06-01 00:00:00+00' + n * (interval '600 days' / :users) END,
       n <= :users, timestamptz '2023-05-31 22:00:00+00' + n / 2 * (interval '600 days' / :users), CASE WHEN n > :users AND n % 3 = 0 THEN timestamptz '2026-02-28 23:30:00+00' END
FROM (SELECT n, (ARRAY['DE','FR','NL','PL'])[1 + n % 4] AS c FROM generate_series(1, :users * 5 / 4) n) s;

INSERT INTO payout_batches (id, ref, state, cutoff, file_name, created_by, created_at, sent_at)
SELECT n, 'B' || to_char(at, 'YYYYMMDD') || '-' || n, CASE WHEN n > 296 THEN 'open' WHEN n % 50 = 0 THEN 'failed' ELSE 'sent' END, at, CASE WHEN n <= 296 THEN 'pain.001.' || n || '.xml' END, 1 + n % 4, at - interval '20 hours', CASE WHEN n <= 296 AND n % 50 > 0 THEN at + interval '5 minutes' END
FROM (SELECT n, timestamptz '2025-09-01 14:00:00+00' + n * interval '1 day' AS at FROM generate_series(1, 300) n) s;

INSERT INTO payouts (id, user_id, account_id, bank_account_id, batch_id, amount, currency, fee, status, urgent, purpose, end_to_end, reject_code, labels, created_at, updated_at, sent_at)
SELECT n, who, 100 + 3 * who + CASE WHEN n % 5 = 0 THEN 1 ELSE 0 END, who, CASE WHEN s IN ('batched', 'sent', 'rejected') THEN b END, CASE cur WHEN 'JPY' THEN round(amount * 160) WHEN 'KWD' THEN round(amount / 3, 3) ELSE round(amount, 2) END, cur, CASE WHEN n % 4 = 0 THEN 1.5 ELSE 0 END, s,
       n % 12 = 0, CASE WHEN n % 3 > 0 THEN (ARRAY['Gehalt','Rückzahlung','salary','Überweisung 50 %','owner''s draw'])[1 + n % 5] END, md5('payout' || n)::uuid, CASE WHEN s = 'rejected' THEN (ARRAY['AC01','AC04','MS03'])[1 + n % 3] END,
       CASE n % 6 WHEN 0 THEN ARRAY['payroll'] WHEN 1 THEN ARRAY['payroll','Q"3', 'größer'] ELSE '{}' END, at, at + n % 30 * interval '1 hour', CASE WHEN s IN ('sent', 'rejected') THEN at + interval '1 day' END
FROM (SELECT n, 1 + floor(:users * power(pg_temp.u(n, :seed + 270), 2))::bigint AS who, (1 + 3000 * power(pg_temp.u(n, :seed + 271), 4))::numeric AS amount, CASE WHEN n % 40 = 0 THEN 'JPY' WHEN n % 45 = 0 THEN 'KWD' ELSE 'EUR' END AS cur,
             1 + floor(296 * n / (2 * :users + 1.0))::bigint AS b, timestamptz '2025-08-31 21:30:00+00' + n / 2 * (interval '300 days' / :users) AS at,
             CASE WHEN n > :users * 9 / 5 THEN (ARRAY['pending','pending','reserved','cancelled'])[1 + n % 4] WHEN n % 33 = 0 THEN 'rejected' WHEN n % 14 = 0 THEN 'cancelled' ELSE 'sent' END::payout_status AS s
      FROM generate_series(1, 2 * :users) n) q;

UPDATE payout_batches b SET payout_count = p.count, amount_sum = p.sum FROM (SELECT batch_id, count(*), coalesce(sum(amount) FILTER (WHERE currency = 'EUR'), 0) AS sum FROM payouts GROUP BY 1) p WHERE p.batch_id = b.id;

INSERT INTO fund_reservations (id, payout_id, account_id, amount, state, reserved_at, ended_at)
SELECT id, id, account_id, amount + fee, CASE status WHEN 'reserved' THEN 'held' WHEN 'sent' THEN 'used' ELSE 'released' END, created_at + interval '1 minute', CASE WHEN status <> 'reserved' THEN updated_at END
FROM payouts WHERE status IN ('reserved', 'sent', 'rejected');

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['bank_accounts','payout_batches','payouts','fund_reservations']) r \gset
