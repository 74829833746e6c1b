-- SPDX-License-Identifier: Apache-2.0
-- Purposes 380 to 399.

INSERT INTO surveys (id, slug, title, questions, open_from, open_to, audience, active, created_at)
SELECT n, 'nps-' || 2023 + n / 4 || '-q' || 1 + n % 4, jsonb_build_object('en', 'How are we doing? ' || n, 'de', 'Wie zufrieden sind Sie? ' || n, 'fr', 'Êtes-vous satisfait ? ' || n),
       (SELECT jsonb_agg(jsonb_build_object('key', k, 'type', CASE WHEN k = 'why' THEN 'text' ELSE 'scale' END, 'required', k = 'app')) FROM unnest(ARRAY['app', 'support', 'price', 'why']) k),
       date '2023-07-01' + n * 91, CASE WHEN n % 5 > 0 THEN date '2023-07-01' + n * 91 + 45 END, (ARRAY['all', 'kyc2', 'merchants'])[1 + n % 3], n > 3,
       timestamptz '2023-06-20 00:00:00+00' + n * interval '91 days'
FROM generate_series(0, 11) n;

INSERT INTO "survey_response" ("id", "surveyId", "userId", "npsScore", "answers", "freeText", "locale", "deviceInfo", "durationMs", "isComplete", "createdAt", "updatedAt")
SELECT n, survey, who, CASE WHEN n % 14 > 0 THEN 10 - floor(11 * power(pg_temp.u(n, :seed + 382), 2.5))::int END,
       jsonb_build_object('app', n % 5 + 1, 'support', CASE WHEN n % 4 > 0 THEN n % 6 END, 'why', CASE WHEN n % 7 = 0 THEN 'zu teuer – wirklich' END)
           || CASE WHEN n % 3 = 0 THEN '{"price": 2.5}' ELSE '{}' END::jsonb,
       CASE n % 6 WHEN 0 THEN 'Übersichtlich, schnell. Weiter so!' WHEN 1 THEN 'too many e-mails' WHEN 2 THEN repeat('Very long story about the card reader. ', 1 + n % 30) END,
       (ARRAY['de-DE', 'en', 'fr-FR', 'pl-PL'])[1 + n % 4], CASE WHEN n % 5 > 0 THEN jsonb_build_object('os', (ARRAY['ios', 'android', 'web'])[1 + n % 3], 'v', '5.' || n % 12) END,
       CASE WHEN n % 9 > 0 THEN 4000 + n * 37 % 240000 END, n % 11 > 0, at, at + (n % 4) * interval '90 seconds'
FROM (SELECT DISTINCT ON (survey, who) * FROM (
        SELECT n, floor(12 * sqrt(pg_temp.u(n, :seed + 380)))::int AS survey, 1 + floor(:users * power(pg_temp.u(n, :seed + 381), 2))::int AS who,
               timestamptz '2023-07-02 22:00:00+00' + floor(12 * sqrt(pg_temp.u(n, :seed + 380))) * interval '91 days'
                   + CASE WHEN n % 50 = 0 THEN interval '0' ELSE floor(40 * 1440 * pg_temp.u(n, :seed + 383)) * interval '1 minute' END AS at
        FROM generate_series(1, :users * 3) n) d ORDER BY survey, who, n) s;

INSERT INTO merchant_reviews (id, merchant_id, user_id, transaction_id, stars, title, body, language, photos, helpful, state, reply, replied_at, created_at, updated_at, deleted_at)
SELECT x.id / 20, x.merchant_id, x.user_id, CASE WHEN x.id % 60 > 0 THEN x.id END, 5 - floor(5 * power(pg_temp.u(x.id, :seed + 384), 2))::int,
       CASE x.id / 20 % 8 WHEN 0 THEN 'Ärgerlich' WHEN 1 THEN 'ok' WHEN 2 THEN 'Sehr gut!' WHEN 3 THEN 'äußerst freundlich' WHEN 4 THEN 'Über dem Durchschnitt' WHEN 5 THEN 'zurück: nie' WHEN 6 THEN 'Ça va' END,
       CASE WHEN x.id / 20 % 5 > 0 THEN repeat((ARRAY['Gerne wieder. ', 'Delivery was late. ', 'Prix élevés, bon service. ', 'Ich komme wieder, 100 %! '])[1 + x.id / 20 % 4], 1 + (x.id % 23)::int) END,
       (ARRAY['de', 'en', 'fr', 'de'])[1 + x.id / 20 % 4], CASE WHEN x.id % 180 = 0 THEN ARRAY['p/' || x.id || '.jpg', 'p/ü "neu".jpg'] ELSE '{}' END,
       floor(40 * power(pg_temp.u(x.id, :seed + 385), 6))::int, CASE WHEN x.id % 340 = 0 THEN 'hidden' WHEN x.id % 460 = 0 THEN 'pending' ELSE 'published' END,
       CASE WHEN x.id % 140 = 0 THEN 'Danke für die Rückmeldung!' END, CASE WHEN x.id % 140 = 0 THEN x.created_at + interval '10 days' END,
       CASE WHEN x.id % 500 = 0 THEN timestamptz '2025-01-01 00:00:00+00' ELSE date_trunc('second', x.created_at + interval '3 days') END, x.created_at + interval '4 days',
       CASE WHEN x.id % 380 = 0 THEN x.created_at + interval '30 days' END
FROM transactions x WHERE x.kind = 'payment' AND x.id % 20 = 0;

SELECT count(setval(pg_get_serial_sequence(t, 'id'), 1000000000)) AS sequences FROM unnest(ARRAY['survey_response', 'merchant_reviews']) t \gset
