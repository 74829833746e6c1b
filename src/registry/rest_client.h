// SPDX-License-Identifier: Apache-2.0
/*
 * Asking a registry over HTTP: several base URLs tried in turn, the one that answered last first; credentials and
 * certificates; a loop of its own that lets the caller live while it waits.
 *
 * What always holds: an answer is one that the registry itself gave (2xx, or 4xx with a reason); what is transient
 * (no connection, time-out, 5xx, 429) is ERR_TARGET and retriable after every URL was tried once; what people must
 * mend (certificate, credentials, a redirect) is ERR_CONFIG. Credentials are in no error.
 */
#pragma once
#include "link/http/http_client.h"
#include "registry/rest_json.h"

enum {
    REST_TIMEOUT_MS = 10000, /* of one request to one URL */
    REST_CONNECT_MS = 3000,
    REST_BODY_MAX = 8 << 20,
    REST_URLS_MAX = 16,
};

struct rest_client {
    struct loop *loop;
    struct http_pool *pool;
    char *urls[REST_URLS_MAX]; /* without a slash at the end */
    size_t url_count, current; /* the one that answered last */
    char *ca;                  /* NULL: the system's */
    char *credentials;         /* the file, read again when it is refused */
    char *secret;
    enum http_auth auth;
    void (*idle)(void *arg);
    void *idle_arg;
    int64_t wait_ms; /* what a 429 or 503 asked for, 0 none */
};

struct rest_answer {
    int status;            /* 2xx, 404, 409, 422, or another 4xx that has an error_code */
    int code;              /* the body's error_code, 0 when it has none */
    struct str message;    /* the body's */
    struct json_tree tree; /* the body */
};

/* credentials, ca: files, NULL or empty for none. Nothing is connected yet. ERR_CONFIG, naming file and line. */
bool rest_client_open(struct rest_client *c, const char *urls, const char *credentials, const char *ca,
                      struct err *err) MUST_USE;
void rest_client_close(struct rest_client *c);
/* path begins with a slash, its segments escaped. body: JSON, or empty. */
bool rest_ask(struct rest_client *c, const char *method, const char *path, struct str body, struct arena *arena,
              struct rest_answer *ret, struct err *err) MUST_USE;
/* Appends a path segment with everything but unreserved characters as %XX. */
void rest_escape(struct buf *out, struct str segment);
