// SPDX-License-Identifier: Apache-2.0
/*
 * The embedded registry under Confluent's REST paths: a request in, an answer out, over a store. No sockets here
 * (link/http/web_server.h has them), so it is tested and fuzzed by itself.
 */
#pragma once
#include "registry/store.h"

#define REST_MEDIA "application/vnd.schemaregistry.v1+json"

enum { REST_REQUEST_MAX = 2 * STORE_SCHEMA_MAX + 65536 }; /* a schema, escaped once more, and what is around it */

struct rest_request {
    struct str method, path, query, body; /* path and query as they were sent */
};

/* Appends the answer's body, which is JSON, and returns the HTTP status. *ret_err: for the log, when the database
 * failed (class ERR_NONE otherwise): clients are told 500 and error code 50001, not what. */
int rest_serve(struct store *store, const struct rest_request *request, struct arena *arena, struct buf *body,
               struct err *ret_err);
