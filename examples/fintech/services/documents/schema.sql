-- SPDX-License-Identifier: Apache-2.0
-- Files that people upload and what was read from them. The files lie elsewhere; what was read is here, and is long.

CREATE TYPE document_kind AS ENUM ('passport', 'id_card', 'driving_licence', 'proof_of_address', 'contract', 'invoice', 'receipt', 'other');
CREATE TYPE document_status AS ENUM ('uploaded', 'scanning', 'accepted', 'rejected', 'archived');

CREATE TABLE documents (
    id                 bigserial,
    user_id            bigint NOT NULL,
    kind               document_kind NOT NULL,
    status             document_status NOT NULL DEFAULT 'uploaded',
    title              text NOT NULL,
    file_name          text NOT NULL,
    mime_type          text NOT NULL DEFAULT 'application/pdf',
    size_bytes         bigint NOT NULL,
    page_count         smallint,
    sha256             bytea NOT NULL,
    ocr_text           text,
    ocr_confidence     numeric(5,4),
    language           char(2),
    issuing_country    country_code,
    tags               text[] NOT NULL DEFAULT '{}',
    metadata           jsonb NOT NULL DEFAULT '{}',
    transaction_id     bigint,
    compliance_case_id bigint,
    uploaded_via       channel NOT NULL DEFAULT 'web',
    uploaded_by        text NOT NULL DEFAULT 'customer',
    latest_version     int NOT NULL DEFAULT 1,
    expires_on         date,
    deleted_at         timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN documents.sha256 IS 'of the latest version';
COMMENT ON COLUMN documents.ocr_text IS 'some kilobytes; null until it was read';

CREATE TABLE document_versions (
    document_id bigint NOT NULL,
    version     int NOT NULL,
    sha256      bytea NOT NULL,
    size_bytes  bigint NOT NULL,
    storage_key text NOT NULL,
    comment     text,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE document_shares (
    id          bigserial,
    document_id bigint NOT NULL,
    shared_with bigint,
    email       email_address,
    token       uuid NOT NULL,
    permission  text NOT NULL DEFAULT 'read',
    opened      int NOT NULL DEFAULT 0,
    expires_at  timestamptz,
    revoked_at  timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE document_shares IS 'with a user of ours or with an address, one of the two';
