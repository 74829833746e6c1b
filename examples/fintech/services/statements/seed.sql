-- SPDX-License-Identifier: Apache-2.0
-- The last four months of every account on which something happened.

INSERT INTO statements (id, account_id, user_id, month, number, opening, closing, credits, debits, line_count, status, language, footer, checksum, generated_at, approved_at)
SELECT n, account_id, user_id, month, 'KA-' || to_char(month, 'YYYY/MM') || '-' || account_id, opening, opening + credits - debits, credits, debits, lines,
       CASE WHEN n % 23 = 0 THEN 'draft' WHEN n % 31 = 0 THEN 'withdrawn' ELSE 'final' END, CASE WHEN n % 5 = 0 THEN 'en' ELSE 'de' END,
       CASE WHEN n % 6 = 0 THEN 'Bitte prüfen Sie Ihren Kontoauszug innerhalb von sechs Wochen. ' || repeat('Grüße aus München. ', (n % 40)::int) END,
       CASE WHEN n % 23 > 0 THEN md5('statement' || n)::uuid END, at, CASE WHEN n % 23 > 0 THEN at + n % 9 * interval '1 hour' END
FROM (SELECT row_number() OVER (ORDER BY month, account_id) AS n, *, (month + interval '1 month' + interval '3 hours') AT TIME ZONE 'Europe/Berlin' AS at
      FROM (SELECT account_id, user_id, month, coalesce(sum(credits - debits) OVER (PARTITION BY account_id ORDER BY month ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS opening, credits, debits, lines
            FROM (SELECT e.account_id, a.user_id, date_trunc('month', e.created_at AT TIME ZONE 'Europe/Berlin')::date AS month, coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0) AS credits,
                         coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0) AS debits, count(*) AS lines
                  FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.kind <> 'settlement' GROUP BY 1, 2, 3) m) o
      WHERE month BETWEEN date '2026-02-01' AND date '2026-05-01') s;

INSERT INTO statement_deliveries (id, statement_id, user_id, via, address, state, attempts, last_error, queued_at, sent_at, opened_at)
SELECT n, id, user_id, CASE n % 4 WHEN 0 THEN 'post' WHEN 1 THEN 'app' ELSE 'email' END, CASE n % 4 WHEN 0 THEN 'Straße ' || n || E'\n10115 Berlin' ELSE 'user' || user_id || '@example.com' END, s,
       CASE s WHEN 'queued' THEN 0 WHEN 'failed' THEN 3 ELSE 1 END, CASE WHEN s = 'failed' THEN 'mailbox full' END, approved_at, CASE WHEN s = 'sent' THEN approved_at + interval '4 minutes' END,
       CASE WHEN s = 'sent' AND n % 3 = 0 THEN approved_at + interval '2 days' END
FROM (SELECT row_number() OVER (ORDER BY id) AS n, id, user_id, approved_at, (ARRAY['sent','sent','sent','queued','sent','failed'])[1 + id % 6] AS s
      FROM statements WHERE status = 'final') x;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['statements','statement_deliveries']) r \gset
