// SPDX-License-Identifier: Apache-2.0
/*
 * Both ways: an event made of the input becomes headers and comes back equal in every field; and headers made of the
 * input, when they are an event's, give an event that does. Fields of the input: a length byte (255: null), then so
 * many bytes.
 */
#include <assert.h>

#include "bus/kafka_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct lineage lineage = {.system_id = 7, .timeline = 1, .database = "d", .slot = "s"};

static struct str take(struct str *in, bool *ret_null)
{
    size_t n = in->len ? (unsigned char)in->data[0] : 0;
    *ret_null = n == 255;
    if (in->len) {
        in->data++;
        in->len--;
    }
    if (*ret_null)
        return (struct str){NULL, 0};
    if (n > in->len)
        n = in->len;
    struct str s = {in->data ? in->data : "", n};
    in->data += n;
    in->len -= n;
    return s;
}

static uint32_t number(struct str s)
{
    uint32_t v = 0;
    for (size_t i = 0; i < s.len; i++)
        v = v << 8 | (unsigned char)s.data[i];
    return v;
}

static void trip(const struct event *e)
{
    struct kafka_header headers[KAFKA_HEADERS_MAX];
    size_t count;
    struct buf scratch;
    struct arena arena;
    struct event got;
    struct err err;
    buf_init(&scratch, 0);
    arena_init(&arena);
    if (kafka_event_headers("s", &lineage, e, -5, &scratch, headers, &count, &err)) {
        bool good = kafka_event_read(e->topic, e->partition, e->key, e->key_null, e->value, e->value_null, headers,
                                     count, "s", &lineage, &arena, &got, &err);
        assert(good);
        assert(position_cmp(got.pos, e->pos) == 0 && got.op == e->op && got.schema_id == e->schema_id);
        assert(got.partition == e->partition && got.debezium == e->debezium && got.key_null == e->key_null &&
               got.value_null == e->value_null);
        assert(str_eq(got.topic, e->topic) && str_eq(got.entity, e->entity) && str_eq(got.type, e->type));
        assert(str_eq(got.subject, e->subject) && str_eq(got.key, e->key) && str_eq(got.value, e->value));
        assert(str_eq(got.missing, e->missing) && str_eq(got.oldkey, e->oldkey) && str_eq(got.headers, e->headers));
        assert(str_eq(got.id, e->id) || str_is(e->id, bus_event_id(&lineage, &got, &arena)));
    } else {
        assert(err.class == ERR_DATA);
    }
    arena_free(&arena);
    buf_free(&scratch);
}

static void of_event(struct str in)
{
    bool null;
    struct event e = {.topic = STR("t")};
    e.op = (enum event_op) "cudtom"[number(take(&in, &null)) % 6];
    e.partition = e.op == EVENT_TRUNCATED ? EVENT_ALL_PARTITIONS : 5;
    e.pos = (struct position){(uint64_t)number(take(&in, &null)) << 16, number(take(&in, &null))};
    e.schema_id = (int32_t)number(take(&in, &null));
    e.headers = take(&in, &null);
    e.key = take(&in, &e.key_null);
    e.value = take(&in, &e.value_null);
    e.entity = take(&in, &null);
    e.type = take(&in, &null);
    e.subject = take(&in, &null);
    e.missing = take(&in, &null);
    e.oldkey = take(&in, &null);
    e.id = take(&in, &null);
    e.debezium = number(take(&in, &null)) % 2 && e.op == EVENT_OUTBOX;
    if (e.debezium) { /* what it does not tell */
        e.entity = e.type = e.missing = e.oldkey = (struct str){NULL, 0};
        e.subject = e.key;
    }
    if (e.key_null)
        e.key = (struct str){NULL, 0};
    trip(&e);
}

static void of_headers(struct str in)
{
    struct kafka_header headers[KAFKA_HEADERS_MAX];
    size_t count = 0;
    bool null, key_null, value_null;
    struct str key = take(&in, &key_null), value = take(&in, &value_null);
    while (in.len && count < KAFKA_HEADERS_MAX) {
        struct str name = take(&in, &null);
        if (name.len == 1 && (unsigned char)name.data[0] < 15) { /* a short way to the names of ours */
            static const char *const names[] = {"ce_specversion", "ce_id",        "ce_type",       "ce_source",
                                                "ce_subject",     "ce_time",      "undam_lsn",     "undam_seq",
                                                "undam_op",       "undam_schema", "undam_missing", "undam_oldkey",
                                                "undam_headers",  "id",           "undam_source"};
            name = str_of(names[(unsigned char)name.data[0]]);
        }
        headers[count].name = name;
        headers[count++].value = take(&in, &null);
    }
    struct arena arena;
    struct event e;
    struct err err;
    arena_init(&arena);
    if (kafka_event_read(STR("t"), 5, key, key_null, value, value_null, headers, count, "s", &lineage, &arena, &e,
                         &err))
        trip(&e);
    else
        assert(err.class == ERR_DATA || err.class == ERR_CONFIG);
    (void)!kafka_source_check("s", headers, count, &err);
    kafka_message_hash(key, key_null, value, value_null, headers, count);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data + (size > 0), size - (size > 0)};
    if (size == 0)
        return 0;
    if (data[0] % 2)
        of_event(in);
    else
        of_headers(in);
    return 0;
}
