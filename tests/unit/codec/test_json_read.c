// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "codec/json_read.h"

/* The tokens of a text, one letter each: {}[] k s n t f 0(null), '.' at the end, '!' broken. */
static const char *tokens(const char *text)
{
    static const char letters[] = "!.{}[]ksntf0";
    static char out[256];
    struct arena a;
    struct json_reader r;
    size_t n = 0;
    arena_init(&a);
    json_reader_init(&r, str_of(text), &a);
    enum json_token t;
    do {
        t = json_next(&r);
        out[n++] = letters[t];
    } while (t != JSON_ERROR && t != JSON_END && n < sizeof out - 1);
    CHECK(json_next(&r) == t);
    out[n] = '\0';
    arena_free(&a);
    return out;
}

TEST(tokens)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"{}", "{}."},
        {" [ ] ", "[]."},
        {"{\"a\" : [1, -0.5e+3 ,true,false,null],\"b\":{\"c\":\"\"}}", "{k[nntf0]k{ks}}."},
        {"\"x\"", "s."},
        {"0", "n."},
        {"", "!"},
        {"[1,]", "[n!"},
        {"[,1]", "[!"},
        {"{\"a\"}", "{!"},
        {"{\"a\":1,}", "{kn!"},
        {"{1:2}", "{!"},
        {"[1 2]", "[n!"},
        {"[1}", "[n!"},
        {"01", "!"},
        {"1.", "!"},
        {"1e", "!"},
        {"-", "!"},
        {"+1", "!"},
        {"nul", "!"},
        {"\"a", "!"},
        {"\"\\", "!"},
        {"\"\\x\"", "!"},
        {"\"\\u12G4\"", "!"},
        {"\"\\ud800\"", "!"},
        {"\"\\ud800\\u0041\"", "!"},
        {"\"\\udc00\"", "!"},
        {"\"\t\"", "!"},
        {"\"\xff\"", "!"},
        {"\"\xed\xa0\x80\"", "!"},
        {"\"\xc0\xaf\"", "!"},
        {"1 2", "n!"},
        {"nullx", "0!"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_STR(str_of(tokens(cases[i].text)), cases[i].want);
}

TEST(depth_has_a_limit)
{
    char deep[JSON_DEPTH_MAX + 3];
    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    const char *got = tokens(deep);
    CHECK_INT(strlen(got), JSON_DEPTH_MAX + 1);
    CHECK_INT(got[JSON_DEPTH_MAX], '!');
}

TEST(strings_are_decoded)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"\"plain \xc3\xa9\"", "plain \xc3\xa9"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00!\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!"},
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_reader r;
        json_reader_init(&r, str_of(cases[i].text), &a);
        CHECK_INT(json_next(&r), JSON_STRING);
        CHECK_STR(r.value, cases[i].want);
    }
    arena_free(&a);
}

TEST(what_is_printed_is_read)
{
    char all[256];
    struct buf out;
    struct arena a;
    struct json_reader r;
    for (int i = 0; i < 128; i++)
        all[i] = (char)i;
    buf_init(&out, 0);
    arena_init(&a);
    buf_add_json(&out, str_n(all, 128));
    json_reader_init(&r, buf_str(&out), &a);
    CHECK_INT(json_next(&r), JSON_STRING);
    CHECK(str_eq(r.value, str_n(all, 128)));
    arena_free(&a);
    buf_free(&out);
}

TEST(skip_passes_over_values)
{
    struct arena a;
    struct json_reader r;
    arena_init(&a);
    json_reader_init(&r, STR("[{\"a\":[1,{}]},2]"), &a);
    CHECK_INT(json_next(&r), JSON_ARRAY);
    CHECK(json_skip(&r, json_next(&r)));
    CHECK_INT(json_next(&r), JSON_NUMBER);
    CHECK_STR(r.value, "2");
    json_reader_init(&r, STR("[[1"), &a);
    CHECK(!json_skip(&r, json_next(&r)));
    arena_free(&a);
}

TEST(arrays_of_texts)
{
    struct arena a;
    struct err err = {0};
    struct str *items;
    size_t n;
    arena_init(&a);
    CHECK(json_string_array(STR("[\"a\", null, \"\\u0062\"]"), &a, &items, &n, &err));
    CHECK_INT(n, 3);
    CHECK_STR(items[0], "a");
    CHECK(!items[1].data);
    CHECK_STR(items[2], "b");
    CHECK(json_string_array(STR("[]"), &a, &items, &n, &err));
    CHECK_INT(n, 0);
    CHECK(!json_string_array(STR("[1]"), &a, &items, &n, &err));
    CHECK_INT(err.class, ERR_DATA);
    CHECK(!json_string_array(STR("\"a\""), &a, &items, &n, &err));
    CHECK(!json_string_array(STR("[\"a\"] x"), &a, &items, &n, &err));
    CHECK_STR(str_of(err.text), "array of texts: something follows the value at byte 6");
    arena_free(&a);
}

TEST_MAIN
