-- SPDX-License-Identifier: Apache-2.0
-- key: merchant_id
SELECT DISTINCT t.merchant_id, t.user_id, u.country FROM transactions t JOIN users u ON u.id = t.user_id WHERE t.user_id IN (SELECT r.user_id FROM compliance_records r WHERE r.status = 'clear')
