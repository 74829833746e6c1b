// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include <time.h>

#include "base/log.h"
#include "bus/kafka_record.h"

static const struct lineage lineage = {
    .system_id = 7300000000000000001u, .timeline = 2, .database = "shop", .slot = "undam"};

/* ---- records ---- */

static void round_trip(const struct kafka_record *record)
{
    struct arena a;
    struct buf once, twice;
    struct kafka_record got;
    struct err err = {0};
    arena_init(&a);
    buf_init(&once, 0);
    buf_init(&twice, 0);
    kafka_record_print(record, &once);
    bool good = kafka_record_parse(buf_str(&once), &a, &got, &err);
    if (!good)
        printf("# %s: %s\n", once.data, err.text);
    CHECK(good);
    if (good) {
        kafka_record_print(&got, &twice);
        CHECK_STR(buf_str(&twice), once.data);
        CHECK(got.kind == record->kind && got.epoch == record->epoch && got.lsn == record->lsn);
        CHECK(got.txn.lsn == record->txn.lsn && got.txn.commit_time_us == record->txn.commit_time_us);
        CHECK(got.txn.xid == record->txn.xid && got.txn.events == record->txn.events);
        CHECK(got.commit_time_us == record->commit_time_us && got.watermark_us == record->watermark_us);
        CHECK(got.through_seq == record->through_seq && got.transactions == record->transactions);
        CHECK(got.events == record->events && got.durable_lsn == record->durable_lsn);
        CHECK(lineage_eq(&got.lineage, &record->lineage));
        CHECK(got.count_count == record->count_count && got.total_count == record->total_count);
        for (size_t i = 0; i < got.count_count && i < record->count_count; i++) {
            const struct kafka_count *x = &got.counts[i], *y = &record->counts[i];
            CHECK(str_eq(x->topic, y->topic) && x->partition == y->partition && x->events == y->events);
            CHECK(x->truncated == y->truncated && x->last_seq == y->last_seq && x->hash == y->hash);
        }
        for (size_t i = 0; i < got.total_count && i < record->total_count; i++) {
            const struct kafka_topic_total *x = &got.totals[i], *y = &record->totals[i];
            CHECK(str_eq(x->topic, y->topic) && x->partitions == y->partitions && x->events == y->events);
        }
    }
    buf_free(&once);
    buf_free(&twice);
    arena_free(&a);
}

TEST(records_come_back_equal)
{
    struct kafka_count counts[] = {{STR("shop.orders"), 7, 3, 2, 9, UINT64_MAX}, {STR("shop.\xff\0x"), 0, 1, 0, 1, 0}};
    struct kafka_topic_total totals[] = {{STR("shop.orders"), 8, UINT64_MAX}, {STR("shop.\"x\""), 1, 0}};
    struct kafka_record open = {.kind = KAFKA_OPEN,
                                .epoch = INT64_MAX,
                                .lineage = lineage,
                                .lsn = UINT64_MAX,
                                .commit_time_us = INT64_MIN,
                                .watermark_us = INT64_MAX,
                                .transactions = UINT64_MAX,
                                .events = 1,
                                .totals = totals,
                                .total_count = 2};
    struct kafka_record commit = {.kind = KAFKA_COMMIT,
                                  .epoch = 1,
                                  .txn = {0x100000010, -1, UINT32_MAX, UINT32_MAX},
                                  .lsn = 0x100000010,
                                  .durable_lsn = 0xfffffff0,
                                  .counts = counts,
                                  .count_count = 2,
                                  .transactions = 5,
                                  .events = 9007199254740993u};
    struct kafka_record part = commit, quiet = open;
    part.kind = KAFKA_PART;
    part.txn.events = 0;
    part.durable_lsn = 0;
    part.through_seq = 100;
    quiet.kind = KAFKA_QUIET;
    memcpy(quiet.lineage.database, "\xe9t\xe9", 4); /* of a server whose encoding is not UTF-8 */
    round_trip(&open);
    round_trip(&commit);
    round_trip(&part);
    round_trip(&quiet);
    open.total_count = commit.count_count = 0;
    round_trip(&open);
    round_trip(&commit);
}

#define REST                                                                                  \
    "\"epoch\":\"3\",\"lsn\":\"0/40\",\"commit_time_us\":\"5\",\"xid\":700,\"txn_events\":2," \
    "\"transactions\":\"1\",\"events\":\"2\",\"durable_lsn\":\"0/"                            \
    "0\",\"counts\":[[\"a\",3,2,0,2,\"9c3f0a7711d2e4b6\"]]"

TEST(what_is_not_a_record_is_refused)
{
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"", "byte 0"},
        {"[]", "kind"},
        {"{}", "kind"},
        {"{\"epoch\":\"3\",\"kind\":\"commit\"}", "kind"},
        {"{\"kind\":\"coma\"," REST "}", "this version knows"},
        {"{\"kind\":\"commit\"," REST "} {}", "byte"},
        {"{\"kind\":\"commit\"," REST, "byte"},
        {"{\"kind\":\"commit\"," REST ",\"epoch\":\"3\"}", "\"epoch\" twice"},
        {"{\"kind\":\"commit\"," REST ",\"colour\":\"3\"}", "\"colour\" that this version"},
        {"{\"kind\":\"commit\"," REST ",\"through_seq\":3}", "\"through_seq\" that this version"},
        {"{\"kind\":\"quiet\"," REST "}", "\"xid\" that this version"},
        {"{\"kind\":\"commit\",\"epoch\":3}", "\"epoch\" is not a string"},
        {"{\"kind\":\"commit\",\"epoch\":\"x\"}", "\"epoch\" is not a number"},
        {"{\"kind\":\"commit\",\"lsn\":\"0x40\"}", "\"lsn\" is not an LSN"},
        {"{\"kind\":\"commit\",\"xid\":-1}", "\"xid\" is not a number in range"},
        {"{\"kind\":\"commit\",\"xid\":4294967296}", "\"xid\" is not a number in range"},
        {"{\"kind\":\"commit\",\"xid\":1.5}", "\"xid\" is not a number in range"},
        {"{\"kind\":\"commit\",\"counts\":[[\"a\",3,2,0,2]]}", "\"counts\" is not a hash"},
        {"{\"kind\":\"commit\",\"counts\":[[\"a\",3,2,0,2,\"9c3f0a7711d2e4bg\"]]}", "\"counts\" is not a hash"},
        {"{\"kind\":\"commit\",\"counts\":[[\"a\",3,2,0,2,\"9c3f0a7711d2e4b6\",1]]}",
         "\"counts\" is not a list of six"},
        {"{\"kind\":\"commit\",\"counts\":{}}", "\"counts\" is not a list"},
        {"{\"kind\":\"open\",\"topics\":[[\"a\",3,2]]}", "\"topics\" is not a string"},
        {"{\"kind\":\"open\",\"database\":\"a\\u0000b\"}", "\"database\" is not a name"},
        {"{\"kind\":\"open\",\"slot\":{\"hex\":\"f\"}}", "\"slot\" is not a name"},
        {"{\"kind\":\"open\",\"slot\":{\"hex\":\"41\"}}", "\"slot\" is not a name"},
        {"{\"kind\":\"open\",\"slot\":\"0123456789012345678901234567890123456789012345678901234567890123\"}", "63"},
        {"{\"kind\":\"commit\",\"epoch\":\"3\"}", "without \"lsn\""},
    };
    struct arena a;
    struct kafka_record r;
    struct err err;
    arena_init(&a);
    CHECK(kafka_record_parse(STR("{\"kind\":\"commit\"," REST "}"), &a, &r, &err));
    CHECK(r.txn.lsn == 0x40 && r.counts[0].hash == 0x9c3f0a7711d2e4b6u);
    for (size_t i = 0; i < COUNT(cases); i++) {
        err_clear(&err);
        bool good = kafka_record_parse(str_of(cases[i].json), &a, &r, &err);
        if (good || err.class != ERR_DATA || !strstr(err.text, cases[i].says))
            printf("# %s: %s\n", cases[i].json, err.text);
        CHECK(!good && err.class == ERR_DATA && strstr(err.text, cases[i].says));
    }
    arena_free(&a);
}

/* ---- messages ---- */

static bool same(const struct event *a, const struct event *b)
{
    return position_cmp(a->pos, b->pos) == 0 && a->op == b->op && a->schema_id == b->schema_id &&
           a->partition == b->partition && a->key_null == b->key_null && a->value_null == b->value_null &&
           str_eq(a->topic, b->topic) && str_eq(a->entity, b->entity) && str_eq(a->type, b->type) &&
           str_eq(a->id, b->id) && str_eq(a->subject, b->subject) && str_eq(a->key, b->key) &&
           str_eq(a->value, b->value) && str_eq(a->missing, b->missing) && str_eq(a->oldkey, b->oldkey) &&
           str_eq(a->headers, b->headers);
}

struct message {
    struct buf scratch;
    struct kafka_header headers[KAFKA_HEADERS_MAX];
    size_t count;
    struct arena arena;
    struct event event;
};

static bool message_trip(struct message *m, const struct event *e)
{
    struct err err = {0};
    bool good = kafka_event_headers("shop", &lineage, e, 1700000000123456, &m->scratch, m->headers, &m->count, &err) &&
                kafka_event_read(e->topic, e->partition, e->key, e->key_null, e->value, e->value_null, m->headers,
                                 m->count, "shop", &lineage, &m->arena, &m->event, &err);
    if (!good)
        printf("# %s\n", err.text);
    return good;
}

static void message_init(struct message *m)
{
    *m = (struct message){.count = 0};
    buf_init(&m->scratch, 0);
    arena_init(&m->arena);
}

static void message_free(struct message *m)
{
    buf_free(&m->scratch);
    arena_free(&m->arena);
}

static struct str header(const struct message *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (str_is(m->headers[i].name, name))
            return m->headers[i].value;
    return (struct str){NULL, 0};
}

static const struct event plain = {.pos = {0x1600000010, 7},
                                   .op = EVENT_UPDATED,
                                   .partition = 3,
                                   .schema_id = 258,
                                   .topic = STR("shop.orders"),
                                   .entity = STR("public.orders"),
                                   .type = STR("orders.updated"),
                                   .subject = STR("17"),
                                   .key = STR("u4"),
                                   .value = STR("\0\0\0\1\2payload")};

TEST(an_event_has_the_headers_of_the_contract)
{
    static const char *const want[][2] = {{"ce_specversion", "1.0"},
                                          {"ce_id", "7300000000000000001-16/10-7"},
                                          {"ce_type", "orders.updated"},
                                          {"ce_source", "/shop/public.orders"},
                                          {"ce_subject", "17"},
                                          {"ce_time", "2023-11-14T22:13:20.123456Z"},
                                          {"undam_lsn", "16/10"},
                                          {"undam_seq", "7"},
                                          {"undam_op", "u"}};
    struct message m;
    message_init(&m);
    CHECK(message_trip(&m, &plain) && same(&m.event, &plain));
    CHECK_INT(m.count, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        CHECK_STR(m.headers[i].name, want[i][0]);
        CHECK_STR(m.headers[i].value, want[i][1]);
    }
    message_free(&m);
}

TEST(every_field_survives)
{
    static const struct str headers[] = {
        STR(""),
        STR("{}"),
        STR("{\"traceparent\":\"00-1\"}"),
        STR("{\"a\":\"1\",\"a\":\"2\",\"\":\"\"}"),
        STR("{\"ce_id\":\"x\",\"undam_lsn\":\"0/0\",\"undam_missing\":\"y\",\"undam_oldkey\":\"z\"}"),
        STR("{\"undam_schema\":\"9\",\"undam_headers\":\"{}\",\"ce_subject\":\"s\",\"undam_seq\":\"\"}"),
        STR("{ \"spaced\" : \"1\" }"),
        STR("{\"escaped\":\"\\u0041\\/\"}"),
        STR("{\"nul\\u0000\":\"a\"}"),
        STR("{\"value\":\"\\u0000\\n\"}"),
        STR("{\"number\":1}"),
        STR("{\"null\":null,\"id\":\"1\"}"),
        STR("[\"not an object\"]"),
        STR("\xff\xfe no JSON at all"),
    };
    static const struct str values[] = {STR(""), STR("\0"), STR("\0\0\0\1\2"), STR("\0\xff\xff\xff\xff x"), STR("{}")};
    static const int32_t schemas[] = {0, 1, 258, -1, INT32_MIN, INT32_MAX};
    struct message m;
    message_init(&m);
    for (size_t h = 0; h < COUNT(headers); h++) {
        for (size_t v = 0; v < COUNT(values) * COUNT(schemas); v++) {
            struct event e = plain;
            e.headers = headers[h];
            e.value = values[v % COUNT(values)];
            e.schema_id = schemas[v / COUNT(values)];
            CHECK(message_trip(&m, &e) && same(&m.event, &e));
        }
    }
    struct event e = plain;
    e.value = (struct str){NULL, 0};
    e.value_null = e.key_null = true;
    e.key = e.entity = e.subject = e.type = (struct str){NULL, 0};
    e.id = STR("\xff\0 an id");
    e.missing = STR("[\"wide\"]");
    e.oldkey = STR("[\"1\"]");
    e.op = EVENT_TRUNCATED;
    e.partition = EVENT_ALL_PARTITIONS;
    CHECK(message_trip(&m, &e) && same(&m.event, &e));
    CHECK_STR(header(&m, "ce_source"), "/shop");
    CHECK_STR(header(&m, "undam_missing"), "[\"wide\"]");
    e.entity = STR("a/b.c/");
    e.pos = (struct position){UINT64_MAX, UINT32_MAX};
    CHECK(message_trip(&m, &e) && same(&m.event, &e));
    message_free(&m);
}

TEST(an_outbox_row_as_debezium_has_it)
{
    static const char *const headers[] = {"", "{\"type\":\"placed\",\"nothing\":null}",
                                          "{\"id\":\"2\",\"ce_id\":\"3\",\"undam_op\":\"4\",\"undam_schema\":\"5\"}"};
    static const char *const want[] = {"id", "undam_lsn", "undam_seq", "undam_op", "undam_source"};
    struct message m;
    struct event e = plain;
    e.op = EVENT_OUTBOX;
    e.schema_id = 0;
    e.id = STR("5e1e"); /* framed as it is, the value is the application's */
    e.debezium = true;
    e.entity = e.type = (struct str){NULL, 0}; /* what Debezium does not say, we do not know again */
    e.subject = e.key;
    message_init(&m);
    for (size_t i = 0; i < COUNT(headers); i++) {
        e.headers = str_of(headers[i]);
        CHECK(message_trip(&m, &e) && same(&m.event, &e) && m.event.debezium);
        for (size_t k = 0; k < COUNT(want); k++)
            CHECK_STR(m.headers[k].name, want[k]);
        CHECK_INT(m.count, 5 + (i == 1 ? 2 : i == 2 ? 5 : 0));
    }
    CHECK_STR(m.headers[0].value, "5e1e");
    CHECK_STR(m.headers[3].value, "o");
    CHECK_STR(m.headers[4].value, "shop");
    message_free(&m);
}

TEST(an_event_of_another_source_is_refused)
{
    static const char *const others[] = {"sho", "shop2", "Shop", "public.orders", ""};
    struct message m;
    struct event got;
    struct err err;
    message_init(&m);
    for (int debezium = 0; debezium < 2; debezium++) {
        struct event e = plain;
        e.debezium = debezium;
        e.headers = STR("{\"undam_source\":\"x\",\"ce_source\":\"/x/y\"}"); /* the event's own say nothing */
        CHECK(message_trip(&m, &e));
        CHECK(kafka_source_check("shop", m.headers, m.count, &err));
        for (size_t i = 0; i < COUNT(others); i++) {
            err_clear(&err);
            CHECK(!kafka_event_read(e.topic, 3, e.key, false, e.value, false, m.headers, m.count, others[i], &lineage,
                                    &m.arena, &got, &err));
            CHECK(err.class == ERR_CONFIG && strstr(err.text, "source shop, not of") && strstr(err.hint, "prefix"));
            CHECK(!kafka_source_check(others[i], m.headers, m.count, &err) && err.class == ERR_CONFIG);
        }
        CHECK(!kafka_source_check("shop", m.headers, 1, &err) && err.class == ERR_DATA);
    }
    message_free(&m);
}

TEST(too_many_headers)
{
    struct message m;
    struct buf json;
    struct err err = {0};
    message_init(&m);
    buf_init(&json, 0);
    for (int n = 50; n < 60; n++) {
        buf_clear(&json);
        for (int i = 0; i < n; i++)
            buf_printf(&json, "%c\"h%d\":\"%d\"", i ? ',' : '{', i, i);
        buf_addc(&json, '}');
        struct event e = plain;
        e.headers = buf_str(&json);
        bool good = kafka_event_headers("shop", &lineage, &e, 0, &m.scratch, m.headers, &m.count, &err);
        CHECK(good == (n + 9 <= KAFKA_HEADERS_MAX));
        CHECK(good || (err.class == ERR_DATA && err.hint[0]));
    }
    buf_free(&json);
    message_free(&m);
}

TEST(times_are_the_calendar_s)
{
    static const int64_t times[] = {0, -1, 951782400000000, 4107542399999999, -62135596800000000, 253402300799999999};
    struct message m;
    struct err err = {0};
    message_init(&m);
    for (size_t i = 0; i < COUNT(times) + 2000; i++) {
        int64_t us = i < COUNT(times) ? times[i] : ((int64_t)i - 1000) * 31556952 * 777777 / 7;
        int64_t second = us / 1000000 - (us % 1000000 < 0);
        time_t t = (time_t)second;
        struct tm tm;
        char want[64], day[40];
        gmtime_r(&t, &tm);
        if (tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999)
            continue;
        strftime(day, sizeof day, "%m-%dT%H:%M:%S", &tm);
        snprintf(want, sizeof want, "%04d-%s.%06dZ", tm.tm_year + 1900, day, (int)(us - second * 1000000));
        CHECK(kafka_event_headers("s", &lineage, &plain, us, &m.scratch, m.headers, &m.count, &err));
        CHECK_STR(header(&m, "ce_time"), want);
    }
    CHECK(kafka_event_headers("s", &lineage, &plain, INT64_MIN, &m.scratch, m.headers, &m.count, &err));
    CHECK(kafka_event_headers("s", &lineage, &plain, INT64_MAX, &m.scratch, m.headers, &m.count, &err));
    message_free(&m);
}

TEST(what_is_not_a_message_is_refused)
{
    static const struct {
        const char *name;
        struct str value;
        const char *says;
    } cases[] = {
        {"ce_id", {NULL, 0}, "with a null header ce_id"},
        {"undam_lsn", STR("0/"), "with a broken header undam_lsn"},
        {"undam_seq", STR("-1"), "with a broken header undam_seq"},
        {"undam_seq", STR("4294967296"), "with a broken header undam_seq"},
        {"undam_op", STR("x"), "with a broken header undam_op"},
        {"undam_op", STR(""), "with a broken header undam_op"},
        {"ce_source", STR("shop"), "with a broken header ce_source"},
        {"undam_schema", STR("2147483648"), "with a broken header undam_schema"},
    };
    struct message m;
    struct event got;
    struct err err;
    message_init(&m);
    CHECK(message_trip(&m, &plain));
    for (size_t skip = 1; skip < m.count; skip++) { /* ce_specversion, ce_subject and ce_time tell us nothing */
        static struct kafka_header left[KAFKA_HEADERS_MAX];
        memcpy(left, m.headers, m.count * sizeof *left);
        memmove(left + skip, left + skip + 1, (m.count - skip - 1) * sizeof *left);
        bool good = kafka_event_read(plain.topic, 3, plain.key, false, plain.value, false, left, m.count - 1, "shop",
                                     &lineage, &m.arena, &got, &err);
        CHECK(good == (skip == 4 || skip == 5));
        CHECK(good || (err.class == ERR_DATA && strstr(err.text, "without header")));
    }
    for (size_t i = 0; i < COUNT(cases); i++) {
        static struct kafka_header with[KAFKA_HEADERS_MAX + 1];
        with[0] = (struct kafka_header){str_of(cases[i].name), cases[i].value};
        memcpy(with + 1, m.headers, m.count * sizeof *with);
        err_clear(&err);
        CHECK(!kafka_event_read(plain.topic, 3, plain.key, false, plain.value, false, with, m.count + 1, "shop",
                                &lineage, &m.arena, &got, &err));
        CHECK(err.class == ERR_DATA && strstr(err.text, cases[i].says));
    }
    m.headers[m.count] = (struct kafka_header){STR("foreign"), STR("\xff")};
    CHECK(!kafka_event_read(plain.topic, 3, plain.key, false, plain.value, false, m.headers, m.count + 1, "shop",
                            &lineage, &m.arena, &got, &err));
    CHECK(err.class == ERR_DATA);
    message_free(&m);
}

TEST(a_hash_tells_what_moved)
{
    struct kafka_header a[] = {{STR("n"), STR("v")}, {STR("m"), STR("")}},
                        b[] = {{STR("nv"), STR("")}, {STR("m"), STR("")}};
    struct kafka_header c[] = {{STR("n"), STR("v")}, {STR("m"), {NULL, 0}}};
    struct str x = STR("x"), y = STR("y"), none = {NULL, 0};
    uint64_t h[] = {
        kafka_message_hash(x, false, y, false, a, 2),    kafka_message_hash(y, false, x, false, a, 2),
        kafka_message_hash(x, false, y, false, b, 2),    kafka_message_hash(x, false, y, false, c, 2),
        kafka_message_hash(x, false, y, false, a, 1),    kafka_message_hash(x, false, none, false, a, 2),
        kafka_message_hash(x, false, none, true, a, 2),  kafka_message_hash(none, false, y, false, a, 2),
        kafka_message_hash(none, true, y, false, a, 2),  kafka_message_hash(STR("xy"), false, none, false, a, 2),
        kafka_message_hash(none, true, none, true, a, 0)};
    for (size_t i = 0; i < COUNT(h); i++)
        for (size_t k = i + 1; k < COUNT(h); k++)
            CHECK(h[i] != h[k]);
    CHECK(kafka_message_hash(x, true, y, true, a, 2) == kafka_message_hash(none, true, none, true, a, 2));
}

/* How long it takes, for whoever wonders. */
TEST(cost)
{
    enum { N = 20000 };
    struct message m;
    struct event e = plain;
    uint64_t h = 0;
    message_init(&m);
    e.headers = STR("{\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}");
    int64_t start = mono_us();
    for (int i = 0; i < N; i++) {
        CHECK(message_trip(&m, &e));
        arena_reset(&m.arena);
    }
    int64_t made = mono_us();
    for (int i = 0; i < N; i++)
        h += kafka_message_hash(e.key, false, e.value, false, m.headers, m.count);
    printf("# %.3f us to make and read an event's headers, %.3f us to hash (%d)\n", (double)(made - start) / N,
           (double)(mono_us() - made) / N, (int)(h & 1));
    message_free(&m);
}

TEST_MAIN
