-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE kyc_verifications ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (target_level) REFERENCES kyc_levels,
    ADD FOREIGN KEY (reviewer_id) REFERENCES kyc_reviewers, ADD CHECK (risk_score BETWEEN 0 AND 100), ADD CHECK ((status = 'rejected') = (rejection_reason IS NOT NULL));
ALTER TABLE kyc_document_checks ADD FOREIGN KEY (verification_id) REFERENCES kyc_verifications;
ALTER TABLE kyc_status_changes ADD FOREIGN KEY (verification_id) REFERENCES kyc_verifications;

CREATE INDEX kyc_verifications_user_id ON kyc_verifications (user_id);
CREATE INDEX kyc_verifications_reviewer_id ON kyc_verifications (reviewer_id);
CREATE INDEX kyc_document_checks_verification_id ON kyc_document_checks (verification_id);
