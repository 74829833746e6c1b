// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "registry/compat.h"

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"

TEST(the_newest_that_does_not_go_is_named)
{
    static const struct str versions[] = {
        {RECORD("{\"name\":\"a\",\"type\":\"string\"}"), sizeof RECORD("{\"name\":\"a\",\"type\":\"string\"}") - 1},
        {RECORD("{\"name\":\"b\",\"type\":\"string\"}"), sizeof RECORD("{\"name\":\"b\",\"type\":\"string\"}") - 1},
        {RECORD("{\"name\":\"c\",\"type\":\"int\"}"), sizeof RECORD("{\"name\":\"c\",\"type\":\"int\"}") - 1},
    };
    struct str offered = STR(RECORD("{\"name\":\"c\",\"type\":\"long\"}"));
    struct arena arena;
    struct err err = {0};
    bool ok = false;
    size_t index = 9;
    const char *why = "";
    arena_init(&arena);
    CHECK(compat_check(STR("BACKWARD"), offered, versions, 3, &arena, &ok, &index, &why, &err) && ok);
    CHECK(compat_check(STR("BACKWARD_TRANSITIVE"), offered, versions, 3, &arena, &ok, &index, &why, &err) && !ok);
    CHECK(index == 1 && strstr(why, "/c"));
    CHECK(compat_check(STR("FORWARD"), offered, versions, 3, &arena, &ok, &index, &why, &err) && !ok && index == 2);
    CHECK(compat_check(STR("NONE"), offered, versions, 3, &arena, &ok, &index, &why, &err) && ok);
    CHECK(compat_check(STR("FULL_TRANSITIVE"), offered, versions, 0, &arena, &ok, &index, &why, &err) && ok);
    CHECK(!compat_check(STR("BACKWARD"), STR("{}"), versions, 3, &arena, &ok, &index, &why, &err));
    CHECK_INT(err.class, ERR_DATA);
    CHECK(!compat_check(STR("backward"), offered, versions, 3, &arena, &ok, &index, &why, &err));
    arena_free(&arena);
}

TEST_MAIN
