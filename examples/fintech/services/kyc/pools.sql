-- SPDX-License-Identifier: Apache-2.0
SELECT 'kyc_verification', user_id::text, id::text FROM kyc_verifications ORDER BY id LIMIT 20000;
SELECT 'kyc_draft', user_id::text, id::text FROM kyc_verifications WHERE status = 'draft' ORDER BY id LIMIT 20000;
SELECT 'kyc_submitted', user_id::text, id::text FROM kyc_verifications WHERE status = 'submitted' ORDER BY id LIMIT 20000;
SELECT 'kyc_in_review', user_id::text, id::text FROM kyc_verifications v WHERE status = 'in_review'
    AND NOT EXISTS (SELECT 1 FROM kyc_document_checks k WHERE k.verification_id = v.id AND k.check_type = 'sanctions' AND k.result = 'fail') ORDER BY id LIMIT 20000;
SELECT 'kyc_sanctioned', user_id::text, v.id::text FROM kyc_verifications v JOIN kyc_document_checks k ON k.verification_id = v.id
    WHERE v.status = 'in_review' AND k.check_type = 'sanctions' AND k.result = 'fail' ORDER BY v.id LIMIT 2000;
SELECT 'kyc_decided', user_id::text, id::text FROM kyc_verifications WHERE status IN ('approved', 'rejected', 'expired') ORDER BY id LIMIT 20000;
SELECT 'kyc_reopen', user_id::text, max(id)::text FROM kyc_verifications GROUP BY user_id
    HAVING bool_and(status IN ('approved', 'rejected', 'expired', 'withdrawn')) AND (array_agg(status ORDER BY id DESC))[1] IN ('rejected', 'withdrawn', 'expired') ORDER BY user_id LIMIT 20000;
SELECT 'kyc_reviewer', NULL, id::text FROM kyc_reviewers WHERE active ORDER BY id;
