// SPDX-License-Identifier: Apache-2.0
/*
 * Layout, integers big-endian:
 *   'U' 'T' version(1) flags(1: 1 stream, 2 has user) time_us(8) status(2)
 *   method, target, endpoint, user, reason: length(2) bytes
 *   header count(1), then name: length(2) bytes, value: length(2) bytes
 */
#include "codec/ticket.h"

#include <string.h>
#include <strings.h>

#include "base/bytes.h"

enum { TICKET_VERSION = 1, TICKET_STREAM = 1, TICKET_USER = 2, TICKET_HEAD = 14 };

static const char *const secrets[] = {
    "authorization", "cookie",       "set-cookie",   "proxy-authorization",  "x-api-key",      "api-key",
    "x-auth-token",  "x-csrf-token", "x-xsrf-token", "x-amz-security-token", "x-access-token",
};

bool ticket_header_is_secret(struct str name)
{
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        if (name.len == strlen(secrets[i]) && strncasecmp(name.data, secrets[i], name.len) == 0)
            return true;
    return false;
}

struct writer {
    unsigned char *at, *end;
    bool full;
};

static void put_str(struct writer *w, struct str s)
{
    if (w->full || s.len > UINT16_MAX || (size_t)(w->end - w->at) < s.len + 2) {
        w->full = true;
        return;
    }
    put_be16(w->at, (uint16_t)s.len);
    if (s.len)
        memcpy(w->at + 2, s.data, s.len);
    w->at += s.len + 2;
}

static bool is_sent(const struct ticket_header *h) { return h->listed || !ticket_header_is_secret(h->name); }

size_t ticket_encode(const struct ticket *t, void *out, size_t size)
{
    unsigned char *p = out;
    size_t room = size < TICKET_MAX ? size : TICKET_MAX;
    if (room < TICKET_HEAD || t->header_count > TICKET_HEADERS_MAX)
        return 0;
    p[0] = 'U';
    p[1] = 'T';
    p[2] = TICKET_VERSION;
    p[3] = (unsigned char)((t->stream ? TICKET_STREAM : 0) | (t->has_user ? TICKET_USER : 0));
    put_be64(p + 4, (uint64_t)t->time_us);
    put_be16(p + 12, t->status);
    struct writer w = {p + TICKET_HEAD, p + room, false};
    put_str(&w, t->method);
    put_str(&w, t->target);
    put_str(&w, t->endpoint);
    put_str(&w, t->has_user ? t->user : (struct str){0});
    put_str(&w, t->reason);
    if (w.full || w.at == w.end)
        return 0;
    unsigned char *count = w.at++;
    *count = 0;
    for (unsigned i = 0; i < t->header_count; i++) {
        if (!is_sent(&t->headers[i]))
            continue;
        put_str(&w, t->headers[i].name);
        put_str(&w, t->headers[i].value);
        ++*count;
    }
    return w.full ? 0 : (size_t)(w.at - p);
}

struct reader {
    const unsigned char *at, *end;
    bool broken;
};

static struct str get_str(struct reader *r)
{
    if (r->broken || r->end - r->at < 2 || r->end - r->at - 2 < get_be16(r->at)) {
        r->broken = true;
        return (struct str){0};
    }
    struct str s = {(const char *)r->at + 2, get_be16(r->at)};
    r->at += 2 + s.len;
    return s;
}

bool ticket_decode(const void *data, size_t len, struct ticket *ret, struct err *err)
{
    const unsigned char *p = data;
    if (len < TICKET_HEAD || len > TICKET_MAX || p[0] != 'U' || p[1] != 'T')
        return err_set(err, ERR_DATA, "not a ticket (%zu bytes)", len);
    if (p[2] != TICKET_VERSION)
        return err_set(err, ERR_DATA, "ticket of version %d, this program reads %d", p[2], TICKET_VERSION);
    if (p[3] & ~(TICKET_STREAM | TICKET_USER))
        return err_set(err, ERR_DATA, "ticket with unknown flags 0x%02x", (unsigned)p[3]);
    struct ticket t = {.time_us = (int64_t)get_be64(p + 4),
                       .status = get_be16(p + 12),
                       .stream = (p[3] & TICKET_STREAM) != 0,
                       .has_user = (p[3] & TICKET_USER) != 0};
    struct reader r = {p + TICKET_HEAD, p + len, false};
    t.method = get_str(&r);
    t.target = get_str(&r);
    t.endpoint = get_str(&r);
    t.user = get_str(&r);
    t.reason = get_str(&r);
    if (r.broken || r.at == r.end || (!t.has_user && t.user.len))
        return err_set(err, ERR_DATA, "ticket is cut off");
    t.header_count = *r.at++;
    if (t.header_count > TICKET_HEADERS_MAX)
        return err_set(err, ERR_DATA, "ticket with %u headers, at most %d", t.header_count, TICKET_HEADERS_MAX);
    for (unsigned i = 0; i < t.header_count; i++) {
        t.headers[i].name = get_str(&r);
        t.headers[i].value = get_str(&r);
    }
    if (r.broken || r.at != r.end)
        return err_set(err, ERR_DATA, "ticket of %zu bytes does not end where its fields end", len);
    *ret = t;
    return true;
}
