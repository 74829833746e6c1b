-- SPDX-License-Identifier: Apache-2.0
-- A statement line for every twelfth transaction; most match, some nearly, some not at all.

CREATE TEMP TABLE l AS
SELECT row_number() OVER (ORDER BY t.id) AS n, t.*, pg_temp.u(t.id, :seed + 549) AS luck,
       CASE WHEN t.id % 43 = 0 THEN 'JPY' WHEN t.id % 47 = 0 THEN 'KWD' ELSE t.currency END AS ccy
FROM transactions t WHERE t.id > 110 + 3 * :users AND t.id % 12 = 7;

INSERT INTO bank_stmt_lines (id, stmt_no, line_no, iban, val_dt, book_ts, amt, ccy, e2e_ref, cpty_name, cpty_iban, descr, raw, match_st, imported_at)
SELECT n, 'STM' || to_char(created_at, 'YYYYMM'), row_number() OVER (PARTITION BY to_char(created_at, 'YYYYMM') ORDER BY id),
       'DE' || (10 + id % 80) || '50010517' || lpad((id % 7)::text, 10, '0'), (coalesce(settled_at, created_at) AT TIME ZONE 'Europe/Berlin')::date,
       date_trunc('hour', created_at AT TIME ZONE 'Europe/Berlin'),
       CASE WHEN luck < 0.01 THEN 0 WHEN ccy = 'JPY' THEN round(amount * 163) WHEN ccy = 'KWD' THEN round(amount * 0.33451, 3)
            WHEN luck BETWEEN 0.85 AND 0.9 THEN amount + 0.01 ELSE amount END * CASE WHEN kind = 'transfer' THEN -1 ELSE 1 END,
       ccy, CASE WHEN id % 5 <> 0 THEN 'TX' || id END,
       CASE WHEN id % 6 <> 0 THEN (ARRAY['MÜLLER, JÖRG','Société Générale Paris','Żabka Polska','müller, jörg','株式会社 東京','O''BRIEN & CO'])[1 + id % 6] END,
       CASE WHEN id % 4 <> 0 THEN 'FR76' || lpad((id::bigint * 7919)::text, 20, '0') END,
       CASE WHEN id % 50 = 0 THEN repeat('SVWZ+Rechnung ' || id || ' ', 60) ELSE 'SVWZ+' || description END,
       jsonb_build_object('tag61', md5(id::text), 'gvc', 100 + id % 99, 'primanota', CASE WHEN id % 3 = 0 THEN NULL ELSE id % 1000 END),
       CASE WHEN luck < 0.85 THEN 'matched' WHEN luck < 0.9 THEN 'suggested' WHEN luck < 0.98 THEN 'open' ELSE 'ignored' END,
       date_trunc('day', created_at) + interval '1 day 5 hours'
FROM l;

INSERT INTO recon_matches (id, line_id, txn_id, method, confidence, amt_diff, matched_by, matched_at, undone_at, undone_by)
SELECT n, n, id, (ARRAY['auto_ref','auto_amt','manual'])[1 + id % 3], CASE id % 3 WHEN 0 THEN 1 ELSE 0.5 + luck / 2.1 END,
       CASE WHEN luck >= 0.85 THEN 0.01 ELSE 0 END, CASE WHEN id % 3 = 2 THEN 'stf_' || 1 + id % 9 ELSE 'robot' END,
       date_trunc('day', created_at) + interval '1 day 6 hours', CASE WHEN luck >= 0.85 THEN least(date_trunc('day', created_at) + interval '2 days', timestamptz '2026-06-30 18:00:00+00') END,
       CASE WHEN luck >= 0.85 THEN 'stf_3' END
FROM l WHERE luck < 0.9;

INSERT INTO recon_breaks (id, line_id, txn_id, merchant_id, user_id, kind, st, amt, ccy, assignee, note, opened_on, resolved_at)
SELECT row_number() OVER (ORDER BY id), CASE WHEN id % 5 <> 1 THEN n END, CASE WHEN id % 7 <> 0 THEN id END, merchant_id, user_id,
       (enum_range(NULL::recon_brk_kind))[1 + id % 5], st, CASE WHEN id % 5 = 2 THEN 0.01 WHEN id % 5 = 3 THEN 0 ELSE amount END, ccy,
       CASE WHEN st <> 'open' OR id % 2 = 0 THEN 'stf_' || 1 + id % 9 END, CASE WHEN id % 3 = 0 THEN 'Bank angerufen, keine Antwort' END,
       least(created_at::date + 2, date '2026-06-30'), CASE WHEN st IN ('resolved', 'written_off') THEN least(created_at + interval '20 days', timestamptz '2026-06-30 18:00:00+00') END
FROM (SELECT *, CASE WHEN period < 202603 THEN (ARRAY['resolved','resolved','written_off','open'])[1 + id % 4]
                     ELSE (ARRAY['open','investigating','open','resolved'])[1 + id % 4] END AS st FROM l WHERE luck >= 0.85 AND luck < 0.98) s;

INSERT INTO recon_log (at, actor, action, line_id, brk_id, details)
SELECT date_trunc('day', created_at) + interval '1 day 5 hours', 'robot', a, n, CASE WHEN luck >= 0.9 THEN n END,
       CASE WHEN n % 4 <> 0 THEN jsonb_build_object('run', n / 50, 'tries', id % 3) END
FROM l, unnest(ARRAY['import', 'match']) a WHERE a = 'import' OR luck < 0.9
ORDER BY n, a;

DROP TABLE l;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['bank_stmt_lines', 'recon_matches', 'recon_breaks']) r \gset
