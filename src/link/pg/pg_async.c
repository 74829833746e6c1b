// SPDX-License-Identifier: Apache-2.0
/* See pg_async.h. */
#include "link/pg/pg_async.h"

#include <errno.h>
#include <poll.h>

/* One wait; input that has come is taken in, so that a server blocked on writing to us goes on. */
static bool wait_socket(struct pg *pg, short events, const struct pg_idle *idle)
{
    struct pollfd fd = {.fd = PQsocket(pg->conn), .events = events};
    int n = poll(&fd, 1, PG_IDLE_MS);
    if (n < 0 && errno != EINTR)
        return false;
    if (idle->fn)
        idle->fn(idle->arg);
    return !(fd.revents & (POLLIN | POLLERR | POLLHUP)) || PQconsumeInput(pg->conn);
}

bool pg_flush_wait(struct pg *pg, const struct pg_idle *idle, const char *doing, struct err *err)
{
    int left;
    while ((left = PQflush(pg->conn)) > 0)
        if (!wait_socket(pg, POLLIN | POLLOUT, idle))
            return pg_fail(pg, NULL, doing, err);
    return left == 0 || pg_fail(pg, NULL, doing, err);
}

static bool good_status(ExecStatusType s)
{
    return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_EMPTY_QUERY || s == PGRES_COPY_IN ||
           s == PGRES_COPY_OUT;
}

bool pg_result_wait(struct pg *pg, const struct pg_idle *idle, const char *doing, PGresult **ret, struct err *err)
{
    PGresult *last = NULL, *next;
    if (!pg_flush_wait(pg, idle, doing, err))
        return false;
    for (;;) {
        while (PQisBusy(pg->conn)) {
            if (!wait_socket(pg, POLLIN, idle)) {
                PQclear(last);
                return pg_fail(pg, NULL, doing, err);
            }
        }
        next = PQgetResult(pg->conn);
        /* An error is kept: what follows it of the same command says less. */
        if (!next || (last && !good_status(PQresultStatus(last)))) {
            PQclear(next);
            if (!next)
                break;
            continue;
        }
        PQclear(last);
        last = next;
        if (PQresultStatus(last) == PGRES_COPY_IN || PQresultStatus(last) == PGRES_COPY_OUT)
            break;
    }
    if (!last || !good_status(PQresultStatus(last))) {
        pg_fail(pg, last, doing, err);
        PQclear(last);
        return false;
    }
    *ret = last;
    return true;
}

bool pg_ask_wait(struct pg *pg, const struct pg_idle *idle, const char *doing, const char *sql, int count,
                 const char *const *values, PGresult **ret, struct err *err)
{
    if (!PQsendQueryParams(pg->conn, sql, count, NULL, values, NULL, NULL, 0))
        return pg_fail(pg, NULL, doing, err);
    return pg_result_wait(pg, idle, doing, ret, err);
}

bool pg_run_wait(struct pg *pg, const struct pg_idle *idle, const char *doing, const char *sql, struct err *err)
{
    PG_RESULT
    r = NULL;
    if (!PQsendQuery(pg->conn, sql))
        return pg_fail(pg, NULL, doing, err);
    return pg_result_wait(pg, idle, doing, &r, err);
}
