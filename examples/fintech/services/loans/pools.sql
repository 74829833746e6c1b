-- SPDX-License-Identifier: Apache-2.0
SELECT 'loan', user_id::text, id::text FROM loans WHERE user_id <= 1000000 ORDER BY id LIMIT 20000;
SELECT 'loan_application', user_id::text, id::text FROM loan_applications WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'undecided_loan', user_id::text, id::text FROM loan_applications WHERE status IN ('submitted', 'in_review', 'declined') ORDER BY id LIMIT 20000;
SELECT 'waiting_loan', user_id::text, id::text FROM loan_applications WHERE status IN ('submitted', 'in_review') ORDER BY id DESC LIMIT 5000;
SELECT 'decided_loan', user_id::text, id::text FROM loan_applications WHERE status IN ('withdrawn', 'expired') ORDER BY id LIMIT 500;
SELECT 'draft_loan', user_id::text, id::text FROM loan_applications WHERE status = 'draft' AND deleted_at IS NULL ORDER BY id LIMIT 500;
SELECT 'running_loan', user_id::text, id::text FROM loans WHERE status IN ('active', 'overdue') ORDER BY id LIMIT 20000;
