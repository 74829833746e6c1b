// SPDX-License-Identifier: Apache-2.0
/* String views and bounded buffers. */
#include "test.h"

TEST(numbers_are_whole_and_fit)
{
    int64_t v = 0;
    CHECK(str_to_i64(STR("-9223372036854775808"), &v) && v == INT64_MIN);
    CHECK(!str_to_i64(STR("9223372036854775808"), &v));
    CHECK(!str_to_i64(STR("1x"), &v) && !str_to_i64(STR(""), &v) && !str_to_i64(STR("-"), &v));
}

TEST(cut_and_trim)
{
    struct str rest, first = str_cut(STR("a/b/c"), '/', &rest);
    CHECK_STR(first, "a");
    CHECK_STR(rest, "b/c");
    CHECK_STR(str_trim(STR(" \tx y\n")), "x y");
}

TEST(buffer_stops_at_its_maximum)
{
    struct buf b;
    buf_init(&b, 8);
    buf_adds(&b, "12345678");
    CHECK(!b.overflow);
    buf_addc(&b, '9');
    CHECK(b.overflow && b.len == 8);
    buf_free(&b);
}

TEST(quoting)
{
    struct buf b;
    buf_init(&b, 0);
    buf_add_json(&b, STR("a\"b\\\n\x01\xc3\xa9"));
    CHECK_STR(buf_str(&b), "\"a\\\"b\\\\\\n\\u0001\xc3\xa9\"");
    buf_clear(&b);
    buf_add_ident(&b, STR("we\"ird"));
    buf_add_literal(&b, STR("it's \\"));
    CHECK_STR(buf_str(&b), "\"we\"\"ird\"E'it''s \\\\'");
    buf_free(&b);
}

TEST(views_compare_as_bytes)
{
    CHECK(str_cmp(STR("a"), STR("b")) < 0 && str_cmp(STR("ab"), STR("a")) > 0 && str_cmp(STR(""), STR("")) == 0);
    CHECK(str_cmp(STR("\xff"), STR("a")) > 0);
    CHECK(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")) && str_starts(STR("a"), STR("")));
    CHECK(str_eq((struct str){NULL, 0}, STR("")) && !str_is(STR("a"), "ab"));
    CHECK_STR(str_trim(STR(" \t\r\n")), "");
    struct str rest;
    CHECK_STR(str_cut(STR("abc"), '/', &rest), "abc");
    CHECK(rest.data == NULL && rest.len == 0);
    CHECK_STR(str_cut(STR("abc/"), '/', &rest), "abc");
    CHECK(rest.data != NULL && rest.len == 0); /* an empty last field is told from none */
    CHECK(str_cut((struct str){NULL, 0}, '/', &rest).len == 0 && rest.data == NULL);
}

TEST(unsigned_numbers)
{
    uint64_t v = 0;
    CHECK(str_to_u64(STR("18446744073709551615"), &v) && v == UINT64_MAX);
    CHECK(!str_to_u64(STR("18446744073709551616"), &v) && !str_to_u64(STR("-1"), &v) && !str_to_u64(STR("+1"), &v));
    CHECK(v == UINT64_MAX);
}

TEST(edit_distance)
{
    static const struct {
        const char *a, *b;
        unsigned want;
    } cases[] = {{"", "", 0},       {"abc", "abc", 0},     {"abc", "", 3},           {"limt", "limit", 1},
                 {"teh", "the", 1}, {"relay", "delay", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_INT(str_distance(str_of(cases[i].a), str_of(cases[i].b)), cases[i].want);
        CHECK_INT(str_distance(str_of(cases[i].b), str_of(cases[i].a)), cases[i].want);
    }
    char long_a[200], long_b[200];
    memset(long_a, 'a', sizeof long_a);
    memset(long_b, 'b', sizeof long_b);
    CHECK_INT(str_distance(str_n(long_a, 200), str_n(long_b, 200)), 64);
    unsigned d;
    CHECK(str_near(STR("confg"), STR("config"), &d) && d == 1);
    CHECK(!str_near(STR("zebra"), STR("config"), &d) && !str_near(STR("x"), STR("y2"), &d));
}

TEST(buffers_grow_and_stay_terminated)
{
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 5000; i++)
        buf_printf(&b, "%d,", i % 10);
    CHECK(b.len == 10000 && b.data[b.len] == '\0' && !b.overflow);
    char *at = buf_reserve(&b, 5);
    memcpy(at, "xyz", 4);
    b.len += 3;
    CHECK(strcmp(b.data + b.len - 4, ",xyz") == 0);
    buf_clear(&b);
    CHECK(b.len == 0 && b.data[0] == '\0');
    buf_add(&b, NULL, 0);
    buf_add_str(&b, (struct str){NULL, 0});
    CHECK_STR(buf_str(&b), "");
    buf_free(&b);
    buf_init(&b, 4);
    buf_printf(&b, "%s", "12345");
    CHECK(b.overflow && b.len == 0);
    buf_adds(&b, "1");
    CHECK(b.len == 0); /* nothing is written after an overflow: a hole would be worse */
    buf_clear(&b);
    buf_adds(&b, "1234");
    CHECK(!b.overflow && b.len == 4);
    buf_free(&b);
}

TEST(percent_escapes)
{
    static const struct {
        const char *text;
        bool plus;
        const char *want; /* NULL: broken */
    } rows[] = {
        {"", false, ""},
        {"plain", true, "plain"},
        {"a+b", true, "a b"},
        {"a+b", false, "a+b"},
        {"%41%7a%7A", false, "Azz"},
        {"%2B+", true, "+ "},
        {"%c3%A9", false, "\xc3\xa9"},
        {"%", false, NULL},
        {"%4", false, NULL},
        {"%4g", false, NULL},
        {"%g4", false, NULL},
        {"x%", true, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[32];
        struct str got;
        bool good = str_unpercent(str_of(rows[i].text), rows[i].plus, out, &got);
        CHECK(good == (rows[i].want != NULL));
        if (good)
            CHECK_STR(got, rows[i].want);
    }
    char out[4];
    struct str got;
    CHECK(str_unpercent(STR("%00"), false, out, &got) && got.len == 1 && out[0] == 0);
}

TEST_MAIN
