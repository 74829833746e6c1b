-- SPDX-License-Identifier: Apache-2.0
SELECT 'batch', NULL, id::text FROM batch_jobs ORDER BY id DESC LIMIT 20000;
SELECT 'batch_partial', NULL, id::text FROM batch_jobs WHERE status IN ('partial', 'failed') AND failed > 0 ORDER BY id LIMIT 20000;
SELECT 'batch_queued', NULL, id::text FROM batch_jobs WHERE status = 'queued' AND submitted_by IS NOT NULL ORDER BY id LIMIT 20000;
SELECT 'own_batch', submitted_by::text, id::text FROM batch_jobs WHERE submitted_by IS NOT NULL ORDER BY id LIMIT 20000;
