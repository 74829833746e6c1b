// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP requests that run beside each other in the daemon's loop (libcurl multi). GET and HEAD only, no redirects
 * followed, certificates checked, bodies bounded, connections kept and reused.
 *
 * What always holds: each call that was started ends exactly once, with on_done, also when the pool is freed (failed,
 * "stopped"); after on_done the pool does not touch the call again.
 */
#pragma once
#include "base/loop.h"
#include "base/str.h"

enum { HTTP_CALL_HEADERS = 8 };

struct http_call {
    /* To be filled before http_call_start(), and kept until on_done. */
    const char *url;
    bool head;
    const struct str *headers; /* "Name: value" lines to send */
    size_t header_count;
    int timeout_ms;
    size_t body_max;
    const char *const *wanted; /* names of answer headers to keep, lower case, at most HTTP_CALL_HEADERS */
    size_t wanted_count;
    void (*on_done)(struct http_call *call);
    void *arg;

    /* The result. */
    bool failed;    /* no answer: see error */
    bool timed_out; /* among the reasons of failed */
    char error[160];
    int status;
    struct buf body;
    char values[HTTP_CALL_HEADERS][256]; /* of the wanted headers, "" when absent; longer ones are cut off */
    int64_t elapsed_us;

    struct http_running *running; /* internal */
};

struct http_pool;
/* connections: kept open at most. */
bool http_pool_new(struct http_pool **ret, struct loop *loop, int connections, struct err *err) MUST_USE;
void http_pool_free(struct http_pool *p);
/* Never blocks. A call that cannot even start ends with on_done from the loop's next round. */
void http_call_start(struct http_pool *p, struct http_call *call);
/* Frees the body. */
void http_call_clear(struct http_call *call);
