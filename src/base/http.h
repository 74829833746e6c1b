// SPDX-License-Identifier: Apache-2.0
/*
 * The smallest HTTP/1.1 server that /metrics and /healthz need: GET and HEAD, one request a connection, no
 * bodies in. A slow, silent or garbage client costs one of HTTP_CLIENTS_MAX slots for HTTP_CLIENT_MS at most,
 * and 8 KB of memory; a full house waits in the kernel's queue. Meant for loopback: no TLS, no names.
 */
#pragma once
#include "base/loop.h"
#include "base/str.h"

enum {
    HTTP_REQUEST_MAX = 8192,  /* bytes of request line and headers */
    HTTP_CLIENTS_MAX = 32,    /* a scraper or two, a supervisor, and a person */
    HTTP_CLIENT_MS = 5000,    /* from accept to close */
    HTTP_BODY_MAX = 16 << 20, /* of an answer */
    HTTP_ADDRESS_SIZE = 128,
};

struct http_request {
    struct str method, path; /* path without query */
    struct str query;        /* without '?', may be empty */
    bool head;               /* method is HEAD */
};
enum http_parsed { HTTP_MORE, HTTP_OK, HTTP_BAD, HTTP_TOO_LARGE, HTTP_BAD_METHOD };
/* Reads a request head. HTTP_OK when it is complete; views point into bytes. */
enum http_parsed http_parse(struct str bytes, struct http_request *ret);

/* Answers a GET: fills body and *ret_type (a constant, default text/plain) and returns the status: 200, 404, 503. */
typedef int http_handler_fn(void *arg, const struct http_request *request, struct buf *body, const char **ret_type);

/* A listening socket, non-blocking. listen: as below; address has HTTP_ADDRESS_SIZE bytes and gets the port in use. */
bool http_listen(const char *listen, int *ret_fd, char *address, struct err *err) MUST_USE;

struct http_server;
/* listen: "host:port", "[v6]:port" or ":port" (127.0.0.1); port 0 takes a free one. */
bool http_server_new(struct http_server **ret, struct loop *loop, const char *listen, http_handler_fn *fn, void *arg,
                     struct err *err) MUST_USE;
/* "127.0.0.1:9101", with the port in use. */
const char *http_server_address(const struct http_server *s);
void http_server_free(struct http_server *s);
