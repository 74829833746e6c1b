// SPDX-License-Identifier: Apache-2.0
/* Rows as the log tells them; see rows.h. */
#include "check/rows.h"

#include "codec/hash.h"
#include "codec/json_read.h"

uint64_t hash_text(struct str text, uint64_t seed)
{
    uint64_t h = hash_bytes(text, seed);
    return h ? h : 1;
}

uint64_t hash_null(void) { return 0x5851f42d4c957f2du; }

struct row_key row_key_of(struct str subject) { return (struct row_key){hash_text(subject, 1), hash_text(subject, 2)}; }

void rows_init(struct rows *rows)
{
    *rows = (struct rows){.table_count = 0};
    arena_init(&rows->arena);
    arena_init(&rows->value);
}

void rows_free(struct rows *rows)
{
    for (size_t t = 0; t < rows->table_count; t++) {
        for (size_t i = 0; i < rows->tables[t]->slot_count; i++)
            free(rows->tables[t]->rows[i].columns);
        free(rows->tables[t]->rows);
        free(rows->tables[t]->columns);
    }
    free(rows->tables);
    free(rows->schemas);
    arena_free(&rows->value);
    arena_free(&rows->arena);
}

static struct str keep(struct rows *rows, struct str s)
{
    return str_n(arena_memdup(&rows->arena, s.data, s.len), s.len);
}

/* ---- tables and schemas ---- */

struct table *rows_table(struct rows *rows, struct str entity)
{
    for (size_t i = 0; i < rows->table_count; i++)
        if (str_eq(rows->tables[i]->entity, entity))
            return rows->tables[i];
    return NULL;
}

struct table *rows_table_make(struct rows *rows, struct str entity)
{
    struct table *t = rows_table(rows, entity);
    if (t)
        return t;
    t = arena_calloc(&rows->arena, 1, sizeof *t);
    t->entity = keep(rows, entity);
    t->slot_count = 64;
    t->rows = xcalloc(t->slot_count, sizeof *t->rows);
    GROW(rows->tables, rows->table_count, rows->table_capacity);
    rows->tables[rows->table_count++] = t;
    return t;
}

static size_t column_get(struct rows *rows, struct table *t, struct str name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (str_eq(t->columns[i], name))
            return i;
    GROW(t->columns, t->column_count, t->column_capacity);
    t->columns[t->column_count] = keep(rows, name);
    return t->column_count++;
}

static void learn_key(struct rows *rows, struct schema_map *m)
{
    const struct row_schema *s = m->schema;
    size_t n = 0;
    for (size_t i = 0; i < s->column_count; i++)
        n += s->columns[i].key > 0;
    struct str *key = arena_calloc(&rows->arena, n + 1, sizeof *key);
    for (size_t i = 0; i < s->column_count; i++)
        if (s->columns[i].key > 0 && (size_t)s->columns[i].key <= n)
            key[s->columns[i].key - 1] = s->columns[i].name;
    m->table->key = key;
    m->table->key_count = n;
}

static bool schema_get(struct rows *rows, struct registry *registry, int32_t id, struct schema_map **ret,
                       struct err *err)
{
    struct str json;
    for (size_t i = 0; i < rows->schema_count; i++) {
        if (rows->schemas[i].id == id) {
            *ret = &rows->schemas[i];
            return true;
        }
    }
    struct row_schema *schema = arena_calloc(&rows->arena, 1, sizeof *schema);
    struct schema_map m = {.id = id, .schema = schema};
    if (!registry_get(registry, id, &json, err) || !row_schema_parse(json, &rows->arena, schema, err))
        return err_wrap(err, "schema %d", id);
    row_plan_make(schema, &rows->arena, &m.plan);
    m.table = rows_table_make(rows, schema->entity);
    m.columns = arena_calloc(&rows->arena, schema->column_count + 1, sizeof *m.columns);
    for (size_t i = 0; i < schema->column_count; i++)
        m.columns[i] = column_get(rows, m.table, schema->columns[i].name);
    learn_key(rows, &m);
    GROW(rows->schemas, rows->schema_count, rows->schema_capacity);
    rows->schemas[rows->schema_count++] = m;
    *ret = &rows->schemas[rows->schema_count - 1];
    return true;
}

/* ---- rows ---- */

static bool key_eq(struct row_key a, struct row_key b) { return a.a == b.a && a.b == b.b; }

static struct row *slot_of(const struct table *t, struct row_key key)
{
    size_t i = key.a & (t->slot_count - 1);
    while (t->rows[i].used && !key_eq(t->rows[i].key, key))
        i = (i + 1) & (t->slot_count - 1);
    return &t->rows[i];
}

struct row *table_find(const struct table *t, struct row_key key)
{
    struct row *r = slot_of(t, key);
    return r->used ? r : NULL;
}

static void table_grow(struct table *t)
{
    struct table old = *t;
    t->slot_count *= 2;
    t->rows = xcalloc(t->slot_count, sizeof *t->rows);
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.rows[i].used)
            *slot_of(t, old.rows[i].key) = old.rows[i];
    free(old.rows);
}

/* *ret_fresh: the log had not named it before. */
static struct row *row_get(struct table *t, struct row_key key, bool *ret_fresh)
{
    if (t->row_count * 2 >= t->slot_count)
        table_grow(t);
    struct row *r = slot_of(t, key);
    *ret_fresh = !r->used;
    if (*ret_fresh) {
        *r = (struct row){.key = key, .used = true};
        t->row_count++;
    }
    return r;
}

bool row_lives(const struct table *t, const struct row *r) { return r && r->live && r->generation == t->generation; }

static void row_columns(struct row *r, size_t count)
{
    if (r->count >= count)
        return;
    r->columns = xrealloc(r->columns, count * sizeof *r->columns);
    memset(r->columns + r->count, 0, (count - r->count) * sizeof *r->columns);
    r->count = (uint32_t)count;
}

static bool is_missing(const struct str *missing, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(missing[i], name))
            return true;
    return false;
}

static uint64_t hash_value(const struct row_value *v) { return v->null ? hash_null() : hash_text(v->text, 3); }

static bool take_values(struct rows *rows, const struct schema_map *m, const struct event *e, struct row *r, bool fresh,
                        struct err *err)
{
    struct str *missing = NULL;
    struct row_texts row;
    size_t missing_count = 0;
    arena_reset(&rows->value);
    if (!row_decode(&m->plan, e->value, &rows->value, &row, err) ||
        (e->missing.len && !json_string_array(e->missing, &rows->value, &missing, &missing_count, err)))
        return false;
    size_t *dynamic = arena_alloc(&rows->value, (row.dynamic_count + 1) * sizeof *dynamic);
    for (size_t i = 0; i < row.dynamic_count; i++)
        dynamic[i] = column_get(rows, m->table, row.dynamic[i].name);
    row_columns(r, m->table->column_count);
    if (fresh)
        memset(r->columns, 0, r->count * sizeof *r->columns);
    for (size_t i = 0; i < m->schema->column_count; i++)
        if (!is_missing(missing, missing_count, m->schema->columns[i].name))
            r->columns[m->columns[i]] = hash_value(&row.values[i]);
    for (size_t i = 0; i < row.dynamic_count; i++)
        r->columns[dynamic[i]] = hash_value(&row.dynamic[i].value);
    return true;
}

static const char *impossible(enum event_op op, bool fresh, bool lives)
{
    if (fresh)
        return NULL; /* its earlier life may be older than the log */
    if (op == EVENT_CREATED)
        return lives ? "created, but it exists: an event is doubled, or a delete is lost" : NULL;
    if (op == EVENT_UPDATED)
        return lives ? NULL : "updated, but it does not exist: out of order, or a create is lost";
    return lives ? NULL : "deleted, but it does not exist: doubled or out of order";
}

bool rows_apply(struct rows *rows, struct registry *registry, const struct event *e, const char **ret_problem,
                struct table **ret_table, struct row **ret_row, struct err *err)
{
    struct schema_map *m;
    bool fresh;
    *ret_problem = NULL;
    *ret_row = NULL;
    if (e->op == EVENT_TRUNCATED) {
        *ret_table = rows_table_make(rows, e->entity);
        (*ret_table)->generation++;
        return true;
    }
    if (!schema_get(rows, registry, e->schema_id, &m, err))
        return false;
    if (!str_eq(m->schema->entity, e->entity))
        return err_set(err, ERR_DATA, "schema %d of an event is one of " STR_FMT ", another table's", m->id,
                       STR_ARG(m->schema->entity));
    struct row *r = row_get(m->table, row_key_of(e->subject), &fresh);
    bool lives = row_lives(m->table, r);
    *ret_problem = impossible(e->op, fresh && m->table->generation == 0, lives);
    if (e->op != EVENT_DELETED && !take_values(rows, m, e, r, e->op == EVENT_CREATED, err))
        return false;
    r->live = e->op != EVENT_DELETED;
    r->generation = m->table->generation;
    r->last = e->pos;
    *ret_table = m->table;
    *ret_row = r;
    return true;
}
