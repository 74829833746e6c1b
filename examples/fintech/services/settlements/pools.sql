-- SPDX-License-Identifier: Apache-2.0
SELECT 'settlement', NULL, id::text FROM settlement_batches ORDER BY id DESC LIMIT 20000;
SELECT 'settlement_open', NULL, id::text FROM settlement_batches WHERE state <> 'paid' ORDER BY id LIMIT 20000;
SELECT 'settlement_closed', NULL, id::text FROM settlement_batches WHERE state = 'closed' ORDER BY id DESC LIMIT 20000;
SELECT 'settlement_held', NULL, id::text FROM settlement_batches WHERE state = 'held' ORDER BY id LIMIT 20000;
SELECT 'settled_merchant', NULL, id::text FROM merchants WHERE id <= 100 ORDER BY id;
