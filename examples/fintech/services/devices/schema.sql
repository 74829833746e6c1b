-- SPDX-License-Identifier: Apache-2.0
-- Phones and browsers that people use, how far we trust them, and where push messages go.

CREATE TYPE device_platform AS ENUM ('ios', 'android', 'web', 'desktop');

CREATE TABLE devices (
    id             bigserial,
    user_id        bigint NOT NULL,
    fingerprint    char(32) NOT NULL,
    platform       device_platform NOT NULL,
    model          text,
    display_name   text,
    os_version     text,
    app_version    text,
    locale         text NOT NULL DEFAULT 'en_GB',
    is_trusted     boolean NOT NULL DEFAULT false,
    trust_score    numeric(5,2) NOT NULL DEFAULT 50,
    is_rooted      boolean,
    blocked_at     timestamptz,
    blocked_reason text,
    first_ip       inet,
    last_ip        inet,
    attestation    jsonb,
    capabilities   text[] NOT NULL DEFAULT '{}',
    last_seen_at   timestamptz,
    deleted_at     timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN devices.fingerprint IS 'not unique: a family has one tablet, a fraudster has one too';
COMMENT ON COLUMN devices.is_rooted IS 'null: the app was too old to tell';

CREATE TABLE device_push_tokens (
    device_id  bigint NOT NULL,
    provider   text NOT NULL,
    token      text NOT NULL,
    valid      boolean NOT NULL DEFAULT true,
    failures   smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE device_trust_events (
    id         bigserial,
    device_id  bigint NOT NULL,
    user_id    bigint NOT NULL,
    event      text NOT NULL,
    delta      numeric(5,2) NOT NULL DEFAULT 0,
    reason     text,
    actor      text NOT NULL DEFAULT 'system',
    created_at timestamptz NOT NULL DEFAULT now()
);
