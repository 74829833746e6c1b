// SPDX-License-Identifier: Apache-2.0
/* Errors: context grows to the left, long texts are cut inside the struct, classes are a complete table. */
#include "base/err.h"
#include "test.h"

#include <errno.h>

TEST(context_grows)
{
    struct err err;
    CHECK(!err_set(&err, ERR_DATA, "row %d", 5));
    CHECK(!err_wrap(&err, "table %s", "t"));
    CHECK_STR(str_of(err.text), "table t: row 5");
    CHECK(err.class == ERR_DATA && !err.retriable && !err.hint[0]);
    CHECK(!err_again(&err, ERR_TARGET, "busy") && err.retriable);
}

TEST(the_system_is_quoted)
{
    struct err err;
    errno = ENOSPC;
    CHECK(!err_errno(&err, "spool %s", "f"));
    CHECK(strstr(err.text, "spool f: No space left") && err.class == ERR_SYSTEM && strstr(err.hint, "free space"));
}

TEST(long_texts_are_cut)
{
    struct err err;
    char long_text[4000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    err_set(&err, ERR_DATA, "%s", long_text);
    CHECK_INT(strlen(err.text), sizeof err.text - 1);
    err_wrap(&err, "context");
    CHECK_INT(strlen(err.text), sizeof err.text - 1);
    CHECK(strncmp(err.text, "context: xxx", 12) == 0);
    err_wrap(&err, "%s", long_text);
    CHECK_INT(strlen(err.text), sizeof err.text - 1);
    errno = ENOENT;
    err_errno(&err, "%s", long_text);
    CHECK_INT(strlen(err.text), sizeof err.text - 1);
    err_hint(&err, "%s", long_text);
    CHECK_INT(strlen(err.hint), sizeof err.hint - 1);
}

TEST(no_error_wanted)
{
    CHECK(!err_set(NULL, ERR_DATA, "x") && !err_wrap(NULL, "x") && !err_hint(NULL, "x") && !err_errno(NULL, "x"));
}

TEST(the_table_is_complete)
{
    CHECK_INT(err_classes_count, ERR_INTERNAL + 1);
    for (unsigned i = 0; i < err_classes_count; i++)
        CHECK(err_classes[i].class == (enum err_class)i && err_classes[i].name[0] && err_classes[i].meaning[0]);
    CHECK_STR(str_of(err_class_name((enum err_class)99)), "unknown");
}

TEST_MAIN
