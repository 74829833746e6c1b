// SPDX-License-Identifier: Apache-2.0
/*
 * Waiting for a server without standing still: while libpq has nothing for us, an idle function is called
 * at least every PG_IDLE_MS. For connections in non-blocking mode.
 */
#pragma once
#include "link/pg/pg.h"

enum { PG_IDLE_MS = 250 };

struct pg_idle {
    void (*fn)(void *arg); /* may be NULL */
    void *arg;
};

/* Until all that was queued is on the socket. */
bool pg_flush_wait(struct pg *pg, const struct pg_idle *idle, const char *doing, struct err *err) MUST_USE;
/* The last result of the command in flight (a COPY's start is returned at once, its data is then due). Errors as
 * pg_fail. */
bool pg_result_wait(struct pg *pg, const struct pg_idle *idle, const char *doing, PGresult **ret,
                    struct err *err) MUST_USE;
/* One statement with text parameters and its result. */
bool pg_ask_wait(struct pg *pg, const struct pg_idle *idle, const char *doing, const char *sql, int count,
                 const char *const *values, PGresult **ret, struct err *err) MUST_USE;
/* Statements without parameters; results thrown away. */
bool pg_run_wait(struct pg *pg, const struct pg_idle *idle, const char *doing, const char *sql,
                 struct err *err) MUST_USE;
