// SPDX-License-Identifier: Apache-2.0
/* Events into changes; see decode.h. */
#include "project/decode.h"

#include "codec/json_strings.h"

struct decode_schema {
    struct decode_schema *next;
    int32_t id;
    struct mirror *mirror; /* NULL: not wanted */
    struct row_schema schema;
    struct row_plan plan;
    int *field_of; /* per mirror column: index of the schema's column, -1 = not there */
    bool partial;  /* a column is missing or of another type: only when tolerated */
    bool tolerant; /* the decoder's */
};

void decoder_init(struct decoder *d, struct mirror *mirrors, size_t count)
{
    *d = (struct decoder){.mirrors = mirrors, .mirror_count = count};
    arena_init(&d->arena);
}

void decoder_free(struct decoder *d)
{
    arena_free(&d->arena);
    *d = (struct decoder){0};
}

static struct mirror *mirror_of(const struct decoder *d, struct str entity)
{
    for (size_t i = 0; i < d->mirror_count; i++)
        if (str_is(entity, d->mirrors[i].entity))
            return &d->mirrors[i];
    return NULL;
}

static bool changed_column(const struct mirror *m, const struct mirror_column *c, const struct row_column *got,
                           struct err *err)
{
    if (got)
        err_set(err, ERR_DATA, "table %s: column %s has become " STR_FMT ", the mirror has %s", m->entity, c->name,
                STR_ARG(got->type), c->type);
    else
        err_set(err, ERR_DATA, "table %s: column %s, which views use, is no longer in the events", m->entity, c->name);
    return err_hint(err,
                    "change the views that use %s.%s (`undam view list --json` names their tables), then run "
                    "`undam view add` with them, or `undam view rebuild`",
                    m->entity, c->name);
}

/* What the mirror has no column for is not made a text of. */
static void skip_unused(struct decode_schema *s, struct arena *arena)
{
    for (size_t i = 0; i < s->schema.column_count; i++) {
        bool used = false;
        for (size_t k = 0; k < s->mirror->column_count; k++)
            used = used || s->field_of[k] == (int)i;
        if (!used)
            row_plan_skip(&s->plan, i, arena);
    }
}

/* Every column that a change of this verb must bring is there, once, with the type the mirror was made with. */
static bool match_columns(struct decode_schema *s, bool tolerant, struct err *err)
{
    const struct row_schema *schema = &s->schema;
    const struct mirror *m = s->mirror;
    bool keys_only = str_is(schema->verb, "deleted");
    for (size_t i = 0; i < m->column_count; i++) {
        const struct mirror_column *c = &m->columns[i];
        const struct row_column *got = NULL;
        for (size_t j = 0; j < schema->column_count && !got; j++)
            if (str_is(schema->columns[j].name, c->name))
                got = &schema->columns[j];
        s->field_of[i] = got ? (int)(got - schema->columns) : -1;
        if (keys_only && c->key == 0)
            continue;
        if (!got && schema->dynamic && c->key == 0) /* in the map; its type is the mirror's to cast to */
            continue;
        if (got && got->type_oid == c->type_oid && got->typmod == c->typmod)
            continue;
        if (!tolerant || c->key > 0)
            return changed_column(m, c, got, err);
        s->partial = true;
    }
    return true;
}

static bool schema_of(struct decoder *d, struct registry *registry, int32_t id, struct decode_schema **ret,
                      struct err *err)
{
    for (struct decode_schema *s = d->schemas; s; s = s->next)
        if (s->id == id) {
            *ret = s;
            return true;
        }
    struct str json;
    struct decode_schema *s = arena_calloc(&d->arena, 1, sizeof *s);
    if (!registry_get(registry, id, &json, err) || !row_schema_parse(json, &d->arena, &s->schema, err))
        return err_wrap(err, "schema %d", id);
    s->id = id;
    s->tolerant = d->tolerant;
    row_plan_make(&s->schema, &d->arena, &s->plan);
    s->mirror = mirror_of(d, s->schema.entity);
    if (s->mirror) {
        s->field_of = arena_calloc(&d->arena, s->mirror->column_count + 1, sizeof *s->field_of);
        if (!match_columns(s, d->tolerant, err))
            return false;
        skip_unused(s, &d->arena);
    }
    s->next = d->schemas;
    d->schemas = s;
    *ret = s;
    return true;
}

static bool decode_missing(const struct mirror *m, struct str json, struct arena *arena, uint8_t **ret, struct err *err)
{
    struct str *names;
    size_t count;
    *ret = NULL;
    if (json.len == 0)
        return true;
    if (!json_strings_parse(json, arena, &names, &count, err))
        return err_wrap(err, "undam_missing");
    for (size_t i = 0; i < count; i++) {
        int column = mirror_column_index(m, names[i]);
        if (column < 0)
            continue;
        if (m->columns[column].key > 0)
            return err_set(err, ERR_DATA, "undam_missing names the key column %s", m->columns[column].name);
        if (!*ret)
            *ret = arena_calloc(arena, m->column_count, 1);
        (*ret)[column] = 1;
    }
    return true;
}

static bool decode_oldkey(const struct mirror *m, struct str json, struct arena *arena, struct row_value **ret,
                          struct err *err)
{
    struct str *texts;
    size_t count;
    *ret = NULL;
    if (json.len == 0)
        return true;
    if (!json_strings_parse(json, arena, &texts, &count, err))
        return err_wrap(err, "undam_oldkey");
    if (count != m->key_count)
        return err_set(err, ERR_DATA, "undam_oldkey has %zu values, the key has %zu columns", count, m->key_count);
    *ret = arena_calloc(arena, count, sizeof **ret);
    for (size_t i = 0; i < count; i++)
        (*ret)[i].text = texts[i];
    return true;
}

/* A mirror's column that is in the map. Not there and not left out as unchanged: the table has it no more, or not yet.
 */
static bool dynamic_value(const struct decode_schema *s, size_t column, const struct row_texts *row,
                          struct net_change *change, struct err *err)
{
    const struct mirror_column *c = &s->mirror->columns[column];
    struct row_value *ret = &change->image[column];
    for (size_t i = 0; i < row->dynamic_count; i++) {
        if (str_is(row->dynamic[i].name, c->name)) {
            *ret = row->dynamic[i].value;
            return true;
        }
    }
    ret->null = true;
    if (change->missing && change->missing[column])
        return true;
    change->partial = true;
    return s->tolerant || changed_column(s->mirror, c, NULL, err);
}

static bool decode_value(const struct decode_schema *s, const struct event *e, struct arena *arena,
                         struct net_change *c, struct err *err)
{
    const struct mirror *m = s->mirror;
    struct row_texts row;
    if (!row_decode(&s->plan, e->value, arena, &row, err) || !decode_missing(m, e->missing, arena, &c->missing, err) ||
        !decode_oldkey(m, e->oldkey, arena, &c->oldkey, err))
        return false;
    c->partial = s->partial && e->op != EVENT_DELETED;
    c->image = arena_calloc(arena, m->column_count + 1, sizeof *c->image);
    for (size_t i = 0; i < m->column_count; i++) {
        if (s->field_of[i] >= 0)
            c->image[i] = row.values[s->field_of[i]];
        else if (!s->schema.dynamic)
            c->image[i].null = true;
        else if (!dynamic_value(s, i, &row, c, err))
            return false;
        if (m->columns[i].key > 0 && c->image[i].null)
            return err_set(err, ERR_DATA, "the key column %s is null", m->columns[i].name);
    }
    return true;
}

static bool decode(struct decoder *d, struct registry *registry, const struct event *e, struct arena *arena,
                   struct net_change *ret, struct err *err)
{
    struct net_change c = {.op = e->op, .pos = e->pos};
    struct decode_schema *s;
    switch (e->op) {
    case EVENT_OUTBOX:
    case EVENT_MESSAGE: break; /* the application's own; no mirror */
    case EVENT_TRUNCATED: c.mirror = mirror_of(d, e->entity); break;
    case EVENT_CREATED:
    case EVENT_UPDATED:
    case EVENT_DELETED:
        if (e->value_null)
            return err_set(err, ERR_DATA, "the event has no value");
        if (!schema_of(d, registry, e->schema_id, &s, err))
            return false;
        c.mirror = s->mirror;
        if (c.mirror && !decode_value(s, e, arena, &c, err))
            return false;
        break;
    default: return err_set(err, ERR_DATA, "unknown operation %d", (int)e->op);
    }
    *ret = c;
    return true;
}

bool decode_event(struct decoder *d, struct registry *registry, const struct event *e, struct arena *arena,
                  struct net_change *ret, struct err *err)
{
    char lsn[LSN_TEXT_SIZE];
    if (decode(d, registry, e, arena, ret, err))
        return true;
    return err_wrap(err, "event at %s, %u of " STR_FMT, lsn_format(e->pos.lsn, lsn), e->pos.seq, STR_ARG(e->entity));
}
