// SPDX-License-Identifier: Apache-2.0
/*
 * Events as messages: headers and back; see kafka_record.h.
 *
 * A header of ours is the first of its name; what comes after it, and every name that is not ours, belongs to the event
 * (an outbox row may name its headers as it likes). So where an event has a header named like an optional one of ours
 * that it does not need, ours is written all the same, empty. `undam_headers` holds the event's headers as they were
 * where the single ones would not give the same text back.
 */
#include <assert.h>

#include "base/bytes.h"
#include "bus/kafka_record.h"
#include "codec/hash.h"
#include "codec/json_read.h"
#include "codec/utf8.h"

/* In the order in which they are written. */
enum name {
    CE_SPECVERSION,
    CE_ID,
    CE_TYPE,
    CE_SOURCE,
    CE_SUBJECT,
    CE_TIME,
    UNDAM_LSN,
    UNDAM_SEQ,
    UNDAM_OP,
    UNDAM_SCHEMA,
    UNDAM_MISSING,
    UNDAM_OLDKEY,
    UNDAM_HEADERS,
    UNDAM_SOURCE,
    DEBEZIUM_ID,
    FOREIGN,
};
/* Which of them a message has: an outbox event in Debezium's form begins with `id`, every other with `ce_specversion`.
 */
enum {
    BIT_OP = 1 << UNDAM_LSN | 1 << UNDAM_SEQ | 1 << UNDAM_OP | 1 << UNDAM_SCHEMA | 1 << UNDAM_HEADERS,
    OURS = (1 << UNDAM_SOURCE) - 1,
    OURS_DEBEZIUM = BIT_OP | 1 << UNDAM_SOURCE | 1 << DEBEZIUM_ID,
};

static const struct str names[] = {
    [CE_SPECVERSION] = STR("ce_specversion"),
    [CE_ID] = STR("ce_id"),
    [CE_TYPE] = STR("ce_type"),
    [CE_SOURCE] = STR("ce_source"),
    [CE_SUBJECT] = STR("ce_subject"),
    [CE_TIME] = STR("ce_time"),
    [UNDAM_LSN] = STR("undam_lsn"),
    [UNDAM_SEQ] = STR("undam_seq"),
    [UNDAM_OP] = STR("undam_op"),
    [UNDAM_SCHEMA] = STR("undam_schema"),
    [UNDAM_MISSING] = STR("undam_missing"),
    [UNDAM_OLDKEY] = STR("undam_oldkey"),
    [UNDAM_HEADERS] = STR("undam_headers"),
    [UNDAM_SOURCE] = STR("undam_source"),
    [DEBEZIUM_ID] = STR("id"),
};

enum { ID_SIZE = 20 + 1 + 17 + 1 + 10, TIME_SIZE = 32, NUMBER_SIZE = 11 };

static enum name name_of(struct str s, unsigned ours)
{
    if (s.len < 5)
        return str_eq(s, names[DEBEZIUM_ID]) && ours & 1u << DEBEZIUM_ID ? DEBEZIUM_ID : FOREIGN;
    size_t i = s.data[0] == 'c' ? CE_SPECVERSION : UNDAM_LSN, end = s.data[0] == 'c' ? UNDAM_LSN : DEBEZIUM_ID;
    while (i < end && !str_eq(s, names[i]))
        i++;
    return i < end && ours & 1u << i ? (enum name)i : FOREIGN;
}

/* ---- small texts, by hand: each event has four of them ---- */

static char *put_u64(char *at, uint64_t v)
{
    char text[20];
    size_t n = sizeof text;
    do
        text[--n] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    memcpy(at, text + n, sizeof text - n);
    return at + sizeof text - n;
}

static char *put_hex(char *at, uint32_t v)
{
    int shift = v ? (31 - __builtin_clz(v)) / 4 * 4 : 0;
    for (; shift >= 0; shift -= 4)
        *at++ = "0123456789ABCDEF"[v >> shift & 15];
    return at;
}

static char *put_lsn(char *at, uint64_t lsn)
{
    at = put_hex(at, (uint32_t)(lsn >> 32));
    *at++ = '/';
    return put_hex(at, (uint32_t)lsn);
}

static char *put_id(char *at, const struct lineage *lineage, struct position pos)
{
    at = put_u64(at, lineage->system_id);
    *at++ = '-';
    at = put_lsn(at, pos.lsn);
    *at++ = '-';
    return put_u64(at, pos.seq);
}

static char *put_digits(char *at, int64_t v, int width)
{
    for (int i = width - 1; i >= 0; i--, v /= 10)
        at[i] = (char)('0' + v % 10);
    return at + width;
}

/* RFC 3339 with microseconds. Days to a date of the Gregorian calendar, by eras of 400 years. */
static char *put_time(char *at, int64_t us)
{
    int64_t second = us / 1000000 - (us % 1000000 < 0), day = second / 86400 - (second % 86400 < 0);
    int64_t in_day = second - day * 86400, z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
    if (year < 0) {
        *at++ = '-';
        year = -year;
    }
    at = put_digits(at, year, year > 9999 ? 6 : 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, doy - (153 * mp + 2) / 5 + 1, 2);
    *at++ = 'T';
    at = put_digits(at, in_day / 3600, 2);
    *at++ = ':';
    at = put_digits(at, in_day / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, in_day % 60, 2);
    *at++ = '.';
    at = put_digits(at, us % 1000000 + (us % 1000000 < 0 ? 1000000 : 0), 6);
    *at++ = 'Z';
    return at;
}

/* What the value itself says of its schema. */
static int32_t framed_schema(struct str value, bool value_null)
{
    return !value_null && value.len >= 5 && value.data[0] == 0 ? (int32_t)get_be32(value.data + 1) : 0;
}

/* ---- writing ---- */

struct writing {
    char *at; /* in the scratch, which has room for all */
    struct kafka_header *headers;
    size_t count;
};

static void add(struct writing *w, struct str name, struct str value)
{
    if (w->count < KAFKA_HEADERS_MAX)
        w->headers[w->count] = (struct kafka_header){name, value};
    w->count++;
}

static void add_ours(struct writing *w, enum name name, struct str value)
{
    add(w, names[name], value.data ? value : STR(""));
}

static void add_made(struct writing *w, enum name name, char *end)
{
    add_ours(w, name, str_n(w->at, (size_t)(end - w->at)));
    w->at = end;
}

static struct str keep(struct writing *w, struct str s)
{
    struct str kept = {w->at, s.len};
    if (s.len)
        memcpy(w->at, s.data, s.len);
    w->at[s.len] = '\0';
    w->at += s.len + 1;
    return kept;
}

static void add_member(struct buf *out, struct str name, bool text, struct str value)
{
    if (out->len > 1)
        buf_addc(out, ',');
    buf_add_json(out, name);
    buf_addc(out, ':');
    if (text)
        buf_add_json(out, value);
    else
        buf_adds(out, "null");
}

/* The event's own headers, each as one. *ret_exact: a reader of them makes the very same text; *ret_taken: the
 * optional names of ours among them. */
static void own_headers(struct writing *w, struct str json, unsigned ours, bool *ret_exact, unsigned *ret_taken)
{
    struct json_reader r;
    struct arena arena;
    struct buf again;
    arena_init(&arena);
    buf_init(&again, 0);
    json_reader_init(&r, json, &arena);
    bool good = json_next(&r) == JSON_OBJECT;
    enum json_token token = JSON_ERROR;
    buf_addc(&again, '{');
    while (good && (token = json_next(&r)) == JSON_KEY) {
        struct str name = r.value;
        enum json_token kind = json_next(&r);
        struct str value = kind == JSON_STRING ? r.value : (struct str){NULL, 0};
        good = (kind == JSON_STRING || kind == JSON_NULL) && !(name.len && memchr(name.data, 0, name.len));
        if (!good)
            break;
        add_member(&again, name, kind == JSON_STRING, value);
        *ret_taken |= 1u << name_of(name, ours);
        name = keep(w, name);
        add(w, name, kind == JSON_STRING ? keep(w, value) : value);
    }
    buf_addc(&again, '}');
    *ret_exact =
        good && w->count > 0 && token == JSON_OBJECT_END && json_next(&r) == JSON_END && str_eq(buf_str(&again), json);
    buf_free(&again);
    arena_free(&arena);
}

static void optional(struct writing *w, enum name name, struct str value, unsigned taken)
{
    if (value.len || taken & 1u << name)
        add_ours(w, name, value);
}

static void place(struct writing *w, const struct event *e)
{
    add_made(w, UNDAM_LSN, put_lsn(w->at, e->pos.lsn));
    add_made(w, UNDAM_SEQ, put_u64(w->at, e->pos.seq));
    *w->at = (char)e->op;
    add_made(w, UNDAM_OP, w->at + 1);
}

static void as_debezium(struct writing *w, const char *source, const struct event *e)
{
    add_ours(w, DEBEZIUM_ID, e->id);
    place(w, e);
    add_ours(w, UNDAM_SOURCE, str_of(source));
}

static void as_cloudevent(struct writing *w, const char *source, const struct lineage *lineage, const struct event *e,
                          int64_t commit_time_us, unsigned taken)
{
    add_ours(w, CE_SPECVERSION, STR("1.0"));
    if (e->id.len)
        add_ours(w, CE_ID, e->id);
    else
        add_made(w, CE_ID, put_id(w->at, lineage, e->pos));
    add_ours(w, CE_TYPE, e->type);
    size_t len = strlen(source);
    char *end = w->at;
    *end++ = '/';
    memcpy(end, source, len);
    end += len;
    if (e->entity.len) {
        *end++ = '/';
        memcpy(end, e->entity.data, e->entity.len);
        end += e->entity.len;
    }
    add_made(w, CE_SOURCE, end);
    optional(w, CE_SUBJECT, e->subject, taken);
    add_made(w, CE_TIME, put_time(w->at, commit_time_us));
    place(w, e);
}

bool kafka_event_headers(const char *source, const struct lineage *lineage, const struct event *event,
                         int64_t commit_time_us, struct buf *scratch, struct kafka_header *headers, size_t *ret_count,
                         struct err *err)
{
    struct kafka_header own[KAFKA_HEADERS_MAX];
    size_t room = ID_SIZE + TIME_SIZE + LSN_TEXT_SIZE + 2 * NUMBER_SIZE + 8 + strlen(source) + event->entity.len +
                  2 * event->headers.len;
    buf_clear(scratch);
    struct writing o = {.at = buf_reserve(scratch, room), .headers = own};
    if (!o.at)
        return err_set(err, ERR_DATA, "headers of %zu bytes are too long for a message", event->headers.len);
    bool exact = true;
    unsigned taken = 0;
    if (event->headers.len)
        own_headers(&o, event->headers, event->debezium ? OURS_DEBEZIUM : OURS, &exact, &taken);
    struct writing w = {.at = o.at, .headers = headers};
    if (event->debezium)
        as_debezium(&w, source, event);
    else
        as_cloudevent(&w, source, lineage, event, commit_time_us, taken);
    /* Debezium's payloads are the application's: no schema, whatever they look like. */
    int32_t told = event->debezium ? 0 : framed_schema(event->value, event->value_null);
    if (told != event->schema_id || taken & 1u << UNDAM_SCHEMA) {
        char *at = w.at;
        if (event->schema_id < 0)
            *at++ = '-';
        at = put_u64(at, event->schema_id < 0 ? 0 - (uint64_t)(int64_t)event->schema_id : (uint64_t)event->schema_id);
        add_made(&w, UNDAM_SCHEMA, at);
    }
    optional(&w, UNDAM_MISSING, event->missing, taken);
    optional(&w, UNDAM_OLDKEY, event->oldkey, taken);
    optional(&w, UNDAM_HEADERS, exact ? (struct str){NULL, 0} : event->headers, taken);
    if (w.count + o.count > KAFKA_HEADERS_MAX) {
        err_set(err, ERR_DATA, "an event of %zu headers, more than a message may have (%d)", w.count + o.count,
                KAFKA_HEADERS_MAX);
        return err_hint(err, "the outbox row's headers are too many");
    }
    if (o.count)
        memcpy(headers + w.count, own, o.count * sizeof *own);
    *ret_count = w.count + o.count;
    return true;
}

/* ---- reading ---- */

static bool is_debezium(const struct kafka_header *headers, size_t count)
{
    return count > 0 && str_eq(headers[0].name, names[DEBEZIUM_ID]);
}

static bool broken(const char *what, enum name name, struct err *err)
{
    return err_set(err, ERR_DATA, "a message %s header %s", what, names[name].data);
}

/* What is not ours as the JSON object it was. */
static bool foreign(const struct kafka_header *headers, size_t count, unsigned ours, struct arena *arena,
                    struct str *ret, struct err *err)
{
    struct buf out;
    unsigned seen = 0;
    buf_init(&out, 0);
    buf_addc(&out, '{');
    for (size_t i = 0; i < count; i++) {
        enum name name = name_of(headers[i].name, ours);
        unsigned bit = 1u << name;
        bool mine = name != FOREIGN && !(seen & bit);
        seen |= bit;
        if (mine)
            continue;
        if (!utf8_valid(headers[i].name) || !utf8_valid(headers[i].value)) {
            buf_free(&out);
            return err_set(err, ERR_DATA, "a message's header number %zu is not a text", i + 1);
        }
        add_member(&out, headers[i].name, headers[i].value.data != NULL, headers[i].value);
    }
    buf_addc(&out, '}');
    *ret = str_n(arena_memdup(arena, out.data, out.len), out.len);
    buf_free(&out);
    return true;
}

/* "/source/entity", "/source". */
static bool read_source(struct str s, struct str *ret_source, struct str *ret_entity)
{
    struct str rest;
    if (s.len < 2 || s.data[0] != '/')
        return false;
    *ret_source = str_cut(str_n(s.data + 1, s.len - 1), '/', &rest);
    *ret_entity = rest.data ? rest : (struct str){NULL, 0};
    return true;
}

static bool check_source(struct str found, const char *source, struct err *err)
{
    char shown[64]; /* it may be anything: without what a terminal would obey */
    size_t n = 0;
    if (str_is(found, source))
        return true;
    for (; n < found.len && n + 1 < sizeof shown; n++)
        shown[n] = found.data[n] > ' ' && found.data[n] < 127 ? found.data[n] : '?';
    shown[n] = '\0';
    err_set(err, ERR_CONFIG, "an event of source %s, not of %s", shown, source);
    return err_hint(err, "a topic belongs to one source, for places of two have no common order: give each its own "
                         "bus.prefix and source.outbox_topic_prefix; a reader that stands before such events goes past "
                         "them with `undam view rebuild`");
}

bool kafka_source_check(const char *source, const struct kafka_header *headers, size_t count, struct err *err)
{
    bool debezium = is_debezium(headers, count);
    enum name want = debezium ? UNDAM_SOURCE : CE_SOURCE;
    for (size_t i = 0; i < count; i++) {
        struct str found = headers[i].value, entity;
        if (name_of(headers[i].name, 1u << want) != want)
            continue;
        if (!found.data || (!debezium && !read_source(found, &found, &entity)))
            return broken("with a broken", want, err);
        return check_source(found, source, err);
    }
    return broken("without", want, err);
}

static bool read_op(struct str s, enum event_op *ret)
{
    if (s.len != 1 || !memchr("cudtom", s.data[0], 6))
        return false;
    *ret = (enum event_op)s.data[0];
    return true;
}

static bool read_seq(struct str s, uint32_t *ret)
{
    uint64_t v;
    if (!str_to_u64(s, &v) || v > UINT32_MAX)
        return false;
    *ret = (uint32_t)v;
    return true;
}

static bool read_schema(struct str s, int32_t *ret)
{
    int64_t v;
    if (!str_to_i64(s, &v) || v < INT32_MIN || v > INT32_MAX)
        return false;
    *ret = (int32_t)v;
    return true;
}

/* The first of each name of ours; *ret_others: there are more than those. */
static bool ours_of(const struct kafka_header *headers, size_t count, unsigned ours, struct str *h, bool *ret_others,
                    struct err *err)
{
    static const enum name needed[] = {DEBEZIUM_ID, CE_ID,     CE_TYPE,  CE_SOURCE,
                                       UNDAM_LSN,   UNDAM_SEQ, UNDAM_OP, UNDAM_SOURCE};
    for (size_t i = 0; i < count; i++) {
        enum name name = name_of(headers[i].name, ours);
        if (name == FOREIGN || h[name].data) {
            *ret_others = true;
            continue;
        }
        if (!headers[i].value.data)
            return broken("with a null", name, err);
        h[name] = headers[i].value;
    }
    for (size_t i = 0; i < COUNT(needed); i++)
        if (ours & 1u << needed[i] && !h[needed[i]].data)
            return broken("without", needed[i], err);
    return true;
}

static bool read_place(const struct str *h, struct event *e, struct err *err)
{
    if (!lsn_parse(h[UNDAM_LSN], &e->pos.lsn))
        return broken("with a broken", UNDAM_LSN, err);
    if (!read_seq(h[UNDAM_SEQ], &e->pos.seq))
        return broken("with a broken", UNDAM_SEQ, err);
    if (!read_op(h[UNDAM_OP], &e->op))
        return broken("with a broken", UNDAM_OP, err);
    if (h[UNDAM_SCHEMA].data && !read_schema(h[UNDAM_SCHEMA], &e->schema_id))
        return broken("with a broken", UNDAM_SCHEMA, err);
    if (e->op == EVENT_TRUNCATED)
        e->partition = EVENT_ALL_PARTITIONS;
    return true;
}

static bool read_cloudevent(const struct str *h, const char *source, const struct lineage *lineage, struct event *e,
                            struct err *err)
{
    char id[ID_SIZE];
    struct str found;
    if (!read_source(h[CE_SOURCE], &found, &e->entity))
        return broken("with a broken", CE_SOURCE, err);
    if (!check_source(found, source, err))
        return false;
    if (!str_eq(h[CE_ID], str_n(id, (size_t)(put_id(id, lineage, e->pos) - id))))
        e->id = h[CE_ID];
    e->type = h[CE_TYPE];
    e->subject = h[CE_SUBJECT];
    e->missing = h[UNDAM_MISSING];
    e->oldkey = h[UNDAM_OLDKEY];
    return true;
}

bool kafka_event_read(struct str topic, int32_t partition, struct str key, bool key_null, struct str value,
                      bool value_null, const struct kafka_header *headers, size_t count, const char *source,
                      const struct lineage *lineage, struct arena *arena, struct event *ret, struct err *err)
{
    struct str h[FOREIGN] = {{NULL, 0}};
    struct event e = {.topic = topic, .partition = partition, .key_null = key_null, .value_null = value_null};
    bool others = false;
    e.debezium = is_debezium(headers, count);
    unsigned ours = e.debezium ? OURS_DEBEZIUM : OURS;
    if (!e.debezium)
        e.schema_id = framed_schema(value, value_null);
    if (!ours_of(headers, count, ours, h, &others, err) || !read_place(h, &e, err))
        return false;
    if (!key_null)
        e.key = key;
    if (!value_null)
        e.value = value;
    if (e.debezium) {
        e.id = h[DEBEZIUM_ID];
        e.subject = e.key;
    }
    if (!(e.debezium ? check_source(h[UNDAM_SOURCE], source, err) : read_cloudevent(h, source, lineage, &e, err)))
        return false;
    if (h[UNDAM_HEADERS].len)
        e.headers = h[UNDAM_HEADERS];
    else if (others && !foreign(headers, count, ours, arena, &e.headers, err))
        return false;
    *ret = e;
    return true;
}

uint64_t kafka_message_hash(struct str key, bool key_null, struct str value, bool value_null,
                            const struct kafka_header *headers, size_t count)
{
    uint64_t h = hash_bytes(key_null ? (struct str){NULL, 0} : key, key_null ? 1 : 2);
    h = hash_bytes(value_null ? (struct str){NULL, 0} : value, h ^ (value_null ? 1 : 2));
    for (size_t i = 0; i < count; i++) {
        h = hash_bytes(headers[i].name, h);
        h = hash_bytes(headers[i].value, h ^ (headers[i].value.data ? 2 : 1));
    }
    return hash_bytes((struct str){NULL, 0}, h ^ count);
}
