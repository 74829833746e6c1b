// SPDX-License-Identifier: Apache-2.0
/*
 * libpq, wrapped once: connections with pinned session settings, results that free themselves, errors
 * as values. Only this folder and the nginx module include libpq-fe.h.
 * Every connection: client_encoding UTF8, TimeZone UTC, DateStyle ISO, IntervalStyle postgres,
 * extra_float_digits 3, bytea_output hex, standard_conforming_strings on, application_name "undam <cmd>".
 */
#pragma once
#include <libpq-fe.h>

#include "base/err.h"
#include "base/str.h"

/* Which side a connection is: gives its errors their class (ERR_SOURCE, ERR_TARGET). */
enum pg_side { PG_SOURCE, PG_TARGET };

struct pg {
    PGconn *conn;
    enum pg_side side;
    const char *what; /* "source", "bus", "read model transactions": named in errors; not copied */
};

static inline void pg_result_free(PGresult **r)
{
    PQclear(*r);
    *r = NULL;
}
#define PG_RESULT __attribute__((cleanup(pg_result_free))) PGresult *

/* Connects (10 s time-out unless the DSN has its own) and pins the session. replication: logical walsender connection.
 */
bool pg_open(struct pg *pg, enum pg_side side, const char *what, const char *dsn, bool replication,
             struct err *err) MUST_USE;
void pg_close(struct pg *pg);
/* One or more statements without parameters; results thrown away. */
bool pg_exec(struct pg *pg, const char *sql, struct err *err) MUST_USE;
/* ROLLBACK on the way out of a failure: what goes wrong with it is not news. */
void pg_rollback(struct pg *pg);
/* A query without parameters that returns rows, text format. */
bool pg_query(struct pg *pg, const char *sql, PGresult **ret, struct err *err) MUST_USE;
/* With text parameters (NULL = SQL null). */
bool pg_query_params(struct pg *pg, const char *sql, int count, const char *const *values, PGresult **ret,
                     struct err *err) MUST_USE;
/* A whole number in text format; 0 when the cell is null or holds something else. */
int64_t pg_cell_i64(const PGresult *result, int row, int column);
/* Fills err from a failed result or connection: SQLSTATE, primary message, never DETAIL (it holds row values). Returns
 * false. */
bool pg_fail(struct pg *pg, const PGresult *result, const char *doing, struct err *err);
/* The DSN without password, for logs; malloc'ed. */
char *pg_dsn_redacted(const char *dsn);
