-- SPDX-License-Identifier: Apache-2.0
-- What things cost: schedules with tiers by amount, what was charged, and who need not pay.

CREATE TABLE fee_schedules (
    id          serial,
    kind        text NOT NULL,
    currency    currency_code NOT NULL DEFAULT 'EUR',
    name        text NOT NULL,
    minimum     money_amount NOT NULL DEFAULT 0,
    maximum     money_amount,
    active      boolean NOT NULL DEFAULT true,
    valid_from  date NOT NULL,
    valid_until date,
    created_by  bigint,
    terms       text,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE fee_tiers (
    schedule_id int NOT NULL,
    position    smallint NOT NULL,
    from_amount money_amount NOT NULL DEFAULT 0,
    percent     percentage NOT NULL DEFAULT 0,
    fixed       money_amount NOT NULL DEFAULT 0
);
COMMENT ON COLUMN fee_tiers.from_amount IS 'the last tier whose from_amount is not above the amount counts for all of it';

CREATE TABLE fee_charges (
    id             bigserial,
    user_id        bigint NOT NULL,
    account_id     bigint NOT NULL,
    transaction_id bigint,
    schedule_id    int,
    kind           text NOT NULL,
    base_amount    money_amount NOT NULL,
    amount         money_amount NOT NULL, -- negative: given back
    currency       currency_code NOT NULL DEFAULT 'EUR',
    vat            money_amount NOT NULL DEFAULT 0,
    waiver_id      bigint,
    refund_of      bigint,
    status         text NOT NULL DEFAULT 'charged',
    note           text,
    charged_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN fee_charges.refund_of IS 'the charge that this one gives back';

CREATE TABLE fee_waivers (
    id         bigserial,
    user_id    bigint NOT NULL,
    kinds      text[] NOT NULL,
    percent    percentage NOT NULL DEFAULT 100,
    reason     text NOT NULL,
    granted_by bigint,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
