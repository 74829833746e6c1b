// SPDX-License-Identifier: Apache-2.0
/* Hashes and tables of the checker; what it makes of events is tests/flow/015-check.sh. */
#include "test.h"

#include "check/rows.h"

TEST(hashes_tell_texts_apart)
{
    static const char *const texts[] = {"",         "a",         "b",        "ab",  "ba",  "a\x01",
                                        "12345678", "123456789", "12345679", "1.0", "1.00"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        CHECK(hash_text(str_of(texts[i]), 3) != 0 && hash_text(str_of(texts[i]), 3) != hash_null());
        CHECK(hash_text(str_of(texts[i]), 1) != hash_text(str_of(texts[i]), 2));
        for (size_t k = 0; k < i; k++)
            CHECK(hash_text(str_of(texts[i]), 3) != hash_text(str_of(texts[k]), 3));
    }
    CHECK(hash_text(str_n("a\0b", 3), 3) != hash_text(str_n("a\0c", 3), 3));
    CHECK(hash_text(str_n("a\0", 2), 3) != hash_text(str_n("a", 1), 3));
}

/* A million keys in a row: not one 64-bit half twice. */
TEST(keys_do_not_collide)
{
    enum { KEYS = 1000000, SLOTS = 1 << 21 };
    uint64_t *seen = xcalloc(SLOTS, sizeof *seen);
    unsigned twice = 0;
    for (int i = 0; i < KEYS; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        uint64_t h = row_key_of(str_of(text)).a;
        size_t at = h % SLOTS;
        for (; seen[at] && seen[at] != h; at = (at + 1) % SLOTS)
            ;
        twice += seen[at] == h;
        seen[at] = h;
    }
    CHECK_INT(twice, 0);
    free(seen);
}

TEST(tables_by_name)
{
    struct rows rows;
    rows_init(&rows);
    CHECK(!rows_table(&rows, STR("public.a")));
    struct table *t = rows_table_make(&rows, STR("public.a"));
    CHECK(rows_table(&rows, STR("public.a")) == t && rows_table_make(&rows, STR("public.a")) == t);
    CHECK(!table_find(t, row_key_of(STR("1"))));
    CHECK(!row_lives(t, NULL));
    rows_free(&rows);
}

TEST_MAIN
