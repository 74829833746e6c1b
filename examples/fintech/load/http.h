// SPDX-License-Identifier: Apache-2.0
/* An HTTP/1.1 answer read as it arrives: status, the headers the driver looks at, body by length or in chunks. */
#pragma once
#include "base/str.h"

enum http_progress { HTTP_MORE, HTTP_DONE, HTTP_BROKEN };

struct http_reply {
    struct buf raw;  /* everything received of this answer */
    struct buf body; /* chunks joined; empty while the body has a length: then it is a part of raw */
    size_t head_len; /* 0 until the head is complete */
    size_t at;       /* next chunk header in raw */
    unsigned status;
    int64_t length; /* Content-Length, -1 when chunked */
    bool close, streamed;
};

void http_init(struct http_reply *r, size_t max);
void http_clear(struct http_reply *r);
void http_free(struct http_reply *r);
/* After bytes were added to raw. An answer of unknown length is broken: nothing here sends one. */
enum http_progress http_read(struct http_reply *r);
/* A header of an answer whose head is complete; data NULL: it has none. A view until more is read. */
struct str http_header(const struct http_reply *r, const char *name);
/* The body of a complete answer. */
struct str http_body(const struct http_reply *r);
