// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "project/view_file.h"

static struct arena arena;

static bool parse(const char *text, struct view_file *f, struct err *err)
{
    return view_file_parse(str_of(text), "v.sql", &arena, f, err);
}

TEST(a_whole_header)
{
    struct view_file f;
    struct err err;
    CHECK(parse("-- What it is for.\n\n-- view: list_1\n--service:app\n-- key: a, b\n-- row: a,b , c\n-- free text\n"
                "SELECT 1\n  FROM t -- view: no\n;\n ",
                &f, &err));
    CHECK_STR(str_of(f.name), "list_1");
    CHECK_STR(str_of(f.service), "app");
    CHECK_INT(f.key_count, 2);
    CHECK_STR(str_of(f.keys[1]), "b");
    CHECK_INT(f.row_count, 3);
    CHECK_STR(str_of(f.rows[2]), "c");
    CHECK_INT(f.select_line, 8);
    CHECK_STR(str_of(f.select), "SELECT 1\n  FROM t -- view: no");
}

TEST(rows_are_the_keys_by_default)
{
    struct view_file f;
    struct err err;
    CHECK(parse("-- view: v\r\n-- service: s\r\n-- key: k\r\nSELECT k FROM t", &f, &err));
    CHECK_INT(f.row_count, 1);
    CHECK_STR(str_of(f.rows[0]), "k");
}

TEST(what_is_refused_and_why)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "no \"-- view: ...\""},
        {"SELECT 1", "no \"-- view: ...\""},
        {"-- view: v\nSELECT 1", "no \"-- service: ...\""},
        {"-- view: v\n-- service: s\nSELECT 1", "no \"-- key: ...\""},
        {"-- view: v\n-- service: s\n-- key: k\n", "no SELECT"},
        {"-- view: v\n-- service: s\n-- key: k\n;\n", "no SELECT"},
        {"-- view: V\n", "v.sql:1: \"view\" must be a name"},
        {"-- view: v\n\n-- view: w\n", "v.sql:3: a second \"view\""},
        {"-- key: a,,b\n", "column names separated by commas"},
        {"-- key: a, a\n", "names a twice"},
        {"-- key:\n", "column names"},
        {"-- keys: a\n", "unknown header line \"keys\""},
        {"-- key: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\n", "more than 16"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct view_file f;
        struct err err = {0};
        CHECK(!parse(cases[i].text, &f, &err));
        CHECK_INT(err.class, ERR_CONFIG);
        if (!strstr(err.text, cases[i].error)) {
            CHECK(strstr(err.text, cases[i].error));
            printf("# got: %s\n", err.text);
        }
    }
}

TEST(a_nul_byte_is_refused)
{
    struct view_file f;
    struct err err;
    CHECK(!view_file_parse(str_n("-- view: v\0", 11), "v.sql", &arena, &f, &err));
    arena_free(&arena);
}

TEST_MAIN
