-- SPDX-License-Identifier: Apache-2.0
-- Marketing: campaigns, the merchants' offers in them, and who switched an offer on.

CREATE TABLE campaign_segments (
    id          smallint NOT NULL,
    name        varchar(40) NOT NULL,
    min_kyc     smallint NOT NULL DEFAULT 1,
    min_age     smallint,
    description text
);

CREATE TABLE campaigns (
    id              serial,
    code            char(10) NOT NULL, -- padded, as it came from the agency
    title           text NOT NULL,
    status          varchar(10) NOT NULL DEFAULT 'draft',
    target_segments int[] NOT NULL DEFAULT '{}',
    countries       char(2)[] NOT NULL DEFAULT '{}',
    priority        smallint NOT NULL DEFAULT 0,
    min_kyc         smallint NOT NULL DEFAULT 1,
    budget          numeric(14,2) NOT NULL,
    spent           numeric(14,2) NOT NULL DEFAULT 0,
    budget_left     numeric(14,2) GENERATED ALWAYS AS (budget - spent) STORED,
    currency        char(3) NOT NULL DEFAULT 'EUR',
    starts_on       date NOT NULL,
    ends_on         date,
    terms           text NOT NULL DEFAULT '',
    settings        jsonb NOT NULL DEFAULT '{}',
    created_by      text NOT NULL DEFAULT 'marketing',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    archived_at     timestamptz
);
COMMENT ON COLUMN campaigns.target_segments IS 'ids of campaign_segments; empty: everybody';

CREATE TABLE offers (
    id             bigserial,
    campaign_id    int NOT NULL,
    merchant_id    bigint NOT NULL,
    headline       text NOT NULL,
    cashback       percentage NOT NULL,
    max_cashback   numeric(10,2),
    min_spend      numeric(10,2) NOT NULL DEFAULT 0,
    weekdays       smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}',
    valid_from     timestamptz NOT NULL,
    valid_to       timestamptz,
    max_uses       smallint NOT NULL DEFAULT 1,
    image          text,
    sort           smallint NOT NULL DEFAULT 100,
    withdrawn      boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE offer_activations (
    offer_id            bigint NOT NULL,
    user_id             bigint NOT NULL,
    channel             channel NOT NULL DEFAULT 'ios',
    uses                smallint NOT NULL DEFAULT 0,
    cashback_total      numeric(10,2) NOT NULL DEFAULT 0,
    last_transaction_id bigint,
    activated_at        timestamptz NOT NULL DEFAULT now(),
    used_at             timestamptz
);
