// SPDX-License-Identifier: Apache-2.0
/* Statements: hand-written, put together by the query builder, or made by the object mapping. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctx.h"
#include "trace.h"

bool sql_tags;

int count(rows r) { return PQntuples(r); }

const char *val(rows r, int row, const char *column)
{
    int i = 0, n = PQnfields(r);
    while (i < n && strcmp(PQfname(r, i), column) != 0) /* not PQfnumber(), which folds "createdAt" to lower case */
        i++;
    return i == n || row < 0 || row >= PQntuples(r) || PQgetisnull(r, row, i) ? NULL : PQgetvalue(r, row, i);
}

rows found(struct ctx *c, rows r, const char *what)
{
    if (count(r) == 0)
        stop(c, 404, "not_found", *what ? text(c, "%s not found", what) : "not found");
    return r;
}

long affected(rows r) { return strtol(PQcmdTuples((PGresult *)(uintptr_t)r), NULL, 10); }

const char *text(struct ctx *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *v = arena_vprintf(&c->arena, fmt, ap);
    va_end(ap);
    return v;
}

static PGresult *keep(struct ctx *c, PGresult *r)
{
    GROW(c->results, c->result_count, c->result_cap);
    return c->results[c->result_count++] = r;
}

/* Which SQLSTATEs are the client's fault, and which are worth another try. */
static void failed(struct ctx *c, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (!state)
        state = "connection";
    c->again = strncmp(state, "40", 2) == 0;
    if (strcmp(state, "23505") == 0)
        stop(c, 409, "conflict", "it exists already");
    else if (strcmp(state, "23503") == 0)
        stop(c, 422, "unknown_reference", "it refers to something that does not exist");
    else if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0)
        stop(c, 400, "bad_request", "bad request");
    else {
        fprintf(stderr, "fintech-app: %s: %s %s\n", c->route_name, state, PQresultErrorMessage(r));
        stop(c, 503, "unavailable", "database is not available");
    }
}

/* With the comment that tracing libraries append (sqlcommenter): keys in order, values percent-encoded. */
static const char *tagged(struct ctx *c, const char *sql_text)
{
    struct str route, method = str_cut(str_of(c->route_name), ' ', &route);
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_printf(&b, "%s /*method='" STR_FMT "',route='", sql_text, STR_ARG(method));
    for (size_t i = 0; i < route.len; i++) {
        unsigned char ch = (unsigned char)route.data[i];
        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || strchr("-._~/", ch))
            buf_addc(&b, (char)ch);
        else
            buf_printf(&b, "%%%02X", (unsigned)ch);
    }
    buf_adds(&b, "'*/");
    const char *v = arena_strdup(&c->arena, b.data);
    buf_free(&b);
    return v;
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

rows sql_run(struct ctx *c, const struct site *site, const char *sql_text, const char *const *values, int value_count)
{
    if (c->stopped)
        return keep(c, PQmakeEmptyPGresult(NULL, PGRES_EMPTY_QUERY));
    int64_t began = now_us();
    PGresult *r = keep(c, db_run(c->db, sql_tags ? tagged(c, sql_text) : sql_text, value_count, values + 1));
    trace_statement(c->route_name, site, sql_text, now_us() - began, PQntuples(r));
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_TUPLES_OK && s != PGRES_COMMAND_OK) {
        failed(c, r);
        return keep(c, PQmakeEmptyPGresult(NULL, PGRES_EMPTY_QUERY));
    }
    return r;
}

void begin(struct ctx *c)
{
    if (!c->stopped && PQtransactionStatus(c->db->conn) == PQTRANS_IDLE)
        PQclear(db_run(c->db, "BEGIN", 0, NULL)); /* a failure shows with the next statement */
}

void commit(struct ctx *c)
{
    if (c->stopped)
        return;
    PGresult *r = keep(c, db_run(c->db, "COMMIT", 0, NULL));
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        failed(c, r);
}

/* ---- the query builder ---- */

struct query query(struct ctx *c, const char *select_from)
{
    struct query q = {.c = c};
    buf_init(&q.text, 1 << 16);
    buf_adds(&q.text, select_from);
    return q;
}

void query_add(struct query *q, const char *more)
{
    buf_addc(&q->text, ' ');
    buf_adds(&q->text, more);
}

void query_value(struct query *q, const char *more, const char *value)
{
    if (q->value_count + 1 >= (int)COUNT(q->values))
        abort();
    q->values[++q->value_count] = value;
    buf_addc(&q->text, ' ');
    for (; *more; more++) {
        if (*more == '?')
            buf_printf(&q->text, "$%d", q->value_count);
        else
            buf_addc(&q->text, *more);
    }
}

static void joined(struct query *q)
{
    buf_adds(&q->text, q->where ? " AND" : " WHERE");
    q->where = true;
}

void query_where(struct query *q, const char *condition)
{
    joined(q);
    query_add(q, condition);
}

void query_if(struct query *q, const char *value, const char *condition)
{
    if (!value)
        return;
    joined(q);
    query_value(q, condition, value);
}

rows query_run_(struct query *q, const struct site *site)
{
    const char *sql_text = arena_strdup(&q->c->arena, q->text.data);
    buf_free(&q->text);
    return sql_run(q->c, site, sql_text, q->values, q->value_count);
}

/* ---- the object mapping ---- */

static const char *alive(const struct model *m) { return m->soft_delete ? " AND \"deleted_at\" IS NULL" : ""; }

rows orm_find_(struct ctx *c, const struct site *site, const struct model *m, const char *id)
{
    if (!id)
        return keep(c, PQmakeEmptyPGresult(NULL, PGRES_EMPTY_QUERY));
    const char *values[] = {NULL, id};
    return sql_run(c, site,
                   text(c, "SELECT \"%s\".* FROM \"%s\" WHERE \"%s\".\"id\" = $1%s LIMIT 1", m->table, m->table,
                        m->table, alive(m)),
                   values, 1);
}

rows orm_where_(struct ctx *c, const struct site *site, const struct model *m, const char *column, const char *value,
                const char *order, const char *limit)
{
    const char *values[] = {NULL, value};
    return sql_run(c, site,
                   text(c, "SELECT \"%s\".* FROM \"%s\" WHERE \"%s\".\"%s\" = $1%s%s%s%s%s", m->table, m->table,
                        m->table, column, alive(m), order ? " ORDER BY " : "", order ? order : "",
                        limit ? " LIMIT " : "", limit ? limit : ""),
                   values, 1);
}

const char *orm_count_(struct ctx *c, const struct site *site, const struct model *m, const char *column,
                       const char *value)
{
    const char *values[] = {NULL, value};
    rows r =
        sql_run(c, site,
                text(c, "SELECT COUNT(*) FROM \"%s\" WHERE \"%s\".\"%s\" = $1%s", m->table, m->table, column, alive(m)),
                values, 1);
    const char *n = one(r, "count");
    return n ? n : "0";
}

rows orm_insert_(struct ctx *c, const struct site *site, const struct model *m, const char *const *pairs, int count)
{
    const char *values[41] = {NULL};
    struct buf b;
    if (count > 80 || count % 2)
        abort();
    buf_init(&b, 1 << 16);
    buf_printf(&b, "INSERT INTO \"%s\" (", m->table);
    for (int i = 0; i < count; i += 2) {
        buf_printf(&b, "%s\"%s\"", i ? ", " : "", pairs[i + 1]);
        values[i / 2 + 1] = pairs[i + 2];
    }
    buf_adds(&b, ") VALUES (");
    for (int i = 1; i <= count / 2; i++)
        buf_printf(&b, "%s$%d", i > 1 ? ", " : "", i);
    buf_adds(&b, ") RETURNING *");
    const char *sql_text = arena_strdup(&c->arena, b.data);
    buf_free(&b);
    return sql_run(c, site, sql_text, values, count / 2);
}

rows orm_update_(struct ctx *c, const struct site *site, const struct model *m, const char *id,
                 const char *const *pairs, int count)
{
    const char *values[42] = {NULL, id};
    struct buf b;
    if (count > 80 || count % 2)
        abort();
    buf_init(&b, 1 << 16);
    buf_printf(&b, "UPDATE \"%s\" SET ", m->table);
    for (int i = 0; i < count; i += 2) {
        buf_printf(&b, "%s\"%s\" = $%d", i ? ", " : "", pairs[i + 1], i / 2 + 2);
        values[i / 2 + 2] = pairs[i + 2];
    }
    buf_printf(&b, " WHERE \"%s\".\"id\" = $1 RETURNING *", m->table);
    const char *sql_text = arena_strdup(&c->arena, b.data);
    buf_free(&b);
    return sql_run(c, site, sql_text, values, count / 2 + 1);
}
