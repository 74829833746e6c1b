// SPDX-License-Identifier: Apache-2.0
/* The plans of a view's statements; see scan_check.h. */
#include "project/scan_check.h"

#include "project/view_explain.h"

/* SCAN_KEYS values of each column as arrays; false in *ret_any when the relation is empty. */
static bool pick(struct pg *pg, const char *schema, const char *relation, const char *const *columns, size_t count,
                 const char *cast, struct arena *a, const char **values, bool *ret_any, struct err *err)
{
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "SELECT count(*)");
    for (size_t i = 0; i < count; i++) {
        buf_adds(&b, ", array_agg(");
        buf_add_ident(&b, str_of(columns[i]));
        buf_printf(&b, "%s)", cast);
    }
    buf_printf(&b, " FROM (SELECT * FROM %s.", schema);
    buf_add_ident(&b, str_of(relation));
    buf_printf(&b, " LIMIT %d) x", SCAN_KEYS);
    PG_RESULT r = NULL;
    bool ok = pg_query(pg, b.data, &r, err);
    buf_free(&b);
    if (!ok)
        return false;
    *ret_any = strcmp(PQgetvalue(r, 0, 0), "0") != 0;
    for (size_t i = 0; i < count; i++)
        values[i] = PQgetisnull(r, 0, (int)i + 1) ? "{}" : arena_strdup(a, PQgetvalue(r, 0, (int)i + 1));
    return true;
}

static bool is_large(struct pg *pg, const char *mirror, bool *ret, struct err *err)
{
    const char *values[] = {mirror};
    PG_RESULT r = NULL;
    int64_t rows = 0;
    if (!pg_query_params(pg,
                         "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE relname = $1 AND relnamespace ="
                         " 'mirror'::regnamespace",
                         1, values, &r, err))
        return false;
    if (PQntuples(r) == 1)
        (void)str_to_i64(str_of(PQgetvalue(r, 0, 0)), &rows);
    *ret = rows >= SCAN_ROWS_MIN;
    return true;
}

static bool explain(struct pg *pg, const struct planned_view *v, const char *sql, size_t count,
                    const char *const *values, const char *what, struct arena *a, struct err *err)
{
    struct view_scan *scans;
    size_t scan_count;
    PG_RESULT r = NULL;
    if (!pg_query_params(pg, arena_printf(a, "EXPLAIN (FORMAT JSON) %s", sql), (int)count, values, &r, err) ||
        !view_explain_scans(str_of(PQgetvalue(r, 0, 0)), a, &scans, &scan_count, err))
        return err_wrap(err, "%s: looking at the plan of %s", v->file.path, what);
    for (size_t i = 0; i < scan_count; i++) {
        bool large;
        if (!is_large(pg, scans[i].relation, &large, err))
            return false;
        if (!large)
            continue;
        err_set(err, ERR_CONFIG, "%s: %s would read all of %s at every change (%s)", v->file.path, what,
                scans[i].relation, scans[i].how);
        return err_hint(err,
                        "tie the table to the key by an equality of plain columns, or accept the cost: --allow-scans");
    }
    return true;
}

static bool check_all(struct pg *pg, const struct planned_view *v, struct arena *a, struct err *err)
{
    const struct view_plan *p = &v->plan;
    const char **values = arena_calloc(a, 1600, sizeof *values);
    bool any;
    if (!pick(pg, "api", v->file.name, p->keys, p->key_count, "", a, values, &any, err) ||
        (any && !explain(pg, v, p->restricted, p->key_count, values, "the SELECT for some keys", a, err)))
        return false;
    for (size_t i = 0; i < p->keymap_count; i++) {
        const struct view_keymap *k = &p->keymaps[i];
        const char *mirror = mirror_name(a, k->table->table->schema, k->table->table->name);
        const char *what = arena_printf(a, "finding the keys that a write to %s.%s touches", k->table->table->schema,
                                        k->table->table->name);
        if (!pick(pg, "mirror", mirror, k->columns, k->column_count, "::text", a, values, &any, err) ||
            (any && !explain(pg, v, k->sql, k->column_count, values, what, a, err)))
            return false;
    }
    return true;
}

bool scan_check(struct pg *model, const struct planned_view *v, struct err *err)
{
    struct arena a;
    arena_init(&a);
    bool ok = pg_exec(model,
                      "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off;"
                      "SET LOCAL enable_mergejoin = off",
                      err) &&
              check_all(model, v, &a, err) &&
              pg_exec(model,
                      "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on;"
                      "SET LOCAL enable_mergejoin = on",
                      err);
    arena_free(&a);
    return ok;
}
