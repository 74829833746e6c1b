// SPDX-License-Identifier: Apache-2.0
/* Blocks of the log; see block.h. */
#include "bus/block.h"

#include <assert.h>

#include "base/bytes.h"
#include "codec/varint.h"

enum { VERSION = 1 };
enum { TAG_TXN = 1, TAG_EVENT = 2, TAG_END = 3 };
enum {
    HAS_KEY = 1,
    KEY_IS_SUBJECT = 2, /* neither of both: the key is null */
    HAS_VALUE = 4,
    HAS_ID = 8,
    HAS_MISSING = 16,
    HAS_OLDKEY = 32,
    HAS_HEADERS = 64,
    ALL_FLAGS = 127,
};

/* ---- writing ---- */

void block_init(struct block *b)
{
    *b = (struct block){.name_count = 0};
    buf_init(&b->data, 0);
}

void block_free(struct block *b) { buf_free(&b->data); }

void block_clear(struct block *b)
{
    buf_clear(&b->data);
    b->name_count = 0;
}

static size_t event_size_max(const struct event *e)
{
    return e->entity.len + e->type.len + e->subject.len + e->key.len + e->id.len + e->value.len + e->missing.len +
           e->oldkey.len + e->headers.len + 3 + 15 * VARINT_MAX;
}

bool block_fits(const struct block *b, const struct event *event)
{
    return b->data.len + event_size_max(event) <= BLOCK_SIZE;
}

static void put_v(struct buf *out, uint64_t n)
{
    char *p = buf_reserve(out, VARINT_MAX);
    if (p)
        out->len += (size_t)(varint_put(p, n) - p);
}

static void put_s(struct buf *out, struct str s)
{
    put_v(out, s.len);
    buf_add_str(out, s);
}

void block_txn(struct block *b, const struct event_txn *txn, bool begins)
{
    char record[22];
    if (block_empty(b))
        buf_addc(&b->data, VERSION);
    record[0] = TAG_TXN;
    put_be64(record + 1, txn->lsn);
    put_be64(record + 9, (uint64_t)txn->commit_time_us);
    put_be32(record + 17, txn->xid);
    record[21] = begins;
    buf_add(&b->data, record, sizeof record);
}

static void put_name(struct block *b, struct str name)
{
    for (unsigned i = 0; i < b->name_count; i++) {
        if (b->names[i].len == name.len &&
            memcmp(b->data.data + b->names[i].at, name.data ? name.data : "", name.len) == 0) {
            put_v(&b->data, i + 1);
            return;
        }
    }
    put_v(&b->data, 0);
    put_s(&b->data, name);
    if (b->name_count < BLOCK_NAMES && !b->data.overflow)
        b->names[b->name_count++] = (struct block_name){(uint32_t)(b->data.len - name.len), (uint32_t)name.len};
}

static unsigned event_flags(const struct event *e)
{
    unsigned flags = 0;
    if (!e->key_null)
        flags |= str_eq(e->key, e->subject) ? KEY_IS_SUBJECT : HAS_KEY;
    if (!e->value_null)
        flags |= HAS_VALUE;
    flags |= e->id.len ? HAS_ID : 0;
    flags |= e->missing.len ? HAS_MISSING : 0;
    flags |= e->oldkey.len ? HAS_OLDKEY : 0;
    flags |= e->headers.len ? HAS_HEADERS : 0;
    return flags;
}

void block_event(struct block *b, const struct event *e, uint32_t topic_id)
{
    unsigned flags = event_flags(e);
    struct buf *out = &b->data;
    assert(!block_empty(b));
    buf_addc(out, TAG_EVENT);
    buf_addc(out, (char)e->op);
    buf_addc(out, (char)flags);
    put_v(out, e->pos.seq);
    put_v(out, topic_id);
    put_v(out, (uint64_t)((int64_t)e->partition + 1));
    put_v(out, (uint32_t)e->schema_id);
    put_name(b, e->entity);
    put_name(b, e->type);
    put_s(out, e->subject);
    if (flags & HAS_KEY)
        put_s(out, e->key);
    if (flags & HAS_ID)
        put_s(out, e->id);
    if (flags & HAS_VALUE)
        put_s(out, e->value);
    if (flags & HAS_MISSING)
        put_s(out, e->missing);
    if (flags & HAS_OLDKEY)
        put_s(out, e->oldkey);
    if (flags & HAS_HEADERS)
        put_s(out, e->headers);
}

void block_end(struct block *b, uint32_t events)
{
    buf_addc(&b->data, TAG_END);
    put_v(&b->data, events);
}

/* ---- reading ---- */

void block_reader_init(struct block_reader *r, struct str bytes)
{
    *r = (struct block_reader){.base = bytes.data, .size = bytes.len};
}

static bool get_u8(struct block_reader *r, unsigned *ret)
{
    if (r->at >= r->size)
        return false;
    *ret = (unsigned char)r->base[r->at++];
    return true;
}

static bool get_v(struct block_reader *r, uint64_t max, uint64_t *ret)
{
    const char *p = varint_get(r->base + r->at, r->base + r->size, ret);
    if (!p || *ret > max)
        return false;
    r->at = (size_t)(p - r->base);
    return true;
}

static bool get_u32(struct block_reader *r, uint32_t *ret)
{
    uint64_t n;
    if (!get_v(r, UINT32_MAX, &n))
        return false;
    *ret = (uint32_t)n;
    return true;
}

static bool get_s(struct block_reader *r, struct str *ret)
{
    uint64_t len;
    if (!get_v(r, UINT32_MAX, &len) || len > r->size - r->at)
        return false;
    *ret = (struct str){r->base + r->at, len};
    r->at += len;
    return true;
}

static bool get_name(struct block_reader *r, struct str *ret)
{
    uint64_t number;
    if (!get_v(r, r->name_count, &number))
        return false;
    if (number) {
        const struct block_name *n = &r->names[number - 1];
        *ret = (struct str){r->base + n->at, n->len};
        return true;
    }
    if (!get_s(r, ret))
        return false;
    if (r->name_count < BLOCK_NAMES)
        r->names[r->name_count++] = (struct block_name){(uint32_t)(r->at - ret->len), (uint32_t)ret->len};
    return true;
}

static bool get_txn(struct block_reader *r, struct block_item *ret)
{
    if (r->size - r->at < 21)
        return false;
    const char *p = r->base + r->at;
    ret->txn =
        (struct event_txn){.lsn = get_be64(p), .commit_time_us = (int64_t)get_be64(p + 8), .xid = get_be32(p + 16)};
    ret->begins = p[20] != 0;
    r->at += 21;
    r->in_txn = true;
    return true;
}

static bool known_op(unsigned op) { return op && strchr("cudtom", (int)op) != NULL; }

static bool get_event(struct block_reader *r, struct block_item *ret)
{
    struct event *e = &ret->event;
    unsigned op, flags;
    uint32_t schema;
    uint64_t partition;
    *e = (struct event){.key_null = true, .value_null = true};
    if (!r->in_txn || !get_u8(r, &op) || !known_op(op) || !get_u8(r, &flags) || flags & ~(unsigned)ALL_FLAGS ||
        (flags & HAS_KEY && flags & KEY_IS_SUBJECT))
        return false;
    if (!get_u32(r, &e->pos.seq) || !get_u32(r, &ret->topic_id) || !get_v(r, (uint64_t)INT32_MAX + 1, &partition) ||
        !get_u32(r, &schema) || !get_name(r, &e->entity) || !get_name(r, &e->type) || !get_s(r, &e->subject))
        return false;
    e->op = (enum event_op)op;
    e->partition = (int32_t)((int64_t)partition - 1);
    e->schema_id = (int32_t)schema;
    e->key_null = !(flags & (HAS_KEY | KEY_IS_SUBJECT));
    e->value_null = !(flags & HAS_VALUE);
    if (flags & KEY_IS_SUBJECT)
        e->key = e->subject;
    return (!(flags & HAS_KEY) || get_s(r, &e->key)) && (!(flags & HAS_ID) || get_s(r, &e->id)) &&
           (!(flags & HAS_VALUE) || get_s(r, &e->value)) && (!(flags & HAS_MISSING) || get_s(r, &e->missing)) &&
           (!(flags & HAS_OLDKEY) || get_s(r, &e->oldkey)) && (!(flags & HAS_HEADERS) || get_s(r, &e->headers));
}

static bool get_end(struct block_reader *r, struct block_item *ret)
{
    if (!r->in_txn || !get_u32(r, &ret->txn.events))
        return false;
    r->in_txn = false;
    return true;
}

enum block_record block_peek(const struct block_reader *r)
{
    if (r->at == r->size)
        return BLOCK_DONE;
    switch (r->base[r->at]) {
    case TAG_TXN: return BLOCK_TXN;
    case TAG_EVENT: return BLOCK_EVENT;
    case TAG_END: return BLOCK_END;
    default: return BLOCK_ERROR;
    }
}

enum block_record block_next(struct block_reader *r, struct block_item *ret, struct err *err)
{
    size_t start = r->at;
    if (r->at == 0) {
        if (r->size == 0 || r->base[0] != VERSION) {
            err_set(err, ERR_DATA, "bus: block of an unknown version");
            return BLOCK_ERROR;
        }
        r->at = 1;
    }
    enum block_record record = block_peek(r);
    if (record == BLOCK_DONE)
        return record;
    r->at++;
    bool good = (record == BLOCK_TXN && get_txn(r, ret)) || (record == BLOCK_EVENT && get_event(r, ret)) ||
                (record == BLOCK_END && get_end(r, ret));
    if (good)
        return record;
    r->at = start;
    err_set(err, ERR_DATA, "bus: broken block, record at byte %zu of %zu", start, r->size);
    return BLOCK_ERROR;
}
