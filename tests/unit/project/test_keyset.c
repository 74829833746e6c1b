// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "project/keyset.h"

TEST(each_key_once_nulls_apart_from_empty)
{
    struct keyset s;
    keyset_init(&s, 2);
    struct str keys[][2] = {{STR("a"), STR("bc")}, {STR("ab"), STR("c")}, {STR("a"), {NULL, 0}}, {STR("a"), STR("")}};
    for (size_t i = 0; i < COUNT(keys); i++)
        CHECK(keyset_add(&s, keys[i]));
    for (size_t i = 0; i < COUNT(keys); i++)
        CHECK(!keyset_add(&s, keys[i]));
    CHECK_INT(s.count, 4);
    CHECK(keyset_get(&s, 2)[1].data == NULL);
    CHECK(keyset_get(&s, 3)[1].data != NULL);
    keyset_clear(&s);
    CHECK_INT(s.count, 0);
    CHECK(keyset_add(&s, keys[0]));
    keyset_free(&s);
}

TEST(many_keys_keep_their_order)
{
    struct keyset s;
    char text[16];
    keyset_init(&s, 1);
    for (int i = 0; i < 20000; i++) {
        int n = snprintf(text, sizeof text, "%d", i % 10000);
        struct str key = str_n(text, (size_t)n);
        CHECK(keyset_add(&s, &key) == (i < 10000));
    }
    CHECK_STR(keyset_get(&s, 9999)[0], "9999");
    keyset_free(&s);
}

TEST_MAIN
