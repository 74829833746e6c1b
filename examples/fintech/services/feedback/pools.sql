-- SPDX-License-Identifier: Apache-2.0
SELECT 'survey', NULL, id::text FROM surveys ORDER BY id LIMIT 1000;
SELECT 'survey_open', NULL, id::text FROM surveys WHERE active ORDER BY id LIMIT 1000;
SELECT 'review', NULL, id::text FROM merchant_reviews WHERE deleted_at IS NULL AND state = 'published' ORDER BY id DESC LIMIT 20000;
SELECT 'my_review', user_id::text, id::text FROM merchant_reviews WHERE deleted_at IS NULL ORDER BY id DESC LIMIT 20000;
SELECT 'bought', user_id::text, id::text FROM transactions WHERE kind = 'payment' AND id % 3 = 1 ORDER BY id DESC LIMIT 20000;
