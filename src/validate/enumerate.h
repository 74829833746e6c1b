// SPDX-License-Identifier: Apache-2.0
/*
 * Requests made from an endpoint's `enumerate:` query, run on the source. Columns are the endpoint's parameters by
 * name; a column named as the header that `user:` names is sent as that header. Rows come through a cursor, in the
 * order of their columns, so memory does not grow with the table and a run can go on where another one stopped.
 */
#pragma once
#include "codec/endpoint.h"
#include "link/pg/pg.h"
#include "validate/sample.h"

struct enumeration {
    struct pg *source;
    struct sample_endpoint *endpoint;
    PGresult *rows; /* those at hand */
    int row;
    bool open, ended;
    int params[ENDPOINT_PARAMS_MAX]; /* column of each parameter, -1 none */
    int user_column;                 /* -1 none */
    struct arena arena;              /* the request last made */
    struct buf target;
    struct str lines[ENDPOINT_PARAMS_MAX + 1];
};

/* skip: rows passed over; limit: 0 = all. source stays the caller's and is busy with it until the end. ERR_SOURCE,
 * ERR_CONFIG. */
bool enumeration_begin(struct enumeration *e, struct pg *source, struct sample_endpoint *endpoint, int64_t skip,
                       int64_t limit, struct err *err) MUST_USE;
/* The next request; *ret_end when there is none. Valid until the next call. */
bool enumeration_next(struct enumeration *e, struct sample_request *ret, bool *ret_end, struct err *err) MUST_USE;
void enumeration_end(struct enumeration *e);
/* How many rows there are; 0 when that cannot be said. */
uint64_t enumeration_count(struct pg *source, const struct endpoint *endpoint);
