// SPDX-License-Identifier: Apache-2.0
/* Stored views against their SELECT; see verify.h. */
#include "project/verify.h"

#include <stdio.h>

static void add_list(struct buf *b, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_adds(b, i ? ", " : "");
        buf_add_ident(b, str_of(names[i]));
    }
}

/* s: stored rows, d: rows of the SELECT; each as (k: row key as JSON, t: the row's text). */
static void add_sides(struct buf *b, const struct view *v, bool whole)
{
    buf_adds(b, "s AS MATERIALIZED (SELECT json_build_array(");
    add_list(b, v->rows, v->row_count);
    buf_adds(b, ")::text AS k, ROW(");
    add_list(b, v->columns, v->column_count);
    buf_adds(b, ")::text AS t FROM api.");
    buf_add_ident(b, str_of(v->name));
    for (size_t i = 0; !whole && i < v->key_count; i++) {
        buf_adds(b, i ? ") AND (" : " WHERE (");
        view_add_key_test(v, "", i, b);
        buf_adds(b, i + 1 == v->key_count ? ")" : "");
    }
    buf_adds(b, "), d AS MATERIALIZED (SELECT json_build_array(");
    add_list(b, v->rows, v->row_count);
    buf_adds(b, ")::text AS k, ROW(");
    add_list(b, v->columns, v->column_count);
    buf_adds(b, ")::text AS t FROM ");
    if (whole) {
        buf_adds(b, "def.");
        buf_add_ident(b, str_of(v->name));
    } else {
        buf_printf(b, "(%s\n)", v->restricted);
    }
    buf_adds(b, " x)");
}

static const char *compare_sql(const struct view *v, bool whole, struct arena *a)
{
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "WITH ");
    add_sides(&b, v, whole);
    buf_adds(
        &b, ", x AS (SELECT k, t FROM s EXCEPT ALL SELECT k, t FROM d),"
            " m AS (SELECT k, t FROM d EXCEPT ALL SELECT k, t FROM s)"
            " SELECT (SELECT count(*) FROM s), (SELECT count(*) FROM x), (SELECT count(*) FROM m),"
            " coalesce((SELECT '[' || string_agg(k, ',') || ']' FROM (SELECT DISTINCT k FROM (SELECT k FROM x UNION ALL"
            " SELECT k FROM m) y ORDER BY k LIMIT 10) z), '[]')");
    const char *sql = arena_strdup(a, b.data);
    buf_free(&b);
    return sql;
}

/* One array literal a key column, from keys picked at random. */
static bool pick_keys(struct pg *pg, const struct view *v, int64_t sample, struct arena *a, const char **ret,
                      struct err *err)
{
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "SELECT ");
    for (size_t i = 0; i < v->key_count; i++) {
        buf_adds(&b, i ? ", array_agg(" : "array_agg(");
        buf_add_ident(&b, str_of(v->keys[i]));
        buf_adds(&b, ")");
    }
    buf_adds(&b, " FROM (SELECT ");
    add_list(&b, v->keys, v->key_count);
    buf_adds(&b, " FROM api.");
    buf_add_ident(&b, str_of(v->name));
    buf_printf(&b, " ORDER BY random() LIMIT %lld) p", (long long)sample);
    PG_RESULT r = NULL;
    bool ok = pg_query(pg, b.data, &r, err);
    buf_free(&b);
    for (size_t i = 0; ok && i < v->key_count; i++)
        ret[i] = PQgetisnull(r, 0, (int)i) ? "{}" : arena_strdup(a, PQgetvalue(r, 0, (int)i));
    return ok;
}

bool verify_view(struct pg *pg, const struct view *v, int64_t sample, struct arena *a, struct verify_result *ret,
                 struct err *err)
{
    struct verify_result result = {.view = v->name, .whole = sample == 0};
    const char **values = arena_calloc(a, v->key_count + 1, sizeof *values);
    PG_RESULT r = NULL;
    if (sample > 0 && !pick_keys(pg, v, sample, a, values, err))
        return err_wrap(err, "view %s", v->name);
    if (!pg_query_params(pg, compare_sql(v, sample == 0, a), sample > 0 ? (int)v->key_count : 0, values, &r, err))
        return err_wrap(err, "view %s", v->name);
    (void)str_to_u64(str_of(PQgetvalue(r, 0, 0)), &result.checked);
    (void)str_to_u64(str_of(PQgetvalue(r, 0, 1)), &result.extra);
    (void)str_to_u64(str_of(PQgetvalue(r, 0, 2)), &result.missing);
    result.keys = arena_strdup(a, PQgetvalue(r, 0, 3));
    *ret = result;
    return true;
}
