// SPDX-License-Identifier: Apache-2.0
/* libpq connections and queries; see pg.h. Blocking calls only; pipelines and replication live in files of their own.
 */
#include "link/pg/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char session_options[] =
    "-c TimeZone=UTC -c DateStyle=ISO,YMD -c IntervalStyle=postgres -c extra_float_digits=3"
    " -c bytea_output=hex -c standard_conforming_strings=on -c client_min_messages=warning";

static enum err_class side_class(enum pg_side side) { return side == PG_SOURCE ? ERR_SOURCE : ERR_TARGET; }

/* The primary message only, cut at the first line: DETAIL and CONTEXT may hold row values. */
static struct str first_line(const char *message)
{
    struct str rest;
    return str_trim(str_cut(str_of(message ? message : ""), '\n', &rest));
}

bool pg_fail(struct pg *pg, const PGresult *result, const char *doing, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    bool gone = PQstatus(pg->conn) != CONNECTION_OK;
    struct str text = primary ? str_of(primary) : first_line(PQerrorMessage(pg->conn));
    err_set(err, side_class(pg->side), "%s: %s: " STR_FMT "%s%s%s", pg->what, doing, STR_ARG(text),
            state ? " (SQLSTATE " : "", state ? state : "", state ? ")" : "");
    if (err)
        err->retriable = gone || (state && (strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0 ||
                                            strncmp(state, "53", 2) == 0 || strcmp(state, "40001") == 0 ||
                                            strcmp(state, "40P01") == 0 || strcmp(state, "55P03") == 0));
    return false;
}

bool pg_open(struct pg *pg, enum pg_side side, const char *what, const char *dsn, bool replication, struct err *err)
{
    const char *keys[8] = {
        "dbname", "connect_timeout", "client_encoding", "options", "fallback_application_name", NULL, NULL, NULL};
    const char *values[8] = {dsn, NULL, "UTF8", session_options, "undam", NULL, NULL, NULL};
    char *parse_error = NULL;
    PQconninfoOption *parsed = PQconninfoParse(dsn, &parse_error);
    if (!parsed) {
        struct str why = first_line(parse_error);
        err_set(err, ERR_CONFIG, "%s: connection string cannot be read: " STR_FMT, what, STR_ARG(why));
        err_hint(err, "write it as \"host=... port=... dbname=... user=...\" or postgresql://user@host:port/database");
        PQfreemem(parse_error);
        return false;
    }
    bool has_timeout = false;
    for (PQconninfoOption *o = parsed; o->keyword; o++)
        has_timeout |= strcmp(o->keyword, "connect_timeout") == 0 && o->val;
    PQconninfoFree(parsed);
    if (has_timeout) {
        keys[1] = "fallback_application_name";
        values[1] = "undam";
        keys[4] = NULL;
    } else {
        values[1] = "10";
    }
    int n = keys[4] ? 5 : 4;
    if (replication) {
        keys[n] = "replication";
        values[n] = "database";
    }
    pg->side = side;
    pg->what = what;
    pg->conn = PQconnectdbParams(keys, values, 1);
    if (!pg->conn || PQstatus(pg->conn) != CONNECTION_OK) {
        struct str why = first_line(pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
        err_again(err, side_class(side), "%s: cannot connect: " STR_FMT, what, STR_ARG(why));
        err_hint(err, "check that the server runs and that the connection string for the %s is right", what);
        pg_close(pg);
        return false;
    }
    return true;
}

void pg_close(struct pg *pg)
{
    PQfinish(pg->conn);
    pg->conn = NULL;
}

static bool result_ok(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);
    return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_EMPTY_QUERY;
}

bool pg_exec(struct pg *pg, const char *sql, struct err *err)
{
    PG_RESULT r = PQexec(pg->conn, sql);
    return result_ok(r) || pg_fail(pg, r, "statement failed", err);
}

void pg_rollback(struct pg *pg) { PQclear(PQexec(pg->conn, "ROLLBACK")); }

bool pg_query(struct pg *pg, const char *sql, PGresult **ret, struct err *err)
{
    PGresult *r = PQexec(pg->conn, sql);
    if (!result_ok(r)) {
        pg_fail(pg, r, "query failed", err);
        PQclear(r);
        return false;
    }
    *ret = r;
    return true;
}

bool pg_query_params(struct pg *pg, const char *sql, int count, const char *const *values, PGresult **ret,
                     struct err *err)
{
    PGresult *r = PQexecParams(pg->conn, sql, count, NULL, values, NULL, NULL, 0);
    if (!result_ok(r)) {
        pg_fail(pg, r, "query failed", err);
        PQclear(r);
        return false;
    }
    *ret = r;
    return true;
}

char *pg_dsn_redacted(const char *dsn)
{
    PQconninfoOption *parsed = PQconninfoParse(dsn, NULL);
    if (!parsed)
        return xstrdup("(unreadable)");
    struct buf out;
    buf_init(&out, 1 << 16);
    for (PQconninfoOption *o = parsed; o->keyword; o++) {
        bool shown = strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "port") == 0 ||
                     strcmp(o->keyword, "dbname") == 0 || strcmp(o->keyword, "user") == 0;
        if (o->val && shown)
            buf_printf(&out, "%s%s=%s", out.len ? " " : "", o->keyword, o->val);
    }
    PQconninfoFree(parsed);
    return out.data ? out.data : xstrdup("(defaults)");
}

int64_t pg_cell_i64(const PGresult *result, int row, int column)
{
    int64_t n;
    return str_to_i64(str_of(PQgetvalue(result, row, column)), &n) ? n : 0;
}
