// SPDX-License-Identifier: Apache-2.0
/* See http.h. */
#include "http.h"

#include <strings.h>

void http_init(struct http_reply *r, size_t max)
{
    memset(r, 0, sizeof *r);
    buf_init(&r->raw, max);
    buf_init(&r->body, max);
}

void http_clear(struct http_reply *r)
{
    buf_clear(&r->raw);
    buf_clear(&r->body);
    r->head_len = r->at = 0;
    r->status = 0;
    r->length = 0;
    r->close = r->streamed = false;
}

void http_free(struct http_reply *r)
{
    buf_free(&r->raw);
    buf_free(&r->body);
}

static bool is(struct str name, const char *want)
{
    return name.len == strlen(want) && strncasecmp(name.data, want, name.len) == 0;
}

static bool header(struct http_reply *r, struct str line)
{
    struct str value, name = str_trim(str_cut(line, ':', &value));
    value = str_trim(value);
    if (is(name, "Content-Length"))
        return str_to_i64(value, &r->length) && r->length >= 0;
    if (is(name, "Transfer-Encoding"))
        r->length = -1;
    else if (is(name, "Connection"))
        r->close = is(value, "close");
    else if (is(name, "Undam-Route"))
        r->streamed = is(value, "stream");
    return true;
}

static enum http_progress read_head(struct http_reply *r)
{
    const char *end = r->raw.data ? memmem(r->raw.data, r->raw.len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return r->raw.len > 64 << 10 ? HTTP_BROKEN : HTTP_MORE;
    struct str rest = str_n(r->raw.data, (size_t)(end - r->raw.data));
    struct str line = str_trim(str_cut(rest, '\n', &rest));
    uint64_t status;
    if (line.len < 12 || !str_starts(line, STR("HTTP/1.")) || !str_to_u64(str_n(line.data + 9, 3), &status))
        return HTTP_BROKEN;
    r->status = (unsigned)status;
    while (rest.len > 0)
        if (!header(r, str_trim(str_cut(rest, '\n', &rest))))
            return HTTP_BROKEN;
    if (status == 204 || status == 304) /* their length is that of the answer that is not sent */
        r->length = 0;
    r->head_len = r->at = (size_t)(end - r->raw.data) + 4;
    return HTTP_DONE;
}

static enum http_progress read_chunks(struct http_reply *r)
{
    for (;;) {
        struct str left = str_n(r->raw.data + r->at, r->raw.len - r->at);
        const char *end = left.len ? memmem(left.data, left.len, "\r\n", 2) : NULL;
        if (!end)
            return left.len > 20 ? HTTP_BROKEN : HTTP_MORE;
        size_t size = 0, digits = 0;
        for (const char *p = left.data; p < end && *p != ';'; p++, digits++) {
            int d = *p >= '0' && *p <= '9'                 ? *p - '0'
                    : (*p | 32) >= 'a' && (*p | 32) <= 'f' ? (*p | 32) - 'a' + 10
                                                           : -1;
            if (d < 0 || digits > 7)
                return HTTP_BROKEN;
            size = size * 16 + (size_t)d;
        }
        size_t head = (size_t)(end - left.data) + 2;
        if (digits == 0)
            return HTTP_BROKEN;
        if (left.len < head + size + 2)
            return HTTP_MORE;
        buf_add(&r->body, left.data + head, size);
        r->at += head + size + 2;
        if (size == 0)
            return HTTP_DONE;
    }
}

enum http_progress http_read(struct http_reply *r)
{
    if (r->raw.overflow)
        return HTTP_BROKEN;
    if (r->head_len == 0) {
        enum http_progress p = read_head(r);
        if (p != HTTP_DONE)
            return p;
    }
    if (r->length < 0)
        return read_chunks(r);
    return r->raw.len - r->head_len >= (size_t)r->length ? HTTP_DONE : HTTP_MORE;
}

struct str http_header(const struct http_reply *r, const char *name)
{
    struct str rest = str_n(r->raw.data, r->head_len), value;
    for (str_cut(rest, '\n', &rest); rest.len;) {
        struct str line = str_trim(str_cut(rest, '\n', &rest));
        if (is(str_trim(str_cut(line, ':', &value)), name) && value.data)
            return str_trim(value);
    }
    return (struct str){0};
}

struct str http_body(const struct http_reply *r)
{
    if (r->length < 0)
        return buf_str(&r->body);
    return str_n(r->raw.data + r->head_len, (size_t)r->length);
}
