-- SPDX-License-Identifier: Apache-2.0
SELECT 'feature', NULL, key FROM feature_definitions WHERE archived_at IS NULL ORDER BY key;
SELECT 'feature_variant', NULL, key FROM feature_definitions WHERE archived_at IS NULL AND kind = 'variant' ORDER BY key;
SELECT 'feature_switch', NULL, key FROM feature_definitions WHERE archived_at IS NULL AND kind <> 'variant' ORDER BY key;
SELECT 'feature_archived', NULL, key FROM feature_definitions WHERE archived_at IS NOT NULL ORDER BY key;
SELECT 'cashback_override', NULL, user_id::text FROM feature_overrides WHERE feature_key = 'cashback_v2' ORDER BY user_id LIMIT 20000;
