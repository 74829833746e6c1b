// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "codec/json_strings.h"

TEST(lists_of_strings)
{
    struct arena a;
    struct str *s;
    size_t n;
    struct err err;
    arena_init(&a);
    CHECK(json_strings_parse(STR(" [ ] "), &a, &s, &n, &err));
    CHECK_INT(n, 0);
    CHECK(json_strings_parse(STR("[\"a\", \"\",\"x\\\"\\\\\\/\\n\\u00e9\\ud83d\\ude00\\u0041]\"]"), &a, &s, &n, &err));
    CHECK_INT(n, 3);
    CHECK_STR(s[0], "a");
    CHECK_STR(s[1], "");
    CHECK_STR(s[2], "x\"\\/\n\xc3\xa9\xf0\x9f\x98\x80"
                    "A]");
    arena_free(&a);
}

TEST(everything_else_is_refused)
{
    static const char *bad[] = {"",
                                "[",
                                "]",
                                "\"a\"",
                                "[1]",
                                "[\"a\"",
                                "[\"a\" \"b\"]",
                                "[\"a\",]",
                                "[,\"a\"]",
                                "[\"a]",
                                "[\"a\"] x",
                                "[\"\\x\"]",
                                "[\"\\u12\"]",
                                "[\"\\ud800\"]",
                                "[\"\\udc00\"]",
                                "[\"\\u0000\"]",
                                "[\"a\nb\"]",
                                "[null]",
                                "[\"\\\"]",
                                "[\"\\u\"]"};
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct str *s;
        size_t n;
        struct err err = {0};
        bool accepted = json_strings_parse(str_of(bad[i]), &a, &s, &n, &err);
        if (accepted)
            printf("# accepted: %s\n", bad[i]);
        CHECK(!accepted);
        CHECK_INT(err.class, ERR_DATA);
    }
    arena_free(&a);
}

TEST_MAIN
