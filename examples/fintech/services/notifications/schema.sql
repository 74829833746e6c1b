-- SPDX-License-Identifier: Apache-2.0
-- What we tell people: templates, one row a message and channel, what each of them wants, and every attempt to deliver.

CREATE TYPE notification_channel AS ENUM ('push', 'email', 'sms', 'in_app');
CREATE TYPE notification_status AS ENUM ('queued', 'sending', 'sent', 'failed', 'suppressed');

CREATE TABLE notification_templates (
    id         serial,
    code       text NOT NULL,
    locale     text NOT NULL DEFAULT 'en',
    channel    notification_channel NOT NULL DEFAULT 'push',
    subject    text NOT NULL,
    body       text NOT NULL,
    variables  text[] NOT NULL DEFAULT '{}',
    version    smallint NOT NULL DEFAULT 1,
    active     boolean NOT NULL DEFAULT true,
    updated_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN notification_templates.variables IS 'names that stand in braces in subject and body';

-- Every service writes here: user_id, kind, title and body are enough.
CREATE TABLE notifications (
    id             bigserial,
    user_id        bigint NOT NULL,
    template_id    int,
    transaction_id bigint,
    kind           text NOT NULL,
    channel        notification_channel NOT NULL DEFAULT 'push',
    status         notification_status NOT NULL DEFAULT 'queued',
    title          text NOT NULL,
    body           text NOT NULL DEFAULT '',
    data           jsonb NOT NULL DEFAULT '{}',
    recipients     text[] NOT NULL DEFAULT '{}',
    priority       smallint NOT NULL DEFAULT 5,
    attempts       int NOT NULL DEFAULT 0,
    scheduled_for  timestamptz,
    sent_at        timestamptz,
    read_at        timestamptz,
    deleted_at     timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN notifications.recipients IS 'addresses or push tokens as they were when it was sent; empty until then';
COMMENT ON COLUMN notifications.priority IS '1 is urgent, 9 is marketing';

CREATE TABLE notification_preferences (
    user_id    bigint NOT NULL,
    channel    notification_channel NOT NULL,
    enabled    boolean NOT NULL DEFAULT true,
    quiet_from time,
    quiet_to   time,
    muted      text[] NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE delivery_attempts (
    id              bigserial,
    notification_id bigint NOT NULL,
    attempt_no      int NOT NULL DEFAULT 1,
    provider        text NOT NULL,
    outcome         text NOT NULL,
    error_code      text,
    latency_ms      int,
    cost            numeric(10,5),
    response        jsonb,
    attempted_at    timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
);
COMMENT ON COLUMN delivery_attempts.attempted_at IS 'UTC, as the providers report it';
