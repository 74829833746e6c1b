-- SPDX-License-Identifier: Apache-2.0
SELECT 'term', NULL, id::text FROM term WHERE del_flg = 'N' ORDER BY id LIMIT 20000;
SELECT 'term_live', NULL, id::text FROM term WHERE del_flg = 'N' AND st IN ('online', 'offline') ORDER BY id LIMIT 20000;
SELECT 'term_gone', NULL, id::text FROM term WHERE del_flg = 'Y' ORDER BY id LIMIT 20;
