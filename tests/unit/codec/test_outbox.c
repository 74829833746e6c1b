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

TEST_MAIN
