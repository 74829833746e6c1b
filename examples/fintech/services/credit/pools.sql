-- SPDX-License-Identifier: Apache-2.0
SELECT 'credit_line', user_id::text, id::text FROM credit_lines ORDER BY id LIMIT 20000;
SELECT 'open_credit_line', user_id::text, id::text FROM credit_lines WHERE status IN ('open', 'frozen') ORDER BY id LIMIT 20000;
SELECT 'closed_credit_line', user_id::text, id::text FROM credit_lines WHERE status = 'closed' ORDER BY id LIMIT 500;
SELECT 'frozen_credit_line', user_id::text, id::text FROM credit_lines WHERE status = 'frozen' ORDER BY id LIMIT 500;
