// SPDX-License-Identifier: Apache-2.0
/*
 * Plans view files against the tables of a database's schema public and looks at how the server would run them.
 * view_check DSN ROWS FILE...: makes the mirrors (copies, with the indexes that the plans ask for), then EXPLAINs every
 * key map and restricted SELECT with the rarest value; a relation of more than ROWS rows read whole is a failure.
 * Prints one line a view.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "project/view_explain.h"
#include "project/view_plan.h"

static PGconn *conn;

static PGresult *query(const char *sql, int n, const char *const *values)
{
    PGresult *r = PQexecParams(conn, sql, n, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK) {
        printf("# %s# in: %s\n", PQerrorMessage(conn), sql);
        exit(2);
    }
    return r;
}

static char *value_at(struct arena *a, const PGresult *r, int row, int column)
{
    return arena_strdup(a, PQgetvalue(r, row, column));
}

/* Name by name: a few queries a table are cheap enough here. */
static void load_catalog(struct arena *a, struct catalog *c)
{
    PGresult *t = query(
        "SELECT c.oid, relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'", 0, NULL);
    c->table_count = (size_t)PQntuples(t);
    c->tables = arena_calloc(a, c->table_count + 1, sizeof *c->tables);
    for (int i = 0; i < PQntuples(t); i++) {
        struct catalog_table *table = &c->tables[i];
        const char *oid = PQgetvalue(t, i, 0);
        table->schema = "public";
        table->name = value_at(a, t, i, 1);
        PGresult *r =
            query("SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = "
                  "$1::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                  1, &oid);
        table->column_count = (size_t)PQntuples(r);
        table->columns = arena_calloc(a, table->column_count + 1, sizeof *table->columns);
        for (int k = 0; k < PQntuples(r); k++)
            table->columns[k] =
                (struct catalog_column){value_at(a, r, k, 0), value_at(a, r, k, 1), *PQgetvalue(r, k, 2) == 't'};
        PQclear(r);
        r = query("SELECT attname FROM pg_index i, unnest(indkey::int[]) WITH ORDINALITY k(n, o) JOIN pg_attribute ON "
                  "attrelid = "
                  "$1::oid AND attnum = n WHERE indrelid = $1::oid AND indisprimary ORDER BY o",
                  1, &oid);
        table->key_count = (size_t)PQntuples(r);
        table->key = arena_calloc(a, table->key_count + 1, sizeof *table->key);
        for (int k = 0; k < PQntuples(r); k++)
            table->key[k] = value_at(a, r, k, 0);
        PQclear(r);
    }
    PQclear(t);
}

static char *read_file(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = arena_calloc(a, 1, 65536);
    if (!f || fread(text, 1, 65535, f) == 0) {
        printf("# cannot read %s\n", path);
        exit(2);
    }
    fclose(f);
    return text;
}

/* The names after "-- key:". */
static size_t read_keys(struct arena *a, const char *text, const char **keys, size_t max)
{
    const char *at = strstr(text, "-- key:");
    struct str rest, line = at ? str_cut(str_of(at + 7), '\n', &rest) : str_of(""), list = line;
    size_t n = 0;
    while (list.len && n < max) {
        struct str name = str_trim(str_cut(list, ',', &list));
        keys[n++] = arena_memdup(a, name.data, name.len);
    }
    return n;
}

static void make_mirrors(struct arena *a, const struct catalog *c)
{
    PQclear(query("CREATE SCHEMA IF NOT EXISTS mirror", 0, NULL));
    for (size_t i = 0; i < c->table_count; i++) {
        const char *name = c->tables[i].name;
        struct buf key;
        buf_init(&key, 4096);
        for (size_t k = 0; k < c->tables[i].key_count; k++)
            buf_printf(&key, "%s%s", k ? ", " : "", c->tables[i].key[k]);
        PQclear(query(arena_printf(a, "CREATE TABLE IF NOT EXISTS mirror.%s AS TABLE public.%s", name, name), 0, NULL));
        if (key.len)
            PQclear(PQexec(conn, arena_printf(a, "ALTER TABLE mirror.%s ADD PRIMARY KEY (%s)", name, key.data)));
        buf_free(&key);
    }
}

static void make_indexes(struct arena *a, const struct view_plan *p)
{
    for (size_t i = 0; i < p->index_count; i++) {
        struct buf list;
        buf_init(&list, 4096);
        for (size_t k = 0; k < p->indexes[i].column_count; k++)
            buf_printf(&list, "%s%s", k ? ", " : "", p->indexes[i].columns[k]);
        const char *table = p->indexes[i].table->name;
        PQclear(query(arena_printf(a, "CREATE INDEX ON mirror.%s (%s)", table, list.data), 0, NULL));
        PQclear(query(arena_printf(a, "ANALYZE mirror.%s", table), 0, NULL));
        buf_free(&list);
    }
}

/* One array literal a column, of the rarest row. */
static int sample(struct arena *a, const char **columns, size_t count, const char *from, const char **values)
{
    struct buf list, plain;
    buf_init(&list, 4096);
    buf_init(&plain, 4096);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&list, "%sarray_agg(%s)::text", i ? ", " : "", columns[i]);
        buf_printf(&plain, "%s%s", i ? ", " : "", columns[i]);
    }
    PGresult *r =
        query(arena_printf(a, "SELECT %s FROM (SELECT %s FROM %s GROUP BY %s ORDER BY count(*), %s DESC LIMIT 1) s",
                           list.data, plain.data, from, plain.data, plain.data),
              0, NULL);
    for (size_t i = 0; i < count; i++)
        values[i] = value_at(a, r, 0, (int)i);
    PQclear(r);
    buf_free(&list);
    buf_free(&plain);
    return (int)count;
}

static bool scans_large(struct arena *a, const char *sql, int n, const char *const *values, const char *rows)
{
    struct view_scan *scans;
    size_t count;
    struct err err = {0};
    bool large = false;
    PGresult *r = query(arena_printf(a, "EXPLAIN (FORMAT JSON) %s", sql), n, values);
    if (!view_explain_scans(str_of(PQgetvalue(r, 0, 0)), a, &scans, &count, &err)) {
        printf("# %s\n", err.text);
        exit(2);
    }
    for (size_t i = 0; i < count; i++) {
        const char *args[] = {scans[i].relation, rows};
        PGresult *big =
            query("SELECT reltuples FROM pg_class WHERE relnamespace = 'mirror'::regnamespace AND relname = $1 AND "
                  "reltuples > $2::float",
                  2, args);
        if (PQntuples(big)) {
            printf("# %s of %s (%s rows) in: %s\n", scans[i].how, scans[i].relation, PQgetvalue(big, 0, 0), sql);
            large = true;
        }
        PQclear(big);
    }
    PQclear(r);
    return large;
}

static bool check_view(struct arena *a, const struct catalog *c, const char *path, const char *rows)
{
    struct view_plan p;
    struct err err = {0};
    const char *keys[8], *values[32];
    char *text = read_file(a, path);
    size_t key_count = read_keys(a, text, keys, 8);
    if (!view_plan_build(text, keys, key_count, c, a, &p, &err)) {
        printf("refused %s: %s (%s)\n", path, err.text, err.hint);
        return false;
    }
    if (!getenv("NO_INDEXES")) /* to see that a missing one is noticed */
        make_indexes(a, &p);
    bool large = false;
    for (size_t i = 0; i < p.keymap_count; i++) {
        const struct view_keymap *m = &p.keymaps[i];
        int n = sample(a, m->columns, m->column_count, arena_printf(a, "mirror.%s", m->table->table->name), values);
        large |= scans_large(a, m->sql, n, values, rows);
    }
    int n = sample(a, p.keys, p.key_count, arena_printf(a, "(%s) v", p.select), values);
    large |= scans_large(a, p.restricted, n, values, rows);
    printf("%s %s: %zu tables, %zu key maps, %zu indexes\n", large ? "scans" : "planned", path, p.table_count,
           p.keymap_count, p.index_count);
    return !large;
}

int main(int argc, char **argv)
{
    struct arena arena;
    struct catalog catalog;
    bool ok = true;
    if (argc < 4)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    arena_init(&arena);
    conn = PQconnectdb(argv[1]);
    if (PQstatus(conn) != CONNECTION_OK)
        return 2;
    PQclear(query("SET client_min_messages = error", 0, NULL));
    PQclear(query("SET plan_cache_mode = force_custom_plan", 0, NULL));
    /* For many keys a scan may well be the cheapest; what is asked here is whether there is another way. */
    PQclear(query("SET enable_seqscan = off", 0, NULL));
    load_catalog(&arena, &catalog);
    make_mirrors(&arena, &catalog);
    PQclear(query("ANALYZE", 0, NULL));
    for (int i = 3; i < argc; i++)
        ok &= check_view(&arena, &catalog, argv[i], argv[2]);
    PQfinish(conn);
    arena_free(&arena);
    return ok ? 0 : 1;
}
