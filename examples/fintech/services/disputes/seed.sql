-- SPDX-License-Identifier: Apache-2.0
-- Purposes 315 to 324. About one payment in ninety is disputed.

INSERT INTO disputes (id, transaction_id, user_id, account_id, merchant_id, card_id, reason, status, amount, currency, description, assignee,
                      network_reference, provisional_credit, recovered, channel, lock_version, deadline_on, opened_at, resolved_at,
                      created_at, updated_at, deleted_at)
SELECT x.id / 90, x.id, x.user_id, x.account_id, x.merchant_id, CASE WHEN x.id % 3 = 0 THEN x.user_id END,
       (enum_range(NULL::dispute_reason))[1 + floor(6 * power(pg_temp.u(x.id, :seed + 315), 2))::int],
       s.status, CASE WHEN x.id % 40 = 0 THEN 0 WHEN x.id % 7 = 0 THEN round(x.amount / 2, 2) ELSE x.amount END, x.currency,
       CASE x.id % 5 WHEN 0 THEN '' WHEN 1 THEN 'Ich kenne diesen Händler nicht.' WHEN 2 THEN 'I paid twice – see the receipt'
            WHEN 3 THEN repeat('The parcel never came and nobody answers. ', 1 + (x.id % 60)::int) ELSE 'Größe falsch, Rückgabe abgelehnt' END,
       CASE WHEN s.n > 1 THEN 'agent' || x.id % 7 END, CASE WHEN s.n >= 3 THEN 'ARN' || lpad(x.id::text, 20, '0') END, x.amount > 50 AND s.n > 2,
       CASE WHEN s.n = 4 THEN x.amount WHEN s.n = 5 AND x.id % 4 = 0 THEN -15.00 WHEN s.n = 5 THEN 0 END,
       (enum_range(NULL::channel))[1 + x.id % 5], s.n, (t.at + interval '45 days')::date, t.at,
       CASE WHEN s.n >= 4 THEN t.at + (x.id % 40) * interval '1 day' END, t.at, t.at + s.n * interval '31 hours',
       CASE WHEN x.id % 29 = 0 THEN t.at + interval '300 days' END
FROM transactions x,
     LATERAL (SELECT status, n FROM unnest(enum_range(NULL::dispute_status)) WITH ORDINALITY e (status, n)
              WHERE n = 1 + floor(6 * pg_temp.u(x.id, :seed + 316))::int) s,
     LATERAL (SELECT CASE WHEN x.id % 450 = 0 THEN timestamptz '2025-03-30 00:59:59.5+00' + (x.id / 450 % 3) * interval '1 second'
                          ELSE date_trunc('minute', x.created_at + interval '5 days') END AS at) t
WHERE x.kind = 'payment' AND x.id % 90 = 0;

INSERT INTO dispute_events (id, dispute_id, kind, from_status, to_status, note, actor, created_at)
SELECT 8 * d.id + e.n, d.id, CASE WHEN e.n = 1 THEN 'opened' ELSE 'status' END, CASE WHEN e.n > 1 THEN 'opened'::dispute_status END,
       CASE WHEN e.n = 1 THEN 'opened' WHEN e.n = 2 AND d.lock_version > 2 THEN 'evidence_needed' WHEN e.n = 3 AND d.lock_version > 3 THEN 'submitted'
            ELSE d.status END,
       CASE (d.id + e.n) % 4 WHEN 0 THEN 'called the customer' WHEN 1 THEN 'Händler antwortet nicht' END,
       CASE WHEN e.n = 1 THEN 'user' ELSE coalesce(d.assignee, 'system') END, d.opened_at + (e.n - 1) * interval '26 hours'
FROM disputes d, generate_series(1, 4) e (n) WHERE e.n <= d.lock_version;

INSERT INTO dispute_evidence_files (id, dispute_id, uploaded_by, file_name, mime, bytes, sha256, tags, ocr_text, uploaded_at, deleted_at)
SELECT 4 * d.id + n, d.id, d.user_id, (ARRAY['receipt.pdf', 'Beleg größer.jpg', 'chat.png', 'tracking.txt'])[n + 1],
       (ARRAY['application/pdf', 'image/jpeg', 'image/png', 'text/plain'])[n + 1], floor(4000000 * power(pg_temp.u(4 * d.id + n, :seed + 317), 4))::bigint,
       CASE WHEN n <> 3 THEN decode(md5(d.id || ':' || n) || md5(n || ':' || d.id), 'hex') END, CASE WHEN d.id % 3 = 0 THEN ARRAY['receipt', 'ü'] ELSE '{}' END,
       CASE WHEN n = 0 THEN 'TOTAL ' || d.amount || ' ' || repeat(md5(d.id::text), 20) END, d.opened_at + n * interval '1 hour',
       CASE WHEN (d.id + n) % 15 = 0 THEN d.opened_at + interval '2 days' END
FROM disputes d, generate_series(0, 3) n WHERE pg_temp.u(4 * d.id + n, :seed + 318) < 0.4;

SELECT count(setval(pg_get_serial_sequence(t, 'id'), 1000000000)) AS sequences
FROM unnest(ARRAY['disputes', 'dispute_events', 'dispute_evidence_files']) t \gset
