// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "codec/json_normal.h"

static void normal(const char *text, const char *want)
{
    struct arena arena;
    struct buf out, twice;
    struct err err = {0};
    arena_init(&arena);
    buf_init(&out, 0);
    buf_init(&twice, 0);
    CHECK(json_normal(str_of(text), &arena, &out, &err));
    CHECK_STR(buf_str(&out), want);
    CHECK(json_normal(buf_str(&out), &arena, &twice, &err) && str_eq(buf_str(&out), buf_str(&twice)));
    buf_free(&out);
    buf_free(&twice);
    arena_free(&arena);
}

static void refused(struct str text)
{
    struct arena arena;
    struct buf out;
    struct err err = {0};
    arena_init(&arena);
    buf_init(&out, 0);
    CHECK(!json_normal(text, &arena, &out, &err));
    CHECK_INT(err.class, ERR_DATA);
    buf_free(&out);
    arena_free(&arena);
}

TEST(layout_is_dropped)
{
    normal(" { \"b\" : [ 1 , 2 ] ,\n\"a\":{}}", "{\"a\":{},\"b\":[1,2]}");
    normal("\"string\"", "\"string\"");
    normal("[]", "[]");
    normal("{\"a\":[{\"z\":true,\"y\":null},false]}", "{\"a\":[{\"y\":null,\"z\":true},false]}");
}

TEST(escapes_are_one)
{
    normal("\"\\u00e9\\/\\u0041\\n\"", "\"\xc3\xa9/A\\n\"");
    normal("{\"\\u0061\":1}", "{\"a\":1}");
}

TEST(what_is_written_stays)
{
    normal("[1.0,1,1e0,-0]", "[1.0,1,1e0,-0]");
    normal("[3,1,2]", "[3,1,2]");
    normal("{\"a\":1,\"a\":2}", "{\"a\":2}");
}

TEST(what_is_no_json_is_refused)
{
    refused(STR(""));
    refused(STR("{"));
    refused(STR("[1,]"));
    refused(STR("1 2"));
    refused(STR("\"a\0b\""));
    char deep[201];
    memset(deep, '[', 200);
    refused(str_n(deep, 200));
}

TEST_MAIN
