// SPDX-License-Identifier: Apache-2.0
#include "codec/outbox.h"

#include "test.h"

static void check(const char *json, const char *want)
{
    struct arena arena;
    struct buf out = {0};
    struct err err = {0};
    arena_init(&arena);
    buf_addc(&out, '{');
    bool ok = outbox_headers(str_of(json), &arena, &out, &err);
    CHECK(ok == (want != NULL));
    if (ok)
        CHECK_STR(buf_str(&out), want);
    else
        CHECK_INT(err.class, ERR_DATA);
    buf_free(&out);
    arena_free(&arena);
}

TEST(members_become_strings)
{
    check("{}", "{");
    check("{\"a\": \"x\", \"b\": 12.50, \"c\": true, \"d\": null, \"e\": false}",
          "{\"a\":\"x\",\"b\":\"12.50\",\"c\":\"true\",\"e\":\"false\"");
    check("{\"a\": {\"b\": [1, \"}\"]}, \"z\": []}", "{\"a\":\"{\\\"b\\\": [1, \\\"}\\\"]}\",\"z\":\"[]\"");
    check("{\"q\\\"\": \"\\u00e9\\n\"}", "{\"q\\\"\":\"\xc3\xa9\\n\"");
}

TEST(anything_else_is_refused)
{
    check("", NULL);
    check("[]", NULL);
    check("\"x\"", NULL);
    check("{\"a\": ", NULL);
    check("{\"a\": [1, }", NULL);
    check("{} {}", NULL);
    check("{\"a\" 1}", NULL);
}

TEST(one_header_after_another)
{
    struct buf out = {0};
    buf_addc(&out, '{');
    outbox_header(STR("traceparent"), STR("00-ab"), &out);
    outbox_header(STR("x"), STR(""), &out);
    CHECK_STR(buf_str(&out), "{\"traceparent\":\"00-ab\",\"x\":\"\"");
    buf_free(&out);
}

static const char *parsed(const char *text)
{
    static char out[400];
    static const char *const places[] = {"header", "envelope", "partition"};
    struct outbox_field fields[OUTBOX_FIELDS_MAX];
    struct err err = {0};
    size_t count, n = 0;
    if (!outbox_fields_parse(str_of(text), fields, &count, &err)) {
        CHECK_INT(err.class, ERR_CONFIG);
        return "refused";
    }
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s" STR_FMT ">%s>" STR_FMT, i ? " " : "",
                              STR_ARG(fields[i].column), places[fields[i].place], STR_ARG(fields[i].alias));
    return out;
}

TEST(placements)
{
    CHECK_STR(str_of(parsed("")), "");
    CHECK_STR(str_of(parsed("type:header")), "type>header>type");
    CHECK_STR(str_of(parsed(" type : HEADER : eventType ,shard:partition,tenant:envelope:t")),
              "type>header>eventType shard>partition>shard tenant>envelope>t");
    CHECK_STR(str_of(parsed("type")), "refused");
    CHECK_STR(str_of(parsed("type:head")), "refused");
    CHECK_STR(str_of(parsed(":header")), "refused");
    CHECK_STR(str_of(parsed("type:header:")), "refused");
    CHECK_STR(str_of(parsed("type:header:a:b")), "refused");
    CHECK_STR(str_of(parsed("type:header,,x:header")), "refused");
    struct buf many = {0};
    for (int i = 0; i <= OUTBOX_FIELDS_MAX; i++)
        buf_adds(&many, i ? ",a:header" : "a:header");
    buf_addc(&many, '\0');
    CHECK_STR(str_of(parsed(many.data)), "refused");
    buf_free(&many);
}

TEST(columns_with_other_names)
{
    struct err err;
    struct str columns = STR("id=event_id, payload = data");
    CHECK_STR(outbox_column(columns, STR("id")), "event_id");
    CHECK_STR(outbox_column(columns, STR("payload")), "data");
    CHECK_STR(outbox_column(columns, STR("type")), "type");
    CHECK(outbox_columns_check(columns, "id|payload", &err));
    CHECK(outbox_columns_check(STR(""), "id", &err));
    CHECK(!outbox_columns_check(STR("id"), "id", &err));
    CHECK(!outbox_columns_check(STR("id="), "id", &err));
    CHECK(!outbox_columns_check(STR("=x"), "id", &err));
    CHECK(!outbox_columns_check(STR("other=x"), "id|payload", &err));
}

TEST(values_as_debezium_writes_them)
{
    struct buf out = {0};
    CHECK_INT(outbox_kind_of(16), OUTBOX_BOOLEAN);
    CHECK_INT(outbox_kind_of(23), OUTBOX_INTEGER);
    CHECK_INT(outbox_kind_of(2950), OUTBOX_TEXT);
    CHECK_INT(outbox_kind_of(1184), OUTBOX_OTHER);
    CHECK_INT(outbox_kind_of(70000), OUTBOX_TEXT);
    CHECK_STR(outbox_text(OUTBOX_BOOLEAN, STR("t")), "true");
    CHECK_STR(outbox_text(OUTBOX_BOOLEAN, STR("f")), "false");
    CHECK_STR(outbox_text(OUTBOX_INTEGER, STR("-5")), "-5");
    buf_addc(&out, '{');
    outbox_member(OUTBOX_TEXT, STR("payload"), STR("{\"a\": 1}"), &out);
    outbox_member(OUTBOX_INTEGER, STR("n"), STR("7"), &out);
    outbox_member(OUTBOX_BOOLEAN, STR("b"), STR("t"), &out);
    outbox_member(OUTBOX_TEXT, STR("none"), (struct str){NULL, 0}, &out);
    outbox_header_null(STR("h"), &out);
    CHECK_STR(buf_str(&out), "{\"payload\":\"{\\\"a\\\": 1}\",\"n\":7,\"b\":true,\"none\":null,\"h\":null");
    buf_clear(&out);
    CHECK(outbox_bytes(STR("\\x0041ff"), &out));
    CHECK_INT(out.len, 3);
    CHECK(memcmp(out.data, "\0A\xff", 3) == 0);
    buf_clear(&out);
    CHECK(outbox_bytes(STR("\\x"), &out));
    CHECK_INT(out.len, 0);
    CHECK(!outbox_bytes(STR("\\x0"), &out));
    CHECK(!outbox_bytes(STR("\\xgg"), &out));
    CHECK(!outbox_bytes(STR("abc"), &out));
    buf_free(&out);
}

TEST_MAIN
