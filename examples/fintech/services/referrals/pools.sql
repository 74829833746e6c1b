-- SPDX-License-Identifier: Apache-2.0
SELECT 'referrer', referrer_id::text, referrer_id::text FROM referral GROUP BY referrer_id ORDER BY referrer_id LIMIT 20000;
SELECT 'referred', referred_id::text, referred_id::text FROM referral WHERE referred_id IS NOT NULL ORDER BY referred_id LIMIT 20000;
SELECT 'referral', NULL, id::text FROM referral WHERE referred_id IS NOT NULL AND state = 'signed_up' ORDER BY id LIMIT 20000;
SELECT 'referral_code', user_id::text, code FROM referral_codes WHERE active ORDER BY code LIMIT 20000;
SELECT 'any_code', NULL, code FROM referral_codes WHERE active ORDER BY code LIMIT 20000;
SELECT 'dead_code', NULL, code FROM referral_codes WHERE NOT active ORDER BY code LIMIT 50;
