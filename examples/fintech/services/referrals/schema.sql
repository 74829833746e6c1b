-- SPDX-License-Identifier: Apache-2.0
-- Who brought whom. A user was referred at most once, so referrals are trees.

CREATE TYPE referral_state AS ENUM ('invited', 'signed_up', 'qualified', 'rewarded', 'rejected');

CREATE TABLE referral_codes (
    code       varchar(16) NOT NULL,
    user_id    bigint NOT NULL,
    label      text,
    max_uses   int,
    uses       int NOT NULL DEFAULT 0,
    bonus      numeric(10,2) NOT NULL DEFAULT 20,
    currency   currency_code NOT NULL DEFAULT 'EUR',
    channel    channel NOT NULL DEFAULT 'ios',
    expires_on date,
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE referral (
    id            bigint GENERATED ALWAYS AS IDENTITY,
    code          varchar(16),
    referrer_id   bigint NOT NULL,
    referred_id   bigint, -- once they signed up
    invited_email email_address NOT NULL,
    state         referral_state NOT NULL DEFAULT 'invited',
    message       text,
    utm           jsonb NOT NULL DEFAULT '{}',
    reject_reason text,
    invited_at    timestamptz NOT NULL DEFAULT now(),
    signed_up_at  timestamptz,
    qualified_at  timestamptz,
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE referral_bonuses (
    referral_id bigint NOT NULL,
    level       smallint NOT NULL, -- 1: the referrer, 2: who referred them
    user_id     bigint NOT NULL,
    amount      numeric(10,2) NOT NULL,
    currency    currency_code NOT NULL DEFAULT 'EUR',
    state       text NOT NULL DEFAULT 'due',
    account_id  bigint,
    created_at  timestamptz NOT NULL DEFAULT now(),
    paid_at     timestamptz
);
COMMENT ON COLUMN referral_bonuses.amount IS 'negative: taken back';
