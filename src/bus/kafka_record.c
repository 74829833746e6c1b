// SPDX-License-Identifier: Apache-2.0
/*
 * Records of the commits topic as JSON; see kafka_record.h.
 *
 *   {"kind":"commit","epoch":"3","lsn":"0/1040","commit_time_us":"1700000000000000","xid":700,"txn_events":2,
 *    "durable_lsn":"0/0","transactions":"1","events":"2","counts":[["shop.orders",3,2,0,2,"9c3f0a7711d2e4b6"]]}
 *
 * 64-bit numbers are strings: a JSON number would lose their last digits in most readers. "kind" comes first, the rest
 * in any order, each once, none that is not known. counts: topic, partition, events, truncated ones among them, last
 * sequence number, hash in hex; topics: name, partitions, events. A name that is no UTF-8 is written as {"hex":"..."}.
 */
#include "bus/kafka_record.h"

#include <stdio.h>

#include "codec/json_read.h"
#include "codec/utf8.h"

enum {
    OPEN = 1 << KAFKA_OPEN,
    COMMIT = 1 << KAFKA_COMMIT,
    PART = 1 << KAFKA_PART,
    QUIET = 1 << KAFKA_QUIET,
    TXN = COMMIT | PART,
    STATE = OPEN | QUIET,
    ALL = TXN | STATE,
};

static const char *const kinds[] = {
    [KAFKA_OPEN] = "open", [KAFKA_COMMIT] = "commit", [KAFKA_PART] = "part", [KAFKA_QUIET] = "quiet"};

enum type { U64, I64, U32, LSN, NAME, COUNTS, TOTALS };

static const struct member {
    const char *name;
    enum type type;
    int in; /* kinds of record that have it */
    size_t offset;
} members[] = {
#define AT(field) offsetof(struct kafka_record, field)
    {"epoch", I64, ALL, AT(epoch)},
    {"lsn", LSN, ALL, AT(lsn)},
    {"commit_time_us", I64, TXN, AT(txn.commit_time_us)},
    {"commit_time_us", I64, STATE, AT(commit_time_us)},
    {"xid", U32, TXN, AT(txn.xid)},
    {"txn_events", U32, COMMIT, AT(txn.events)},
    {"through_seq", U32, PART, AT(through_seq)},
    {"watermark_us", I64, STATE, AT(watermark_us)},
    {"system_id", U64, STATE, AT(lineage.system_id)},
    {"timeline", U32, STATE, AT(lineage.timeline)},
    {"database", NAME, STATE, AT(lineage.database)},
    {"slot", NAME, STATE, AT(lineage.slot)},
    {"durable_lsn", LSN, COMMIT, AT(durable_lsn)},
    {"transactions", U64, ALL, AT(transactions)},
    {"events", U64, ALL, AT(events)},
    {"counts", COUNTS, TXN, 0},
    {"topics", TOTALS, STATE, 0},
#undef AT
};
_Static_assert(sizeof((struct lineage){0}.database) == 64 && sizeof((struct lineage){0}.slot) == 64, "NAME");

/* ---- printing ---- */

static void add_u64(struct buf *out, uint64_t v)
{
    char text[20];
    size_t at = sizeof text;
    do
        text[--at] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    buf_add(out, text + at, sizeof text - at);
}

static void add_i64(struct buf *out, int64_t v)
{
    if (v < 0)
        buf_addc(out, '-');
    add_u64(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void add_hex(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02x", (unsigned)(unsigned char)bytes.data[i]);
}

static void add_text(struct buf *out, struct str s)
{
    if (utf8_valid(s)) {
        buf_add_json(out, s);
        return;
    }
    buf_adds(out, "{\"hex\":\"");
    add_hex(out, s);
    buf_adds(out, "\"}");
}

static void add_counts(struct buf *out, const struct kafka_record *r)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < r->count_count; i++) {
        const struct kafka_count *c = &r->counts[i];
        buf_adds(out, i ? ",[" : "[");
        add_text(out, c->topic);
        buf_addc(out, ',');
        add_i64(out, c->partition);
        buf_addc(out, ',');
        add_u64(out, c->events);
        buf_addc(out, ',');
        add_u64(out, c->truncated);
        buf_addc(out, ',');
        add_u64(out, c->last_seq);
        buf_printf(out, ",\"%016llx\"]", (unsigned long long)c->hash);
    }
    buf_addc(out, ']');
}

static void add_totals(struct buf *out, const struct kafka_record *r)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < r->total_count; i++) {
        const struct kafka_topic_total *t = &r->totals[i];
        buf_adds(out, i ? ",[" : "[");
        add_text(out, t->topic);
        buf_addc(out, ',');
        add_i64(out, t->partitions);
        buf_adds(out, ",\"");
        add_u64(out, t->events);
        buf_adds(out, "\"]");
    }
    buf_addc(out, ']');
}

static void add_quoted(struct buf *out, const struct member *m, const char *field)
{
    char lsn[LSN_TEXT_SIZE];
    buf_addc(out, '"');
    if (m->type == LSN)
        buf_adds(out, lsn_format(*(const uint64_t *)(const void *)field, lsn));
    else if (m->type == I64)
        add_i64(out, *(const int64_t *)(const void *)field);
    else
        add_u64(out, *(const uint64_t *)(const void *)field);
    buf_addc(out, '"');
}

void kafka_record_print(const struct kafka_record *record, struct buf *out)
{
    buf_adds(out, "{\"kind\":\"");
    buf_adds(out, kinds[record->kind]);
    buf_addc(out, '"');
    for (size_t i = 0; i < COUNT(members); i++) {
        const struct member *m = &members[i];
        const char *field = (const char *)record + m->offset;
        if (!(m->in & 1 << record->kind))
            continue;
        buf_adds(out, ",\"");
        buf_adds(out, m->name);
        buf_adds(out, "\":");
        switch (m->type) {
        case U64:
        case I64:
        case LSN: add_quoted(out, m, field); break;
        case U32: add_u64(out, *(const uint32_t *)(const void *)field); break;
        case NAME: add_text(out, str_n(field, strnlen(field, 63))); break;
        case COUNTS: add_counts(out, record); break;
        case TOTALS: add_totals(out, record); break;
        }
    }
    buf_addc(out, '}');
}

/* ---- reading ---- */

struct reading {
    struct json_reader json;
    struct arena *arena;
    struct kafka_record *record;
    const char *where; /* the member being read */
    struct err *err;
};

static bool wrong(struct reading *r, const char *want)
{
    if (r->json.state == JSON_AT_ERROR)
        return json_fail(&r->json, "commits record", r->err);
    return err_set(r->err, ERR_DATA, "commits record: \"%s\" is not %s", r->where, want);
}

static bool read_number(struct reading *r, int64_t min, int64_t max, int64_t *ret)
{
    return (json_next(&r->json) == JSON_NUMBER && str_to_i64(r->json.value, ret) && *ret >= min && *ret <= max) ||
           wrong(r, "a number in range");
}

static bool read_u32(struct reading *r, uint32_t *ret)
{
    int64_t v;
    if (!read_number(r, 0, UINT32_MAX, &v))
        return false;
    *ret = (uint32_t)v;
    return true;
}

static bool read_partition(struct reading *r, int32_t *ret)
{
    int64_t v;
    if (!read_number(r, 0, INT32_MAX, &v))
        return false;
    *ret = (int32_t)v;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(struct str hex, char *out)
{
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        int high = hex_digit(hex.data[i]), low = hex_digit(hex.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (char)(high << 4 | low);
    }
    return hex.len % 2 == 0;
}

static bool read_hash(struct reading *r, uint64_t *ret)
{
    char bytes[8];
    if (json_next(&r->json) != JSON_STRING || r->json.value.len != 16 || !unhex(r->json.value, bytes))
        return wrong(r, "a hash of 16 hex digits");
    uint64_t v = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        v = v << 8 | (unsigned char)bytes[i];
    *ret = v;
    return true;
}

/* The result lives in the arena. */
static bool read_text(struct reading *r, struct str *ret)
{
    enum json_token t = json_next(&r->json);
    if (t == JSON_STRING) {
        *ret = str_n(arena_memdup(r->arena, r->json.value.data, r->json.value.len), r->json.value.len);
        return true;
    }
    if (t != JSON_OBJECT || json_next(&r->json) != JSON_KEY || !str_is(r->json.value, "hex") ||
        json_next(&r->json) != JSON_STRING)
        return wrong(r, "a name");
    struct str hex = r->json.value;
    char *bytes = arena_alloc(r->arena, hex.len / 2 + 1);
    *ret = str_n(bytes, hex.len / 2);
    return (unhex(hex, bytes) && !utf8_valid(*ret) && json_next(&r->json) == JSON_OBJECT_END) || wrong(r, "a name");
}

static bool read_name(struct reading *r, char *out)
{
    struct str s;
    if (!read_text(r, &s))
        return false;
    if (s.len > 63 || (s.len && memchr(s.data, 0, s.len)))
        return wrong(r, "a name of at most 63 bytes");
    memset(out, 0, 64);
    if (s.len)
        memcpy(out, s.data, s.len);
    return true;
}

static bool read_quoted(struct reading *r, enum type type, void *field)
{
    if (json_next(&r->json) != JSON_STRING)
        return wrong(r, "a string");
    if (type == LSN)
        return lsn_parse(r->json.value, field) || wrong(r, "an LSN");
    if (type == I64)
        return str_to_i64(r->json.value, field) || wrong(r, "a number");
    return str_to_u64(r->json.value, field) || wrong(r, "a number");
}

static bool read_counts(struct reading *r)
{
    struct kafka_count *counts = NULL;
    size_t n = 0, capacity = 0;
    enum json_token t = json_next(&r->json);
    bool good = t == JSON_ARRAY;
    while (good && (t = json_next(&r->json)) == JSON_ARRAY) {
        GROW(counts, n, capacity);
        struct kafka_count *c = &counts[n++];
        good = read_text(r, &c->topic) && read_partition(r, &c->partition) && read_u32(r, &c->events) &&
               read_u32(r, &c->truncated) && read_u32(r, &c->last_seq) && read_hash(r, &c->hash) &&
               (json_next(&r->json) == JSON_ARRAY_END || wrong(r, "a list of six each"));
        if (!good) {
            free(counts);
            return false;
        }
    }
    good = (good && t == JSON_ARRAY_END) || wrong(r, "a list of lists");
    r->record->count_count = n;
    r->record->counts = arena_alloc(r->arena, (n + !n) * sizeof *counts);
    if (n)
        memcpy(r->record->counts, counts, n * sizeof *counts);
    free(counts);
    return good;
}

static bool read_totals(struct reading *r)
{
    struct kafka_topic_total *totals = NULL;
    size_t n = 0, capacity = 0;
    enum json_token t = json_next(&r->json);
    bool good = t == JSON_ARRAY;
    while (good && (t = json_next(&r->json)) == JSON_ARRAY) {
        GROW(totals, n, capacity);
        struct kafka_topic_total *c = &totals[n++];
        good = read_text(r, &c->topic) && read_partition(r, &c->partitions) && read_quoted(r, U64, &c->events) &&
               (json_next(&r->json) == JSON_ARRAY_END || wrong(r, "a list of three each"));
        if (!good) {
            free(totals);
            return false;
        }
    }
    good = (good && t == JSON_ARRAY_END) || wrong(r, "a list of lists");
    r->record->total_count = n;
    r->record->totals = arena_alloc(r->arena, (n + !n) * sizeof *totals);
    if (n)
        memcpy(r->record->totals, totals, n * sizeof *totals);
    free(totals);
    return good;
}

static bool read_member(struct reading *r, const struct member *m)
{
    void *field = (char *)r->record + m->offset;
    r->where = m->name;
    switch (m->type) {
    case U64:
    case I64:
    case LSN: return read_quoted(r, m->type, field);
    case U32: return read_u32(r, field);
    case NAME: return read_name(r, field);
    case COUNTS: return read_counts(r);
    case TOTALS: return read_totals(r);
    }
    return false;
}

static bool read_kind(struct reading *r)
{
    r->where = "kind";
    if (json_next(&r->json) != JSON_OBJECT || json_next(&r->json) != JSON_KEY || !str_is(r->json.value, "kind") ||
        json_next(&r->json) != JSON_STRING)
        return wrong(r, "its first member");
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (str_is(r->json.value, kinds[i])) {
            r->record->kind = (enum kafka_record_kind)i;
            return true;
        }
    }
    return wrong(r, "one that this version knows");
}

static bool read_members(struct reading *r)
{
    unsigned seen = 0, here = 1u << r->record->kind;
    enum json_token t;
    while ((t = json_next(&r->json)) == JSON_KEY) {
        size_t i = 0;
        while (i < COUNT(members) && (!(members[i].in & (int)here) || !str_is(r->json.value, members[i].name)))
            i++;
        if (i == COUNT(members) || seen & 1u << i)
            return err_set(r->err, ERR_DATA, "commits record: a \"%s\" has \"" STR_FMT "\" %s", kinds[r->record->kind],
                           r->json.value.len > 64 ? 64 : (int)r->json.value.len, r->json.value.data,
                           i == COUNT(members) ? "that this version does not know" : "twice");
        seen |= 1u << i;
        if (!read_member(r, &members[i]))
            return false;
    }
    r->where = "}";
    if (t != JSON_OBJECT_END || json_next(&r->json) != JSON_END)
        return wrong(r, "its end");
    for (size_t i = 0; i < COUNT(members); i++)
        if (members[i].in & (int)here && !(seen & 1u << i))
            return err_set(r->err, ERR_DATA, "commits record: a \"%s\" without \"%s\"", kinds[r->record->kind],
                           members[i].name);
    return true;
}

bool kafka_record_parse(struct str json, struct arena *arena, struct kafka_record *ret, struct err *err)
{
    struct kafka_record record = {.epoch = 0};
    struct reading r = {.arena = arena, .record = &record, .err = err};
    json_reader_init(&r.json, json, arena);
    if (!read_kind(&r) || !read_members(&r))
        return false;
    if (TXN & 1 << record.kind)
        record.txn.lsn = record.lsn;
    *ret = record;
    return true;
}
