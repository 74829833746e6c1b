-- SPDX-License-Identifier: Apache-2.0
SELECT 'member', user_id::text, user_id::text FROM reward_members WHERE NOT opted_out ORDER BY user_id LIMIT 20000;
SELECT 'member_rich', user_id::text, user_id::text FROM reward_members WHERE NOT opted_out AND points >= 500 ORDER BY user_id LIMIT 20000;
SELECT 'no_member', u.id::text, u.id::text FROM users u LEFT JOIN reward_members m ON m.user_id = u.id WHERE m.user_id IS NULL ORDER BY u.id LIMIT 100;
SELECT 'reward', NULL, id::text FROM rewards_catalogue WHERE active AND stock > 0 AND min_tier = 'blue' AND countries = '{}' AND cost_points <= 500 ORDER BY id LIMIT 20000;
SELECT 'unrewarded', t.user_id::text, t.id::text FROM transactions t JOIN reward_members m ON m.user_id = t.user_id
WHERE t.kind = 'payment' AND t.id % 4 = 2 AND NOT m.opted_out ORDER BY t.id DESC LIMIT 20000;
