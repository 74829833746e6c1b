// SPDX-License-Identifier: Apache-2.0
/* The source's catalog; see source.h. */
#include "project/source.h"

#include <stdio.h>

/* With only pg_catalog in the path, format_type() qualifies every other schema's types. */
static const char session_sql[] = "SET search_path = pg_catalog; SET row_security = off";

static const char tables_sql[] =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident,"
    " c.relreplident IN ('d', 'f') OR (c.relreplident = 'i' AND EXISTS (SELECT FROM pg_index i"
    "  WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisprimary))"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> "
    "'information_schema'"
    " ORDER BY c.oid";

/* Deferrable keys are no replica identity: PostgreSQL could not name the row of an update. */
static const char columns_sql[] =
    "SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod, a.attnotnull,"
    " a.attgenerated <> '', coalesce((SELECT k.ord FROM pg_index i,"
    "  unnest(i.indkey::int2[]) WITH ORDINALITY AS k(att, ord)"
    "  WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND k.att = a.attnum), 0),"
    " CASE WHEN a.attcollation NOT IN (0, t.typcollation)"
    "  THEN (SELECT format('%I.%I', n.nspname, l.collname) FROM pg_collation l JOIN pg_namespace n ON n.oid = "
    "l.collnamespace"
    "        WHERE l.oid = a.attcollation) ELSE '' END"
    " FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid"
    " JOIN pg_type t ON t.oid = a.atttypid"
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND s.nspname !~ '^pg_' AND s.nspname <> "
    "'information_schema'"
    " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

static uint64_t get_u64(const PGresult *r, int row, int column)
{
    uint64_t v = 0;
    (void)str_to_u64(str_of(PQgetvalue(r, row, column)), &v);
    return v;
}

static bool get_bool(const PGresult *r, int row, int column) { return *PQgetvalue(r, row, column) == 't'; }

static bool load_tables(struct pg *pg, struct source_catalog *c, uint64_t **ret_oids, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query(pg, tables_sql, &r, err))
        return false;
    size_t count = (size_t)PQntuples(r);
    c->catalog.tables = arena_calloc(&c->arena, count + 1, sizeof *c->catalog.tables);
    c->tables = arena_calloc(&c->arena, count + 1, sizeof *c->tables);
    c->catalog.table_count = count;
    *ret_oids = arena_calloc(&c->arena, count + 1, sizeof **ret_oids);
    for (size_t i = 0; i < count; i++) {
        int row = (int)i;
        (*ret_oids)[i] = get_u64(r, row, 0);
        c->catalog.tables[i].schema = arena_strdup(&c->arena, PQgetvalue(r, row, 1));
        c->catalog.tables[i].name = arena_strdup(&c->arena, PQgetvalue(r, row, 2));
        c->tables[i].kind = *PQgetvalue(r, row, 3);
        c->tables[i].identity = *PQgetvalue(r, row, 4);
        c->tables[i].identity_is_key = get_bool(r, row, 5);
    }
    return true;
}

static void load_table_columns(struct source_catalog *c, size_t table, const PGresult *r, int from, int to)
{
    struct catalog_table *t = &c->catalog.tables[table];
    size_t count = (size_t)(to - from);
    t->columns = arena_calloc(&c->arena, count + 1, sizeof *t->columns);
    t->key = arena_calloc(&c->arena, count + 1, sizeof *t->key);
    c->tables[table].columns = arena_calloc(&c->arena, count + 1, sizeof *c->tables[table].columns);
    t->column_count = count;
    for (int row = from; row < to; row++) {
        struct catalog_column *column = &t->columns[row - from];
        column->name = arena_strdup(&c->arena, PQgetvalue(r, row, 1));
        column->type = arena_strdup(&c->arena, PQgetvalue(r, row, 2));
        column->not_null = get_bool(r, row, 5);
        uint64_t key = get_u64(r, row, 7);
        if (key > 0 && key <= count) {
            t->key[key - 1] = column->name;
            t->key_count++;
        }
        int64_t typmod = -1;
        (void)str_to_i64(str_of(PQgetvalue(r, row, 4)), &typmod);
        c->tables[table].columns[row - from] = (struct source_column){
            .type_oid = (uint32_t)get_u64(r, row, 3),
            .typmod = (int32_t)typmod,
            .generated = get_bool(r, row, 6),
            .collation = arena_strdup(&c->arena, PQgetvalue(r, row, 8)),
            .published = true,
        };
    }
}

static bool load_columns(struct pg *pg, struct source_catalog *c, const uint64_t *oids, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query(pg, columns_sql, &r, err))
        return false;
    int row = 0, rows = PQntuples(r);
    for (size_t t = 0; t < c->catalog.table_count; t++) { /* both are ordered by oid */
        while (row < rows && get_u64(r, row, 0) < oids[t])
            row++;
        int from = row;
        while (row < rows && get_u64(r, row, 0) == oids[t])
            row++;
        load_table_columns(c, t, r, from, row);
    }
    return true;
}

static struct source_table *find(struct source_catalog *c, const char *schema, const char *name,
                                 struct catalog_table **t)
{
    for (size_t i = 0; i < c->catalog.table_count; i++) {
        *t = &c->catalog.tables[i];
        if (strcmp((*t)->schema, schema) == 0 && strcmp((*t)->name, name) == 0)
            return &c->tables[i];
    }
    return NULL;
}

/* Column lists and row filters exist from server 15. */
static bool load_publication(struct pg *pg, struct source_catalog *c, const char *publication, struct err *err)
{
    PG_RESULT r = NULL;
    bool lists = PQserverVersion(pg->conn) >= 150000;
    const char *sql = lists ? "SELECT p.schemaname, p.tablename, a.x, p.rowfilter IS NOT NULL FROM"
                              " pg_publication_tables p, unnest(p.attnames) AS a(x) WHERE p.pubname = $1 ORDER BY 1, 2"
                            : "SELECT schemaname, tablename, '', false FROM pg_publication_tables WHERE pubname = $1";
    if (!pg_query_params(pg, sql, 1, &publication, &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++) {
        struct catalog_table *t;
        struct source_table *s = find(c, PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), &t);
        if (!s)
            continue;
        for (size_t k = 0; lists && !s->published && k < t->column_count; k++)
            s->columns[k].published = false;
        s->published = true;
        s->row_filter = get_bool(r, i, 3);
        for (size_t k = 0; k < t->column_count; k++)
            s->columns[k].published |= strcmp(t->columns[k].name, PQgetvalue(r, i, 2)) == 0;
    }
    return true;
}

bool source_catalog_load(struct pg *source, const char *publication, struct source_catalog *ret, struct err *err)
{
    struct source_catalog c = {0};
    arena_init(&c.arena);
    uint64_t *oids;
    PG_RESULT r = NULL;
    if (!pg_exec(source, session_sql, err) || !load_tables(source, &c, &oids, err) ||
        !load_columns(source, &c, oids, err) || !load_publication(source, &c, publication, err) ||
        !pg_query(source, "SELECT datcollate FROM pg_database WHERE datname = current_database()", &r, err)) {
        source_catalog_free(&c);
        return err_wrap(err, "reading the source's catalog");
    }
    snprintf(c.collation, sizeof c.collation, "%s", PQgetvalue(r, 0, 0));
    *ret = c;
    return true;
}

void source_catalog_free(struct source_catalog *c)
{
    arena_free(&c->arena);
    *c = (struct source_catalog){0};
}

const struct source_table *source_table_of(const struct source_catalog *c, const struct catalog_table *t)
{
    return &c->tables[t - c->catalog.tables];
}

static bool check_columns(const struct source_table *s, const struct view_table *t, const char *publication,
                          struct err *err)
{
    for (size_t i = 0; i < t->column_count; i++)
        for (size_t k = 0; k < t->table->column_count; k++) {
            if (strcmp(t->table->columns[k].name, t->columns[i]) != 0)
                continue;
            if (s->columns[k].generated) {
                err_set(err, ERR_CONFIG, "column %s.%s.%s is generated: the stream does not carry it", t->table->schema,
                        t->table->name, t->columns[i]);
                return err_hint(err, "write its expression in the view instead");
            }
            if (!s->columns[k].published) {
                err_set(err, ERR_CONFIG, "column %s.%s.%s is not in publication %s", t->table->schema, t->table->name,
                        t->columns[i], publication);
                return err_hint(err, "drop the column list: ALTER PUBLICATION %s SET TABLE ...", publication);
            }
        }
    return true;
}

bool source_table_check(const struct source_catalog *c, const struct view_table *t, const char *publication,
                        struct err *err)
{
    const struct source_table *s = source_table_of(c, t->table);
    const char *schema = t->table->schema, *name = t->table->name;
    if (t->table->key_count == 0) {
        err_set(err, ERR_CONFIG, "table %s.%s has no primary key that identifies its rows in the stream", schema, name);
        return err_hint(err, "add a primary key that is not deferrable: ALTER TABLE %s.%s ADD PRIMARY KEY (...)",
                        schema, name);
    }
    if (!s->identity_is_key) {
        err_set(err, ERR_CONFIG, "table %s.%s: its replica identity is not its primary key", schema, name);
        return err_hint(err, "ALTER TABLE %s.%s REPLICA IDENTITY DEFAULT", schema, name);
    }
    if (!s->published) {
        err_set(err, ERR_CONFIG, "table %s.%s is not in publication %s", schema, name, publication);
        return err_hint(err,
                        s->kind == 'p' ? "ALTER PUBLICATION %s ADD TABLE %s.%s, with publish_via_partition_root = true"
                                       : "ALTER PUBLICATION %s ADD TABLE %s.%s",
                        publication, schema, name);
    }
    if (s->row_filter) {
        err_set(err, ERR_CONFIG, "table %s.%s is published with a row filter: its mirror would not be complete", schema,
                name);
        return err_hint(err, "publish the whole table and filter in the view");
    }
    return check_columns(s, t, publication, err);
}

/* ---- types ---- */

struct type {
    char kind;
    bool builtin;
    uint32_t next; /* element of an array, base of a domain */
    char name[256], base[256], extension[128];
};

static bool read_type(struct pg *source, uint32_t oid, struct type *ret, struct err *err)
{
    char text[16];
    const char *values[] = {text};
    snprintf(text, sizeof text, "%u", oid);
    PG_RESULT r = NULL;
    if (!pg_query_params(
            source,
            "SELECT t.typtype, n.nspname = 'pg_catalog', CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN t.typelem"
            " ELSE t.typbasetype END, format('%I.%I', n.nspname, t.typname),"
            " coalesce(format_type(t.typbasetype, t.typtypmod), ''), coalesce((SELECT e.extname FROM pg_depend d"
            " JOIN pg_extension e ON e.oid = d.refobjid WHERE d.classid = 'pg_type'::regclass AND"
            " d.objid = t.oid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass), ''),"
            " t.typelem <> 0 AND t.typlen = -1"
            " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = $1::oid",
            1, values, &r, err))
        return false;
    if (PQntuples(r) != 1)
        return err_again(err, ERR_SOURCE, "type %u is gone from the source", oid);
    ret->kind = get_bool(r, 0, 6) ? 'a' : *PQgetvalue(r, 0, 0);
    ret->builtin = get_bool(r, 0, 1);
    ret->next = (uint32_t)get_u64(r, 0, 2);
    snprintf(ret->name, sizeof ret->name, "%s", PQgetvalue(r, 0, 3));
    snprintf(ret->base, sizeof ret->base, "%s", PQgetvalue(r, 0, 4));
    snprintf(ret->extension, sizeof ret->extension, "%s", PQgetvalue(r, 0, 5));
    return true;
}

/* Adds the labels that are missing, each after the one before it, so that the order is the source's. */
static bool ensure_enum(struct pg *source, struct pg *model, uint32_t oid, const struct type *t, bool exists,
                        struct err *err)
{
    char text[16];
    const char *values[] = {text};
    snprintf(text, sizeof text, "%u", oid);
    PG_RESULT r = NULL;
    if (!pg_query_params(source, "SELECT enumlabel FROM pg_enum WHERE enumtypid = $1::oid ORDER BY enumsortorder", 1,
                         values, &r, err))
        return false;
    struct buf b;
    buf_init(&b, 1 << 20);
    if (!exists)
        buf_printf(&b, "CREATE TYPE %s AS ENUM ()", t->name);
    bool ok = exists || pg_exec(model, b.data, err);
    for (int i = 0; ok && i < PQntuples(r); i++) {
        buf_clear(&b);
        buf_printf(&b, "ALTER TYPE %s ADD VALUE IF NOT EXISTS ", t->name);
        buf_add_literal(&b, str_of(PQgetvalue(r, i, 0)));
        if (i > 0) {
            buf_adds(&b, " AFTER ");
            buf_add_literal(&b, str_of(PQgetvalue(r, i - 1, 0)));
        }
        ok = pg_exec(model, b.data, err);
    }
    buf_free(&b);
    return ok;
}

static bool create_schema_of(struct pg *model, const char *name, struct err *err)
{
    char sql[320];
    const char *dot = name;
    bool quoted = false;
    while (*dot && (quoted || *dot != '.'))
        quoted ^= *dot++ == '"';
    snprintf(sql, sizeof sql, "CREATE SCHEMA IF NOT EXISTS %.*s", (int)(dot - name), name);
    return pg_exec(model, sql, err);
}

static bool type_exists(struct pg *model, const char *name, bool *ret, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query_params(model, "SELECT to_regtype($1) IS NOT NULL", 1, &name, &r, err))
        return false;
    *ret = get_bool(r, 0, 0);
    return true;
}

static bool ensure_one(struct pg *source, struct pg *model, uint32_t oid, const struct type *t, struct err *err)
{
    bool exists;
    char sql[640];
    if (!type_exists(model, t->name, &exists, err))
        return false;
    if (t->kind == 'e')
        return create_schema_of(model, t->name, err) && ensure_enum(source, model, oid, t, exists, err);
    if (exists)
        return true;
    if (t->kind == 'd') {
        snprintf(sql, sizeof sql, "CREATE DOMAIN %s AS %s", t->name, t->base);
        return create_schema_of(model, t->name, err) && pg_exec(model, sql, err);
    }
    err_set(err, ERR_CONFIG, "type %s does not exist in the read model", t->name);
    return *t->extension ? err_hint(err, "run there: CREATE EXTENSION %s", t->extension)
                         : err_hint(err, "create it there as it is in the source");
}

bool source_type_ensure(struct pg *source, struct pg *model, uint32_t type_oid, struct err *err)
{
    enum { DEPTH_MAX = 16 }; /* arrays of domains over enums, ... */
    uint32_t oids[DEPTH_MAX];
    struct type types[2];
    int depth = 0;
    for (uint32_t oid = type_oid; oid; oid = types[0].next) {
        if (!read_type(source, oid, &types[0], err))
            return false;
        if (types[0].builtin && types[0].kind != 'a')
            break;
        if (depth == DEPTH_MAX)
            return err_set(err, ERR_CONFIG, "type %s is made of too many others", types[0].name);
        oids[depth++] = oid;
    }
    while (depth-- > 0) { /* what a type is made of first */
        if (!read_type(source, oids[depth], &types[1], err))
            return false;
        if (types[1].kind != 'a' && !ensure_one(source, model, oids[depth], &types[1], err))
            return false;
    }
    return true;
}
