// SPDX-License-Identifier: Apache-2.0
/*
 * A query asked again and again without ever blocking: connect, prepare once, ask every interval_ms and, where a
 * channel is given, as soon as a notification comes. A server that is away, hangs or forgets us costs the caller
 * nothing but the absence of answers: reconnection with back-off (100 ms, doubling, to 2 s), time-out 5 s.
 */
#pragma once
#include "base/loop.h"
#include "link/pg/pg.h"

struct pg_poll;

struct pg_poll_spec {
    const char *what;          /* "read model users": in errors */
    const char *dsn;           /* not copied */
    const char *sql;           /* prepared; text results */
    int param_count;           /* at most 1 */
    const char *const *params; /* read at each query; the caller may change what they point to in between */
    const char *channel;       /* LISTEN, or NULL */
    int interval_ms;
    void (*answer)(void *arg, const PGresult *result);
    /* Called once when answers stop coming, and once when they come again (err NULL). May be NULL. */
    void (*state)(void *arg, const struct err *err);
    void *arg;
};

struct pg_poll *pg_poll_new(struct loop *loop, const struct pg_poll_spec *spec);
void pg_poll_free(struct pg_poll *p);
/* Answers come: the last one is at most an interval and a round trip old. */
bool pg_poll_up(const struct pg_poll *p);
/* Ask as soon as possible, without waiting for the interval. */
void pg_poll_kick(struct pg_poll *p);
