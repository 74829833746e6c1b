-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE documents ADD PRIMARY KEY (id);
ALTER TABLE document_versions ADD PRIMARY KEY (document_id, version);
ALTER TABLE document_shares ADD PRIMARY KEY (id), ADD UNIQUE (token);
