// SPDX-License-Identifier: Apache-2.0
/* Tables to topics; see route.h. */
#include "relay/route.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"

static const char *const verb_names[ROUTE_VERBS] = {"created", "updated", "deleted"};
static const char *const outbox_names[OUTBOX_COLUMNS] = {"id",   "aggregatetype", "aggregateid", "payload",
                                                         "type", "headers",       "traceparent"};

static void route_free(void *user)
{
    struct route *route = user;
    arena_free(&route->arena);
    free(route);
}

static struct str full_name(struct arena *a, const struct capture_name *n)
{
    return str_of(arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(n->schema), STR_ARG(n->table)));
}

static bool find_column(const struct capture_relation *r, struct str name, size_t *ret)
{
    for (size_t i = 0; i < r->column_count; i++) {
        if (str_eq(r->columns[i].name, name)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static const struct config_table *config_table(const struct config_service *service, struct str entity)
{
    for (size_t i = 0; i < service->table_count; i++)
        if (str_is(entity, service->tables[i].name))
            return &service->tables[i];
    return NULL;
}

/* The table itself or its nearest ancestor that a service owns. */
static const struct config_service *owner(const struct router *router, const struct capture_relation *r,
                                          struct route *route)
{
    route->entity = full_name(&route->arena, &r->name);
    const struct config_service *service = config_owner(router->config, route->entity);
    for (size_t i = 0; !service && i < r->ancestor_count; i++) {
        struct str ancestor = full_name(&route->arena, &r->ancestors[i].name);
        service = config_owner(router->config, ancestor);
        if (service) {
            route->entity = ancestor;
            route->by_ancestor = true;
            route->leaves = r->ancestors[i].leaves;
        }
    }
    return service;
}

static bool partition_key(struct route *route, const struct capture_relation *r, const struct config_table *table,
                          struct err *err)
{
    struct str rest = str_of(table->key);
    route->key = arena_calloc(&route->arena, r->column_count + 1, sizeof *route->key);
    route->key_in_identity = true;
    while (rest.len) {
        struct str name = str_trim(str_cut(rest, ',', &rest));
        size_t at;
        if (route->key_count == r->column_count || !find_column(r, name, &at)) {
            err_set(err, ERR_CONFIG, "table " STR_FMT " has no column " STR_FMT ", which is its partition key",
                    STR_ARG(route->entity), STR_ARG(name));
            return err_hint(err, "correct the table's key in the configuration; if a column was renamed or left out of "
                                 "the publication's column list, name the new one");
        }
        route->key_in_identity = route->key_in_identity && r->columns[at].identity;
        route->key[route->key_count++] = at;
    }
    route->key_is_subject =
        route->key_count == r->key_count && memcmp(route->key, r->key, r->key_count * sizeof *r->key) == 0;
    return true;
}

/* "compliance_*" fits every name that begins so. */
static bool pattern_fits(struct str pattern, struct str name)
{
    if (pattern.len && pattern.data[pattern.len - 1] == '*')
        return str_starts(name, str_n(pattern.data, pattern.len - 1));
    return str_eq(pattern, name);
}

static bool is_key(const struct route *route, const struct capture_relation *r, size_t column)
{
    for (size_t i = 0; i < route->key_count; i++)
        if (route->key[i] == column)
            return true;
    return r->columns[column].key > 0;
}

static bool dynamic_key(const struct route *route, struct str column, struct err *err)
{
    err_set(err, ERR_CONFIG, "table " STR_FMT ": column " STR_FMT " is part of a key and cannot be dynamic",
            STR_ARG(route->entity), STR_ARG(column));
    return err_hint(err, "take it out of the service's `dynamic` setting; a pattern with `*` leaves key columns out");
}

/* A pattern leaves the columns of the keys out; whoever names one of them is told. */
static bool column_is_dynamic(const struct route *route, const struct capture_relation *r,
                              const struct config_table *table, size_t column, bool *ret, struct err *err)
{
    struct str rest = str_of(table->dynamic), name = r->columns[column].name;
    bool key = is_key(route, r, column);
    *ret = false;
    while (rest.len) {
        struct str pattern = str_trim(str_cut(rest, ',', &rest));
        if (!pattern_fits(pattern, name))
            continue;
        if (key && str_eq(pattern, name))
            return dynamic_key(route, name, err);
        *ret = !key;
    }
    return true;
}

static bool split_columns(struct route *route, const struct capture_relation *r, const struct config_table *table,
                          struct err *err)
{
    route->plain = arena_calloc(&route->arena, r->column_count + 1, sizeof *route->plain);
    route->dynamic = arena_calloc(&route->arena, r->column_count + 1, sizeof *route->dynamic);
    route->has_map = table->dynamic[0] != '\0';
    for (size_t i = 0; i < r->column_count; i++) {
        bool dynamic;
        if (!column_is_dynamic(route, r, table, i, &dynamic, err))
            return false;
        if (dynamic)
            route->dynamic[route->dynamic_count++] = i;
        else
            route->plain[route->plain_count++] = i;
        if (!dynamic && route->has_map && str_is(r->columns[i].name, ROW_DYNAMIC_FIELD))
            return err_set(err, ERR_CONFIG,
                           "table " STR_FMT " has a column " ROW_DYNAMIC_FIELD ": it cannot have dynamic columns",
                           STR_ARG(route->entity));
    }
    return true;
}

static void table_types(struct route *route)
{
    struct str table = route->entity;
    (void)str_cut(route->entity, '.', &table);
    for (int verb = 0; verb < ROUTE_VERBS; verb++)
        route->types[verb] = str_of(arena_printf(&route->arena, STR_FMT ".%s", STR_ARG(table), verb_names[verb]));
    route->truncated_type = str_of(arena_printf(&route->arena, STR_FMT ".truncated", STR_ARG(table)));
}

static bool table_route(const struct router *router, struct route *route, const struct config_service *service,
                        const struct capture_relation *r, struct err *err)
{
    route->kind = ROUTE_TABLE;
    route->topic = str_of(arena_printf(&route->arena, "%s.%s", router->config->bus.prefix, service->name));
    table_types(route);
    route->deleted = arena_calloc(&route->arena, r->key_count + 1, sizeof *route->deleted);
    for (size_t i = 0; i < r->column_count; i++)
        if (r->columns[i].key)
            route->deleted[route->deleted_count++] = i;
    const struct config_table *table = config_table(service, route->entity);
    assert(table); /* the service was found by it */
    return partition_key(route, r, table, err) && split_columns(route, r, table, err);
}

/* Debezium writes other types in forms of its own, which readers would miss. */
static bool placed_kind(const struct capture_column *c, enum outbox_place place, struct str entity,
                        enum outbox_kind *ret, struct err *err)
{
    enum { INT4_OID = 23 };
    *ret = outbox_kind_of(c->type_oid);
    if (place == OUTBOX_IN_PARTITION ? c->type_oid == INT4_OID : *ret != OUTBOX_OTHER)
        return true;
    err_set(err, ERR_CONFIG, "outbox table " STR_FMT ": column " STR_FMT " of type " STR_FMT " cannot be placed",
            STR_ARG(entity), STR_ARG(c->name), STR_ARG(c->type));
    return err_hint(err, "a partition is an integer; a header or envelope field is a text, uuid, json, integer or "
                         "boolean: what Debezium makes of other types is not reproduced");
}

static bool outbox_fields(const struct config *config, struct route *route, const struct capture_relation *r,
                          struct err *err)
{
    struct outbox_field fields[OUTBOX_FIELDS_MAX];
    if (!outbox_fields_parse(str_of(config->source.outbox_fields), fields, &route->field_count, err))
        return false;
    route->fields = arena_calloc(&route->arena, route->field_count + 1, sizeof *route->fields);
    for (size_t i = 0; i < route->field_count; i++) {
        struct route_field *f = &route->fields[i];
        *f = (struct route_field){.place = fields[i].place, .alias = fields[i].alias};
        if (!find_column(r, fields[i].column, &f->column))
            return err_set(err, ERR_CONFIG,
                           "outbox table " STR_FMT " has no column " STR_FMT ", which source.outbox_fields names",
                           STR_ARG(route->entity), STR_ARG(fields[i].column));
        if (!placed_kind(&r->columns[f->column], f->place, route->entity, &f->kind, err))
            return false;
        route->envelope = route->envelope || f->place == OUTBOX_IN_ENVELOPE;
    }
    if (!route->envelope || !route->payload_bytes)
        return true;
    err_set(err, ERR_CONFIG, "outbox table " STR_FMT ": a payload of bytes cannot be put into an envelope",
            STR_ARG(route->entity));
    return err_hint(err, "place the fields of source.outbox_fields in headers, or make payload a text or jsonb");
}

static bool outbox_route(const struct config *config, struct route *route, const struct capture_relation *r,
                         struct err *err)
{
    enum { BYTEA_OID = 17 };
    int required = config_debezium(config) ? OUTBOX_PAYLOAD : OUTBOX_TYPE;
    route->kind = ROUTE_OUTBOX;
    for (int i = 0; i < OUTBOX_COLUMNS; i++) {
        struct str name = outbox_column(str_of(config->source.outbox_columns), str_of(outbox_names[i]));
        if (find_column(r, name, &route->outbox[i]))
            continue;
        route->outbox[i] = SIZE_MAX;
        if (i <= required) {
            err_set(err, ERR_CONFIG, "outbox table " STR_FMT " has no column " STR_FMT, STR_ARG(route->entity),
                    STR_ARG(name));
            return err_hint(err, "an outbox has id, aggregatetype, aggregateid, type and payload, as Debezium's does; "
                                 "source.outbox_columns names columns that are called otherwise");
        }
    }
    route->payload_bytes = r->columns[route->outbox[OUTBOX_PAYLOAD]].type_oid == BYTEA_OID;
    return outbox_fields(config, route, r, err);
}

static bool nobodys(const struct router *router, struct route *route, const struct capture_relation *r, struct err *err)
{
    route->kind = ROUTE_IGNORED;
    if (r->in_catalog && !router->strict)
        return true;
    err_set(err, ERR_CONFIG, "table " STR_FMT " is published, belongs to no service and %s", STR_ARG(route->entity),
            r->in_catalog ? "may have been a partition of one that does" : "does not exist any more");
    return err_hint(err, "give it to a service, or publish partitioned tables by their root: ALTER PUBLICATION ... SET "
                         "(publish_via_partition_root = true)");
}

bool route_of(const struct router *router, struct capture_relation *relation, struct route **ret, struct err *err)
{
    if (relation->user) {
        *ret = relation->user;
        return true;
    }
    struct route *route = xcalloc(1, sizeof *route);
    const struct config_service *service = owner(router, relation, route);
    bool ok;
    if (router->config->source.outbox[0] && str_is(route->entity, router->config->source.outbox))
        ok = outbox_route(router->config, route, relation, err);
    else if (service)
        ok = table_route(router, route, service, relation, err);
    else
        ok = nobodys(router, route, relation, err);
    if (!ok) {
        route_free(route);
        return false;
    }
    relation->user = route;
    relation->user_free = route_free;
    *ret = route;
    return true;
}

/* ---- schemas ---- */

/* "order_items" gives OrderItems, and then what Avro does not allow in a name is escaped. */
static void add_camel(struct buf *b, struct str s)
{
    bool upper = true;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c == '_' || c == '.' || c == ' ' || c == '-') {
            upper = true;
            continue;
        }
        buf_addc(b, upper && c < 0x80 ? (char)toupper(c) : (char)c);
        upper = false;
    }
}

static struct str record_name(struct route *route, enum route_verb verb)
{
    struct str entity = route->entity, table;
    struct buf camel, name;
    buf_init(&camel, 0);
    buf_init(&name, 0);
    if (str_is(str_cut(entity, '.', &table), "public"))
        entity = table;
    add_camel(&camel, entity);
    add_camel(&camel, str_of(verb_names[verb]));
    row_name_escape(buf_str(&camel), &name);
    struct str ret = str_n(arena_memdup(&route->arena, name.data, name.len), name.len);
    buf_free(&camel);
    buf_free(&name);
    return ret;
}

struct route_record *route_record(struct route *route, const struct capture_relation *relation, enum route_verb verb)
{
    struct route_record *record = &route->records[verb];
    if (record->made)
        return record;
    bool deleted = verb == ROUTE_DELETED;
    size_t count = deleted ? route->deleted_count : route->plain_count;
    struct row_column *columns = arena_calloc(&route->arena, count + 1, sizeof *columns);
    record->columns = deleted ? route->deleted : route->plain;
    for (size_t i = 0; i < count; i++) {
        const struct capture_column *c = &relation->columns[record->columns[i]];
        columns[i] = (struct row_column){.name = c->name,
                                         .type = c->type,
                                         .type_oid = c->type_oid,
                                         .typmod = c->typmod,
                                         .base_oid = c->base_oid,
                                         .base_typmod = c->base_typmod,
                                         .key = c->key,
                                         .doc = c->doc,
                                         .preset = c->preset};
    }
    record->schema = (struct row_schema){.namespace = route->topic,
                                         .name = record_name(route, verb),
                                         .doc = relation->doc,
                                         .entity = route->entity,
                                         .verb = str_of(verb_names[verb]),
                                         .columns = columns,
                                         .column_count = count,
                                         .dynamic = route->has_map && !deleted};
    row_plan_make(&record->schema, &route->arena, &record->plan);
    record->made = true;
    return record;
}
