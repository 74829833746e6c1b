// SPDX-License-Identifier: Apache-2.0
/* Pipelines; see pipe.h. */
#include "link/pg/pipe.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"

enum { PARAMS_MAX = 1700 }; /* 1600 columns and a few more */

struct pg_pipe_item {
    pg_pipe_fn *fn;
    void *arg;
    const char *doing;
};

static bool poll_wait(void *arg, int fd, bool write, struct err *err)
{
    (void)arg;
    struct pollfd p = {.fd = fd, .events = (short)(POLLIN | (write ? POLLOUT : 0))};
    while (poll(&p, 1, -1) < 0)
        if (errno != EINTR)
            return err_errno(err, "poll");
    return true;
}

void pg_pipe_init(struct pg_pipe *p, struct pg *pg)
{
    p->pg = pg;
    p->generation++;
    p->item_count = 0;
    p->failed = NULL;
    p->sqlstate[0] = '\0';
}

void pg_pipe_free(struct pg_pipe *p)
{
    free(p->items);
    p->items = NULL;
    p->item_count = p->item_capacity = 0;
}

static bool enter(struct pg_pipe *p, struct err *err)
{
    PGconn *c = p->pg->conn;
    if (PQpipelineStatus(c) == PQ_PIPELINE_ON)
        return true;
    p->failed = NULL;
    p->doing = NULL;
    p->sqlstate[0] = '\0';
    if (PQsetnonblocking(c, 1) != 0 || !PQenterPipelineMode(c))
        return pg_fail(p->pg, NULL, "pipeline cannot be started", err);
    return true;
}

static void queued(struct pg_pipe *p, pg_pipe_fn *fn, void *arg, const char *doing)
{
    GROW(p->items, p->item_count, p->item_capacity);
    p->items[p->item_count++] = (struct pg_pipe_item){fn, arg, doing};
}

static const char *stmt_name(const struct pg_stmt *s, char *out, size_t size)
{
    snprintf(out, size, "undam_%u", s->number);
    return out;
}

static bool prepare(struct pg_pipe *p, struct pg_stmt *stmt, int count, const Oid *types, void *arg, const char *doing,
                    struct err *err)
{
    if (stmt->generation == p->generation)
        return true;
    char name[24];
    stmt->number = ++p->prepared;
    if (!PQsendPrepare(p->pg->conn, stmt_name(stmt, name, sizeof name), stmt->sql, count, types))
        return pg_fail(p->pg, NULL, doing, err);
    stmt->generation = p->generation;
    queued(p, NULL, arg, doing);
    return true;
}

bool pg_pipe_run(struct pg_pipe *p, struct pg_stmt *stmt, int count, const struct pg_param *params, pg_pipe_fn *fn,
                 void *arg, const char *doing, struct err *err)
{
    assert(count <= PARAMS_MAX);
    static _Thread_local Oid types[PARAMS_MAX];
    static _Thread_local const char *values[PARAMS_MAX];
    static _Thread_local int lengths[PARAMS_MAX], formats[PARAMS_MAX];
    for (int i = 0; i < count; i++) {
        types[i] = params[i].type;
        values[i] = params[i].data;
        lengths[i] = (int)params[i].len;
        formats[i] = params[i].binary;
    }
    char name[24];
    if (!enter(p, err) || !prepare(p, stmt, count, types, arg, doing, err))
        return false;
    if (!PQsendQueryPrepared(p->pg->conn, stmt_name(stmt, name, sizeof name), count, values, lengths, formats, 0))
        return pg_fail(p->pg, NULL, doing, err);
    queued(p, fn, arg, doing);
    return true;
}

bool pg_pipe_sql(struct pg_pipe *p, const char *sql, pg_pipe_fn *fn, void *arg, const char *doing, struct err *err)
{
    if (!enter(p, err))
        return false;
    if (!PQsendQueryParams(p->pg->conn, sql, 0, NULL, NULL, NULL, NULL, 0))
        return pg_fail(p->pg, NULL, doing, err);
    queued(p, fn, arg, doing);
    return true;
}

/* Everything written, and the next result complete. */
static bool wait_result(struct pg_pipe *p, struct err *err)
{
    PGconn *c = p->pg->conn;
    for (;;) {
        int unsent = PQflush(c);
        if (unsent < 0)
            return pg_fail(p->pg, NULL, "connection lost", err);
        if (!PQisBusy(c))
            return true;
        if (!(p->wait ? p->wait : poll_wait)(p->wait_arg, PQsocket(c), unsent > 0, err))
            return false;
        if (!PQconsumeInput(c))
            return pg_fail(p->pg, NULL, "connection lost", err);
    }
}

static void note_failure(struct pg_pipe *p, const struct pg_pipe_item *item, const PGresult *r)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    snprintf(p->sqlstate, sizeof p->sqlstate, "%s", state ? state : "");
    p->failed = item->arg;
    p->doing = item->doing;
}

/* One statement's results, up to the NULL that ends them. *ok turns false at the first failure. */
static bool take_item(struct pg_pipe *p, const struct pg_pipe_item *item, bool *ok, struct err *err)
{
    for (;;) {
        if (!wait_result(p, *ok ? err : NULL)) {
            *ok = false;
            return false;
        }
        PG_RESULT
        r = PQgetResult(p->pg->conn);
        if (!r)
            return true;
        ExecStatusType s = PQresultStatus(r);
        bool good = s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_EMPTY_QUERY;
        if (!good && *ok) {
            *ok = pg_fail(p->pg, r, item->doing, err);
            note_failure(p, item, r);
        } else if (good && *ok && item->fn) {
            *ok = item->fn(item->arg, &r, err);
            if (!*ok)
                note_failure(p, item, NULL);
        }
        if (PQstatus(p->pg->conn) == CONNECTION_BAD)
            return false;
    }
}

static bool leave(struct pg_pipe *p, bool ok, struct err *err)
{
    PGconn *c = p->pg->conn;
    p->item_count = 0;
    if (!ok)
        p->generation++; /* a statement whose Prepare was skipped must be prepared again, under a new name */
    if (PQstatus(c) != CONNECTION_OK)
        return ok ? pg_fail(p->pg, NULL, "connection lost", err) : false;
    if (!PQexitPipelineMode(c) || PQsetnonblocking(c, 0) != 0)
        return ok ? pg_fail(p->pg, NULL, "pipeline cannot be ended", err) : false;
    return ok;
}

bool pg_pipe_flush(struct pg_pipe *p, struct err *err)
{
    if (p->item_count == 0)
        return true;
    if (!PQpipelineSync(p->pg->conn))
        return pg_fail(p->pg, NULL, "pipeline cannot be sent", err);
    bool ok = true;
    int64_t before = mono_us();
    for (size_t i = 0; i < p->item_count; i++) {
        if (!take_item(p, &p->items[i], &ok, err))
            return leave(p, false, err);
        int64_t now = mono_us();
        p->item_us = now - before;
        before = now;
    }
    if (!wait_result(p, ok ? err : NULL))
        return leave(p, false, err);
    PG_RESULT
    sync = PQgetResult(p->pg->conn);
    assert(!sync || PQresultStatus(sync) == PGRES_PIPELINE_SYNC);
    return leave(p, ok, err);
}
