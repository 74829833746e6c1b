// SPDX-License-Identifier: Apache-2.0
/*
 * The open-loop driver: requests are due at times that do not depend on the answers (a seeded Poisson process), wait
 * for a free connection when the server is slow, and their latency counts from when they were due.
 * One thread, epoll. A GET whose kept-alive connection closes before any byte of an answer is sent once more on a new
 * one, as RFC 9112 9.3.1 allows, and counted as retried; anything else that goes wrong is a failed request.
 */
#pragma once
#include "base/err.h"
#include "stats.h"

enum { PHASES_MAX = 64 };

struct driver_settings {
    const char *host, *port;
    double rate; /* requests a second */
    unsigned connections, timeout_ms, verify_percent;
    struct source *source;
};

struct driver;

bool driver_new(const struct driver_settings *settings, struct driver **ret, struct err *err) MUST_USE;
void driver_free(struct driver *d);
int driver_fd(const struct driver *d); /* readable when driver_work() has something to do */
/* Sends what is due, reads what has come, gives up what took too long. */
void driver_work(struct driver *d);
void driver_rate(struct driver *d, double rate);
void driver_writes(struct driver *d, unsigned percent);
void driver_verify(struct driver *d, unsigned percent);
/* Ends the current phase and begins another; the old one's requests still count there. False: too many phases. */
bool driver_phase(struct driver *d, const char *name);
/* No new requests. */
void driver_stop(struct driver *d);
unsigned driver_phase_count(const struct driver *d);
struct phase *driver_get_phase(struct driver *d, unsigned i);
uint64_t driver_waiting(const struct driver *d); /* due, no connection yet */
