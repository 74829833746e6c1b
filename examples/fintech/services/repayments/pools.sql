-- SPDX-License-Identifier: Apache-2.0
SELECT 'plan', user_id::text, id::text FROM repayment_plans WHERE status <> 'cancelled' ORDER BY id LIMIT 20000;
SELECT 'repayment', user_id::text, id::text FROM repayments ORDER BY id LIMIT 20000;
SELECT 'payable_loan', r.user_id::text, r.id::text FROM loans r WHERE status IN ('active', 'overdue', 'defaulted') ORDER BY r.id LIMIT 20000;
SELECT 'closed_loan', user_id::text, id::text FROM loans WHERE status IN ('settled', 'cancelled') ORDER BY id LIMIT 500;
SELECT 'waivable_instalment', NULL, id::text FROM instalments WHERE fee_due > fee_paid AND status IN ('overdue', 'due', 'partial', 'scheduled') ORDER BY id LIMIT 5000;
SELECT 'used_repayment', user_id::text, id::text FROM repayments WHERE status = 'allocated' ORDER BY id DESC LIMIT 20000;
