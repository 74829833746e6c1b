-- SPDX-License-Identifier: Apache-2.0
-- The help desk.

CREATE TYPE ticket_priority AS ENUM ('p1', 'p2', 'p3', 'p4');
CREATE TYPE ticket_status AS ENUM ('new', 'open', 'waiting_customer', 'resolved', 'closed', 'merged');

CREATE TABLE ticket_categories (
    id               serial,
    parent_id        int,
    slug             text NOT NULL,
    name             text NOT NULL,
    default_priority ticket_priority NOT NULL DEFAULT 'p3',
    sla_hours        int NOT NULL DEFAULT 48,
    sort_order       int NOT NULL DEFAULT 0,
    is_active        boolean NOT NULL DEFAULT true,
    created_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN ticket_categories.parent_id IS 'null at the top; three levels are in use';

CREATE TABLE support_agents (
    id         serial,
    name       text NOT NULL,
    email      email_address NOT NULL,
    team       text NOT NULL DEFAULT 'first-line',
    languages  text[] NOT NULL DEFAULT '{en}',
    user_id    bigint,
    active     boolean NOT NULL DEFAULT true,
    hired_on   date,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN support_agents.user_id IS 'when the agent is a customer too';

CREATE TABLE support_tickets (
    id                bigserial,
    reference         text GENERATED ALWAYS AS ('T-' || id::text) STORED,
    user_id           bigint NOT NULL,
    category_id       int NOT NULL,
    agent_id          int,
    transaction_id    bigint,
    merged_into_id    bigint,
    subject           text NOT NULL,
    description       text NOT NULL DEFAULT '',
    priority          ticket_priority NOT NULL DEFAULT 'p3',
    status            ticket_status NOT NULL DEFAULT 'new',
    opened_via        channel NOT NULL DEFAULT 'web',
    language          char(2) NOT NULL DEFAULT 'en',
    tags              text[] NOT NULL DEFAULT '{}',
    custom            jsonb,
    csat              smallint,
    message_count     int NOT NULL DEFAULT 0,
    first_response_at timestamptz,
    resolved_at       timestamptz,
    closed_at         timestamptz,
    due_at            timestamptz,
    search            tsvector GENERATED ALWAYS AS (setweight(to_tsvector('simple', subject), 'A') || setweight(to_tsvector('simple', left(description, 10000)), 'B')) STORED,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN support_tickets.csat IS 'what the customer thinks of us, 1 to 5';

CREATE TABLE ticket_messages (
    id          bigserial,
    ticket_id   bigint NOT NULL,
    author_kind text NOT NULL,
    author_id   bigint,
    body        text NOT NULL,
    is_internal boolean NOT NULL DEFAULT false,
    attachments jsonb NOT NULL DEFAULT '[]',
    created_at  timestamptz NOT NULL DEFAULT now(),
    edited_at   timestamptz
);
COMMENT ON COLUMN ticket_messages.author_id IS 'a user, an agent, or nothing, by author_kind';
