-- SPDX-License-Identifier: Apache-2.0

INSERT INTO notification_templates (id, code, locale, channel, subject, body, variables, version, active, updated_by, created_at, updated_at)
SELECT row_number() OVER (ORDER BY k, l), code, locale, channel::notification_channel,
       CASE locale WHEN 'de' THEN 'Für Sie: ' WHEN 'fr' THEN 'À lire : ' ELSE '' END || subject,
       CASE locale WHEN 'de' THEN 'Guten Tag {name}, ' WHEN 'fr' THEN 'Bonjour {name}, ' ELSE 'Hello {name}, ' END || body,
       CASE WHEN body LIKE '%{amount}%' THEN ARRAY['name','amount','merchant'] ELSE ARRAY['name'] END,
       1 + (k * l) % 4, (k + l) % 11 <> 0, CASE WHEN k % 3 > 0 THEN 'marketing-' || k END,
       '2023-01-05 09:00:00+00', timestamptz '2023-01-05 09:00:00+00' + (k * 40 + l) * interval '1 day'
FROM (VALUES (1,'payment_posted','push','Payment booked','you paid {amount} to {merchant}.'),
             (2,'card_used','push','Card used','your card was used at {merchant} for {amount}.'),
             (3,'kyc_update','email','Your verification','there is news about your verification.'),
             (4,'security_alert','sms','New sign-in','somebody signed in to your account. Was it you?'),
             (5,'marketing','email','An offer — 2 % cashback','shop this weekend and get cashback.'),
             (6,'statement_ready','in_app','Statement ready','your statement is ready.'),
             (7,'ticket_reply','email','We answered','there is an answer to your question.'),
             (8,'limit_warning','push','Close to your limit','you spent {amount} at {merchant}, close to your limit.')) c (k, code, channel, subject, body),
     (VALUES (1,'en'), (2,'de'), (3,'fr')) loc (l, locale);

-- Some come in blasts: a pair of rows has the same user and the same time.
CREATE TEMP TABLE s AS
SELECT n, coalesce(x.user_id, 1 + floor(:users * power(pg_temp.u(b, :seed + 100), 3))::bigint) AS who, k, x.id AS transaction_id, x.amount,
       x.currency, x.merchant_id, pg_temp.u(n, :seed + 102) AS luck,
       CASE WHEN b % 61 = 0 THEN timestamptz '2025-10-26 00:59:59+00'
            WHEN b % 53 = 0 THEN date_trunc('day', timestamptz '2023-02-01 00:00:00+00' + b % 1200 * interval '1 day') + interval '22 hours'
            ELSE date_trunc('second', timestamptz '2023-02-01 00:00:00+00' + pg_temp.u(b, :seed + 103) * interval '1240 days') END AS at
FROM (SELECT n, b, 1 + floor(8 * power(pg_temp.u(b, :seed + 101), 1.5))::int AS k
      FROM (SELECT n, CASE WHEN n % 10 IN (3, 7) THEN n - 1 ELSE n END AS b FROM generate_series(1, :users * 8) n) g) h
     LEFT JOIN transactions x ON k IN (1, 2, 8) AND x.id = 110 + 3 * :users + 1 + floor(:transactions * pg_temp.u(b, :seed + 105))::bigint;

INSERT INTO notifications (id, user_id, template_id, transaction_id, kind, channel, status, title, body, data, recipients, priority, attempts,
                           scheduled_for, sent_at, read_at, deleted_at, created_at)
SELECT s.n, s.who, CASE WHEN s.n % 9 > 0 THEN t.id END, s.transaction_id, t.code, t.channel,
       CASE WHEN luck < 0.01 THEN 'queued' WHEN luck < 0.012 THEN 'sending' WHEN luck < 0.04 THEN 'failed' WHEN luck < 0.07 THEN 'suppressed'
            ELSE 'sent' END::notification_status,
       t.subject, replace(replace(replace(t.body, '{name}', 'customer'), '{amount}', coalesce(s.amount::text, '?')), '{merchant}', coalesce('merchant ' || s.merchant_id, 'somebody'))
           || CASE WHEN s.n % 400 = 0 THEN repeat(E'\nTerms and conditions apply; see § 12 of our price list — „Preisverzeichnis“.', 60) ELSE '' END,
       CASE WHEN s.transaction_id IS NULL THEN jsonb_build_object('campaign', 'c' || s.n % 17) ELSE jsonb_build_object('amount', s.amount, 'currency', s.currency) END,
       CASE WHEN luck < 0.07 THEN '{}' WHEN t.channel = 'email' THEN ARRAY['user' || s.who || '@example.com'] ELSE ARRAY[left(md5('push' || s.who), 12), left(md5('old' || s.who), 12)] END,
       CASE t.code WHEN 'security_alert' THEN 1 WHEN 'marketing' THEN 9 ELSE 5 END,
       CASE WHEN luck < 0.012 THEN 0 WHEN luck < 0.04 THEN 3 WHEN luck < 0.07 THEN 0 ELSE 1 + (s.n % 20 = 0)::int END,
       CASE WHEN s.n % 6 = 0 OR luck < 0.01 THEN at + interval '15 minutes' END,
       CASE WHEN luck >= 0.07 THEN at + interval '20 minutes' END,
       CASE WHEN luck >= 0.5 THEN at + (1 + 4000 * pg_temp.u(s.n, :seed + 104)) * interval '1 minute' END,
       CASE WHEN luck >= 0.97 THEN at + interval '90 days' END, at
FROM s JOIN notification_templates t ON t.code = (ARRAY['payment_posted','card_used','kyc_update','security_alert','marketing','statement_ready','ticket_reply','limit_warning'])[k]
       AND t.locale = (ARRAY['en','de','fr','en'])[1 + who % 4];

INSERT INTO notification_preferences (user_id, channel, enabled, quiet_from, quiet_to, muted, updated_at)
SELECT n, c, pg_temp.u(n * 4 + k, :seed + 106) > 0.15, CASE WHEN n % 5 = 0 THEN time '22:00' END, CASE WHEN n % 5 = 0 THEN time '07:30' END,
       CASE WHEN n % 7 = 0 THEN ARRAY['marketing'] WHEN n % 31 = 0 THEN ARRAY['marketing','statement_ready'] ELSE '{}' END,
       timestamptz '2024-01-01 00:00:00+00' + n * interval '11 minutes'
FROM generate_series(1, :users) n, unnest(enum_range(NULL::notification_channel)) WITH ORDINALITY e (c, k)
WHERE pg_temp.u(n * 4 + k, :seed + 107) < 0.8;

INSERT INTO delivery_attempts (id, notification_id, attempt_no, provider, outcome, error_code, latency_ms, cost, response, attempted_at)
SELECT n.id * 4 + g, n.id, g, CASE n.channel WHEN 'email' THEN 'mailjet' WHEN 'sms' THEN 'sinch' WHEN 'push' THEN (ARRAY['fcm','apns'])[1 + n.user_id % 2] ELSE 'inbox' END,
       CASE WHEN g < n.attempts OR n.status = 'failed' THEN 'error' ELSE 'ok' END,
       CASE WHEN g < n.attempts OR n.status = 'failed' THEN (ARRAY['timeout','bad_address','quota'])[1 + n.id % 3] END,
       CASE WHEN n.id % 13 > 0 THEN floor(20 + 1900 * power(pg_temp.u(n.id * 4 + g, :seed + 108), 4))::int END,
       CASE n.channel WHEN 'sms' THEN 0.07350 WHEN 'email' THEN 0.00085 ELSE 0 END,
       CASE WHEN n.id % 3 = 0 THEN jsonb_build_object('message_id', md5('m' || n.id * 4 + g)) END,
       (n.created_at + g * interval '5 minutes') AT TIME ZONE 'UTC'
FROM notifications n, generate_series(1, 3) g WHERE g <= n.attempts;

DROP TABLE s;
SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['notification_templates','notifications','delivery_attempts']) r \gset
