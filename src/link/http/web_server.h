// SPDX-License-Identifier: Apache-2.0
/*
 * An HTTP/1.1 server with request bodies, in threads of its own (libmicrohttpd), for what may block: the daemon's loop
 * goes on meanwhile. No TLS and no passwords: it is meant for loopback, or for a proxy that has them.
 *
 * What always holds: a request reaches the handler whole and within its limits, or is answered 413, 414, 431 or closed;
 * a client that is slow, silent or many costs one of WEB_CONNECTIONS_MAX places for WEB_REQUEST_MS at most (the owner
 * calls web_server_sweep), and WEB_BODY_MAX bytes; handlers run side by side in WEB_THREADS threads, with signals
 * blocked as they were in the thread that made the server.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum {
    WEB_THREADS = 4,
    WEB_CONNECTIONS_MAX = 128, /* further ones wait in the kernel's queue */
    WEB_HEADERS_MAX = 32768,   /* bytes of request line and headers */
    WEB_IDLE_S = 30,           /* a connection on which nothing happens */
    WEB_REQUEST_MS = 30000,    /* from a connection's start or the last answer to a request that is whole */
};

struct web_request {
    struct str method; /* "GET", ...; HEAD comes as GET */
    struct str path;   /* as it was sent, not decoded; without the query */
    struct str query;  /* without '?', may be empty */
    struct str body;
};

/* Fills body and *ret_type (a constant) and returns the status. Called in several threads at once. `thread` counts from
 * 0 to WEB_THREADS - 1; no two calls at one time have the same. */
typedef int web_handler_fn(void *arg, unsigned thread, const struct web_request *request, struct buf *body,
                           const char **ret_type);

struct web_server;
/* listen: as base/http.h has it. body_max: of a request, in bytes. */
bool web_server_new(struct web_server **ret, const char *listen, size_t body_max, web_handler_fn *fn, void *arg,
                    struct err *err) MUST_USE;
/* "127.0.0.1:8085", with the port in use. */
const char *web_server_address(const struct web_server *s);
/* Ends connections that have been sending one request for longer than limit_ms (WEB_REQUEST_MS); to be called about
 * once a second. Returns how many are open. */
unsigned web_server_sweep(struct web_server *s, int64_t limit_ms);
/* Waits for handlers at work. NULL is fine. */
void web_server_free(struct web_server *s);
