// SPDX-License-Identifier: Apache-2.0
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

TEST_MAIN
