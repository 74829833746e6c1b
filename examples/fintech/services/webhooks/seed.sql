-- SPDX-License-Identifier: Apache-2.0
-- Three endpoints a partner; a delivery for every eighth transaction, most to few endpoints.

INSERT INTO webhook_endpoints (id, partner_id, url, description, status, secret_hint, api_version, headers, max_attempts, failing_since, created_at, updated_at)
SELECT n, 1 + (n - 1) % 60, 'https://partner' || 1 + (n - 1) % 60 || '.example.com/hooks/' || (ARRAY['in','fintech','ünïcode'])[1 + n % 3],
       CASE WHEN n % 4 <> 0 THEN 'Benachrichtigung für System ' || n END, CASE n % 10 WHEN 7 THEN 'paused' WHEN 9 THEN 'disabled' ELSE 'enabled' END,
       substr(md5('hook' || n), 1, 4), (ARRAY['2023-05-01','2025-01-01','2025-10-26'])[1 + n % 3]::date,
       CASE WHEN n % 3 = 0 THEN '{"X-Env": "live", "X-Tenant": null}' ELSE '{}' END::jsonb, (ARRAY[3, 8, 16])[1 + n % 3],
       CASE WHEN n % 10 = 9 THEN timestamptz '2026-06-20 22:00:00+00' + n * interval '1 minute' END,
       timestamptz '2023-06-01 00:00:00+00' + n / 5 * interval '7 days', timestamptz '2026-05-01 00:00:00+00' + n * interval '1 hour'
FROM generate_series(1, 180) n;

INSERT INTO webhook_subscriptions (endpoint_id, event_type, filter, created_at)
SELECT e, (ARRAY['payment.posted','payment.failed','settlement.paid','dispute.opened','account.closed'])[k],
       CASE WHEN (e + k) % 4 = 0 THEN jsonb_build_object('min_amount', (e * k % 50)::numeric + 0.50, 'currencies', jsonb_build_array('EUR', 'JPY')) END,
       timestamp '2024-03-31 02:30:00' + (e + k) * interval '1 day'
FROM generate_series(1, 180) e, generate_series(1, 5) k WHERE k = 1 OR (e * k) % 3 <> 0;

INSERT INTO webhook_deliveries (id, endpoint_id, event_type, user_id, transaction_id, payload, status, attempts, response_code, response_body,
                                latency_ms, next_attempt_at, created_at, delivered_at)
SELECT md5('delivery' || id || ' ' || :seed)::uuid, 1 + floor(180 * power(pg_temp.u(id, :seed + 525), 3)), event, user_id,
       CASE WHEN id % 29 <> 0 THEN id END,
       jsonb_build_object('type', event, 'api_version', '2025-01-01', 'data', jsonb_build_object('transaction', id, 'amount', amount::text,
             'currency', currency, 'note', CASE WHEN id % 40 = 0 THEN repeat('naïve – 长 ', 40) END, 'livemode', id % 3 <> 0)),
       status::webhook_status, CASE status WHEN 'delivered' THEN 1 + id % 2 WHEN 'queued' THEN 0 WHEN 'dead' THEN 8 ELSE 1 + id % 7 END,
       CASE status WHEN 'delivered' THEN 200 + id % 5 WHEN 'queued' THEN NULL ELSE (ARRAY[500, 502, 404, NULL])[1 + id % 4] END,
       CASE WHEN status IN ('failed', 'dead') AND id % 2 = 0 THEN '<html><body>' || repeat('Bad gateway ', (id % 60)::int) || '</body></html>' WHEN status = 'delivered' THEN 'ok' END,
       CASE WHEN status <> 'queued' THEN 12.5 + 900 * power(pg_temp.u(id, :seed + 527), 4) END,
       CASE WHEN status IN ('queued', 'failed') THEN date_trunc('minute', created_at) + interval '15 minutes' END, date_trunc('second', created_at) + interval '2 seconds',
       CASE WHEN status = 'delivered' THEN created_at + interval '2.25 seconds' END
FROM (SELECT t.*, CASE WHEN luck < 0.9 THEN 'delivered' WHEN luck < 0.93 THEN 'queued' WHEN luck < 0.97 THEN 'failed' ELSE 'dead' END AS status,
             (ARRAY['payment.posted','payment.posted','payment.failed','settlement.paid','dispute.opened','account.closed'])[1 + t.id % 6] AS event
      FROM (SELECT id, user_id, amount, currency, created_at, pg_temp.u(id, :seed + 526) AS luck FROM transactions WHERE id > 110 + 3 * :users AND id % 8 = 3) t) s;

SELECT setval(pg_get_serial_sequence('webhook_endpoints', 'id'), 1000000000) AS sequences \gset
