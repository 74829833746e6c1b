// SPDX-License-Identifier: Apache-2.0
/* See driver.h. A connection is idle (fd >= 0, no task), busy, or closed (fd -1, opened when needed). */
#include "driver.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "http.h"

enum { WAITING_MAX = 200000, ANSWER_MAX = 16 << 20, REQUEST_MAX = 2 << 20 };

struct task {
    struct job job;
    int64_t due_us;
    unsigned phase;
    bool retried;
    uint64_t own_id; /* payment that must be in the answer; 0: none */
    struct task *next;
};

struct connection {
    int fd;
    bool reused; /* has answered a request before */
    struct task *task;
    int64_t sent_us;
    struct buf request;
    size_t written;
    struct http_reply reply;
};

struct driver {
    struct driver_settings settings;
    struct addrinfo *address;
    int epoll, timer;
    struct connection *connections;
    struct task *first, *last; /* due, waiting for a connection */
    uint64_t waiting;
    uint64_t arrivals; /* generator of the gaps between requests, apart from the mix's */
    int64_t next_due_us, next_check_us;
    bool stopped;
    struct phase *phases[PHASES_MAX];
    unsigned phase_count;
};

static struct task *task_new(void)
{
    struct task *t = xcalloc(1, sizeof *t);
    job_init(&t->job);
    return t;
}

static void task_free(struct task *t)
{
    if (t)
        job_free(&t->job);
    free(t);
}

static struct phase *current(struct driver *d) { return d->phases[d->phase_count - 1]; }

static void finish(struct driver *d, struct task *t, enum outcome outcome, const struct http_reply *reply)
{
    struct phase *p = d->phases[t->phase];
    p->outstanding--;
    phase_count(p, &t->job, outcome, reply ? reply->status : 0, reply && reply->streamed, mono_us() - t->due_us);
    task_free(t);
}

static void enqueue(struct driver *d, struct task *t)
{
    t->next = NULL;
    if (d->last)
        d->last->next = t;
    else
        d->first = t;
    d->last = t;
    d->waiting++;
}

static void connection_close(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->reused = false;
    http_clear(&c->reply);
}

static void connection_watch(struct driver *d, struct connection *c, int op)
{
    struct epoll_event e = {.events = EPOLLIN | (c->written < c->request.len ? (unsigned)EPOLLOUT : 0u), .data.ptr = c};
    if (c->fd >= 0 && epoll_ctl(d->epoll, op, c->fd, &e) != 0)
        connection_close(c);
}

/* The connection broke under its task. */
static void connection_fail(struct driver *d, struct connection *c, enum outcome outcome)
{
    struct task *t = TAKE(c->task);
    bool again = t && outcome == OUTCOME_TRANSPORT && c->reused && !t->retried && c->reply.raw.len == 0 &&
                 strcmp(t->job.method, "GET") == 0;
    connection_close(c);
    if (again) {
        t->retried = true;
        d->phases[t->phase]->retried++;
        enqueue(d, t);
    } else if (t) {
        finish(d, t, outcome, NULL);
    }
}

static bool connection_open(struct driver *d, struct connection *c)
{
    c->fd = socket(d->address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    if (c->fd < 0)
        return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, d->address->ai_addr, d->address->ai_addrlen) != 0 && errno != EINPROGRESS) {
        connection_close(c);
        return false;
    }
    connection_watch(d, c, EPOLL_CTL_ADD);
    return c->fd >= 0;
}

static void connection_write(struct driver *d, struct connection *c)
{
    while (c->written < c->request.len) {
        ssize_t n = send(c->fd, c->request.data + c->written, c->request.len - c->written, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
            break;
        if (n <= 0) {
            connection_fail(d, c, OUTCOME_TRANSPORT);
            return;
        }
        c->written += (size_t)n;
    }
    connection_watch(d, c, EPOLL_CTL_MOD);
    if (c->fd < 0)
        connection_fail(d, c, OUTCOME_TRANSPORT);
}

static void connection_send(struct driver *d, struct connection *c, struct task *t)
{
    c->task = t;
    c->sent_us = mono_us();
    c->written = 0;
    job_http(&t->job, d->settings.host, NULL, &c->request);
    http_clear(&c->reply);
    if (c->fd < 0 && !connection_open(d, c)) {
        connection_fail(d, c, OUTCOME_TRANSPORT);
        return;
    }
    connection_write(d, c);
}

/* Whether `"id": <id>` stands in the body. */
static bool mentions(struct str body, uint64_t id)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)id);
    const char *at = body.data, *end = body.data + body.len;
    while (at && (at = memmem(at, (size_t)(end - at), "\"id\"", 4))) {
        at += 4;
        while (at < end && (*at == ' ' || *at == ':'))
            at++;
        if (end - at > len && memcmp(at, digits, (size_t)len) == 0 && !(at[len] >= '0' && at[len] <= '9'))
            return true;
    }
    return false;
}

/* A payment was accepted: its payer looks at once whether it is in the list. */
static void check_own(struct driver *d, const struct task *paid, struct str body)
{
    uint64_t id = 0;
    const char *p = body.len ? memmem(body.data, body.len, "\"id\":", 5) : NULL;
    for (p = p ? p + 5 : NULL; p && p < body.data + body.len && *p >= '0' && *p <= '9'; p++)
        id = id * 10 + (uint64_t)(*p - '0');
    if (id == 0 || draw(&d->arrivals) * 100 >= d->settings.verify_percent)
        return;
    struct task *t = task_new();
    d->settings.source->own_read(d->settings.source, paid->job.user, &t->job);
    t->due_us = mono_us();
    t->phase = paid->phase;
    t->own_id = id;
    d->phases[t->phase]->outstanding++;
    d->phases[t->phase]->own_checked++;
    enqueue(d, t);
}

static void answered(struct driver *d, struct connection *c)
{
    struct task *t = TAKE(c->task);
    enum outcome outcome = job_expects(&t->job, c->reply.status) ? OUTCOME_OK : OUTCOME_STATUS;
    if (outcome == OUTCOME_OK && t->own_id && !mentions(http_body(&c->reply), t->own_id))
        outcome = OUTCOME_NOT_SEEN;
    if (outcome == OUTCOME_OK && t->job.verify)
        check_own(d, t, http_body(&c->reply));
    finish(d, t, outcome, &c->reply);
    bool keep = !c->reply.close;
    http_clear(&c->reply);
    c->reused = true;
    if (!keep)
        connection_close(c);
}

static void connection_read(struct driver *d, struct connection *c)
{
    for (;;) {
        char *room = buf_reserve(&c->reply.raw, 16384);
        ssize_t n = room ? recv(c->fd, room, 16384, 0) : -2;
        if (n == -1 && errno == EAGAIN)
            return;
        if (n <= 0 || !c->task) { /* closed, broken, or an answer to nothing */
            connection_fail(d, c, OUTCOME_TRANSPORT);
            return;
        }
        c->reply.raw.len += (size_t)n;
        c->reply.raw.data[c->reply.raw.len] = '\0';
        enum http_progress p = http_read(&c->reply);
        if (p == HTTP_BROKEN)
            connection_fail(d, c, OUTCOME_TRANSPORT);
        else if (p == HTTP_DONE)
            answered(d, c);
        if (p != HTTP_MORE)
            return;
    }
}

static void arm(struct driver *d)
{
    int64_t at = d->stopped || d->next_check_us < d->next_due_us ? d->next_check_us : d->next_due_us;
    struct itimerspec t = {.it_value = {.tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000}};
    timerfd_settime(d->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

/* The gaps of a Poisson process. */
static void schedule_next(struct driver *d)
{
    double gap = -log(1 - draw(&d->arrivals)) * 1e6 / d->settings.rate;
    d->next_due_us += (int64_t)gap + 1;
}

static void generate_due(struct driver *d)
{
    int64_t now = mono_us();
    while (!d->stopped && d->next_due_us <= now) {
        struct task *t = task_new();
        d->settings.source->next(d->settings.source, &t->job);
        t->due_us = d->next_due_us;
        t->phase = d->phase_count - 1;
        current(d)->outstanding++;
        if (d->waiting < WAITING_MAX)
            enqueue(d, t);
        else
            finish(d, t, OUTCOME_TIMEOUT, NULL);
        schedule_next(d);
    }
}

static void give_up_slow(struct driver *d)
{
    int64_t now = mono_us(), limit = (int64_t)d->settings.timeout_ms * 1000;
    if (now < d->next_check_us)
        return;
    d->next_check_us = now + 100000;
    for (unsigned i = 0; i < d->settings.connections; i++)
        if (d->connections[i].task && now - d->connections[i].sent_us > limit)
            connection_fail(d, &d->connections[i], OUTCOME_TIMEOUT);
    while (d->first && now - d->first->due_us > limit) { /* in order of due time but for a few repeats */
        struct task *t = d->first;
        d->first = t->next;
        if (!d->first)
            d->last = NULL;
        d->waiting--;
        finish(d, t, OUTCOME_TIMEOUT, NULL);
    }
}

/* Waiting tasks to free connections, open ones first. Each task is tried once, so a refused connection cannot spin. */
static void dispatch(struct driver *d)
{
    uint64_t tries = d->waiting;
    for (int open = 1; open >= 0; open--)
        for (unsigned i = 0; i < d->settings.connections && d->first && tries; i++) {
            struct connection *c = &d->connections[i];
            if (c->task || (c->fd >= 0) != (open == 1))
                continue;
            struct task *t = d->first;
            d->first = t->next;
            if (!d->first)
                d->last = NULL;
            d->waiting--;
            tries--;
            connection_send(d, c, t);
        }
}

void driver_work(struct driver *d)
{
    struct epoll_event events[128];
    int n = epoll_wait(d->epoll, events, 128, 0);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (!c) {
            uint64_t ticks;
            if (read(d->timer, &ticks, sizeof ticks) < 0)
                continue;
        } else if (c->fd >= 0) {
            if (events[i].events & EPOLLOUT && c->written < c->request.len)
                connection_write(d, c);
            if (c->fd >= 0 && events[i].events & ~(unsigned)EPOLLOUT)
                connection_read(d, c);
        }
    }
    generate_due(d);
    give_up_slow(d);
    dispatch(d);
    arm(d);
}

bool driver_new(const struct driver_settings *settings, struct driver **ret, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *address;
    int rc = getaddrinfo(settings->host, settings->port, &hints, &address);
    if (rc != 0)
        return err_set(err, ERR_USAGE, "%s:%s: %s", settings->host, settings->port, gai_strerror(rc));
    struct driver *d = xcalloc(1, sizeof *d);
    d->settings = *settings;
    d->address = address;
    d->arrivals = settings->source->seed ^ 0xa5a5a5a5u;
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    d->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN};
    if (d->epoll < 0 || d->timer < 0 || epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->timer, &e) != 0) {
        driver_free(d);
        return err_errno(err, "event loop");
    }
    d->connections = xcalloc(settings->connections, sizeof *d->connections);
    for (unsigned i = 0; i < settings->connections; i++) {
        d->connections[i].fd = -1;
        buf_init(&d->connections[i].request, REQUEST_MAX);
        http_init(&d->connections[i].reply, ANSWER_MAX);
    }
    d->next_due_us = d->next_check_us = mono_us();
    schedule_next(d);
    *ret = d;
    return true;
}

void driver_free(struct driver *d)
{
    for (unsigned i = 0; d->connections && i < d->settings.connections; i++) {
        task_free(d->connections[i].task);
        connection_close(&d->connections[i]);
        buf_free(&d->connections[i].request);
        http_free(&d->connections[i].reply);
    }
    while (d->first) {
        struct task *t = d->first;
        d->first = t->next;
        task_free(t);
    }
    for (unsigned i = 0; i < d->phase_count; i++)
        phase_free(d->phases[i]);
    freeaddrinfo(d->address);
    if (d->epoll >= 0)
        close(d->epoll);
    if (d->timer >= 0)
        close(d->timer);
    free(d->connections);
    free(d);
}

int driver_fd(const struct driver *d) { return d->epoll; }

void driver_rate(struct driver *d, double rate)
{
    d->settings.rate = rate;
    d->next_due_us = mono_us();
    schedule_next(d);
}

void driver_writes(struct driver *d, unsigned percent) { d->settings.source->writes(d->settings.source, percent); }

void driver_verify(struct driver *d, unsigned percent) { d->settings.verify_percent = percent; }

bool driver_phase(struct driver *d, const char *name)
{
    int64_t now = mono_us();
    if (d->phase_count == PHASES_MAX)
        return false;
    if (d->phase_count)
        current(d)->ended_us = now;
    struct phase *p = phase_new(d->settings.source, name);
    p->started_us = now;
    d->phases[d->phase_count++] = p;
    return true;
}

void driver_stop(struct driver *d)
{
    if (!d->stopped)
        current(d)->ended_us = mono_us();
    d->stopped = true;
}

unsigned driver_phase_count(const struct driver *d) { return d->phase_count; }
struct phase *driver_get_phase(struct driver *d, unsigned i) { return d->phases[i]; }
uint64_t driver_waiting(const struct driver *d) { return d->waiting; }
