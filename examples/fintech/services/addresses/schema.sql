-- SPDX-License-Identifier: Apache-2.0
-- Where people live, and where they lived: a row of history for every change.

CREATE TYPE address_kind AS ENUM ('home', 'billing', 'shipping', 'work');

CREATE TABLE address_zones (
    id             serial,
    country        country_code NOT NULL,
    prefix         text NOT NULL,
    name           text NOT NULL,
    carrier        text,
    delivery_days  smallint NOT NULL DEFAULT 3,
    surcharge      numeric(8,2) NOT NULL DEFAULT 0,
    time_zone      text NOT NULL DEFAULT 'Europe/Berlin',
    deliverable    boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE address_zones IS 'by the beginning of the postal code; the longest prefix counts';

CREATE TABLE addresses (
    id                  bigserial,
    user_id             bigint NOT NULL,
    zone_id             int,
    kind                address_kind NOT NULL DEFAULT 'home',
    recipient           text,
    line1               text NOT NULL,
    line2               text,
    postal_code         text NOT NULL,
    city                text NOT NULL,
    region              text,
    country             country_code NOT NULL,
    latitude            numeric(9,6),
    longitude           numeric(9,6),
    is_primary          boolean NOT NULL DEFAULT false,
    verified_at         timestamptz,
    verification_method text,
    proof_document_id   bigint,
    lived_since         date,
    instructions        text,
    version             int NOT NULL DEFAULT 1,
    deleted_at          timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE address_history (
    id          bigserial,
    address_id  bigint NOT NULL,
    version     int NOT NULL,
    change      text NOT NULL,
    line1       text NOT NULL,
    postal_code text NOT NULL,
    city        text NOT NULL,
    country     country_code NOT NULL,
    before      jsonb,
    changed_by  text NOT NULL,
    valid_from  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN address_history.before IS 'the columns that were different, as they were';
