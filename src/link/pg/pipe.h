// SPDX-License-Identifier: Apache-2.0
/*
 * A pipeline: statements queued, sent together, answers handed to their owners in order; one round trip a flush.
 *
 * What always holds:
 *  1. Between flushes the connection is outside pipeline mode, so pg_exec() and pg_query() may be used.
 *  2. After a failed statement no later one of the same flush has had an effect; the first failure is the one
 *     reported, and `failed` names its owner.
 *  3. Parameters are copied by libpq when queued.
 */
#pragma once
#include "link/pg/pg.h"

/* A statement prepared at its first use on a connection. sql must outlive it. Zero-initialised otherwise. */
struct pg_stmt {
    const char *sql;
    unsigned generation; /* of the pipe it was prepared on */
    unsigned number;
};

struct pg_param {
    const char *data; /* NULL = SQL null */
    size_t len;
    bool binary;
    unsigned type; /* OID, 0 = the server infers */
};

/* What to do with a result. May take it (set *result to NULL). An error stops the flush after draining it. */
typedef bool pg_pipe_fn(void *arg, PGresult **result, struct err *err);
/* Waits until fd is readable, or writable too when asked; returning false gives up. */
typedef bool pg_wait_fn(void *arg, int fd, bool write, struct err *err);

struct pg_pipe_item;
struct pg_pipe {
    struct pg *pg;
    pg_wait_fn *wait; /* NULL: poll() */
    void *wait_arg;
    struct pg_pipe_item *items;
    size_t item_count, item_capacity;
    unsigned generation, prepared;
    int64_t item_us;   /* how long the answer being handled took since the one before */
    const char *doing; /* of the statement that failed */
    void *failed;      /* its arg */
    char sqlstate[6];  /* of the failure, "" when there is none */
};

/* A new generation: statements prepared through an earlier init are prepared again. */
void pg_pipe_init(struct pg_pipe *p, struct pg *pg);
void pg_pipe_free(struct pg_pipe *p);
/* Queues a prepared statement. fn may be NULL; doing is a literal ("delete rows"). */
bool pg_pipe_run(struct pg_pipe *p, struct pg_stmt *stmt, int count, const struct pg_param *params, pg_pipe_fn *fn,
                 void *arg, const char *doing, struct err *err) MUST_USE;
/* Queues one statement without parameters, not prepared. */
bool pg_pipe_sql(struct pg_pipe *p, const char *sql, pg_pipe_fn *fn, void *arg, const char *doing,
                 struct err *err) MUST_USE;
/* Sends all, waits for all. On failure the connection may be in a failed transaction: roll back or close it. */
bool pg_pipe_flush(struct pg_pipe *p, struct err *err) MUST_USE;
