// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP requests that run beside each other in the daemon's loop (libcurl multi). No redirects followed, certificates
 * checked, bodies bounded, connections kept and reused. Credentials go to the server and nowhere else: no error and no
 * log has them.
 *
 * What always holds: each call that was started ends exactly once, with on_done, also when the pool is freed (failed,
 * "stopped"); after on_done the pool does not touch the call again.
 */
#pragma once
#include "base/loop.h"
#include "base/str.h"

enum { HTTP_CALL_HEADERS = 8 };

/* Who we are, in a request's Authorization header. */
enum http_auth { HTTP_AUTH_NONE, HTTP_AUTH_BASIC, HTTP_AUTH_BEARER };

struct http_call {
    /* To be filled before http_call_start(), and kept until on_done. */
    const char *url;
    bool head;
    const char *method;  /* NULL: GET, or HEAD */
    struct str send;     /* the body to send with `method`; its type is a line of headers */
    const char *ca;      /* file of certificates to trust instead of the system's, or NULL */
    enum http_auth auth; /* with secret: "user:password", or the token */
    const char *secret;
    const char *agent;         /* NULL: "undam/<version>" */
    int connect_ms;            /* of timeout_ms, for the connection; 0: all of it */
    const struct str *headers; /* "Name: value" lines to send */
    size_t header_count;
    int timeout_ms;
    size_t body_max;
    const char *const *wanted; /* names of answer headers to keep, lower case, at most HTTP_CALL_HEADERS */
    size_t wanted_count;
    void (*on_done)(struct http_call *call);
    void *arg;

    /* The result. */
    bool failed;        /* no answer: see error */
    bool timed_out;     /* among the reasons of failed, and: */
    bool misconfigured; /* a URL that is none, a certificate that is not trusted: waiting will not help */
    char error[256];
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
