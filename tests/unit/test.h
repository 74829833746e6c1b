// SPDX-License-Identifier: Apache-2.0
/*
 * Unit tests in TAP: TEST(name) { CHECK(...); } blocks register themselves; a failing check prints
 * where and what and the test goes on, so that one run shows every failure. One file a unit,
 * tests/unit/<folder>/test_<unit>.c, ending in TEST_MAIN. By hand, $TEST_ONLY picks those whose name has that word.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};
static struct test_case *test_first, **test_last = &test_first;
static int test_failures;

#define TEST(fn)                                                \
    static void test_##fn(void);                                \
    static struct test_case case_##fn = {#fn, test_##fn, NULL}; \
    __attribute__((constructor)) static void reg_##fn(void)     \
    {                                                           \
        *test_last = &case_##fn;                                \
        test_last = &case_##fn.next;                            \
    }                                                           \
    static void test_##fn(void)

#define CHECK(cond)                                             \
    do {                                                        \
        if (!(cond)) {                                          \
            test_failures++;                                    \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
        }                                                       \
    } while (0)

#define CHECK_INT(got, want)                                                                  \
    do {                                                                                      \
        long long got_ = (long long)(got), want_ = (long long)(want);                         \
        if (got_ != want_) {                                                                  \
            test_failures++;                                                                  \
            printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_, want_); \
        }                                                                                     \
    } while (0)

#define CHECK_STR(got, want)                                                                                         \
    do {                                                                                                             \
        struct str got_ = (got), want_ = str_of(want);                                                               \
        if (!str_eq(got_, want_)) {                                                                                  \
            test_failures++;                                                                                         \
            printf("# %s:%d: %s is \"" STR_FMT "\", not \"" STR_FMT "\"\n", __FILE__, __LINE__, #got, STR_ARG(got_), \
                   STR_ARG(want_));                                                                                  \
        }                                                                                                            \
    } while (0)

#define TEST_MAIN                                                                \
    int main(void)                                                               \
    {                                                                            \
        int n = 0, bad = 0;                                                      \
        const char *only = getenv("TEST_ONLY");                                  \
        setvbuf(stdout, NULL, _IOLBF, 0);                                        \
        for (struct test_case *t = test_first; t; t = t->next) {                 \
            if (only && !strstr(t->name, only))                                  \
                continue;                                                        \
            test_failures = 0;                                                   \
            t->run();                                                            \
            bad += test_failures > 0;                                            \
            printf("%sok %d - %s\n", test_failures ? "not " : "", ++n, t->name); \
        }                                                                        \
        printf("1..%d\n", n);                                                    \
        return bad ? 1 : 0;                                                      \
    }
