// SPDX-License-Identifier: Apache-2.0
/*
 * The event loop: epoll, timers, one thread per process. Callbacks note what happened (set a flag,
 * queue work); the daemon's tick, after loop_once() returns, does the work in written order.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
/* events: LOOP_READ | LOOP_WRITE that are ready (errors and hang-ups count as both). */
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
typedef void loop_fd_fn(void *arg, unsigned events);
typedef void loop_timer_fn(void *arg);

bool loop_new(struct loop **ret, struct err *err) MUST_USE;
void loop_free(struct loop *l);
/* Adds fd or changes what is waited for; events 0 removes it. fn may remove its own or any other fd. */
bool loop_fd(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *arg, struct err *err) MUST_USE;
void loop_fd_remove(struct loop *l, int fd);
/* Fires every interval_ms (> 0) until removed. Returns an id for loop_timer_remove(). */
int loop_timer(struct loop *l, int interval_ms, loop_timer_fn *fn, void *arg);
void loop_timer_remove(struct loop *l, int id);
/* Waits at most timeout_ms (-1: until something happens) and runs what is due. */
bool loop_once(struct loop *l, int timeout_ms, struct err *err) MUST_USE;
