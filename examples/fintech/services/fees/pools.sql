-- SPDX-License-Identifier: Apache-2.0
SELECT 'fee_charge', user_id::text, id::text FROM fee_charges ORDER BY id LIMIT 20000;
SELECT 'open_fee', user_id::text, id::text FROM fee_charges WHERE status = 'charged' AND amount > 0 ORDER BY id LIMIT 20000;
SELECT 'refunded_fee', user_id::text, id::text FROM fee_charges WHERE status = 'refunded' ORDER BY id LIMIT 20000;
SELECT 'fee_waiver', NULL, id::text FROM fee_waivers ORDER BY id LIMIT 20000;
SELECT 'revoked_waiver', NULL, id::text FROM fee_waivers WHERE revoked_at IS NOT NULL ORDER BY id LIMIT 20000;
