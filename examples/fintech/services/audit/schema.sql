-- SPDX-License-Identifier: Apache-2.0
-- The audit trail: every service writes into audit_events, which has a partition a month.

CREATE TABLE audit_events (
    id         bigserial,
    actor_id   bigint,                                -- a user, one of our own people or a partner; null: the system itself
    actor_kind text        NOT NULL DEFAULT 'user',
    service    text        NOT NULL,
    action     text        NOT NULL,
    entity     text        NOT NULL,
    entity_id  text,
    before     jsonb,
    after      jsonb,
    ip         inet,
    request_id uuid,
    at         timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (at);
COMMENT ON TABLE audit_events IS 'append only; retention see audit_retention';
COMMENT ON COLUMN audit_events.entity_id IS 'text, since not every entity has a number';

DO $$
DECLARE
    m timestamptz := timestamptz '2023-01-01 00:00:00+00';
BEGIN
    WHILE m < timestamptz '2028-01-01 00:00:00+00' LOOP
        EXECUTE format('CREATE TABLE audit_events_%s PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)',
                       to_char(m AT TIME ZONE 'UTC', 'YYYY_MM'), m, (m AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
        m := (m AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    END LOOP;
END $$;
CREATE TABLE audit_events_default PARTITION OF audit_events DEFAULT;

CREATE TABLE audit_retention (
    service      text      NOT NULL,
    keep_months  int       NOT NULL DEFAULT 84,
    legal_basis  text      NOT NULL,
    owner_team   text      NOT NULL,
    contact      email_address,
    purge        boolean   NOT NULL DEFAULT false,
    exempt_kinds text[]    NOT NULL DEFAULT '{}',
    reviewed_on  date,
    updated_at   timestamp NOT NULL DEFAULT now()
);
COMMENT ON COLUMN audit_retention.keep_months IS 'German commercial law: 120 for booking records, 72 for letters';
