// SPDX-License-Identifier: Apache-2.0
/* Changes to events; see events.h. */
#include "relay/events.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "relay/outbox.h"

void events_init(struct events *e, const struct config *config)
{
    *e = (struct events){.config = config, .router = {.config = config}};
    e->values = xcalloc(PGOUTPUT_COLUMNS_MAX, sizeof *e->values);
    e->dynamic = xcalloc(PGOUTPUT_COLUMNS_MAX, sizeof *e->dynamic);
    e->message_topic = str_of(xasprintf("%s.messages", config->bus.prefix));
}

void events_free(struct events *e)
{
    struct buf *buffers[] = {&e->value,  &e->subject, &e->key,   &e->missing,
                             &e->oldkey, &e->headers, &e->topic, &e->json};
    for (size_t i = 0; i < COUNT(buffers); i++)
        buf_free(buffers[i]);
    arena_free(&e->arena);
    free(e->values);
    free(e->dynamic);
    free((void *)(uintptr_t)e->message_topic.data);
}

void events_begin(struct events *e, const struct event_txn *txn)
{
    e->txn = *txn;
    e->begun = false;
    e->seq = 0;
}

bool events_end(struct events *e, bool *ret_any, struct err *err)
{
    if (e->begun && !bus_writer_end(e->writer, err))
        return false;
    *ret_any = e->begun;
    return true;
}

static bool put(struct events *e, struct event *event, struct err *err)
{
    if (!e->begun && !bus_writer_begin(e->writer, &e->txn, err))
        return false;
    e->begun = true;
    event->pos = (struct position){e->txn.lsn, ++e->seq};
    e->counts.events++;
    return bus_writer_put(e->writer, event, err);
}

/* ---- keys ---- */

static bool has_text(const struct pgoutput_value *v) { return v->kind == PGOUTPUT_TEXT || v->kind == PGOUTPUT_NULL; }

/* The columns as an event carries a key: one column's text, several as a JSON array. A null alone is no key. */
static struct str key_text(const struct pgoutput_value *row, const size_t *columns, size_t count, struct buf *buf,
                           bool *ret_null)
{
    *ret_null = count == 1 && row[columns[0]].kind == PGOUTPUT_NULL;
    if (count == 1)
        return row[columns[0]].data;
    buf_clear(buf);
    buf_addc(buf, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_addc(buf, ',');
        if (row[columns[i]].kind == PGOUTPUT_NULL)
            buf_adds(buf, "null");
        else
            buf_add_json(buf, row[columns[i]].data);
    }
    buf_addc(buf, ']');
    return buf_str(buf);
}

static struct str key_array(const struct capture_relation *r, const struct pgoutput_value *row, struct buf *buf)
{
    buf_clear(buf);
    buf_addc(buf, '[');
    for (size_t i = 0; i < r->key_count; i++) {
        if (i)
            buf_addc(buf, ',');
        buf_add_json(buf, row[r->key[i]].data);
    }
    buf_addc(buf, ']');
    return buf_str(buf);
}

static bool known(const struct route *route, const struct capture_relation *r, const struct pgoutput_value *row,
                  const size_t *columns, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (has_text(&row[columns[i]]))
            continue;
        err_set(err, ERR_DATA, "table " STR_FMT ": an update does not carry key column " STR_FMT,
                STR_ARG(route->entity), STR_ARG(r->columns[columns[i]].name));
        return err_hint(err,
                        "its value is TOASTed and the server leaves it out; set REPLICA IDENTITY FULL on the table");
    }
    return true;
}

static bool keyless(const struct route *route, const char *what, struct err *err)
{
    err_set(err, ERR_DATA, "table " STR_FMT ": %s without a primary key cannot be made an event",
            STR_ARG(route->entity), what);
    return err_hint(err, "give the table a primary key, or take it out of the publication or its service; "
                         "`undam relay --check` lists such tables");
}

static bool key_changed(const struct capture_relation *r, const struct pgoutput_tuple *before,
                        const struct pgoutput_value *after)
{
    for (size_t i = 0; i < r->key_count; i++)
        if (!str_eq(before->values[r->key[i]].data, after[r->key[i]].data))
            return true;
    return false;
}

/* ---- rows ---- */

static bool register_record(struct events *e, const struct route *route, struct route_record *record, struct err *err)
{
    const struct row_schema *schema = &record->schema;
    buf_clear(&e->json);
    row_schema_print(schema, &e->json);
    buf_clear(&e->topic);
    buf_printf(&e->topic, STR_FMT "-" STR_FMT "." STR_FMT, STR_ARG(route->topic), STR_ARG(schema->namespace),
               STR_ARG(schema->name));
    return registry_register(e->registry, buf_str(&e->topic), buf_str(&e->json), &record->id, err) ||
           err_wrap(err, "schema of " STR_FMT, STR_ARG(route->entity));
}

/* Unchanged TOAST is null in the value and named in `missing`; *ret false: of a column in the map, left out of it. */
static bool take_value(struct events *e, const struct capture_column *column, const struct pgoutput_value *v,
                       struct row_value *ret)
{
    *ret = (struct row_value){v->data, v->kind != PGOUTPUT_TEXT};
    if (v->kind != PGOUTPUT_UNCHANGED)
        return true;
    buf_addc(&e->missing, e->missing.len ? ',' : '[');
    buf_add_json(&e->missing, column->name);
    return false;
}

static bool encode(struct events *e, const struct route *route, const struct route_record *record,
                   const struct capture_relation *r, const struct pgoutput_value *row, struct event *event,
                   struct err *err)
{
    size_t dynamic_count = 0;
    buf_clear(&e->value);
    buf_clear(&e->missing);
    for (size_t i = 0; i < record->schema.column_count; i++) {
        size_t at = record->columns[i];
        (void)take_value(e, &r->columns[at], &row[at], &e->values[i]);
    }
    for (size_t i = 0; record->schema.dynamic && i < route->dynamic_count; i++) {
        size_t at = route->dynamic[i];
        struct row_dynamic *d = &e->dynamic[dynamic_count];
        d->name = r->columns[at].name;
        dynamic_count += take_value(e, &r->columns[at], &row[at], &d->value);
    }
    if (e->missing.len)
        buf_addc(&e->missing, ']');
    if (!row_encode(&record->plan, record->id, e->values, e->dynamic, dynamic_count, &e->value, err))
        return err_wrap(err, "table " STR_FMT, STR_ARG(route->entity));
    if (e->value.overflow)
        return err_set(err, ERR_DATA, "table " STR_FMT ": a row is larger than an event can be",
                       STR_ARG(route->entity));
    event->value = buf_str(&e->value);
    event->missing = buf_str(&e->missing);
    return true;
}

static bool put_row(struct events *e, struct route *route, const struct capture_relation *r, enum route_verb verb,
                    const struct pgoutput_value *row, struct str oldkey, struct err *err)
{
    static const enum event_op ops[] = {EVENT_CREATED, EVENT_UPDATED, EVENT_DELETED};
    bool key_known = verb != ROUTE_DELETED || route->key_in_identity, null;
    struct event event = {
        .op = ops[verb], .topic = route->topic, .entity = route->entity, .type = route->types[verb], .oldkey = oldkey};
    struct route_record *record = route_record(route, r, verb);
    if ((!record->id && !register_record(e, route, record, err)) || !known(route, r, row, r->key, r->key_count, err))
        return false;
    event.schema_id = record->id;
    if (r->key_count)
        event.subject = key_text(row, r->key, r->key_count, &e->subject, &null);
    event.key = event.subject;
    if (key_known && !route->key_is_subject) {
        if (!known(route, r, row, route->key, route->key_count, err))
            return false;
        event.key = key_text(row, route->key, route->key_count, &e->key, &event.key_null);
    }
    return encode(e, route, record, r, row, &event, err) && put(e, &event, err);
}

/* What the new image leaves out, the old one has where the table is REPLICA IDENTITY FULL; a key column left out did
 * not change. */
static void complete(const struct capture_change *change)
{
    const struct capture_relation *r = change->relation;
    for (size_t i = 0; change->old_kind != PGOUTPUT_OLD_NONE && i < r->column_count; i++) {
        const struct pgoutput_value *old = &change->old_row.values[i];
        bool has = change->old_kind == PGOUTPUT_OLD_ROW || r->columns[i].identity;
        if (change->new_row.values[i].kind == PGOUTPUT_UNCHANGED && has && old->kind == PGOUTPUT_TEXT)
            change->new_row.values[i] = *old;
    }
}

static bool on_update(struct events *e, struct route *route, const struct capture_change *change, struct err *err)
{
    const struct capture_relation *r = change->relation;
    struct str oldkey = {NULL, 0};
    if (!r->key_count)
        return keyless(route, "an update", err);
    complete(change);
    if (change->old_kind == PGOUTPUT_OLD_NONE || !key_changed(r, &change->old_row, change->new_row.values))
        return put_row(e, route, r, ROUTE_UPDATED, change->new_row.values, oldkey, err);
    /* Another key is another row to whoever keeps the table, and may live in another partition. */
    if (!put_row(e, route, r, ROUTE_DELETED, change->old_row.values, oldkey, err))
        return false;
    oldkey = key_array(r, change->old_row.values, &e->oldkey);
    return put_row(e, route, r, ROUTE_CREATED, change->new_row.values, oldkey, err);
}

/* ---- outbox, messages, truncate ---- */

static bool on_message(struct events *e, const struct capture_change *change, struct err *err)
{
    struct str wanted = str_of(e->config->source.message_prefix);
    if (wanted.len == 0 || !str_starts(change->prefix, wanted)) {
        e->counts.ignored++;
        return true;
    }
    /* Keyed by the prefix, so that messages of one prefix stay in order. */
    struct event event = {.op = EVENT_MESSAGE,
                          .topic = e->message_topic,
                          .type = change->prefix,
                          .key = change->prefix,
                          .value = change->content};
    return put(e, &event, err);
}

/* TRUNCATE of a partitioned table that is published by its partitions names all of them, and not the table itself.
 * *ret_first: partition i is the first of its parent's in the statement. */
static bool whole_parent(const struct router *router, const struct capture_change *change, size_t i,
                         const struct route *route, bool *ret_first, struct err *err)
{
    size_t found = 0;
    *ret_first = true;
    for (size_t k = 0; k < change->truncated_count; k++) {
        struct route *other;
        if (!route_of(router, change->truncated[k], &other, err))
            return false;
        if (!other->by_ancestor || !str_eq(other->entity, route->entity))
            continue;
        found++;
        *ret_first = *ret_first && k >= i;
    }
    if (found == route->leaves)
        return true;
    err_set(err, ERR_DATA, "%zu of %zu partitions of table " STR_FMT " were truncated, which no event can say", found,
            route->leaves, STR_ARG(route->entity));
    return err_hint(err, "empty single partitions with DELETE, or detach them; what the stream holds now can only be "
                         "passed by loading the service anew");
}

static bool truncate_one(struct events *e, const struct capture_change *change, size_t i, struct err *err)
{
    struct route *route;
    bool first = true;
    if (!route_of(&e->router, change->truncated[i], &route, err))
        return false;
    if (route->kind != ROUTE_TABLE) {
        e->counts.ignored++;
        return true;
    }
    if (route->by_ancestor && !whole_parent(&e->router, change, i, route, &first, err))
        return false;
    struct event event = {.op = EVENT_TRUNCATED,
                          .partition = EVENT_ALL_PARTITIONS,
                          .topic = route->topic,
                          .entity = route->entity,
                          .type = route->truncated_type,
                          .key_null = true,
                          .value_null = true};
    return !first || put(e, &event, err);
}

static bool on_truncate(struct events *e, const struct capture_change *change, struct err *err)
{
    for (size_t i = 0; i < change->truncated_count; i++)
        if (!truncate_one(e, change, i, err))
            return false;
    return true;
}

static bool on_row(struct events *e, struct route *route, const struct capture_change *change, struct err *err)
{
    const struct capture_relation *r = change->relation;
    if (change->op == CAPTURE_INSERT)
        return put_row(e, route, r, ROUTE_CREATED, change->new_row.values, (struct str){NULL, 0}, err);
    if (change->op == CAPTURE_UPDATE)
        return on_update(e, route, change, err);
    if (!r->key_count)
        return keyless(route, "a delete", err);
    return put_row(e, route, r, ROUTE_DELETED, change->old_row.values, (struct str){NULL, 0}, err);
}

static bool outbox_update(struct events *e, const struct route *route, struct err *err)
{
    e->counts.outbox_updates++;
    if (strcmp(e->config->source.outbox_update, "fatal") != 0)
        return true;
    err_set(err, ERR_DATA, "outbox table " STR_FMT ": a row was updated", STR_ARG(route->entity));
    return err_hint(err, "rows of an outbox are events and never change; source.outbox_update: warn lets them pass");
}

static bool on_outbox_change(struct events *e, const struct route *route, const struct capture_change *change,
                             struct err *err)
{
    struct event event;
    if (change->op == CAPTURE_INSERT)
        return outbox_event(e, route, change->new_row.values, &event, err) && put(e, &event, err);
    if (change->op == CAPTURE_UPDATE)
        return outbox_update(e, route, err);
    e->counts.outbox_deletes += change->op == CAPTURE_DELETE;
    return true;
}

bool events_change(struct events *e, const struct capture_change *change, struct err *err)
{
    if (change->op == CAPTURE_MESSAGE)
        return on_message(e, change, err);
    if (change->op == CAPTURE_TRUNCATE)
        return on_truncate(e, change, err);
    struct route *route;
    bool fresh = !change->relation->user;
    if (!route_of(&e->router, change->relation, &route, err))
        return false;
    switch (route->kind) {
    case ROUTE_TABLE: return on_row(e, route, change, err);
    case ROUTE_OUTBOX: return on_outbox_change(e, route, change, err);
    case ROUTE_IGNORED: break;
    }
    e->counts.ignored++;
    if (fresh)
        snprintf(e->ignored_table, sizeof e->ignored_table, STR_FMT, STR_ARG(route->entity));
    return true;
}
