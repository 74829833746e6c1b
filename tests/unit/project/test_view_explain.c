// SPDX-License-Identifier: Apache-2.0
/* Which relations a plan reads whole. */
#include "project/view_explain.h"

#include "test.h"

static void expect(const char *json, const char *want)
{
    struct arena arena;
    struct view_scan *scans = NULL;
    size_t count = 0;
    struct err err = {0};
    struct buf got;
    arena_init(&arena);
    buf_init(&got, 4096);
    buf_adds(&got, "");
    if (view_explain_scans(str_of(json), &arena, &scans, &count, &err))
        for (size_t i = 0; i < count; i++)
            buf_printf(&got, "%s: %s\n", scans[i].relation, scans[i].how);
    else
        buf_adds(&got, err.text);
    CHECK_STR(buf_str(&got), want);
    buf_free(&got);
    arena_free(&arena);
}

TEST(scans_are_found_at_any_depth)
{
    expect("[{\"Plan\": {\"Node Type\": \"Hash Join\", \"Plans\": [{\"Node Type\": \"Seq Scan\", \"Relation Name\": "
           "\"big\", "
           "\"Alias\": \"b\", \"Filter\": \"(a = 1)\"}, {\"Node Type\": \"Hash\", \"Plans\": [{\"Node Type\": \"Index "
           "Only "
           "Scan\", \"Index Name\": \"i\", \"Relation Name\": \"other\"}]}]}}]",
           "big: Seq Scan\nother: Index Only Scan without a condition\n");
}

TEST(looked_up_rows_are_fine)
{
    expect("[{\"Plan\": {\"Node Type\": \"Nested Loop\", \"Plans\": [{\"Node Type\": \"Index Scan\", \"Relation "
           "Name\": \"a\", "
           "\"Index Cond\": \"(id = 1)\"}, {\"Node Type\": \"Bitmap Heap Scan\", \"Relation Name\": \"b\", \"Plans\": "
           "[{\"Node Type\": \"Bitmap Index Scan\", \"Index Cond\": \"x\"}]}]}}]",
           "");
}

TEST(other_texts_are_errors)
{
    expect("[]", "EXPLAIN: holds no plan");
    expect("[{\"Plan\": ", "EXPLAIN: the text ends early at byte 10");
}

TEST_MAIN
