-- SPDX-License-Identifier: Apache-2.0
-- Who is signed in, and who tried to.

CREATE TYPE session_status AS ENUM ('active', 'expired', 'revoked');

CREATE TABLE login_credentials (
    user_id             bigint NOT NULL,
    salt                text NOT NULL,
    password_hash       text NOT NULL,
    second_factor       text,
    failed_count        int NOT NULL DEFAULT 0,
    locked_until        timestamptz,
    last_login_at       timestamptz,
    password_changed_at timestamptz NOT NULL DEFAULT now(),
    must_change         boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN login_credentials.password_hash IS 'sha256(password || salt); to become argon2 one day';

CREATE TABLE sessions (
    id            uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id       bigint NOT NULL,
    device_id     bigint,
    token_hash    text NOT NULL,
    status        session_status NOT NULL DEFAULT 'active',
    channel       channel NOT NULL DEFAULT 'web',
    ip            inet NOT NULL,
    country       country_code,
    user_agent    text,
    scopes        text[] NOT NULL DEFAULT '{read}',
    mfa_level     smallint NOT NULL DEFAULT 0,
    refresh_count int NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_seen_at  timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    revoke_reason text
);

CREATE TABLE session_events (
    session_id uuid NOT NULL,
    seq        int NOT NULL,
    kind       text NOT NULL,
    ip         inet,
    details    jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE login_attempts (
    id             bigserial,
    user_id        bigint,
    email          text NOT NULL,
    session_id     uuid,
    device_id      bigint,
    ip             inet NOT NULL,
    country        text,
    success        boolean NOT NULL,
    failure_reason text,
    risk_score     numeric(5,4),
    signals        text[] NOT NULL DEFAULT '{}',
    created_at     timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
);
COMMENT ON COLUMN login_attempts.user_id IS 'null: nobody has this address';
COMMENT ON COLUMN login_attempts.created_at IS 'UTC';
