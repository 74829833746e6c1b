// SPDX-License-Identifier: Apache-2.0
/*
 * Proves view plans: random views over random tables on a real server. After every random batch each stored view is
 * brought up to date as the projector does it (both images of every changed row through the key maps over the mirrors
 * as they are then, the restricted SELECT for those keys, delete and insert) and compared with its whole SELECT, both
 * ways.
 *
 * environment: PGDSN, SEED (first round's), ROUNDS, VIEWS and BATCHES a round, VERBOSE=1;
 * MUTATE=map|old|new|null breaks the harness on purpose (a key map left out, one image only, NULL keys dropped): then
 * every construct must show differences, which is what proves that the comparison can fail. Exit 0 when all is as it
 * must.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "view_gen.h"

enum mutation { MUTATE_NOTHING, MUTATE_MAP, MUTATE_OLD, MUTATE_NEW, MUTATE_NULL };

struct view {
    struct gen_view source;
    struct view_plan plan;
    const char *table;
    size_t left_out; /* key map, under MUTATE_MAP */
    bool broken;     /* a difference was seen (and wanted) */
};

struct totals {
    unsigned rounds, views, invalid, accepted, batches, comparisons, differences, keys;
    unsigned tagged[GEN_TAG_COUNT], tagged_broken[GEN_TAG_COUNT];
};

static PGconn *conn;
static enum mutation mutation;
static bool verbose;
static uint64_t seed;
static struct totals totals;

static _Noreturn void stop(const char *what, const char *sql)
{
    printf("# seed %llu: %s: %s# in: %s\n", (unsigned long long)seed, what, PQerrorMessage(conn), sql);
    exit(2);
}

static PGresult *query(const char *what, const char *sql, int n, const char *const *values)
{
    PGresult *r = PQexecParams(conn, sql, n, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
        stop(what, sql);
    return r;
}

static void run(const char *what, const char *sql)
{
    PGresult *r = PQexec(conn, sql);
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_TUPLES_OK && s != PGRES_COMMAND_OK && s != PGRES_EMPTY_QUERY)
        stop(what, sql);
    PQclear(r);
}

static bool try_run(const char *sql)
{
    PGresult *r = PQexec(conn, sql);
    ExecStatusType s = PQresultStatus(r);
    PQclear(r);
    return s == PGRES_TUPLES_OK || s == PGRES_COMMAND_OK;
}

/* ---- arrays of keys, as PostgreSQL writes them ---- */

struct keys {
    struct buf arrays[8];
    size_t count, rows;
};

static void keys_init(struct keys *k, size_t count)
{
    *k = (struct keys){.count = count};
    for (size_t i = 0; i < count; i++) {
        buf_init(&k->arrays[i], 1 << 24);
        buf_addc(&k->arrays[i], '{');
    }
}

static void keys_add(struct keys *k, const PGresult *r)
{
    for (int row = 0; row < PQntuples(r); row++) {
        bool null = false;
        for (size_t i = 0; i < k->count; i++)
            null |= PQgetisnull(r, row, (int)i);
        if (null && mutation == MUTATE_NULL)
            continue;
        for (size_t i = 0; i < k->count; i++) {
            struct buf *b = &k->arrays[i];
            buf_adds(b, k->rows ? "," : "");
            if (PQgetisnull(r, row, (int)i))
                buf_adds(b, "NULL");
            else
                buf_add_json(b, str_of(PQgetvalue(r, row, (int)i)));
        }
        k->rows++;
    }
}

static void keys_free(struct keys *k)
{
    for (size_t i = 0; i < k->count; i++)
        buf_free(&k->arrays[i]);
}

/* ---- one view ---- */

static const char *column_list(struct arena *a, const char **columns, size_t count, const char *format)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    for (size_t i = 0; i < count; i++) {
        buf_adds(&b, i ? ", " : "");
        for (const char *f = format; *f; f++)
            *f == '@' ? buf_adds(&b, columns[i]) : buf_addc(&b, *f);
    }
    const char *text = arena_strdup(a, b.data);
    buf_free(&b);
    return text;
}

/* The changed rows' images, as one array a column of the key map; columns the view does not use count as unchanged. */
static PGresult *images(struct arena *a, const struct view_keymap *m)
{
    const char *used = column_list(a, m->table->columns, m->table->column_count, "@");
    const char *t = m->table->table->name;
    const char *gone = arena_printf(a, "(SELECT %s FROM old.%s EXCEPT ALL SELECT %s FROM mirror.%s)", used, t, used, t);
    const char *come = arena_printf(a, "(SELECT %s FROM mirror.%s EXCEPT ALL SELECT %s FROM old.%s)", used, t, used, t);
    const char *which = mutation == MUTATE_OLD   ? gone
                        : mutation == MUTATE_NEW ? come
                                                 : arena_printf(a, "%s UNION ALL %s", gone, come);
    const char *sql = arena_printf(a, "SELECT count(*), %s FROM (%s) AS d",
                                   column_list(a, m->columns, m->column_count, "array_agg(@)::text"), which);
    return query("images", sql, 0, NULL);
}

static void map_keys(struct arena *a, const struct view *v, struct keys *keys)
{
    for (size_t i = 0; i < v->plan.keymap_count; i++) {
        const struct view_keymap *m = &v->plan.keymaps[i];
        const char *values[32];
        if (mutation == MUTATE_MAP && i == v->left_out)
            continue;
        PGresult *r = images(a, m);
        if (strcmp(PQgetvalue(r, 0, 0), "0") != 0) {
            for (size_t c = 0; c < m->column_count; c++)
                values[c] = PQgetvalue(r, 0, (int)c + 1);
            PGresult *found = query("key map", m->sql, (int)m->column_count, values);
            keys_add(keys, found);
            PQclear(found);
        }
        PQclear(r);
    }
}

static void maintain(struct arena *a, const struct view *v)
{
    struct keys keys;
    const char *values[8];
    struct buf where;
    keys_init(&keys, v->plan.key_count);
    map_keys(a, v, &keys);
    totals.keys += (unsigned)keys.rows;
    buf_init(&where, 1 << 16);
    for (size_t i = 0; i < keys.count; i++) {
        buf_addc(&keys.arrays[i], '}');
        values[i] = keys.arrays[i].data;
        buf_printf(&where, "%s(%s = ANY($%zu::%s[]) OR %s IS NULL AND array_position($%zu::%s[], NULL) IS NOT NULL)",
                   i ? " AND " : "", v->plan.keys[i], i + 1, v->plan.key_types[i], v->plan.keys[i], i + 1,
                   v->plan.key_types[i]);
    }
    if (keys.rows) {
        PQclear(
            query("delete", arena_printf(a, "DELETE FROM %s WHERE %s", v->table, where.data), (int)keys.count, values));
        PQclear(query("restricted", arena_printf(a, "INSERT INTO %s %s", v->table, v->plan.restricted), (int)keys.count,
                      values));
    }
    buf_free(&where);
    keys_free(&keys);
}

static bool differs(struct arena *a, const struct view *v)
{
    const char *sql = arena_printf(a,
                                   "(SELECT '- ' || x::text FROM (TABLE %s EXCEPT ALL (%s)) x) UNION ALL "
                                   "(SELECT '+ ' || x::text FROM ((%s) EXCEPT ALL TABLE %s) x) LIMIT 20",
                                   v->table, v->plan.select, v->plan.select, v->table);
    PGresult *r = query("compare", sql, 0, NULL);
    bool any = PQntuples(r) > 0;
    totals.comparisons++;
    if (any && mutation == MUTATE_NOTHING)
        for (int i = 0; i < PQntuples(r); i++)
            printf("#   %s   (- stored, + wanted)\n", PQgetvalue(r, i, 0));
    PQclear(r);
    return any;
}

static void print_plan(const struct view_plan *p)
{
    for (size_t i = 0; i < p->keymap_count; i++)
        printf("#   map %s: %s\n", p->keymaps[i].table->table->name, p->keymaps[i].sql);
    printf("#   restricted: %s\n", p->restricted);
}

static void report(const struct view *v, const char *ddl, const char *batch)
{
    printf("# DIFFERENCE with SEED=%llu\n# schema:\n%s# view (key %s%s%s): %s\n# batch:\n%s", (unsigned long long)seed,
           ddl, v->source.keys[0], v->source.key_count > 1 ? ", " : "",
           v->source.key_count > 1 ? v->source.keys[1] : "", v->source.select, batch);
    print_plan(&v->plan);
}

/* ---- one round ---- */

/* A view the server takes, with a plan; false: not one of those. */
static bool make_view(struct gen *g, const struct catalog *catalog, size_t number, struct view *v)
{
    struct err err = {0};
    gen_view(g, catalog, &v->source);
    v->table = arena_printf(g->arena, "api.v%zu", number);
    run("search path", "SET search_path = mirror");
    if (!try_run(arena_printf(g->arena, "CREATE TABLE api.original AS %s", v->source.select))) {
        totals.invalid++;
        if (verbose)
            printf("# invalid: %s# %s\n", PQerrorMessage(conn), v->source.select);
        return false;
    }
    run("drop", "DROP TABLE api.original");
    totals.views++;
    if (!view_plan_build(v->source.select, v->source.keys, v->source.key_count, catalog, g->arena, &v->plan, &err)) {
        if (verbose)
            printf("# refused: %s\n", err.text);
        return false;
    }
    totals.accepted++;
    run("search path", "SET search_path = pg_catalog");
    run("create", arena_printf(g->arena, "CREATE TABLE %s AS %s", v->table, v->plan.select));
    /* What was rewritten must mean what was written. */
    run("search path", "SET search_path = mirror");
    PGresult *r = query("original",
                        arena_printf(g->arena, "(TABLE %s EXCEPT ALL (%s)) UNION ALL ((%s) EXCEPT ALL TABLE %s)",
                                     v->table, v->source.select, v->source.select, v->table),
                        0, NULL);
    if (PQntuples(r) > 0) {
        printf("# seed %llu: rewritten SELECT differs from the original\n# %s\n# %s\n", (unsigned long long)seed,
               v->source.select, v->plan.select);
        exit(1);
    }
    PQclear(r);
    run("search path", "SET search_path = pg_catalog");
    v->left_out = v->plan.keymap_count ? gen_below(g, (uint32_t)v->plan.keymap_count) : 0;
    return true;
}

static void remember(struct arena *a, const struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->table_count; i++)
        run("remember", arena_printf(a, "TRUNCATE old.%s; INSERT INTO old.%s TABLE mirror.%s", catalog->tables[i].name,
                                     catalog->tables[i].name, catalog->tables[i].name));
}

static bool round_of(unsigned views, unsigned batches)
{
    struct arena arena;
    struct gen g;
    struct catalog catalog;
    arena_init(&arena);
    gen_init(&g, seed, &arena);
    gen_catalog(&g, &catalog);
    run("schemas", "SET client_min_messages = warning; DROP SCHEMA IF EXISTS mirror, old, api CASCADE; "
                   "CREATE SCHEMA mirror; CREATE SCHEMA old; CREATE SCHEMA api");
    const char *ddl = gen_ddl(&g, &catalog, "mirror.");
    run("ddl", ddl);
    run("ddl", gen_ddl(&g, &catalog, "old."));
    run("fill", gen_fill(&g, &catalog, "mirror."));
    struct view *all = arena_calloc(&arena, views, sizeof *all);
    size_t count = 0;
    for (unsigned i = 0; i < views; i++)
        count += make_view(&g, &catalog, count, &all[count]);
    bool ok = true;
    for (unsigned n = 0; n < batches && ok; n++) {
        const char *batch = gen_batch(&g, &catalog, "mirror.");
        remember(&arena, &catalog);
        run("batch", batch);
        totals.batches++;
        for (size_t i = 0; i < count && ok; i++) {
            if (all[i].broken)
                continue;
            maintain(&arena, &all[i]);
            if (!differs(&arena, &all[i]))
                continue;
            totals.differences++;
            all[i].broken = true;
            if (mutation == MUTATE_NOTHING) {
                report(&all[i], ddl, batch);
                ok = false;
            }
        }
    }
    for (size_t i = 0; i < count; i++)
        for (unsigned t = 0; t < GEN_TAG_COUNT; t++)
            if (all[i].source.tags & (UINT64_C(1) << t)) {
                totals.tagged[t]++;
                totals.tagged_broken[t] += all[i].broken;
            }
    arena_free(&arena);
    totals.rounds++;
    return ok;
}

/* A mutation run may stop as soon as every construct has failed. */
static bool all_noticed(void)
{
    for (unsigned t = 0; t < GEN_TAG_COUNT; t++)
        if (totals.tagged_broken[t] == 0)
            return false;
    return true;
}

static unsigned setting(const char *name, unsigned standard)
{
    uint64_t v;
    const char *text = getenv(name);
    return text && str_to_u64(str_of(text), &v) ? (unsigned)v : standard;
}

static enum mutation mutation_of(const char *name)
{
    static const char *const names[] = {"", "map", "old", "new", "null"};
    for (unsigned i = 0; name && i < COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            return (enum mutation)i;
    return MUTATE_NOTHING;
}

/* Under a mutation each construct must have failed somewhere; otherwise none may, and enough views must be accepted. */
static bool verdict(bool exact)
{
    printf("# %u rounds, %u views (%u more the server refuses), %u accepted, %u batches, %u keys, %u comparisons, %u "
           "differences\n",
           totals.rounds, totals.views, totals.invalid, totals.accepted, totals.batches, totals.keys,
           totals.comparisons, totals.differences);
    bool ok = exact;
    if (totals.accepted * 2 < totals.views) {
        printf("# less than half of the views are accepted\n");
        ok = false;
    }
    for (unsigned t = 0; t < GEN_TAG_COUNT; t++) {
        if (mutation != MUTATE_NOTHING || verbose)
            printf("# %-28s %5u views, %5u differ\n", gen_tag_names[t], totals.tagged[t], totals.tagged_broken[t]);
        if (totals.tagged[t] == 0 || ((mutation == MUTATE_MAP || mutation == MUTATE_OLD || mutation == MUTATE_NEW) &&
                                      totals.tagged_broken[t] == 0)) {
            printf("# %s: %s\n", gen_tag_names[t],
                   totals.tagged[t] ? "the mutation goes unnoticed" : "no such view was accepted");
            ok = false;
        }
    }
    return ok && (mutation == MUTATE_NOTHING || totals.differences > 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    mutation = mutation_of(getenv("MUTATE"));
    verbose = setting("VERBOSE", 0);
    uint64_t first = setting("SEED", 1);
    unsigned rounds = setting("ROUNDS", 40), views = setting("VIEWS", 12), batches = setting("BATCHES", 6);
    conn = PQconnectdb(getenv("PGDSN") ? getenv("PGDSN") : "");
    if (PQstatus(conn) != CONNECTION_OK)
        stop("connect", "");
    run("settings", "SET plan_cache_mode = force_custom_plan; SET jit = off; SET client_min_messages = warning");
    bool exact = true;
    for (seed = first; seed < first + rounds && exact && !all_noticed(); seed++)
        exact = round_of(views, batches);
    bool ok = verdict(exact);
    PQfinish(conn);
    return ok ? 0 : 1;
}
