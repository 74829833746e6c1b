-- SPDX-License-Identifier: Apache-2.0
SELECT 'dispute', user_id::text, id::text FROM disputes WHERE deleted_at IS NULL ORDER BY id LIMIT 20000;
SELECT 'dispute_deleted', user_id::text, id::text FROM disputes WHERE deleted_at IS NOT NULL ORDER BY id LIMIT 100;
SELECT 'dispute_file', uploaded_by::text, f.id::text FROM dispute_evidence_files f JOIN disputes d ON d.id = f.dispute_id
WHERE f.deleted_at IS NULL AND d.deleted_at IS NULL ORDER BY f.id LIMIT 20000;
SELECT 'payment', user_id::text, id::text FROM transactions WHERE kind = 'payment' ORDER BY id DESC LIMIT 20000;
SELECT 'dispute_opened', user_id::text, id::text FROM disputes WHERE deleted_at IS NULL AND status = 'opened' ORDER BY id LIMIT 20000;
SELECT 'dispute_wanting', user_id::text, id::text FROM disputes WHERE deleted_at IS NULL AND status = 'evidence_needed' ORDER BY id LIMIT 20000;
SELECT 'dispute_submitted', user_id::text, id::text FROM disputes WHERE deleted_at IS NULL AND status = 'submitted' ORDER BY id LIMIT 20000;
