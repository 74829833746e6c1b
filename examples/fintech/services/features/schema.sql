-- SPDX-License-Identifier: Apache-2.0
-- Feature settings of the product: what is defined, who has something else, and how each was rolled out.

CREATE TYPE feature_kind AS ENUM ('switch', 'percentage', 'variant');

CREATE TABLE feature_definitions (
    key             text NOT NULL,
    title           text NOT NULL,
    description     text,
    owner_team      text NOT NULL,
    kind            feature_kind NOT NULL DEFAULT 'switch',
    default_value   jsonb NOT NULL DEFAULT 'false',
    rollout_percent percentage NOT NULL DEFAULT 0,
    variants        jsonb NOT NULL DEFAULT '[]',
    segments        text[] NOT NULL DEFAULT '{}',
    min_kyc_level   int,
    client_visible  boolean NOT NULL DEFAULT true,
    revision        int NOT NULL DEFAULT 1,
    archived_at     timestamptz,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN feature_definitions.segments IS 'country:DE, status:active; empty: everybody';

CREATE TABLE feature_overrides (
    feature_key text NOT NULL,
    user_id     bigint NOT NULL,
    value       jsonb NOT NULL,
    reason      text,
    set_by      text NOT NULL,
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE feature_rollouts (
    id           bigserial,
    feature_key  text NOT NULL,
    revision     int NOT NULL,
    from_percent percentage NOT NULL,
    to_percent   percentage NOT NULL,
    changed_by   text NOT NULL,
    note         text,
    changed_at   timestamptz NOT NULL DEFAULT now()
);
