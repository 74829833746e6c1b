-- SPDX-License-Identifier: Apache-2.0
-- Paid plans, who is on them, and what is used of them.

CREATE TYPE subscription_state AS ENUM ('trial', 'active', 'paused', 'past_due', 'cancelled');

CREATE TABLE plans (
    id           serial,
    code         varchar(40) NOT NULL,
    name         text NOT NULL,
    description  text,
    price        money_amount NOT NULL,
    currency     currency_code NOT NULL DEFAULT 'EUR',
    every        interval NOT NULL DEFAULT '1 month',
    trial_days   int NOT NULL DEFAULT 0,
    features     jsonb NOT NULL DEFAULT '{}',
    included     int,
    unit_price   numeric(12,4) NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    deleted_at   timestamptz
);
COMMENT ON COLUMN plans.included IS 'units that cost nothing; null: all';

CREATE TABLE subscriptions (
    id            bigserial,
    user_id       bigint NOT NULL,
    plan_id       int NOT NULL,
    account_id    bigint,
    state         subscription_state NOT NULL DEFAULT 'trial',
    quantity      int NOT NULL DEFAULT 1,
    discount      percentage,
    period        interval NOT NULL DEFAULT '1 month',
    period_start  timestamptz NOT NULL,
    period_end    timestamptz NOT NULL,
    paused_at     timestamptz,
    cancelled_at  timestamptz,
    cancel_reason text,
    renewals      int NOT NULL DEFAULT 0,
    metadata      jsonb NOT NULL DEFAULT '{}',
    lock_version  int NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz
);
COMMENT ON COLUMN subscriptions.period IS 'the plan''s at the time of signing';

CREATE TABLE subscription_usages (
    id              bigserial,
    subscription_id bigint NOT NULL,
    metric          text NOT NULL,
    quantity        numeric(14,3) NOT NULL,
    merchant_id     bigint,
    occurred_at     timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN subscription_usages.quantity IS 'negative: a correction';
