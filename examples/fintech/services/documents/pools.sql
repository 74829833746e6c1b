-- SPDX-License-Identifier: Apache-2.0
SELECT 'document', user_id::text, id::text FROM documents WHERE deleted_at IS NULL AND id % 10 > 0 ORDER BY id LIMIT 20000;
SELECT 'document_uploaded', user_id::text, id::text FROM documents WHERE deleted_at IS NULL AND status = 'uploaded' ORDER BY id LIMIT 20000;
SELECT 'document_to_delete', user_id::text, id::text FROM documents WHERE deleted_at IS NULL AND id % 10 = 0 AND compliance_case_id IS NULL ORDER BY id LIMIT 20000;
SELECT 'document_case_open', d.user_id::text, d.id::text FROM documents d JOIN compliance_cases c ON c.id = d.compliance_case_id AND c.user_id = d.user_id WHERE d.deleted_at IS NULL AND c.status <> 'closed' ORDER BY d.id LIMIT 2000;
SELECT 'document_case', NULL, compliance_case_id::text FROM documents WHERE compliance_case_id IS NOT NULL GROUP BY compliance_case_id ORDER BY compliance_case_id LIMIT 5000;
SELECT 'document_hash', NULL, encode(sha256, 'hex') FROM documents GROUP BY sha256 ORDER BY min(id) LIMIT 5000;
