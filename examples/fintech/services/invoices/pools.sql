-- SPDX-License-Identifier: Apache-2.0
SELECT 'invoice', issuer_id::text, id::text FROM invoice WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'received_invoice', customer_id::text, id::text FROM invoice WHERE deleted_at IS NULL AND status <> 'draft' AND customer_id IS NOT NULL ORDER BY id LIMIT 20000;
SELECT 'draft_invoice', issuer_id::text, id::text FROM invoice WHERE deleted_at IS NULL AND status = 'draft' ORDER BY id LIMIT 20000;
SELECT 'issued_invoice', issuer_id::text, id::text FROM invoice WHERE deleted_at IS NULL AND status IN ('issued', 'overdue') ORDER BY id LIMIT 20000;
SELECT 'paid_invoice', issuer_id::text, id::text FROM invoice WHERE deleted_at IS NULL AND status = 'paid' ORDER BY id LIMIT 20000;
SELECT 'invoice_of_others', NULL, id::text FROM invoice WHERE issuer_id = 1 AND customer_id IS NULL AND deleted_at IS NULL ORDER BY id LIMIT 20;
