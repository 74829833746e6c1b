-- SPDX-License-Identifier: Apache-2.0
-- Points for payments. A member's balance is the balance_after of their last ledger row.

CREATE TYPE points_reason AS ENUM ('purchase', 'bonus', 'redemption', 'correction', 'expiry', 'referral');

CREATE TABLE reward_tiers (
    code       varchar(10) NOT NULL,
    name       text NOT NULL,
    min_points bigint NOT NULL,
    multiplier numeric(4,2) NOT NULL,
    perks      text[] NOT NULL DEFAULT '{}',
    colour     char(7)
);

CREATE TABLE reward_members (
    user_id         bigint NOT NULL,
    tier            varchar(10) NOT NULL DEFAULT 'blue',
    joined_on       date NOT NULL DEFAULT current_date,
    points          bigint NOT NULL DEFAULT 0,
    lifetime_points bigint NOT NULL DEFAULT 0,
    last_seq        int NOT NULL DEFAULT 0,
    opted_out       boolean NOT NULL DEFAULT false,
    tier_until      date,
    birthday_bonus  smallint,
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE points_ledger (
    user_id        bigint NOT NULL,
    seq            int NOT NULL,
    delta          int NOT NULL,
    balance_after  bigint NOT NULL,
    reason         points_reason NOT NULL,
    transaction_id bigint,
    note           text,
    created_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE points_ledger IS 'never changed, only added to';

CREATE TABLE rewards_catalogue (
    id          serial,
    sku         char(8) NOT NULL,
    title       text NOT NULL,
    description text,
    cost_points int NOT NULL,
    cash_value  numeric(12,2),
    merchant_id bigint,
    min_tier    varchar(10) NOT NULL DEFAULT 'blue',
    stock       int, -- null: as many as you like
    countries   char(2)[] NOT NULL DEFAULT '{}',
    active      boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE reward_redemptions (
    user_id     bigint NOT NULL,
    number      int NOT NULL,
    reward_id   int NOT NULL,
    points      int NOT NULL,
    state       text NOT NULL DEFAULT 'requested',
    address     jsonb,
    redeemed_at timestamptz NOT NULL DEFAULT now(),
    shipped_at  timestamptz
);
