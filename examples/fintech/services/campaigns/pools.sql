-- SPDX-License-Identifier: Apache-2.0
SELECT 'campaign', NULL, id::text FROM campaigns WHERE archived_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'campaign_archived', NULL, id::text FROM campaigns WHERE archived_at IS NOT NULL ORDER BY id LIMIT 20;
SELECT 'campaign_draft', NULL, id::text FROM campaigns WHERE status = 'draft' ORDER BY id LIMIT 20000;
SELECT 'offer', NULL, o.id::text FROM offers o JOIN campaigns c ON c.id = o.campaign_id WHERE NOT o.withdrawn AND c.status = 'live' ORDER BY o.id LIMIT 20000;
SELECT 'offer_gone', NULL, id::text FROM offers WHERE withdrawn ORDER BY id LIMIT 50;
SELECT 'activated', user_id::text, offer_id::text FROM offer_activations WHERE uses = 0 ORDER BY user_id, offer_id LIMIT 20000;
