// SPDX-License-Identifier: Apache-2.0
/* Arenas: alignment, reset, sizes; under ASan also that what is not handed out is poisoned. */
#include "base/mem.h"
#include "test.h"

#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#define IS_POISONED(p) __asan_address_is_poisoned(p)
#endif

TEST(everything_is_aligned_and_apart)
{
    struct arena a;
    unsigned char *last = NULL;
    arena_init(&a);
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *p = arena_alloc(&a, size);
        CHECK((uintptr_t)p % 16 == 0);
        CHECK(p != last);
        memset(p, (int)size, size);
        last = p;
    }
    arena_free(&a);
}

TEST(large_ones_and_reset_keep_one_block)
{
    struct arena a;
    arena_init(&a);
    char *big = arena_alloc(&a, 1 << 20);
    memset(big, 1, 1 << 20);
    for (int i = 0; i < 100; i++)
        memset(arena_alloc(&a, 10000), 2, 10000);
    arena_reset(&a);
    CHECK(a.head != NULL && a.used == 0);
    struct arena_block *kept = a.head;
    memset(arena_alloc(&a, 1 << 19), 3, 1 << 19);
    CHECK(a.head == kept); /* no new block for what fits into the kept one */
    arena_free(&a);
    CHECK(a.head == NULL);
    arena_free(&a);
}

TEST(copies_and_printing)
{
    struct arena a;
    arena_init(&a);
    CHECK_STR(str_of(arena_strdup(&a, "abc")), "abc");
    CHECK_STR(str_of(arena_memdup(&a, "abcdef", 3)), "abc");
    CHECK_STR(str_of(arena_memdup(&a, NULL, 0)), "");
    CHECK_STR(str_of(arena_printf(&a, "%d-%s", 5, "x")), "5-x");
    int *zeros = arena_calloc(&a, 100, sizeof *zeros);
    for (int i = 0; i < 100; i++)
        CHECK(zeros[i] == 0);
    arena_free(&a);
}

#ifdef HAVE_ASAN
TEST(what_is_not_handed_out_is_poisoned)
{
    struct arena a;
    arena_init(&a);
    char *p = arena_alloc(&a, 20);
    CHECK(!IS_POISONED(p) && !IS_POISONED(p + 19));
    CHECK(IS_POISONED(p + 20)); /* one past the end, inside the alignment gap */
    CHECK(IS_POISONED(p + 32));
    arena_reset(&a);
    CHECK(IS_POISONED(p));
    arena_free(&a);
}
#endif

TEST(take_and_cleanup)
{
    char *kept;
    {
        CLEANUP(free_ptr) char *p = xstrdup("x");
        CLEANUP(free_ptr) char *freed = xasprintf("%s", "y");
        CHECK(freed != NULL);
        kept = TAKE(p);
        CHECK(p == NULL);
    }
    CHECK_STR(str_of(kept), "x");
    free(kept);
    int *array = NULL;
    size_t count = 0, capacity = 0;
    for (int i = 0; i < 1000; i++) {
        GROW(array, count, capacity);
        array[count++] = i;
    }
    CHECK(count == 1000 && capacity >= 1000 && array[999] == 999);
    free(array);
}

TEST_MAIN
