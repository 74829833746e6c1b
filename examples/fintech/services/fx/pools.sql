-- SPDX-License-Identifier: Apache-2.0
SELECT 'fx_quote', user_id::text, id::text FROM fx_quotes ORDER BY id LIMIT 20000;
SELECT 'accepted_quote', user_id::text, id::text FROM fx_quotes WHERE status = 'accepted' ORDER BY id LIMIT 20000;
SELECT 'standing_quote', user_id::text, id::text FROM fx_quotes WHERE kind = 'standing' AND status = 'open' AND id % 4 > 0 ORDER BY id LIMIT 20000;
SELECT 'spare_quote', user_id::text, id::text FROM fx_quotes WHERE kind = 'standing' AND status = 'open' AND id % 4 = 0 ORDER BY id LIMIT 20000;
SELECT 'late_quote', user_id::text, id::text FROM fx_quotes WHERE kind = 'spot' AND status = 'open' ORDER BY id LIMIT 20000;
SELECT 'fx_conversion', user_id::text, id::text FROM fx_conversions WHERE state = 'P' ORDER BY id LIMIT 20000;
SELECT 'settled_conversion', user_id::text, id::text FROM fx_conversions WHERE state = 'S' ORDER BY id LIMIT 20000;
