// SPDX-License-Identifier: Apache-2.0
/* The request head, strictly: what RFC 9112 does not allow is an error, so there is nothing to guess. */
#include "base/http.h"

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char(s.data[i]))
            return false;
    return s.len > 0;
}

/* Visible ASCII only: an origin-form target has nothing else. */
static bool is_target(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= ' ' || s.data[i] == 0x7f)
            return false;
    return s.len > 0 && s.data[0] == '/';
}

static bool is_header(struct str line)
{
    struct str value, name = str_cut(line, ':', &value);
    if (!value.data || !is_token(name))
        return false;
    for (size_t i = 0; i < value.len; i++)
        if ((value.data[i] >= 0 && value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f)
            return false;
    return true;
}

/* The line at the start of *rest without its end; false when there is no complete one. */
static bool take_line(struct str *rest, struct str *ret)
{
    const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    if (!end)
        return false;
    size_t n = (size_t)(end - rest->data);
    *ret = str_n(rest->data, n && end[-1] == '\r' ? n - 1 : n);
    *rest = str_n(end + 1, rest->len - n - 1);
    return true;
}

static enum http_parsed request_line(struct str line, struct http_request *r)
{
    struct str rest, version;
    r->method = str_cut(line, ' ', &rest);
    struct str target = str_cut(rest, ' ', &version);
    if (!is_token(r->method) || !is_target(target) || version.len != 8 || !str_starts(version, STR("HTTP/1.")) ||
        (version.data[7] != '0' && version.data[7] != '1'))
        return HTTP_BAD;
    r->path = str_cut(target, '?', &r->query);
    r->head = str_is(r->method, "HEAD");
    return HTTP_OK;
}

enum http_parsed http_parse(struct str bytes, struct http_request *ret)
{
    struct http_request r = {0};
    struct str line, rest = bytes;
    enum http_parsed unfinished = bytes.len >= HTTP_REQUEST_MAX ? HTTP_TOO_LARGE : HTTP_MORE;
    if (!take_line(&rest, &line))
        return unfinished;
    if (request_line(line, &r) != HTTP_OK)
        return HTTP_BAD;
    do {
        if (!take_line(&rest, &line))
            return unfinished;
        if (line.len && !is_header(line))
            return HTTP_BAD;
    } while (line.len);
    if (!r.head && !str_is(r.method, "GET"))
        return HTTP_BAD_METHOD;
    *ret = r;
    return HTTP_OK;
}
