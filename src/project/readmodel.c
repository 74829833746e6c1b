// SPDX-License-Identifier: Apache-2.0
/* The read model as it is registered; see readmodel.h. */
#include "project/readmodel.h"

#include <stdio.h>

#define LAYOUT "1" /* of the tables in schema undam */

static const char schemas[] =
    "SET client_min_messages = warning;"
    "CREATE SCHEMA IF NOT EXISTS mirror; CREATE SCHEMA IF NOT EXISTS def; CREATE SCHEMA IF NOT EXISTS api;"
    "CREATE SCHEMA IF NOT EXISTS undam;"
    "CREATE TABLE IF NOT EXISTS undam.layout (version int PRIMARY KEY);"
    "INSERT INTO undam.layout SELECT " LAYOUT " WHERE NOT EXISTS (SELECT FROM undam.layout);"
    "CREATE TABLE IF NOT EXISTS undam.position (source text PRIMARY KEY, system_id text NOT NULL,"
    " timeline int NOT NULL, database text NOT NULL, slot text NOT NULL, epoch bigint NOT NULL, lsn pg_lsn NOT NULL,"
    " commit_time timestamptz, watermark timestamptz, applied_at timestamptz, catalogue bigint NOT NULL DEFAULT 1)"
    " WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);"
    "CREATE TABLE IF NOT EXISTS undam.mirror (name text PRIMARY KEY, source_schema text NOT NULL,"
    " source_table text NOT NULL, topic text NOT NULL, loaded_lsn pg_lsn NOT NULL,"
    " loaded_at timestamptz NOT NULL DEFAULT now());"
    "CREATE TABLE IF NOT EXISTS undam.mirror_column (mirror text REFERENCES undam.mirror ON DELETE CASCADE,"
    " ord int, name text NOT NULL, type text NOT NULL, collation_name text NOT NULL, type_oid oid NOT NULL,"
    " typmod int NOT NULL, not_null boolean NOT NULL, key int NOT NULL, PRIMARY KEY (mirror, ord));"
    "CREATE TABLE IF NOT EXISTS undam.view (name text PRIMARY KEY, version int NOT NULL, state text NOT NULL"
    " CHECK (state IN ('loading', 'building', 'ready', 'failed')), definition text NOT NULL,"
    " key_columns text[] NOT NULL, tables text[] NOT NULL, registered_at timestamptz NOT NULL DEFAULT now(),"
    " row_columns text[] NOT NULL, key_types text[] NOT NULL, key_nullable text[] NOT NULL, columns text[] NOT NULL, "
    "reason text, ready_at timestamptz,"
    " select_sql text NOT NULL, restricted_sql text NOT NULL);"
    "CREATE TABLE IF NOT EXISTS undam.view_table (view text REFERENCES undam.view ON DELETE CASCADE, mirror text,"
    " columns text[] NOT NULL, PRIMARY KEY (view, mirror));"
    "CREATE TABLE IF NOT EXISTS undam.view_keymap (view text REFERENCES undam.view ON DELETE CASCADE, ord int,"
    " mirror text NOT NULL, columns text[] NOT NULL, sql text NOT NULL, PRIMARY KEY (view, ord));"
    "CREATE TABLE IF NOT EXISTS undam.view_index (view text REFERENCES undam.view ON DELETE CASCADE, ord int,"
    " mirror text NOT NULL, columns text[] NOT NULL, PRIMARY KEY (view, ord));"
    "RESET client_min_messages";

bool readmodel_create_schemas(struct pg *pg, struct err *err)
{
    return pg_exec(pg, schemas, err) || err_wrap(err, "creating Undam's schemas");
}

bool readmodel_exists(struct pg *pg, bool *ret, struct err *err)
{
    PG_RESULT
    r = NULL;
    if (!pg_query(pg, "SELECT to_regclass('undam.position') IS NOT NULL AND to_regclass('undam.view') IS NOT NULL", &r,
                  err))
        return false;
    bool there = *PQgetvalue(r, 0, 0) == 't';
    PQclear(TAKE(r));
    if (there && !pg_query(pg, "SELECT max(version) FROM undam.layout", &r, err))
        return false;
    if (there && strcmp(PQgetvalue(r, 0, 0), LAYOUT) != 0) {
        err_set(err, ERR_STATE, "%s: its tables have layout %s, this version of Undam knows " LAYOUT, pg->what,
                PQgetvalue(r, 0, 0));
        return err_hint(err, "use the version that made them, or empty the database and register the views again");
    }
    *ret = there;
    return true;
}

bool readmodel_session(struct pg *pg, struct err *err)
{
    /* jit costs more than these statements take; row security would hide rows silently, off makes it an error. */
    return pg_exec(pg,
                   "SET search_path = mirror, public; SET jit = off; SET row_security = off;"
                   "SET client_min_messages = warning",
                   err);
}

static int64_t get_i64(const PGresult *r, int row, int column)
{
    int64_t v = 0;
    (void)str_to_i64(str_of(PQgetvalue(r, row, column)), &v);
    return v;
}

bool place_get(struct pg *pg, const char *source, bool lock, struct place *ret, struct err *err)
{
    static const char read[] = "SELECT system_id, timeline, database, slot, epoch, catalogue, lsn,"
                               " (extract(epoch FROM commit_time) * 1000000)::bigint,"
                               " (extract(epoch FROM watermark) * 1000000)::bigint"
                               " FROM undam.position WHERE source = $1";
    char sql[sizeof read + 16];
    snprintf(sql, sizeof sql, "%s%s", read, lock ? " FOR UPDATE" : "");
    PG_RESULT
    r = NULL;
    struct place p = {0};
    if (!pg_query_params(pg, sql, 1, &source, &r, err))
        return err_wrap(err, "reading the position");
    p.found = PQntuples(r) == 1;
    if (!p.found) {
        *ret = p;
        return true;
    }
    if (!str_to_u64(str_of(PQgetvalue(r, 0, 0)), &p.lineage.system_id) ||
        !lsn_parse(str_of(PQgetvalue(r, 0, 6)), &p.lsn))
        return err_set(err, ERR_STATE, "%s: the row of undam.position cannot be read", pg->what);
    p.lineage.timeline = (uint32_t)get_i64(r, 0, 1);
    snprintf(p.lineage.database, sizeof p.lineage.database, "%s", PQgetvalue(r, 0, 2));
    snprintf(p.lineage.slot, sizeof p.lineage.slot, "%s", PQgetvalue(r, 0, 3));
    p.epoch = get_i64(r, 0, 4);
    p.catalogue = get_i64(r, 0, 5);
    p.commit_time_us = get_i64(r, 0, 7);
    p.watermark_us = get_i64(r, 0, 8);
    *ret = p;
    return true;
}

struct mirror *readmodel_mirror(const struct readmodel *r, const char *schema, const char *table)
{
    for (size_t i = 0; i < r->mirror_count; i++)
        if (strcmp(r->mirrors[i].source_schema, schema) == 0 && strcmp(r->mirrors[i].source_table, table) == 0)
            return &r->mirrors[i];
    return NULL;
}

struct view *readmodel_view(const struct readmodel *r, const char *name)
{
    for (size_t i = 0; i < r->view_count; i++)
        if (strcmp(r->views[i].name, name) == 0)
            return &r->views[i];
    return NULL;
}

const char **readmodel_topics(struct readmodel *r, size_t *ret_count)
{
    const char **topics = arena_calloc(&r->arena, r->mirror_count + 1, sizeof *topics);
    size_t count = 0;
    for (size_t i = 0; i < r->mirror_count; i++) {
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= strcmp(topics[k], r->mirrors[i].topic) == 0;
        if (!known)
            topics[count++] = r->mirrors[i].topic;
    }
    *ret_count = count;
    return topics;
}

void readmodel_free(struct readmodel *r)
{
    arena_free(&r->arena);
    *r = (struct readmodel){0};
}

static char *text(struct arena *a, const PGresult *r, int row, int column)
{
    return arena_strdup(a, PQgetvalue(r, row, column));
}

static bool read_mirrors(struct pg *pg, struct readmodel *g, struct err *err)
{
    PG_RESULT
    r = NULL;
    if (!pg_query(pg, "SELECT name, source_schema, source_table, topic FROM undam.mirror ORDER BY name", &r, err))
        return false;
    g->mirror_count = (size_t)PQntuples(r);
    g->mirrors = arena_calloc(&g->arena, g->mirror_count + 1, sizeof *g->mirrors);
    for (int i = 0; i < PQntuples(r); i++) {
        struct mirror *m = &g->mirrors[i];
        m->name = text(&g->arena, r, i, 0);
        m->source_schema = text(&g->arena, r, i, 1);
        m->source_table = text(&g->arena, r, i, 2);
        m->topic = text(&g->arena, r, i, 3);
        m->entity = arena_printf(&g->arena, "%s.%s", m->source_schema, m->source_table);
        m->home = "mirror";
        m->number = (size_t)i;
    }
    return true;
}

static struct mirror *mirror_named(const struct readmodel *g, const char *name)
{
    for (size_t i = 0; i < g->mirror_count; i++)
        if (strcmp(g->mirrors[i].name, name) == 0)
            return &g->mirrors[i];
    return NULL;
}

static bool read_mirror_columns(struct pg *pg, struct readmodel *g, struct err *err)
{
    PG_RESULT
    r = NULL;
    if (!pg_query(pg,
                  "SELECT mirror, name, type, collation_name, type_oid, typmod, not_null, key, count(*) OVER"
                  " (PARTITION BY mirror) FROM undam.mirror_column ORDER BY mirror, ord",
                  &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++) {
        struct mirror *m = mirror_named(g, PQgetvalue(r, i, 0));
        if (!m)
            continue;
        if (!m->columns)
            m->columns = arena_calloc(&g->arena, (size_t)get_i64(r, i, 8), sizeof *m->columns);
        m->columns[m->column_count++] = (struct mirror_column){
            .name = text(&g->arena, r, i, 1),
            .type = text(&g->arena, r, i, 2),
            .collation = text(&g->arena, r, i, 3),
            .type_oid = (uint32_t)get_i64(r, i, 4),
            .typmod = (int32_t)get_i64(r, i, 5),
            .not_null = *PQgetvalue(r, i, 6) == 't',
            .key = (int)get_i64(r, i, 7),
        };
    }
    for (size_t i = 0; i < g->mirror_count; i++) {
        mirror_index_keys(&g->mirrors[i], &g->arena);
        mirror_prepare(&g->mirrors[i], &g->arena);
    }
    return true;
}

static bool read_views(struct pg *pg, struct readmodel *g, struct err *err)
{
    PG_RESULT
    r = NULL;
    if (!pg_query(pg,
                  "SELECT v.name, v.version, v.definition, v.restricted_sql, greatest(c.reltuples, 0)::bigint"
                  " FROM undam.view v JOIN pg_class c ON c.oid = to_regclass(format('api.%I', v.name))"
                  " WHERE v.state = 'ready' ORDER BY v.name",
                  &r, err))
        return false;
    g->view_count = (size_t)PQntuples(r);
    g->views = arena_calloc(&g->arena, g->view_count + 1, sizeof *g->views);
    for (int i = 0; i < PQntuples(r); i++)
        g->views[i] = (struct view){
            .name = text(&g->arena, r, i, 0),
            .version = (int)get_i64(r, i, 1),
            .definition = text(&g->arena, r, i, 2),
            .restricted = text(&g->arena, r, i, 3),
            .stored_rows = (double)get_i64(r, i, 4),
            .number = (size_t)i,
        };
    return true;
}

/* A text[] column of undam.view as C strings; ready views are in the same order as g->views. */
static bool read_view_lists(struct pg *pg, struct readmodel *g, const char *column, size_t list_at, size_t count_at,
                            struct err *err)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT v.name, u.x, cardinality(v.%s) FROM undam.view v, unnest(v.%s) WITH ORDINALITY"
             " AS u(x, i) WHERE v.state = 'ready' ORDER BY v.name, u.i",
             column, column);
    PG_RESULT
    r = NULL;
    if (!pg_query(pg, sql, &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++) {
        struct view *v = readmodel_view(g, PQgetvalue(r, i, 0));
        if (!v)
            continue;
        const char ***list = (const char ***)(void *)((char *)v + list_at);
        size_t *count = (size_t *)(void *)((char *)v + count_at);
        if (!*list) {
            *list = arena_calloc(&g->arena, (size_t)get_i64(r, i, 2), sizeof **list);
            *count = 0; /* several lists share one count */
        }
        (*list)[(*count)++] = text(&g->arena, r, i, 1);
    }
    return true;
}

static bool find_column(const struct mirror *m, const char *view, const char *column, size_t *ret, struct err *err)
{
    int i = mirror_column_index(m, str_of(column));
    if (i < 0)
        return err_set(err, ERR_STATE, "view %s uses column %s.%s, which the mirror does not have", view, m->entity,
                       column);
    *ret = (size_t)i;
    return true;
}

static bool read_uses(struct pg *pg, struct readmodel *g, struct err *err)
{
    PG_RESULT
    r = NULL;
    if (!pg_query(pg,
                  "SELECT t.view, t.mirror, u.x FROM undam.view_table t, unnest(t.columns) AS u(x)"
                  " ORDER BY t.view, t.mirror",
                  &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++) {
        struct view *v = readmodel_view(g, PQgetvalue(r, i, 0));
        struct mirror *m = mirror_named(g, PQgetvalue(r, i, 1));
        if (!v)
            continue;
        if (!m)
            return err_set(err, ERR_STATE, "view %s uses mirror %s, which is not there", v->name, PQgetvalue(r, i, 1));
        if (!v->uses)
            v->uses = arena_calloc(&g->arena, g->mirror_count, sizeof *v->uses);
        if (v->use_count == 0 || v->uses[v->use_count - 1].mirror != m)
            v->uses[v->use_count++] =
                (struct view_use){.mirror = m, .columns = arena_calloc(&g->arena, m->column_count, 1)};
        size_t column;
        if (!find_column(m, v->name, PQgetvalue(r, i, 2), &column, err))
            return false;
        v->uses[v->use_count - 1].columns[column] = 1;
    }
    return true;
}

static bool read_keymaps(struct pg *pg, struct readmodel *g, struct err *err)
{
    PG_RESULT
    r = NULL;
    if (!pg_query(pg,
                  "SELECT k.view, k.ord, k.mirror, k.sql, u.x, cardinality(k.columns), count(*) OVER (PARTITION BY"
                  " k.view) FROM undam.view_keymap k, unnest(k.columns) WITH ORDINALITY AS u(x, i)"
                  " ORDER BY k.view, k.ord, u.i",
                  &r, err))
        return false;
    int64_t ord = -1;
    const struct view *last = NULL;
    for (int i = 0; i < PQntuples(r); i++) {
        struct view *v = readmodel_view(g, PQgetvalue(r, i, 0));
        if (!v)
            continue;
        struct mirror *m = mirror_named(g, PQgetvalue(r, i, 2));
        if (!m)
            return err_set(err, ERR_STATE, "view %s uses mirror %s, which is not there", v->name, PQgetvalue(r, i, 2));
        if (!v->keymaps)
            v->keymaps = arena_calloc(&g->arena, (size_t)get_i64(r, i, 6), sizeof *v->keymaps);
        if (v != last || get_i64(r, i, 1) != ord) {
            v->keymaps[v->keymap_count++] = (struct view_keymap_stmt){
                .mirror = m,
                .columns = arena_calloc(&g->arena, (size_t)get_i64(r, i, 5), sizeof(size_t)),
                .stmt = {.sql = text(&g->arena, r, i, 3)},
            };
            last = v;
            ord = get_i64(r, i, 1);
        }
        struct view_keymap_stmt *k = &v->keymaps[v->keymap_count - 1];
        if (!find_column(m, v->name, PQgetvalue(r, i, 4), &k->columns[k->column_count], err))
            return false;
        k->column_count++;
    }
    return true;
}

bool readmodel_load(struct pg *pg, struct readmodel *ret, struct err *err)
{
    struct readmodel g = {0};
    arena_init(&g.arena);
    bool ok =
        read_mirrors(pg, &g, err) && read_mirror_columns(pg, &g, err) && read_views(pg, &g, err) &&
        read_view_lists(pg, &g, "key_types", offsetof(struct view, key_types), offsetof(struct view, key_count), err) &&
        read_view_lists(pg, &g, "key_nullable", offsetof(struct view, nullable), offsetof(struct view, key_count),
                        err) &&
        read_view_lists(pg, &g, "key_columns", offsetof(struct view, keys), offsetof(struct view, key_count), err) &&
        read_view_lists(pg, &g, "row_columns", offsetof(struct view, rows), offsetof(struct view, row_count), err) &&
        read_view_lists(pg, &g, "columns", offsetof(struct view, columns), offsetof(struct view, column_count), err) &&
        read_uses(pg, &g, err) && read_keymaps(pg, &g, err);
    if (!ok) {
        readmodel_free(&g);
        return err_wrap(err, "reading the registered views");
    }
    for (size_t i = 0; i < g.view_count; i++)
        view_prepare(&g.views[i], &g.arena);
    *ret = g;
    return true;
}

/* "a.k1, a.k2" over the row key. */
static void add_list(struct buf *b, const char *prefix, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_adds(b, i ? ", " : "");
        buf_adds(b, prefix);
        buf_add_ident(b, str_of(names[i]));
    }
}

void view_add_key_test(const struct view *v, const char *prefix, size_t i, struct buf *b)
{
    buf_adds(b, prefix);
    buf_add_ident(b, str_of(v->keys[i]));
    buf_printf(b, " = ANY ($%zu::%s[])", i + 1, v->key_types[i]);
    if (*v->nullable[i] != 't')
        return;
    /* Folds away at planning when the array has no null. */
    buf_printf(b, " OR array_position($%zu::%s[], NULL) IS NOT NULL AND %s", i + 1, v->key_types[i], prefix);
    buf_add_ident(b, str_of(v->keys[i]));
    buf_adds(b, " IS NULL");
}

/*
 * One statement that makes the stored rows equal to the recomputed ones. Rows are compared by their bytes (*<>), not by
 * "=": 1.0 and 1.00 are equal and yet different answers, and json has no "=" at all.
 * Parameters: key arrays (not when `all`), then lsn, seq. Returns (rows deleted, rows written).
 */
static const char *recompute_sql(const struct view *v, bool all, struct arena *a)
{
    struct buf b;
    buf_init(&b, 0);
    size_t next = all ? 1 : v->key_count + 1;
    buf_adds(&b, "WITH n AS MATERIALIZED (");
    if (all) {
        buf_adds(&b, "SELECT * FROM def.");
        buf_add_ident(&b, str_of(v->name));
    } else {
        buf_adds(&b, v->restricted);
    }
    buf_adds(&b, "\n), d AS (DELETE FROM api.");
    buf_add_ident(&b, str_of(v->name));
    buf_adds(&b, " a WHERE ");
    for (size_t i = 0; !all && i < v->key_count; i++) {
        buf_adds(&b, "(");
        view_add_key_test(v, "a.", i, &b);
        buf_adds(&b, ") AND ");
    }
    buf_adds(&b, "NOT EXISTS (SELECT FROM n WHERE ");
    for (size_t i = 0; i < v->row_count; i++) {
        buf_adds(&b, i ? " AND n." : "n.");
        buf_add_ident(&b, str_of(v->rows[i]));
        buf_adds(&b, " = a.");
        buf_add_ident(&b, str_of(v->rows[i]));
    }
    buf_adds(&b, ") RETURNING 1), u AS (INSERT INTO api.");
    buf_add_ident(&b, str_of(v->name));
    buf_adds(&b, " AS a (");
    add_list(&b, "", v->columns, v->column_count);
    buf_adds(&b, ", _lsn, _seq) SELECT ");
    add_list(&b, "n.", v->columns, v->column_count);
    buf_printf(&b, ", $%zu::pg_lsn, $%zu::int FROM n ON CONFLICT (", next, next + 1);
    add_list(&b, "", v->rows, v->row_count);
    buf_adds(&b, ") DO UPDATE SET ");
    for (size_t i = 0; i < v->column_count; i++) {
        buf_add_ident(&b, str_of(v->columns[i]));
        buf_adds(&b, " = excluded.");
        buf_add_ident(&b, str_of(v->columns[i]));
        buf_adds(&b, ", ");
    }
    buf_adds(&b, "_lsn = excluded._lsn, _seq = excluded._seq WHERE ROW(");
    add_list(&b, "a.", v->columns, v->column_count);
    /* ::record, because the parser takes ROW() op ROW() apart into columns. */
    buf_adds(&b, ")::record OPERATOR(pg_catalog.*<>) ROW(");
    add_list(&b, "excluded.", v->columns, v->column_count);
    buf_adds(&b, ")::record RETURNING 1) SELECT (SELECT count(*) FROM d), (SELECT count(*) FROM u)");
    const char *sql = arena_strdup(a, b.data);
    buf_free(&b);
    return sql;
}

void view_prepare(struct view *v, struct arena *a)
{
    v->recompute = (struct pg_stmt){.sql = recompute_sql(v, false, a)};
    v->recompute_all = (struct pg_stmt){.sql = recompute_sql(v, true, a)};
}
