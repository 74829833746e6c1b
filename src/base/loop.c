// SPDX-License-Identifier: Apache-2.0
/*
 * epoll and timers; see loop.h. What always holds: an event reaches only the registration it was made for.
 * Each registration of an fd has a generation that travels with the event, so a callback may remove or close
 * any fd, and a new one that gets the same number is not taken for the old one.
 */
#include "base/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

struct watch {
    loop_fd_fn *fn; /* NULL: not registered */
    void *arg;
    uint32_t generation;
};

struct timer {
    int id; /* 0: free */
    int64_t interval_us, due_us;
    loop_timer_fn *fn;
    void *arg;
};

struct loop {
    int epoll_fd;
    struct watch *watches; /* by fd */
    size_t watch_count;
    uint32_t generation;
    struct timer *timers;
    size_t timer_count, timer_capacity;
    int last_id;
};

bool loop_new(struct loop **ret, struct err *err)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "event loop");
    struct loop *l = xcalloc(1, sizeof *l);
    l->epoll_fd = fd;
    *ret = l;
    return true;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    close(l->epoll_fd);
    free(l->watches);
    free(l->timers);
    free(l);
}

static void watch_room(struct loop *l, size_t fd)
{
    if (fd < l->watch_count)
        return;
    size_t count = l->watch_count ? l->watch_count : 16;
    while (count <= fd)
        count *= 2;
    l->watches = xrealloc(l->watches, count * sizeof *l->watches);
    memset(l->watches + l->watch_count, 0, (count - l->watch_count) * sizeof *l->watches);
    l->watch_count = count;
}

bool loop_fd(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *arg, struct err *err)
{
    if (events == 0) {
        loop_fd_remove(l, fd);
        return true;
    }
    if (fd < 0) /* what libpq gives for a connection that has gone: its owner opens another */
        return err_again(err, ERR_SYSTEM, "event loop: the connection to be waited for is closed");
    watch_room(l, (size_t)fd);
    struct watch *w = &l->watches[fd];
    uint32_t generation = w->fn ? w->generation : ++l->generation;
    struct epoll_event e = {
        .events = (events & LOOP_READ ? (uint32_t)EPOLLIN : 0) | (events & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0),
        .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd,
    };
    int rc = epoll_ctl(l->epoll_fd, w->fn ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);
    if (rc != 0 && w->fn && errno == ENOENT) { /* closed without loop_fd_remove(), and the number came back */
        generation = ++l->generation;
        e.data.u64 = (uint64_t)generation << 32 | (uint32_t)fd;
        rc = epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
    if (rc != 0)
        return err_errno(err, "event loop: descriptor %d", fd);
    *w = (struct watch){.fn = fn, .arg = arg, .generation = generation};
    return true;
}

void loop_fd_remove(struct loop *l, int fd)
{
    if (fd < 0 || (size_t)fd >= l->watch_count || !l->watches[fd].fn)
        return;
    l->watches[fd].fn = NULL;
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* closed already: the kernel removed it */
}

int loop_timer(struct loop *l, int interval_ms, loop_timer_fn *fn, void *arg)
{
    size_t i = 0;
    while (i < l->timer_count && l->timers[i].id)
        i++;
    if (i == l->timer_count) {
        GROW(l->timers, l->timer_count, l->timer_capacity);
        l->timer_count++;
    }
    int64_t interval_us = (int64_t)(interval_ms > 0 ? interval_ms : 1) * 1000;
    l->timers[i] = (struct timer){++l->last_id, interval_us, mono_us() + interval_us, fn, arg};
    return l->last_id;
}

void loop_timer_remove(struct loop *l, int id)
{
    for (size_t i = 0; i < l->timer_count; i++)
        if (id && l->timers[i].id == id)
            l->timers[i].id = 0;
}

/* Milliseconds until the next timer, rounded up so that a timer is due when the wait ends; at most timeout_ms. */
static int wait_ms(const struct loop *l, int timeout_ms)
{
    int64_t now = mono_us(), least = INT64_MAX;
    for (size_t i = 0; i < l->timer_count; i++)
        if (l->timers[i].id && l->timers[i].due_us < least)
            least = l->timers[i].due_us;
    if (least == INT64_MAX)
        return timeout_ms;
    int64_t ms = least <= now ? 0 : (least - now + 999) / 1000;
    return timeout_ms >= 0 && timeout_ms < ms ? timeout_ms : (int)(ms < INT32_MAX ? ms : INT32_MAX);
}

static void run_timers(struct loop *l)
{
    int64_t now = mono_us();
    size_t count = l->timer_count; /* those added meanwhile are not due */
    for (size_t i = 0; i < count; i++) {
        struct timer *t = &l->timers[i];
        if (!t->id || t->due_us > now)
            continue;
        t->due_us += t->interval_us;
        if (t->due_us <= now) /* late by more than one interval: no burst to catch up */
            t->due_us = now + t->interval_us;
        t->fn(t->arg); /* may move l->timers: t is not used after it */
    }
}

static void run_events(struct loop *l, const struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        size_t fd = (uint32_t)events[i].data.u64;
        uint32_t generation = (uint32_t)(events[i].data.u64 >> 32);
        const struct watch *w = &l->watches[fd];
        if (!w->fn || w->generation != generation)
            continue;
        uint32_t e = events[i].events;
        bool broken = e & (EPOLLERR | EPOLLHUP);
        unsigned ready = (e & EPOLLIN || broken ? LOOP_READ : 0u) | (e & EPOLLOUT || broken ? LOOP_WRITE : 0u);
        w->fn(w->arg, ready);
    }
}

bool loop_once(struct loop *l, int timeout_ms, struct err *err)
{
    struct epoll_event events[64];
    int n = epoll_wait(l->epoll_fd, events, (int)COUNT(events), wait_ms(l, timeout_ms));
    if (n < 0 && errno != EINTR)
        return err_errno(err, "event loop");
    run_events(l, events, n);
    run_timers(l);
    return true;
}
