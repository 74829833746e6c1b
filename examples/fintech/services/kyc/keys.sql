-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE kyc_levels ADD PRIMARY KEY (level), ADD UNIQUE (code);
ALTER TABLE kyc_reviewers ADD PRIMARY KEY (id), ADD UNIQUE (email);
ALTER TABLE kyc_verifications ADD PRIMARY KEY (id);
ALTER TABLE kyc_document_checks ADD PRIMARY KEY (id);
ALTER TABLE kyc_status_changes ADD PRIMARY KEY (verification_id, seq);
CREATE UNIQUE INDEX kyc_verifications_one_open ON kyc_verifications (user_id) WHERE status IN ('draft', 'submitted', 'in_review');
