-- SPDX-License-Identifier: Apache-2.0
-- Money that leaves for other banks: accounts there, payouts, the batches they go in, and funds held for them.

CREATE TYPE payout_status AS ENUM ('pending', 'reserved', 'batched', 'sent', 'rejected', 'cancelled');

CREATE TABLE bank_accounts (
    id          bigserial,
    user_id     bigint NOT NULL,
    holder      text NOT NULL,
    iban        text NOT NULL,
    bic         text,
    bank        text,
    country     country_code NOT NULL,
    verified_at timestamptz,
    is_default  boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz
);

CREATE TABLE payout_batches (
    id           bigserial,
    ref          text NOT NULL,
    state        text NOT NULL DEFAULT 'open',
    cutoff       timestamptz NOT NULL,
    payout_count int NOT NULL DEFAULT 0,
    amount_sum   money_amount NOT NULL DEFAULT 0,
    currency     currency_code NOT NULL DEFAULT 'EUR',
    file_name    text,
    created_by   bigint,
    created_at   timestamptz NOT NULL DEFAULT now(),
    sent_at      timestamptz
);

CREATE TABLE payouts (
    id              bigserial,
    user_id         bigint NOT NULL,
    account_id      bigint NOT NULL,
    bank_account_id bigint NOT NULL,
    batch_id        bigint,
    amount          numeric(18,3) NOT NULL,
    currency        currency_code NOT NULL DEFAULT 'EUR',
    fee             numeric(18,3) NOT NULL DEFAULT 0,
    status          payout_status NOT NULL DEFAULT 'pending',
    urgent          boolean NOT NULL DEFAULT false,
    purpose         text,
    end_to_end      uuid NOT NULL,
    reject_code     char(4),
    labels          text[] NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    sent_at         timestamptz
);
COMMENT ON COLUMN payouts.end_to_end IS 'EndToEndId of the SEPA file';

CREATE TABLE fund_reservations (
    id          bigserial,
    payout_id   bigint NOT NULL,
    account_id  bigint NOT NULL,
    amount      numeric(18,3) NOT NULL,
    state       text NOT NULL DEFAULT 'held',
    reserved_at timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz
);
