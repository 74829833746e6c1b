// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "base/bytes.h"
#include "link/pg/array.h"

TEST(binary_text_array)
{
    struct buf b;
    buf_init(&b, 0);
    pg_array_begin(&b);
    pg_array_add(&b, STR("ab"), false);
    pg_array_add(&b, STR("x"), true);
    pg_array_add(&b, STR(""), false);
    pg_array_end(&b, 3);
    CHECK_INT(b.len, 20 + 6 + 4 + 4);
    CHECK_INT(get_be32(b.data), 1);      /* dimensions */
    CHECK_INT(get_be32(b.data + 4), 1);  /* a null is there */
    CHECK_INT(get_be32(b.data + 8), 25); /* text */
    CHECK_INT(get_be32(b.data + 12), 3);
    CHECK_INT(get_be32(b.data + 20), 2);
    CHECK(memcmp(b.data + 24, "ab", 2) == 0);
    CHECK_INT((int32_t)get_be32(b.data + 26), -1);
    CHECK_INT(get_be32(b.data + 30), 0);
    pg_array_begin(&b);
    pg_array_end(&b, 0);
    CHECK_INT(b.len, 12);
    CHECK_INT(get_be32(b.data), 0);
    buf_free(&b);
}

TEST(array_literal_quotes)
{
    struct buf b;
    buf_init(&b, 0);
    pg_array_literal_add(&b, STR("a\"b\\c{,}"), false);
    buf_addc(&b, ',');
    pg_array_literal_add(&b, STR("NULL"), false);
    buf_addc(&b, ',');
    pg_array_literal_add(&b, STR(""), true);
    CHECK_STR(buf_str(&b), "\"a\\\"b\\\\c{,}\",\"NULL\",NULL");
    buf_free(&b);
}

TEST_MAIN
