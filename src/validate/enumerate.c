// SPDX-License-Identifier: Apache-2.0
/* Enumeration of keys; see enumerate.h. */
#include "validate/enumerate.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"

static struct str without_semicolon(struct str sql)
{
    sql = str_trim(sql);
    while (sql.len && sql.data[sql.len - 1] == ';')
        sql = str_trim((struct str){sql.data, sql.len - 1});
    return sql;
}

uint64_t enumeration_count(struct pg *source, const struct endpoint *endpoint)
{
    uint64_t n = 0;
    struct str sql = without_semicolon(endpoint->enumerate);
    char *text = xasprintf("SELECT count(*) FROM (" STR_FMT "\n) e", STR_ARG(sql));
    PG_RESULT r = NULL;
    if (!pg_query(source, text, &r, NULL) || !str_to_u64(str_of(PQgetvalue(r, 0, 0)), &n))
        n = 0;
    free(text);
    return n;
}

static int column_of(const PGresult *r, struct str name)
{
    for (int i = 0; i < PQnfields(r); i++) {
        const char *column = PQfname(r, i);
        if (strlen(column) == name.len && strncasecmp(column, name.data, name.len) == 0)
            return i;
    }
    return -1;
}

static bool map_columns(struct enumeration *e, const PGresult *r, struct err *err)
{
    const struct endpoint *p = e->endpoint->endpoint;
    for (uint32_t i = 0; i < p->param_count; i++) {
        e->params[i] = column_of(r, p->params[i].name);
        bool may_lack = p->params[i].optional || p->params[i].has_fallback;
        if (e->params[i] < 0 && !may_lack) {
            err_set(err, ERR_CONFIG, STR_FMT ": enumerate: no column for the parameter " STR_FMT, STR_ARG(p->file),
                    STR_ARG(p->params[i].name));
            return err_hint(err, "name a column after each parameter: SELECT id AS " STR_FMT,
                            STR_ARG(p->params[i].name));
        }
    }
    e->user_column = p->user == ENDPOINT_USER_HEADER ? column_of(r, p->user_header) : -1;
    return true;
}

static bool fetch(struct enumeration *e, struct err *err)
{
    PQclear(e->rows);
    e->rows = NULL;
    e->row = 0;
    if (!pg_query(e->source, "FETCH 500 FROM undam_keys", &e->rows, err))
        return false;
    e->ended = PQntuples(e->rows) == 0;
    return true;
}

static bool fail_config(struct enumeration *e, struct err *err)
{
    if (err)
        err->class = ERR_CONFIG;
    err_wrap(err, STR_FMT ": enumerate", STR_ARG(e->endpoint->endpoint->file));
    return err_hint(err, "the query runs on the source, see source.dsn; try it there with psql");
}

bool enumeration_begin(struct enumeration *e, struct pg *source, struct sample_endpoint *endpoint, int64_t skip,
                       int64_t limit, struct err *err)
{
    struct str sql = without_semicolon(endpoint->endpoint->enumerate);
    struct buf text;
    PG_RESULT shape = NULL;
    *e = (struct enumeration){.source = source, .endpoint = endpoint};
    arena_init(&e->arena);
    buf_init(&e->target, SAMPLE_TARGET_MAX);
    buf_init(&text, 0);
    buf_printf(&text, "SELECT * FROM (" STR_FMT "\n) e LIMIT 0", STR_ARG(sql));
    bool good = pg_query(source, text.data, &shape, err) || fail_config(e, err);
    good = good && map_columns(e, shape, err);
    if (good) {
        buf_clear(&text);
        buf_printf(&text, "BEGIN READ ONLY; DECLARE undam_keys NO SCROLL CURSOR FOR SELECT * FROM (" STR_FMT "\n) e",
                   STR_ARG(sql));
        for (int i = 0; i < PQnfields(shape); i++)
            buf_printf(&text, "%s%d", i ? ", " : " ORDER BY ", i + 1);
        buf_printf(&text, " OFFSET %lld", (long long)skip);
        if (limit)
            buf_printf(&text, " LIMIT %lld", (long long)limit);
        good = pg_exec(source, text.data, err) || fail_config(e, err);
        e->open = true;
    }
    buf_free(&text);
    return good && fetch(e, err);
}

static void make_target(struct enumeration *e)
{
    const struct endpoint *p = e->endpoint->endpoint;
    struct str values[ENDPOINT_PARAMS_MAX] = {{0}};
    for (uint32_t i = 0; i < p->param_count; i++)
        if (e->params[i] >= 0 && !PQgetisnull(e->rows, e->row, e->params[i]))
            values[i] = str_of(PQgetvalue(e->rows, e->row, e->params[i]));
    buf_clear(&e->target);
    endpoint_target(p, values, &e->target);
}

static size_t make_lines(struct enumeration *e)
{
    const struct endpoint *p = e->endpoint->endpoint;
    size_t n = 0;
    for (uint32_t i = 0; i < p->param_count; i++) {
        if (p->params[i].place != ENDPOINT_HEADER || e->params[i] < 0 || PQgetisnull(e->rows, e->row, e->params[i]))
            continue;
        char *line = arena_printf(&e->arena, STR_FMT ": %s", STR_ARG(p->params[i].wire),
                                  PQgetvalue(e->rows, e->row, e->params[i]));
        e->lines[n++] = str_of(line);
    }
    if (e->user_column >= 0 && !PQgetisnull(e->rows, e->row, e->user_column)) {
        char *line = arena_printf(&e->arena, STR_FMT ": %s", STR_ARG(p->user_header),
                                  PQgetvalue(e->rows, e->row, e->user_column));
        e->lines[n++] = str_of(line);
    }
    return n;
}

bool enumeration_next(struct enumeration *e, struct sample_request *ret, bool *ret_end, struct err *err)
{
    *ret_end = e->ended;
    if (e->ended)
        return true;
    if (e->row == PQntuples(e->rows) && !fetch(e, err))
        return false;
    *ret_end = e->ended;
    if (e->ended)
        return true;
    arena_reset(&e->arena);
    make_target(e);
    size_t lines = make_lines(e);
    *ret = (struct sample_request){
        .endpoint = e->endpoint, .target = buf_str(&e->target), .headers = e->lines, .header_count = lines};
    e->row++;
    return true;
}

void enumeration_end(struct enumeration *e)
{
    PQclear(e->rows);
    e->rows = NULL;
    if (e->open)
        PQclear(PQexec(e->source->conn, "ROLLBACK"));
    e->open = false;
    buf_free(&e->target);
    arena_free(&e->arena);
}
