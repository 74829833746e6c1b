// SPDX-License-Identifier: Apache-2.0
/*
 * States of a poll, each left in step():
 *
 *   AWAY --retry time--> CONNECTING --> SETUP (LISTEN, then PREPARE) --> IDLE <--> ASKING
 *     ^                      |            |                                |          |
 *     +---- any failure or time-out (fail()) --------------------------------+----------+
 */
#include "link/pg/pg_poll.h"

#include "base/log.h"
#include "base/mem.h"

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 2000, TIMEOUT_MS = 5000 };

struct pg_poll {
    struct pg_poll_spec spec;
    struct loop *loop;
    struct pg pg;
    enum { POLL_AWAY, POLL_CONNECTING, POLL_SETUP, POLL_IDLE, POLL_ASKING } state;
    int fd; /* registered in the loop, -1 none */
    int timer;
    int backoff_ms;
    bool kicked, up, told;
    bool prepared;       /* SETUP: LISTEN is done, PREPARE is under way */
    int64_t next_us;     /* AWAY: when to connect; IDLE: when to ask */
    int64_t deadline_us; /* of what is under way */
};

static void step(struct pg_poll *p);
static bool timed_out(struct pg_poll *p);

static void on_fd(void *arg, unsigned events)
{
    (void)events;
    step(arg);
}

/* Only time has passed: PQconnectPoll() must not be called before the socket is ready. */
static void on_timer(void *arg)
{
    struct pg_poll *p = arg;
    if (p->state != POLL_CONNECTING)
        step(p);
    else
        timed_out(p);
}

static void unwatch(struct pg_poll *p)
{
    if (p->fd >= 0)
        loop_fd_remove(p->loop, p->fd);
    p->fd = -1;
}

static void tell(struct pg_poll *p, const struct err *err)
{
    bool up = err == NULL;
    bool news = !p->told || p->up != up;
    p->up = up;
    p->told = true;
    if (news && p->spec.state)
        p->spec.state(p->spec.arg, err);
}

static void fail(struct pg_poll *p, const struct err *err)
{
    unwatch(p);
    pg_close(&p->pg);
    p->state = POLL_AWAY;
    p->next_us = mono_us() + p->backoff_ms * 1000;
    p->backoff_ms = p->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : p->backoff_ms * 2;
    tell(p, err);
}

static void fail_pg(struct pg_poll *p, const PGresult *result, const char *doing)
{
    struct err err;
    pg_fail(&p->pg, result, doing, &err);
    fail(p, &err);
}

/* While connecting libpq may close its socket and open another with the same number. */
static bool watch(struct pg_poll *p, unsigned events)
{
    struct err err;
    int fd = PQsocket(p->pg.conn);
    if (fd != p->fd || p->state == POLL_CONNECTING)
        unwatch(p);
    p->fd = fd;
    if (fd >= 0 && loop_fd(p->loop, fd, events, on_fd, p, &err))
        return true;
    fail_pg(p, NULL, "cannot be watched");
    return false;
}

static void begin_connect(struct pg_poll *p)
{
    const char *keys[] = {"dbname", "fallback_application_name", "client_encoding", NULL};
    const char *values[] = {p->spec.dsn, "undam", "UTF8", NULL};
    p->pg = (struct pg){.side = PG_TARGET, .what = p->spec.what};
    p->pg.conn = PQconnectStartParams(keys, values, 1);
    p->deadline_us = mono_us() + TIMEOUT_MS * 1000;
    p->state = POLL_CONNECTING;
    if (!p->pg.conn || PQstatus(p->pg.conn) == CONNECTION_BAD)
        fail_pg(p, NULL, "cannot connect");
    else
        watch(p, LOOP_WRITE);
}

/* Sends one statement of the set-up; false after fail(). */
static bool send_setup(struct pg_poll *p)
{
    int sent;
    p->prepared = !p->spec.channel || p->state == POLL_SETUP;
    if (p->prepared) {
        sent = PQsendPrepare(p->pg.conn, "poll", p->spec.sql, p->spec.param_count, NULL);
    } else {
        char *channel = PQescapeIdentifier(p->pg.conn, p->spec.channel, strlen(p->spec.channel));
        char *sql = xasprintf("LISTEN %s", channel ? channel : "\"\"");
        sent = PQsendQuery(p->pg.conn, sql);
        PQfreemem(channel);
        free(sql);
    }
    p->state = POLL_SETUP;
    p->deadline_us = mono_us() + TIMEOUT_MS * 1000;
    if (!sent) {
        fail_pg(p, NULL, "set-up failed");
        return false;
    }
    return true;
}

static void connecting(struct pg_poll *p)
{
    switch (PQconnectPoll(p->pg.conn)) {
    case PGRES_POLLING_READING: watch(p, LOOP_READ); return;
    case PGRES_POLLING_WRITING: watch(p, LOOP_WRITE); return;
    case PGRES_POLLING_OK: break;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
    default: fail_pg(p, NULL, "cannot connect"); return;
    }
    if (PQsetnonblocking(p->pg.conn, 1) != 0) {
        fail_pg(p, NULL, "cannot be made non-blocking");
        return;
    }
    if (send_setup(p))
        watch(p, LOOP_READ | LOOP_WRITE);
}

static void take_notifications(struct pg_poll *p)
{
    for (PGnotify *n; (n = PQnotifies(p->pg.conn)); PQfreemem(n))
        p->kicked = true;
}

/* Reads what is there; *ret_done when the statement's last result has come. false after fail(). */
static bool read_results(struct pg_poll *p, bool *ret_done)
{
    *ret_done = false;
    int unsent = PQflush(p->pg.conn);
    if (unsent < 0 || !PQconsumeInput(p->pg.conn)) {
        fail_pg(p, NULL, "connection lost");
        return false;
    }
    take_notifications(p);
    if (!watch(p, unsent ? LOOP_READ | LOOP_WRITE : LOOP_READ))
        return false;
    while (!PQisBusy(p->pg.conn)) {
        PG_RESULT r = PQgetResult(p->pg.conn);
        if (!r) {
            *ret_done = true;
            return true;
        }
        ExecStatusType status = PQresultStatus(r);
        if (status == PGRES_TUPLES_OK && p->state == POLL_ASKING) {
            p->backoff_ms = BACKOFF_MIN_MS;
            tell(p, NULL);
            p->spec.answer(p->spec.arg, r);
        } else if (status != PGRES_COMMAND_OK) {
            fail_pg(p, r, p->state == POLL_SETUP ? "set-up failed" : "query failed");
            return false;
        }
    }
    return true;
}

static void ask(struct pg_poll *p)
{
    int64_t now = mono_us();
    p->kicked = false;
    p->next_us = now + (int64_t)p->spec.interval_ms * 1000;
    p->deadline_us = now + TIMEOUT_MS * 1000;
    p->state = POLL_ASKING;
    if (!PQsendQueryPrepared(p->pg.conn, "poll", p->spec.param_count, p->spec.params, NULL, NULL, 0))
        fail_pg(p, NULL, "query failed");
    else if (PQflush(p->pg.conn) != 0)
        watch(p, LOOP_READ | LOOP_WRITE);
}

static void busy(struct pg_poll *p)
{
    bool done;
    if (!read_results(p, &done) || !done)
        return;
    if (p->state == POLL_SETUP && !p->prepared) {
        if (send_setup(p))
            watch(p, LOOP_READ | LOOP_WRITE);
        return;
    }
    if (p->state == POLL_SETUP)
        p->next_us = 0;
    p->state = POLL_IDLE;
}

static void idle(struct pg_poll *p)
{
    if (!PQconsumeInput(p->pg.conn)) {
        fail_pg(p, NULL, "connection lost");
        return;
    }
    take_notifications(p);
    int64_t early_us = (int64_t)p->spec.interval_ms * 250; /* the timer's own tick may come a little before */
    if (p->kicked || mono_us() + early_us >= p->next_us)
        ask(p);
}

static bool timed_out(struct pg_poll *p)
{
    if (p->state == POLL_AWAY || p->state == POLL_IDLE || mono_us() < p->deadline_us)
        return false;
    struct err err;
    err_again(&err, ERR_TARGET, "%s: no answer for %d ms", p->spec.what, TIMEOUT_MS);
    fail(p, &err);
    return true;
}

static void step(struct pg_poll *p)
{
    if (timed_out(p))
        return;
    switch (p->state) {
    case POLL_AWAY:
        if (mono_us() >= p->next_us)
            begin_connect(p);
        break;
    case POLL_CONNECTING: connecting(p); break;
    case POLL_SETUP:
    case POLL_ASKING: busy(p); break;
    case POLL_IDLE: idle(p); break;
    }
}

struct pg_poll *pg_poll_new(struct loop *loop, const struct pg_poll_spec *spec)
{
    struct pg_poll *p = xcalloc(1, sizeof *p);
    p->spec = *spec;
    p->loop = loop;
    p->fd = -1;
    p->backoff_ms = BACKOFF_MIN_MS;
    p->timer = loop_timer(loop, spec->interval_ms < 100 ? spec->interval_ms : 100, on_timer, p);
    return p;
}

void pg_poll_free(struct pg_poll *p)
{
    if (!p)
        return;
    loop_timer_remove(p->loop, p->timer);
    unwatch(p);
    pg_close(&p->pg);
    free(p);
}

bool pg_poll_up(const struct pg_poll *p) { return p->up; }

void pg_poll_kick(struct pg_poll *p) { p->kicked = true; }
