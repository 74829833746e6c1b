// SPDX-License-Identifier: Apache-2.0
/*
 * Tickets from nginx: a unix datagram socket and a bounded queue behind it. What does not fit is dropped and counted;
 * nginx never waits.
 */
#pragma once
#include "base/loop.h"
#include "codec/ticket.h"

enum { TICKETS_QUEUE = 1024 };

struct tickets {
    struct loop *loop;
    int fd; /* -1 none */
    const char *path;
    struct {
        unsigned char *data;
        size_t len;
    } queue[TICKETS_QUEUE];
    unsigned head, count;
    uint64_t received, dropped, broken;
    unsigned char datagram[TICKET_MAX + 1];
};

/* Makes the socket (mode 0622: nginx's workers write, nobody reads), replacing one that a dead process left. */
bool tickets_open(struct tickets *t, struct loop *loop, const char *path, struct err *err) MUST_USE;
void tickets_close(struct tickets *t);
/* The oldest one; false when there is none. Views are valid until the next call. */
bool tickets_next(struct tickets *t, struct ticket *ret);
