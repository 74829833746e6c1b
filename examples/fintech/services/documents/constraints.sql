-- SPDX-License-Identifier: Apache-2.0
-- compliance_case_id refers to a case that may be purged earlier: no foreign key.
ALTER TABLE documents ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (transaction_id) REFERENCES transactions,
    ADD CHECK (octet_length(sha256) = 32), ADD CHECK (size_bytes >= 0), ALTER ocr_text SET STORAGE EXTERNAL;
ALTER TABLE document_versions ADD FOREIGN KEY (document_id) REFERENCES documents;
ALTER TABLE document_shares ADD FOREIGN KEY (document_id) REFERENCES documents, ADD FOREIGN KEY (shared_with) REFERENCES users,
    ADD CHECK ((shared_with IS NULL) <> (email IS NULL));

CREATE INDEX documents_user_id ON documents (user_id);
CREATE INDEX documents_transaction_id ON documents (transaction_id);
CREATE INDEX documents_case ON documents (compliance_case_id) WHERE compliance_case_id IS NOT NULL;
CREATE INDEX documents_sha256 ON documents (sha256);
CREATE INDEX documents_expires_on ON documents (expires_on);
CREATE INDEX document_shares_document_id ON document_shares (document_id);
