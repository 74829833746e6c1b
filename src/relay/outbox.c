// SPDX-License-Identifier: Apache-2.0
/* Outbox rows to events; see outbox.h. */
#include "relay/outbox.h"

static bool column_text(const struct pgoutput_value *row, size_t column, struct str *ret)
{
    bool there = column != SIZE_MAX && row[column].kind == PGOUTPUT_TEXT;
    *ret = there ? row[column].data : (struct str){NULL, 0};
    return there;
}

static bool no_topic(const struct route *route, struct err *err)
{
    err_set(err, ERR_DATA, "outbox table " STR_FMT ": a row has no aggregatetype, which names its topic",
            STR_ARG(route->entity));
    return err_hint(err, "declare the column NOT NULL; the row stays in the WAL, so the stream cannot go past it "
                         "until the slot is moved on by hand");
}

/* ---- Undam's form ---- */

static bool free_headers(struct events *e, const struct route *route, const struct pgoutput_value *row, struct err *err)
{
    struct str text;
    if (column_text(row, route->outbox[OUTBOX_HEADERS], &text)) {
        arena_reset(&e->arena);
        if (!outbox_headers(text, &e->arena, &e->headers, err))
            return err_wrap(err, "table " STR_FMT, STR_ARG(route->entity));
    }
    if (column_text(row, route->outbox[OUTBOX_TRACEPARENT], &text))
        outbox_header(STR("traceparent"), text, &e->headers);
    return true;
}

/* ---- Debezium's ---- */

/* The partition that the row itself names; a null leaves it to the key. */
static bool place(const struct events *e, const struct route *route, struct str text, struct event *event,
                  struct err *err)
{
    int64_t partition;
    if (!text.data)
        return true;
    if (!str_to_i64(text, &partition) || partition < 0 || partition >= e->config->bus.partitions) {
        err_set(err, ERR_DATA, "outbox table " STR_FMT ": a row names partition " STR_FMT " of %d",
                STR_ARG(route->entity), STR_ARG(text), e->config->bus.partitions);
        return err_hint(err, "partitions are counted from 0 to bus.partitions - 1; the row stays in the WAL, so the "
                             "stream cannot go past it until the slot is moved on by hand");
    }
    event->partition = (int32_t)partition;
    event->placed = true;
    return true;
}

static bool place_fields(struct events *e, const struct route *route, const struct pgoutput_value *row,
                         struct event *event, struct err *err)
{
    for (size_t i = 0; i < route->field_count; i++) {
        const struct route_field *f = &route->fields[i];
        struct str text;
        bool there = column_text(row, f->column, &text);
        if (f->place == OUTBOX_IN_PARTITION && !place(e, route, text, event, err))
            return false;
        if (f->place != OUTBOX_IN_HEADER)
            continue;
        if (there)
            outbox_header(f->alias, outbox_text(f->kind, text), &e->headers);
        else
            outbox_header_null(f->alias, &e->headers);
    }
    return true;
}

/* What Connect's JSON converter makes of the router's record: the payload is a string in it. */
static void envelope(struct events *e, const struct route *route, const struct pgoutput_value *row, struct event *event)
{
    buf_clear(&e->value);
    buf_addc(&e->value, '{');
    outbox_member(OUTBOX_TEXT, STR("payload"), event->value, &e->value);
    for (size_t i = 0; i < route->field_count; i++) {
        const struct route_field *f = &route->fields[i];
        struct str text;
        if (f->place != OUTBOX_IN_ENVELOPE)
            continue;
        (void)column_text(row, f->column, &text);
        outbox_member(f->kind, f->alias, text, &e->value);
    }
    buf_addc(&e->value, '}');
    event->value = buf_str(&e->value);
    event->value_null = false;
}

static bool debezium(struct events *e, const struct route *route, const struct pgoutput_value *row, struct event *event,
                     struct err *err)
{
    bool blank = event->value_null || str_trim(event->value).len == 0;
    event->debezium = true;
    if (!place_fields(e, route, row, event, err))
        return false;
    if (blank && strcmp(e->config->source.outbox_empty, "tombstone") == 0) {
        event->value = (struct str){NULL, 0};
        event->value_null = true;
    } else if (route->envelope) {
        envelope(e, route, row, event);
    }
    return true;
}

/* ---- both ---- */

/* A bytea's bytes, not PostgreSQL's text of them: an application that encodes its own events puts them there. */
static bool payload(struct events *e, const struct route *route, const struct pgoutput_value *row, struct event *event,
                    struct err *err)
{
    event->value_null = !column_text(row, route->outbox[OUTBOX_PAYLOAD], &event->value);
    if (event->value_null || !route->payload_bytes)
        return true;
    buf_clear(&e->value);
    if (!outbox_bytes(event->value, &e->value)) {
        err_set(err, ERR_DATA, "outbox table " STR_FMT ": a payload of type bytea is not in hexadecimal form",
                STR_ARG(route->entity));
        return err_hint(err, "ALTER ROLE ... SET bytea_output = 'hex' for the relay's role");
    }
    event->value = buf_str(&e->value);
    return true;
}

bool outbox_event(struct events *e, const struct route *route, const struct pgoutput_value *row, struct event *ret,
                  struct err *err)
{
    struct event event = {.op = EVENT_OUTBOX, .entity = route->entity};
    struct str aggregate;
    bool as_debezium = config_debezium(e->config);
    if (!column_text(row, route->outbox[OUTBOX_AGGREGATETYPE], &aggregate) || aggregate.len == 0)
        return no_topic(route, err);
    (void)column_text(row, route->outbox[OUTBOX_ID], &event.id);
    event.key_null = !column_text(row, route->outbox[OUTBOX_AGGREGATEID], &event.key);
    if (!payload(e, route, row, &event, err))
        return false;
    buf_clear(&e->topic);
    buf_adds(&e->topic, as_debezium && !e->config->source.outbox_topic_prefix[0]
                            ? "outbox.event."
                            : e->config->source.outbox_topic_prefix);
    buf_add_str(&e->topic, aggregate);
    event.topic = buf_str(&e->topic);
    buf_clear(&e->headers);
    buf_addc(&e->headers, '{');
    if (as_debezium) {
        if (!debezium(e, route, row, &event, err))
            return false;
    } else {
        (void)column_text(row, route->outbox[OUTBOX_TYPE], &event.type);
        event.subject = event.key;
        if (!free_headers(e, route, row, err))
            return false;
    }
    buf_addc(&e->headers, '}');
    if (e->headers.len > 2)
        event.headers = buf_str(&e->headers);
    *ret = event;
    return true;
}
