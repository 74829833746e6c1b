-- SPDX-License-Identifier: Apache-2.0
-- Machines that call us: of customers or of partners. A key is only known by its hash.

CREATE TABLE api_clients (
    id            bigserial,
    user_id       bigint,                      -- a customer's, or
    partner_id    bigint,                      -- a partner's
    name          text NOT NULL,
    environment   text NOT NULL DEFAULT 'live',
    status        text NOT NULL DEFAULT 'enabled',
    allowed_ips   inet[],
    rate_limit    int NOT NULL DEFAULT 600,
    contact_email text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz
);
COMMENT ON COLUMN api_clients.rate_limit IS 'calls a minute';

CREATE TABLE api_keys (
    id             bigserial,
    client_id      bigint NOT NULL,
    prefix         text NOT NULL,
    key_hash       text NOT NULL,
    scopes         text[] NOT NULL DEFAULT '{}',
    label          text,
    created_by     text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz,
    last_used_at   timestamptz,
    last_used_ip   inet,
    revoked_at     timestamptz,
    revoked_reason text
);
COMMENT ON COLUMN api_keys.key_hash IS 'SHA-256 of the whole key, hex';

CREATE TABLE api_key_usages (
    id         bigserial,
    key_id     bigint NOT NULL,
    day        date NOT NULL,
    calls      int NOT NULL DEFAULT 0,
    errors     int NOT NULL DEFAULT 0,
    bytes_out  bigint NOT NULL DEFAULT 0
);
