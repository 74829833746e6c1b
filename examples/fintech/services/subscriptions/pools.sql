-- SPDX-License-Identifier: Apache-2.0
SELECT 'subscription', user_id::text, id::text FROM subscriptions WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'running_subscription', user_id::text, id::text FROM subscriptions WHERE deleted_at IS NULL AND state IN ('trial', 'active') AND id % 7 > 0 ORDER BY id LIMIT 20000;
SELECT 'paused_subscription', user_id::text, id::text FROM subscriptions WHERE deleted_at IS NULL AND state IN ('paused', 'past_due') AND id % 7 > 0 ORDER BY id LIMIT 20000;
SELECT 'subscription_to_end', user_id::text, id::text FROM subscriptions WHERE deleted_at IS NULL AND state <> 'cancelled' AND id % 7 = 0 ORDER BY id LIMIT 20000;
SELECT 'cancelled_subscription', user_id::text, id::text FROM subscriptions WHERE deleted_at IS NULL AND state = 'cancelled' ORDER BY id LIMIT 20000;
SELECT 'subscription_of_many', NULL, id::text FROM subscriptions WHERE deleted_at IS NULL ORDER BY id LIMIT 400;
