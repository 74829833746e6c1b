// SPDX-License-Identifier: Apache-2.0
/* The context of app.h from inside: what the files of app/ share about one request. */
#pragma once
#include "app.h"
#include "db.h"

enum { PARAMS_MAX = 6, HEADERS_MAX = 6, DEPTH_MAX = 32, ELEMENTS_MAX = 1000 };

struct pair {
    const char *name, *value;
};

/* How the request's query arguments and headers are looked up; NULL when absent. */
typedef const char *lookup_fn(void *arg, const char *name);

struct ctx {
    struct arena arena; /* of the attempt */
    struct db *db;
    const struct service *service;
    const struct route *route; /* NULL in a job */
    const char *route_name;    /* "GET /v1/cards/{id}", "JOB expire-sessions" */

    struct pair params[PARAMS_MAX];
    int param_count;
    lookup_fn *argument, *header;
    void *lookup_arg;
    struct str body;
    const char *elements_of; /* the body's array that was taken apart last; NULL: none */
    const struct str *elements;
    size_t element_count;
    const char *caller; /* NULL: nobody */
    enum auth role;

    unsigned status;
    const char *content_type;
    struct pair headers[HEADERS_MAX];
    int header_count;
    struct buf out;
    bool stopped;
    bool again; /* a serialisation failure or deadlock: worth another attempt */
    bool comma; /* a member or element was written at this depth */
    char closers[DEPTH_MAX];
    int depth;

    PGresult **results; /* cleared when the attempt ends */
    size_t result_count, result_cap;
};

/* Everything an attempt left behind is gone; the request stays. */
void ctx_reset(struct ctx *c);
void ctx_free(struct ctx *c);
/* Runs the handler, again after a serialisation failure; db is idle afterwards. */
void ctx_handle(struct ctx *c, handler_fn *handle);

/* Settings of the process. */
extern bool sql_tags; /* append a comment with method and route to every statement */
