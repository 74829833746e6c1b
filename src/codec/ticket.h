// SPDX-License-Identifier: Apache-2.0
/*
 * A sampled request as one datagram, from the nginx module (encoder) to validate (decoder). libc only; the views of a
 * decoded ticket point into the datagram.
 *
 * What always holds: a decoded ticket lies within its datagram, every byte of it is used, and encoding it again gives
 * the same bytes. Headers that carry credentials are left out by the encoder unless the operator named them.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum {
    TICKET_MAX = 8192, /* bytes of a datagram: well under any net.unix limit */
    TICKET_HEADERS_MAX = 32
};

struct ticket_header {
    struct str name, value;
    bool listed; /* named by the operator: sent although it may carry credentials; decoded as false */
};

struct ticket {
    int64_t time_us; /* wall clock when the answer was complete */
    uint16_t status;
    bool stream;         /* the side that answered */
    bool has_user;       /* a targeting key was found (it may be empty) */
    struct str method;   /* "GET" */
    struct str target;   /* path and query as received */
    struct str endpoint; /* "GET /users/{user_id}" of the catalogue, or empty */
    struct str user;
    struct str reason; /* flag_reason_name() */
    struct ticket_header headers[TICKET_HEADERS_MAX];
    unsigned header_count;
};

/* Cookie, Authorization and their like, in any case. */
bool ticket_header_is_secret(struct str name);
/* Returns the datagram's length, 0 when it would pass TICKET_MAX or `size` (the caller counts and drops it). Headers
 * past TICKET_HEADERS_MAX are an error of the caller. */
size_t ticket_encode(const struct ticket *t, void *out, size_t size);
/* ERR_DATA when the bytes are no ticket of this version. */
bool ticket_decode(const void *data, size_t len, struct ticket *ret, struct err *err) MUST_USE;
