// SPDX-License-Identifier: Apache-2.0
/*
 * The decoder is a cursor that remembers its first failure: reads past the end give zeros and set `bad`, so that
 * a message is read straight through and checked once at its end. See pgoutput.h.
 */
#include "codec/pgoutput.h"

#include <assert.h>

#include "base/bytes.h"

struct cursor {
    const char *start, *at, *end;
    const char *bad; /* NULL, or what is wrong */
};

static const char *take(struct cursor *c, size_t n)
{
    if (c->bad || (size_t)(c->end - c->at) < n) {
        if (!c->bad)
            c->bad = "it ends too early";
        return NULL;
    }
    const char *p = c->at;
    c->at += n;
    return p;
}

static uint8_t take8(struct cursor *c)
{
    const char *p = take(c, 1);
    return p ? (uint8_t)*p : 0;
}

static uint16_t take16(struct cursor *c)
{
    const char *p = take(c, 2);
    return p ? get_be16(p) : 0;
}

static uint32_t take32(struct cursor *c)
{
    const char *p = take(c, 4);
    return p ? get_be32(p) : 0;
}

static uint64_t take64(struct cursor *c)
{
    const char *p = take(c, 8);
    return p ? get_be64(p) : 0;
}

/* Wraps for absurd times instead of overflowing, so that encoding gives the same bytes back. */
static int64_t take_time(struct cursor *c) { return (int64_t)(take64(c) + (uint64_t)PGOUTPUT_EPOCH_US); }

static struct str take_cstring(struct cursor *c)
{
    const char *nul = c->bad || c->at == c->end ? NULL : memchr(c->at, '\0', (size_t)(c->end - c->at));
    if (!nul) {
        if (!c->bad)
            c->bad = "a string has no end";
        return (struct str){NULL, 0};
    }
    struct str s = {c->at, (size_t)(nul - c->at)};
    c->at = nul + 1;
    return s;
}

static void take_value(struct cursor *c, struct pgoutput_value *v)
{
    v->kind = (enum pgoutput_datum)take8(c);
    v->data = (struct str){NULL, 0};
    switch (v->kind) {
    case PGOUTPUT_NULL:
    case PGOUTPUT_UNCHANGED: return;
    case PGOUTPUT_TEXT:
    case PGOUTPUT_BINARY: {
        uint32_t len = take32(c);
        v->data.data = take(c, len);
        v->data.len = c->bad ? 0 : len;
        return;
    }
    }
    if (!c->bad)
        c->bad = "a column value is of an unknown kind";
}

static void take_tuple(struct cursor *c, struct pgoutput_value *values, struct pgoutput_tuple *ret)
{
    uint16_t count = take16(c);
    if (count > PGOUTPUT_COLUMNS_MAX && !c->bad)
        c->bad = "it has more columns than PostgreSQL allows";
    for (uint16_t i = 0; i < count && !c->bad; i++)
        take_value(c, &values[i]);
    *ret = (struct pgoutput_tuple){values, count};
}

static void take_relation(struct cursor *c, struct pgoutput_column *columns, struct pgoutput_relation *r)
{
    r->oid = take32(c);
    r->schema = take_cstring(c);
    r->name = take_cstring(c);
    r->identity = (char)take8(c);
    r->column_count = take16(c);
    r->columns = columns;
    if (!c->bad && (r->identity == '\0' || !strchr("dnfi", r->identity)))
        c->bad = "the replica identity is of an unknown kind";
    if (!c->bad && r->column_count > PGOUTPUT_COLUMNS_MAX)
        c->bad = "it has more columns than PostgreSQL allows";
    for (uint16_t i = 0; i < r->column_count && !c->bad; i++) {
        columns[i].flags = take8(c);
        columns[i].name = take_cstring(c);
        columns[i].type_oid = take32(c);
        columns[i].typmod = (int32_t)take32(c);
    }
}

static void take_change(struct cursor *c, struct pgoutput_scratch *scratch, struct pgoutput *m)
{
    m->change.relation = take32(c);
    m->change.old_kind = PGOUTPUT_OLD_NONE;
    m->change.old_row = m->change.new_row = (struct pgoutput_tuple){NULL, 0};
    uint8_t part = take8(c);
    if (m->kind != PGOUTPUT_INSERT && (part == 'K' || part == 'O')) {
        m->change.old_kind = (enum pgoutput_old)part;
        take_tuple(c, scratch->old_values, &m->change.old_row);
        if (m->kind == PGOUTPUT_DELETE)
            return;
        part = take8(c);
    }
    if (!c->bad && (part != 'N' || m->kind == PGOUTPUT_DELETE))
        c->bad = "a row image is of an unknown kind";
    take_tuple(c, scratch->new_values, &m->change.new_row);
}

static void take_truncate(struct cursor *c, struct pgoutput *m)
{
    m->truncate.count = take32(c);
    m->truncate.flags = take8(c);
    size_t len = (size_t)m->truncate.count * 4;
    m->truncate.oids.data = take(c, len);
    m->truncate.oids.len = len;
}

static void take_message(struct cursor *c, struct pgoutput *m)
{
    m->message.flags = take8(c);
    m->message.lsn = take64(c);
    m->message.prefix = take_cstring(c);
    m->message.content.len = take32(c);
    m->message.content.data = take(c, m->message.content.len);
}

static void take_commit(struct cursor *c, struct pgoutput *m)
{
    m->commit.flags = take8(c);
    m->commit.lsn = take64(c);
    m->commit.end_lsn = take64(c);
    m->commit.time_us = take_time(c);
}

/* Inside a stream block, the messages that belong to a (sub)transaction start with its xid. */
static bool has_xid(enum pgoutput_kind kind)
{
    return kind == PGOUTPUT_RELATION || kind == PGOUTPUT_TYPE || kind == PGOUTPUT_INSERT || kind == PGOUTPUT_UPDATE ||
           kind == PGOUTPUT_DELETE || kind == PGOUTPUT_TRUNCATE || kind == PGOUTPUT_MESSAGE;
}

static void take_body(struct cursor *c, struct pgoutput_scratch *scratch, struct pgoutput *m)
{
    if (m->in_stream && has_xid(m->kind))
        m->xid = take32(c);
    switch (m->kind) {
    case PGOUTPUT_BEGIN:
        m->begin.final_lsn = take64(c);
        m->begin.time_us = take_time(c);
        m->xid = take32(c);
        return;
    case PGOUTPUT_COMMIT: take_commit(c, m); return;
    case PGOUTPUT_ORIGIN:
        m->origin.lsn = take64(c);
        m->origin.name = take_cstring(c);
        return;
    case PGOUTPUT_RELATION: take_relation(c, scratch->columns, &m->relation); return;
    case PGOUTPUT_TYPE:
        m->type.oid = take32(c);
        m->type.schema = take_cstring(c);
        m->type.name = take_cstring(c);
        return;
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE: take_change(c, scratch, m); return;
    case PGOUTPUT_TRUNCATE: take_truncate(c, m); return;
    case PGOUTPUT_MESSAGE: take_message(c, m); return;
    case PGOUTPUT_STREAM_START: {
        m->xid = take32(c);
        uint8_t first = take8(c);
        if (!c->bad && first > 1)
            c->bad = "the first-segment flag is neither 0 nor 1";
        m->stream_start.first = first == 1;
        return;
    }
    case PGOUTPUT_STREAM_STOP: return;
    case PGOUTPUT_STREAM_COMMIT:
        m->xid = take32(c);
        take_commit(c, m);
        return;
    case PGOUTPUT_STREAM_ABORT:
        m->xid = take32(c);
        m->stream_abort.subxid = take32(c);
        return;
    }
    c->bad = "its type is unknown";
}

static bool fail(const struct cursor *c, struct err *err)
{
    char kind = c->start < c->end ? *c->start : '?';
    err_set(err, ERR_DATA, "pgoutput message '%c' of %zu bytes cannot be read at byte %zu: %s",
            kind >= 0x20 && kind < 0x7f ? kind : '?', (size_t)(c->end - c->start), (size_t)(c->at - c->start), c->bad);
    return err_hint(err, "the server speaks another protocol than 1 or 2, or the connection is damaged");
}

bool pgoutput_decode(struct str bytes, bool in_stream, struct pgoutput_scratch *scratch, struct pgoutput *ret,
                     struct err *err)
{
    struct cursor c = {bytes.data, bytes.data, bytes.data + bytes.len, NULL};
    struct pgoutput m = {.kind = (enum pgoutput_kind)take8(&c), .in_stream = in_stream};
    if (!c.bad)
        take_body(&c, scratch, &m);
    if (!c.bad && c.at != c.end)
        c.bad = "bytes are left over";
    if (c.bad)
        return fail(&c, err);
    *ret = m;
    return true;
}

bool pgoutput_peek(struct str bytes, bool in_stream, enum pgoutput_kind *ret_kind, uint32_t *ret_xid, struct err *err)
{
    struct cursor c = {bytes.data, bytes.data, bytes.data + bytes.len, NULL};
    enum pgoutput_kind kind = (enum pgoutput_kind)take8(&c);
    uint32_t xid = in_stream && has_xid(kind) ? take32(&c) : 0;
    if (c.bad)
        return fail(&c, err);
    *ret_kind = kind;
    *ret_xid = xid;
    return true;
}

uint32_t pgoutput_truncated(const struct pgoutput *m, uint32_t i)
{
    assert(m->kind == PGOUTPUT_TRUNCATE && i < m->truncate.count);
    return get_be32(m->truncate.oids.data + (size_t)i * 4);
}

/* ---- encoder ---- */

static void add8(struct buf *b, uint8_t v) { buf_addc(b, (char)v); }

static void add16(struct buf *b, uint16_t v)
{
    char p[2];
    put_be16(p, v);
    buf_add(b, p, sizeof p);
}

static void add32(struct buf *b, uint32_t v)
{
    char p[4];
    put_be32(p, v);
    buf_add(b, p, sizeof p);
}

static void add64(struct buf *b, uint64_t v)
{
    char p[8];
    put_be64(p, v);
    buf_add(b, p, sizeof p);
}

static void add_time(struct buf *b, int64_t us) { add64(b, (uint64_t)us - (uint64_t)PGOUTPUT_EPOCH_US); }

static void add_cstring(struct buf *b, struct str s)
{
    buf_add_str(b, s);
    buf_addc(b, '\0');
}

static void add_tuple(struct buf *b, const struct pgoutput_tuple *t)
{
    add16(b, t->count);
    for (uint16_t i = 0; i < t->count; i++) {
        add8(b, (uint8_t)t->values[i].kind);
        if (t->values[i].kind == PGOUTPUT_TEXT || t->values[i].kind == PGOUTPUT_BINARY) {
            add32(b, (uint32_t)t->values[i].data.len);
            buf_add_str(b, t->values[i].data);
        }
    }
}

static void add_relation(struct buf *b, const struct pgoutput_relation *r)
{
    add32(b, r->oid);
    add_cstring(b, r->schema);
    add_cstring(b, r->name);
    add8(b, (uint8_t)r->identity);
    add16(b, r->column_count);
    for (uint16_t i = 0; i < r->column_count; i++) {
        add8(b, r->columns[i].flags);
        add_cstring(b, r->columns[i].name);
        add32(b, r->columns[i].type_oid);
        add32(b, (uint32_t)r->columns[i].typmod);
    }
}

static void add_change(struct buf *b, const struct pgoutput *m)
{
    add32(b, m->change.relation);
    if (m->change.old_kind != PGOUTPUT_OLD_NONE) {
        add8(b, (uint8_t)m->change.old_kind);
        add_tuple(b, &m->change.old_row);
    }
    if (m->kind != PGOUTPUT_DELETE) {
        add8(b, 'N');
        add_tuple(b, &m->change.new_row);
    }
}

static void add_commit(struct buf *b, const struct pgoutput *m)
{
    add8(b, m->commit.flags);
    add64(b, m->commit.lsn);
    add64(b, m->commit.end_lsn);
    add_time(b, m->commit.time_us);
}

static void add_body(struct buf *b, const struct pgoutput *m)
{
    switch (m->kind) {
    case PGOUTPUT_BEGIN:
        add64(b, m->begin.final_lsn);
        add_time(b, m->begin.time_us);
        add32(b, m->xid);
        return;
    case PGOUTPUT_COMMIT: add_commit(b, m); return;
    case PGOUTPUT_ORIGIN:
        add64(b, m->origin.lsn);
        add_cstring(b, m->origin.name);
        return;
    case PGOUTPUT_RELATION: add_relation(b, &m->relation); return;
    case PGOUTPUT_TYPE:
        add32(b, m->type.oid);
        add_cstring(b, m->type.schema);
        add_cstring(b, m->type.name);
        return;
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE: add_change(b, m); return;
    case PGOUTPUT_TRUNCATE:
        add32(b, m->truncate.count);
        add8(b, m->truncate.flags);
        buf_add_str(b, m->truncate.oids);
        return;
    case PGOUTPUT_MESSAGE:
        add8(b, m->message.flags);
        add64(b, m->message.lsn);
        add_cstring(b, m->message.prefix);
        add32(b, (uint32_t)m->message.content.len);
        buf_add_str(b, m->message.content);
        return;
    case PGOUTPUT_STREAM_START:
        add32(b, m->xid);
        add8(b, m->stream_start.first ? 1 : 0);
        return;
    case PGOUTPUT_STREAM_STOP: return;
    case PGOUTPUT_STREAM_COMMIT:
        add32(b, m->xid);
        add_commit(b, m);
        return;
    case PGOUTPUT_STREAM_ABORT:
        add32(b, m->xid);
        add32(b, m->stream_abort.subxid);
        return;
    }
}

void pgoutput_encode(const struct pgoutput *m, struct buf *out)
{
    add8(out, (uint8_t)m->kind);
    if (m->in_stream && has_xid(m->kind))
        add32(out, m->xid);
    add_body(out, m);
}
