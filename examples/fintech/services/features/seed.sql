-- SPDX-License-Identifier: Apache-2.0

INSERT INTO feature_definitions (key, title, description, owner_team, kind, default_value, rollout_percent, variants, segments, min_kyc_level, client_visible, revision, archived_at, created_by, created_at, updated_at)
SELECT key, initcap(replace(key, '_', ' ')), CASE WHEN n % 4 > 0 THEN 'Siehe Wiki: „' || key || '“' END, (ARRAY['payments','growth','core','cards'])[1 + n % 4],
       (ARRAY['switch','percentage','variant'])[1 + n % 3]::feature_kind,
       CASE n % 3 WHEN 2 THEN to_jsonb((ARRAY['control','blue','Grün'])[1 + n / 3 % 3]) ELSE to_jsonb(n % 6 = 0) END, (ARRAY[0, 12.5, 100, 50, 1, 33.3333, 75])[1 + n % 7],
       CASE n % 3 WHEN 2 THEN '["control", "blue", "Grün"]' ELSE '[]' END::jsonb, CASE WHEN n % 5 = 0 THEN ARRAY['country:DE','country:FR'] WHEN n % 7 = 0 THEN ARRAY['status:active'] ELSE '{}' END,
       CASE WHEN n % 8 = 0 THEN 2 END, n % 9 > 0, 1 + n % 6, CASE WHEN n % 12 = 11 THEN timestamptz '2025-11-01 12:00:00+00' + n * interval '1 day' END, 'pm' || n % 5,
       timestamptz '2023-03-01 10:00:00+00' + n / 2 * interval '17 days', timestamptz '2026-01-01 00:00:00+00' + n * interval '3 days'
FROM unnest(ARRAY['instant_transfers','dark_mode','new_dashboard','crypto_tab','savings_goals','split_bills','virtual_cards','apple_pay','spending_insights','budget_alerts','referral_bonus','chat_support','biometric_login',
    'qr_payments','round_ups','fx_at_cost','joint_accounts','kids_card','loan_offers','tax_export','open_banking','cashback_v2','ai_assistant','receipt_scan','travel_mode','metal_card','night_limit','auto_topup','price_alerts','old_ledger_view','sepa_instant_in','beta_statements',
    'merchant_logos','push_v3','region_lock','fraud_hold_ui']) WITH ORDINALITY f (key, n);

INSERT INTO feature_overrides (feature_key, user_id, value, reason, set_by, expires_at, created_at, updated_at)
SELECT f.key, u, CASE WHEN f.kind = 'variant' THEN to_jsonb((ARRAY['control','blue','Grün'])[1 + floor(3 * v)::int]) ELSE to_jsonb(v < 0.7) END, CASE WHEN u % 3 > 0 THEN (ARRAY['beta tester','Beschwerde','employee'])[1 + u % 3] END,
       CASE WHEN u % 4 = 0 THEN 'support' ELSE 'growth' END, CASE WHEN u % 5 = 0 THEN timestamptz '2099-01-01 00:00:00+00' WHEN u % 41 = 0 THEN timestamptz '2026-06-01 00:00:00+00' END,
       timestamptz '2024-01-01 00:00:00+00' + u * interval '5 hours', timestamptz '2026-02-01 00:00:00+00' + floor(v * 100) * interval '1 day'
FROM feature_definitions f, generate_series(1, :users) u, LATERAL (SELECT pg_temp.u(u * 64 + ascii(f.key) + length(f.key) * 131, :seed + 170) / 0.03 AS v) r WHERE v < 1;

INSERT INTO feature_rollouts (id, feature_key, revision, from_percent, to_percent, changed_by, note, changed_at)
SELECT row_number() OVER (ORDER BY f.key, g), f.key, g, CASE g WHEN 1 THEN 0 ELSE (ARRAY[0, 5, 10, 25, 50, 75])[g] END, CASE WHEN g = f.revision THEN f.rollout_percent ELSE (ARRAY[5, 10, 25, 50, 75, 100])[g] END,
       'pm' || g % 5, CASE g WHEN 3 THEN 'Zurück und wieder vor' WHEN 4 THEN 'errors in the app, then better' END,
       CASE WHEN g = 2 THEN timestamptz '2025-03-30 01:00:00+00' ELSE f.created_at + g * interval '40 days' END
FROM feature_definitions f, generate_series(1, 6) g WHERE g <= f.revision;

SELECT setval(pg_get_serial_sequence('feature_rollouts', 'id'), 1000000000) AS sequences \gset
