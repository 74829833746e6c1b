-- SPDX-License-Identifier: Apache-2.0
SELECT 'collection_case', user_id::text, id::text FROM collection_cases ORDER BY id LIMIT 20000;
SELECT 'open_collection', user_id::text, id::text FROM collection_cases WHERE status IN ('open', 'promised', 'paused') ORDER BY id LIMIT 20000;
SELECT 'closed_collection', user_id::text, id::text FROM collection_cases WHERE status IN ('resolved', 'written_off') ORDER BY id LIMIT 500;
SELECT 'promise', user_id::text, id::text FROM payment_promises ORDER BY id LIMIT 20000;
SELECT 'open_promise', NULL, id::text FROM payment_promises WHERE status = 'open' ORDER BY id DESC LIMIT 200;
SELECT 'agency_collection', NULL, id::text FROM collection_cases WHERE stage = 'agency' AND closed_at IS NULL ORDER BY id LIMIT 200;
SELECT 'young_collection', user_id::text, id::text FROM collection_cases WHERE stage IN ('reminder', 'dunning_1') AND closed_at IS NULL ORDER BY id LIMIT 20000;
