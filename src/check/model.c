// SPDX-License-Identifier: Apache-2.0
/* Read models: where they are, their mirrors and views in turn; see check.h and mirror.h. */
#include <time.h>

#include "base/log.h"
#include "check/mirror.h"
#include "check/source.h"

bool model_position(struct model *m, uint64_t *ret, struct err *err)
{
    PG_RESULT there = NULL;
    PG_RESULT r = NULL;
    const char *source = m->check->config->source.name;
    const char *values[] = {source};
    if (!pg_query(&m->pg, "SELECT to_regclass('undam.position') IS NOT NULL", &there, err))
        return false;
    if (PQgetvalue(there, 0, 0)[0] == 't') {
        if (!pg_query_params(&m->pg, "SELECT lsn FROM undam.position WHERE source = $1", 1, values, &r, err))
            return false;
        if (PQntuples(r) && lsn_parse(str_of(PQgetvalue(r, 0, 0)), ret))
            return true;
    }
    err_set(err, ERR_STATE, "read model %s: nothing was projected into it from source %s", m->service, source);
    return err_hint(err, "register views with `undam view add` and run `undam project %s`", m->service);
}

bool model_wait(struct model *m, uint64_t lsn, struct err *err)
{
    uint64_t at = 0, last = 0;
    int64_t moved = mono_us();
    for (;;) {
        if (!model_position(m, &at, err))
            return false;
        if (at >= lsn)
            return true;
        if (at != last)
            moved = mono_us();
        last = at;
        if (mono_us() - moved > m->check->wait_ms * 1000)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    char have[LSN_TEXT_SIZE], want[LSN_TEXT_SIZE];
    err_again(err, ERR_TARGET, "read model %s stays at %s, the source is at %s", m->service, lsn_format(at, have),
              lsn_format(lsn, want));
    return err_hint(err, "are `undam relay` and `undam project %s` running?", m->service);
}

static bool each(struct model *m, const char *sql, bool (*fn)(struct model *, const char *, struct err *),
                 const char *what, struct err *err)
{
    PG_RESULT r = NULL;
    struct progress bar;
    if (!pg_query(&m->pg, sql, &r, err))
        return false;
    progress_begin(&bar, what, "tables", (uint64_t)PQntuples(r), m->check->quiet);
    bool good = true;
    for (int i = 0; good && i < PQntuples(r); i++) {
        good = fn(m, PQgetvalue(r, i, 0), err);
        progress_set(&bar, (uint64_t)i + 1);
    }
    progress_end(&bar);
    return good;
}

/* ---- views ---- */

/* Two counts, and the first rows that only one side has. ROW(...)::text, because json has no equality, and because
 * 1.0 is not 1.00 to whoever reads the answer. */
static const char view_sql[] =
    "WITH d AS MATERIALIZED (SELECT ROW(%s)::text AS t FROM def.%s), s AS MATERIALIZED (SELECT ROW(%s)::text AS t"
    " FROM api.%s), m AS (SELECT t FROM d EXCEPT ALL SELECT t FROM s), x AS (SELECT t FROM s EXCEPT ALL SELECT t FROM "
    "d)"
    " SELECT (SELECT count(*) FROM s), 0, NULL UNION ALL"
    " SELECT NULL, 1, t FROM m UNION ALL SELECT NULL, 2, t FROM x";

static void report_view(struct model *m, struct check_line *line, const PGresult *r)
{
    for (int i = 0; i < PQntuples(r); i++) {
        int64_t kind = pg_cell_i64(r, i, 1);
        if (kind == 0) {
            line->checked = (uint64_t)pg_cell_i64(r, i, 0);
            continue;
        }
        const char *what =
            kind == 1 ? "the SELECT has a row that is not stored" : "a row is stored that the SELECT has not";
        if (m->check->show_values)
            check_wrong(m->check->report, line, "%s: %s", what, PQgetvalue(r, i, 2));
        else
            check_wrong(m->check->report, line, "%s", what);
    }
}

static bool view_compare(struct model *m, const char *name, struct err *err)
{
    PG_RESULT r = NULL;
    struct columns columns;
    struct buf list, ident;
    struct check_line *line =
        check_line_add(m->check->report, "view", arena_printf(&m->arena, "%s: %s", m->service, name));
    if (!columns_get(&m->pg, "def", name, &m->arena, &columns, err))
        return false;
    if (columns.count == 0) {
        check_wrong(m->check->report, line, "its definition def.%s is gone", name);
        return true;
    }
    buf_init(&list, 0);
    buf_init(&ident, 0);
    for (size_t i = 0; i < columns.count; i++) {
        buf_adds(&list, i ? "," : "");
        buf_add_ident(&list, columns.names[i]);
    }
    buf_add_ident(&ident, str_of(name));
    const char *sql = arena_printf(&m->arena, view_sql, list.data, ident.data, list.data, ident.data);
    buf_free(&list);
    buf_free(&ident);
    if (!pg_query(&m->pg, sql, &r, err))
        return err_wrap(err, "view %s", name);
    report_view(m, line, r);
    return true;
}

bool views_compare(struct model *m, struct err *err)
{
    return pg_exec(&m->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) &&
           each(m, "SELECT name FROM undam.view WHERE state = 'ready' ORDER BY 1", view_compare, "comparing views",
                err) &&
           pg_exec(&m->pg, "COMMIT", err);
}

/* ---- services ---- */

static bool compare_model(struct model *m, struct err *err)
{
    uint64_t lsn;
    const char *mirrors = "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                          " WHERE nspname = 'mirror' AND relkind IN ('r', 'p') ORDER BY 1";
    if (!source_lsn(&m->source, &lsn, err) || !model_wait(m, lsn, err))
        return false;
    return each(m, mirrors, mirror_compare, "comparing mirrors", err) && views_compare(m, err);
}

static bool check_model(struct check *check, const struct config_service *service, struct err *err)
{
    struct model m = {.check = check, .service = service->name};
    char *what = xasprintf("read model %s", service->name);
    arena_init(&m.arena);
    bool good = pg_open(&m.source, PG_SOURCE, "source", check->config->source.dsn, false, err) &&
                pg_open(&m.pg, PG_TARGET, what, service->dsn, false, err) && compare_model(&m, err);
    pg_close(&m.source);
    pg_close(&m.pg);
    arena_free(&m.arena);
    free(what);
    return good;
}

bool check_models(struct check *check, const char *service, struct err *err)
{
    const struct config *c = check->config;
    bool any = false;
    for (size_t i = 0; i < c->service_count; i++) {
        const struct config_service *s = &c->services[i];
        if (!s->dsn[0] || (service && strcmp(service, s->name) != 0))
            continue;
        any = true;
        if (!check_model(check, s, err))
            return false;
    }
    if (service && !any)
        return err_set(err, ERR_USAGE, "there is no service %s with a read model", service);
    return true;
}
