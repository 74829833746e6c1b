-- SPDX-License-Identifier: Apache-2.0
-- Sixty partners, whatever the scale; commission for one card payment in five of the merchants they brought.

INSERT INTO partners (id, code, name, legal_name, kind, status, country, default_currency, website, tax_id, parent_partner_id,
                      account_manager_id, risk_rating, tags, settings, status_reason, onboarded_at, created_at, updated_at, deleted_at)
SELECT n, 'P' || lpad(n::text, 4, '0'), name || CASE WHEN n > 12 THEN ' ' || n ELSE '' END,
       CASE WHEN n % 5 <> 0 THEN upper(name) || (ARRAY[' GmbH', ' S.à r.l.', ' Sp. z o.o.', ' B.V.', ' S.A.'])[1 + n % 5] END,
       (enum_range(NULL::partner_kind))[1 + n % 5], status, (ARRAY['DE','FR','ES','NL','PL','JP','KW'])[1 + n % 7],
       (ARRAY['EUR','EUR','EUR','EUR','PLN','JPY','KWD'])[1 + n % 7],
       CASE WHEN n % 4 <> 0 THEN 'https://partner' || n || '.example.com' END, CASE WHEN n % 6 <> 0 THEN 'DE' || (810000000 + n::bigint * 7919) END,
       CASE WHEN n > 40 THEN n % 8 + 1 END, CASE WHEN n % 9 <> 0 THEN 1 + floor(:users * pg_temp.u(n, :seed + 500))::int END,
       CASE WHEN n % 3 <> 0 THEN 1 + n % 5 END,
       CASE n % 4 WHEN 0 THEN '{}' WHEN 1 THEN '{online}' WHEN 2 THEN '{online,"point of sale"}' ELSE ARRAY['größer', 'q"uote'] END::text[],
       jsonb_build_object('invoicing', jsonb_build_object('day', 1 + n % 28, 'net', 14 * (1 + n % 3)), 'sandbox', n % 2 = 0),
       CASE WHEN status IN ('suspended', 'terminated') THEN 'late reports, see ticket ' || (4000 + n) END,
       CASE WHEN status NOT IN ('prospect', 'onboarding') THEN timestamptz '2023-03-26 00:30:00+00' + (n - 1) / 2 * interval '11 days' END,
       timestamptz '2023-01-09 08:00:00+00' + n / 3 * interval '9 days', timestamptz '2026-06-01 06:00:00+00' + n * interval '3 hours',
       CASE WHEN n IN (37, 53) THEN timestamptz '2026-02-28 23:30:00+00' END
FROM (SELECT n, (ARRAY['Nordlicht','Größe & Söhne','Café Réseau','Łódź Pay','acme','ACME','Über','Banco del Río','東京ペイ','Øresund','O''Neill','Zażółć'])[1 + (n - 1) % 12] AS name,
             CASE WHEN n <= 30 THEN 'active' ELSE (ARRAY['active','active','suspended','onboarding','prospect','terminated'])[1 + n % 6] END AS status
      FROM generate_series(1, 60) n) s;

INSERT INTO partner_contacts (id, partner_id, user_id, full_name, email, phone, role, is_primary, locale, created_at, deleted_at)
SELECT n, partner, CASE WHEN n % 3 = 0 THEN 1 + floor(:users * pg_temp.u(n, :seed + 502))::int END,
       (ARRAY['José','Søren','Zoë','Müjde','Anne','Bjørn','Łucja'])[1 + n % 7] || ' ' || (ARRAY['Núñez','Ærø','van den Berg','Groß','Smith'])[1 + n % 5],
       'contact' || n || '@partner' || partner || '.example.com', CASE WHEN n % 4 <> 0 THEN '+49 30 ' || (500000 + n) END,
       (ARRAY['operations','finance','technical','legal'])[1 + n % 4], n <= 60, (ARRAY['de-DE','en','fr-FR'])[1 + n % 3],
       timestamptz '2023-02-01 09:00:00+00' + n / 4 * interval '4 days', CASE WHEN n > 60 AND n % 17 = 0 THEN timestamptz '2025-10-26 00:30:00+00' END
FROM (SELECT n, CASE WHEN n <= 60 THEN n ELSE 1 + floor(60 * power(pg_temp.u(n, :seed + 501), 2)) END::bigint AS partner FROM generate_series(1, 320) n) s;

INSERT INTO partner_agreements (id, partner_id, number, status, revenue_share, min_fee, currency, signed_on, valid_from, valid_to, terms, document_ref, created_at)
SELECT n, p.id, 'AGR-' || (2022 + (n - 1) / 60) || '-' || lpad(p.id::text, 3, '0'),
       CASE WHEN n <= 60 THEN 'expired' WHEN n <= 120 THEN 'signed' WHEN n % 2 = 0 THEN 'draft' ELSE 'terminated' END,
       round((0.5 + 19 * power(pg_temp.u(n, :seed + 503), 3))::numeric, 4), CASE WHEN n % 4 = 0 THEN 0 ELSE n % 10 + 0.5 END, p.default_currency,
       CASE WHEN n <= 120 OR n % 2 = 1 THEN date '2022-12-30' + ((n - 1) / 60 * 365)::int END, date '2023-01-01' + ((n - 1) / 60 * 365)::int,
       CASE WHEN n <= 60 THEN date '2023-12-31' END,
       CASE WHEN n % 7 = 0 THEN (SELECT string_agg('§ ' || g || ' ' || md5((n::bigint * 1000 + g)::text), E'\n' ORDER BY g) FROM generate_series(1, 120) g)
            ELSE 'Standard terms, revision ' || n % 4 END,
       CASE WHEN n % 3 <> 0 THEN md5('agreement' || n)::uuid END, timestamptz '2022-12-01 10:00:00+00' + (n - 1) / 60 * interval '365 days'
FROM generate_series(1, 150) n JOIN partners p ON p.id = 1 + (n - 1) % 60;

INSERT INTO partner_merchants (partner_id, merchant_id, since, referral)
SELECT DISTINCT ON (partner, m) partner, m, date '2023-02-01' + (m % 500)::int, CASE WHEN m % 3 = 0 THEN 'campaign ' || m % 12 END
FROM (SELECT m, k, 1 + floor(60 * power(pg_temp.u(m * 2 + k, :seed + 504), 2))::bigint AS partner
      FROM generate_series(1, 400) m, generate_series(0, 1) k WHERE (k = 0 AND m % 4 <> 0) OR m % 11 = 0) s
ORDER BY partner, m, k;

INSERT INTO partner_commission (id, partner_id, agreement_id, transaction_id, merchant_id, base_amount, rate, amount, currency, state, period, accrued_at, paid_at)
SELECT row_number() OVER (ORDER BY t.id, pm.partner_id), pm.partner_id, CASE WHEN t.id % 13 <> 0 THEN a.id END, t.id, t.merchant_id,
       t.amount, a.revenue_share, round(CASE t.id % 101 WHEN 0 THEN 0 WHEN 1 THEN -1 ELSE 1 END * t.amount * a.revenue_share / 100
             * CASE a.currency WHEN 'JPY' THEN 163.2 WHEN 'KWD' THEN 0.3345 WHEN 'PLN' THEN 4.28 ELSE 1 END,
             CASE a.currency WHEN 'JPY' THEN 0 WHEN 'KWD' THEN 3 ELSE 4 END), a.currency,
       CASE WHEN t.id % 41 = 0 THEN 'cancelled' WHEN t.period < 202604 THEN 'paid' WHEN t.period < 202606 THEN 'invoiced' ELSE 'accrued' END::commission_state,
       t.period, date_trunc('hour', t.created_at) + interval '1 hour',
       CASE WHEN t.id % 41 <> 0 AND t.period < 202604 THEN date_trunc('month', t.created_at) + interval '1 month 14 days 22 hours' END
FROM transactions t JOIN partner_merchants pm ON pm.merchant_id = t.merchant_id
     JOIN partner_agreements a ON a.partner_id = pm.partner_id AND a.status = 'signed'
WHERE pg_temp.u(t.id, :seed + 505) < 0.2;

SELECT count(setval(pg_get_serial_sequence(r, 'id'), 1000000000)) AS sequences
FROM unnest(ARRAY['partners', 'partner_contacts', 'partner_agreements', 'partner_commission']) r \gset
