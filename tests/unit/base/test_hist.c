// SPDX-License-Identifier: Apache-2.0
/* The histogram against exact quantiles of the same values. */
#include "base/hist.h"
#include "test.h"

static uint64_t state = 88172645463325252ULL;
static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum { N = 20000 };
static uint64_t values[N];
static struct hist hist;

static void compare(void)
{
    hist_clear(&hist);
    for (int i = 0; i < N; i++)
        hist_add(&hist, values[i]);
    qsort(values, N, sizeof values[0], by_value);
    static const double qs[] = {0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1};
    for (size_t i = 0; i < sizeof qs / sizeof qs[0]; i++) {
        double rank = qs[i] * N;
        size_t at = rank <= 1 ? 0 : (size_t)(rank + 0.9999999) - 1;
        double want = (double)values[at], got = (double)hist_quantile(&hist, qs[i]);
        double off = got > want ? got - want : want - got;
        CHECK(off <= want * 0.016);
        if (off > want * 0.016)
            printf("# q %g: %g, exact %g\n", qs[i], got, want);
    }
}

TEST(every_quantile_is_within_the_bound)
{
    for (int i = 0; i < N; i++)
        values[i] = next_random() % 1000000;
    compare();
    for (int i = 0; i < N; i++) /* over all magnitudes up to 2^44 */
        values[i] = next_random() >> (20 + next_random() % 44);
    compare();
    for (int i = 0; i < N; i++)
        values[i] = 7;
    compare();
}

TEST(small_values_are_exact)
{
    hist_clear(&hist);
    for (uint64_t v = 0; v < 128; v++)
        hist_add(&hist, v);
    for (uint64_t v = 1; v <= 128; v++)
        CHECK_INT(hist_quantile(&hist, (double)v / 128), v - 1);
    CHECK_INT(hist.count, 128);
    CHECK_INT(hist.sum, 127 * 64);
}

TEST(empty_and_huge)
{
    hist_clear(&hist);
    CHECK_INT(hist_quantile(&hist, 0.5), 0);
    hist_add(&hist, UINT64_MAX / 2);
    CHECK(hist_quantile(&hist, 0.5) == UINT64_MAX / 2 && hist.max == UINT64_MAX / 2);
}

TEST(merging_is_adding)
{
    static struct hist a, b, both;
    for (int i = 0; i < 1000; i++) {
        uint64_t v = next_random() % 100000;
        hist_add(i % 3 ? &a : &b, v);
        hist_add(&both, v);
    }
    hist_merge(&a, &b);
    CHECK(memcmp(&a, &both, sizeof a) == 0);
    static struct hist empty;
    hist_merge(&a, &empty);
    CHECK(memcmp(&a, &both, sizeof a) == 0);
    hist_merge(&empty, &a);
    CHECK(memcmp(&empty, &both, sizeof a) == 0);
}

TEST_MAIN
