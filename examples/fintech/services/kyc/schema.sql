-- SPDX-License-Identifier: Apache-2.0
-- Know your customer: levels, verifications on the way to them, the checks of documents, and who decides.

CREATE TYPE kyc_status AS ENUM ('draft', 'submitted', 'in_review', 'approved', 'rejected', 'expired', 'withdrawn');
CREATE TYPE kyc_check_result AS ENUM ('pass', 'fail', 'unclear');

CREATE TABLE kyc_levels (
    level              int NOT NULL,
    code               text NOT NULL,
    name               text NOT NULL,
    daily_limit        money_amount NOT NULL,
    monthly_limit      money_amount,
    currency           currency_code NOT NULL DEFAULT 'EUR',
    required_documents text[] NOT NULL DEFAULT '{}',
    needs_liveness     boolean NOT NULL DEFAULT false,
    valid_for          interval,
    description        text NOT NULL DEFAULT ''
);
COMMENT ON COLUMN kyc_levels.monthly_limit IS 'null: none';

CREATE TABLE kyc_reviewers (
    id              serial,
    full_name       text NOT NULL,
    email           email_address NOT NULL,
    team            text NOT NULL,
    languages       text[] NOT NULL DEFAULT '{en}',
    max_open        int NOT NULL DEFAULT 20,
    may_approve_pep boolean NOT NULL DEFAULT false,
    active          boolean NOT NULL DEFAULT true,
    certified_until date,
    created_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN kyc_reviewers.may_approve_pep IS 'politically exposed persons need a senior reviewer';

CREATE TABLE kyc_verifications (
    id               bigserial,
    user_id          bigint NOT NULL,
    target_level     int NOT NULL,
    status           kyc_status NOT NULL DEFAULT 'draft',
    provider         text,
    provider_ref     uuid,
    reviewer_id      int,
    risk_score       numeric(5,2),
    is_pep           boolean NOT NULL DEFAULT false,
    nationality      country_code,
    channel          channel NOT NULL DEFAULT 'web',
    attempt          smallint NOT NULL DEFAULT 1,
    declared_income  money_amount,
    source_of_funds  text,
    rejection_reason text,
    notes            text,
    answers          jsonb NOT NULL DEFAULT '{}',
    submitted_at     timestamptz,
    decided_at       timestamptz,
    expires_at       timestamptz,
    version          int NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN kyc_verifications.declared_income IS 'a year, as people say; may be zero or below';

CREATE TABLE kyc_document_checks (
    id              bigserial,
    verification_id bigint NOT NULL,
    document_id     bigint,
    check_type      text NOT NULL,
    result          kyc_check_result NOT NULL,
    confidence      percentage,
    provider        text NOT NULL DEFAULT 'manual',
    findings        text[] NOT NULL DEFAULT '{}',
    raw             jsonb,
    performed_by    text,
    performed_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN kyc_document_checks.document_id IS 'in the documents service, which may erase it';

CREATE TABLE kyc_status_changes (
    verification_id bigint NOT NULL,
    seq             int NOT NULL,
    from_status     kyc_status,
    to_status       kyc_status NOT NULL,
    actor           text NOT NULL,
    reason          text,
    changed_at      timestamptz NOT NULL DEFAULT now()
);
