// SPDX-License-Identifier: Apache-2.0
/* Log-linear buckets: values under 64 one by one, then 64 equal parts of every power of two; see hist.h. */
#include "base/hist.h"

#include <string.h>

enum { SUB_BITS = 6, SUB = 1 << SUB_BITS };

static unsigned index_of(uint64_t value)
{
    if (value < SUB)
        return (unsigned)value;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(value);
    unsigned index = SUB * (exponent - SUB_BITS + 1) + (unsigned)(value >> (exponent - SUB_BITS)) - SUB;
    return index < HIST_BUCKETS ? index : HIST_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned index)
{
    if (index < SUB)
        return index;
    unsigned shift = index / SUB - 1;
    uint64_t low = ((uint64_t)(index % SUB) + SUB) << shift;
    return low + ((1ULL << shift) >> 1);
}

void hist_clear(struct hist *h) { memset(h, 0, sizeof *h); }

void hist_add(struct hist *h, uint64_t value)
{
    if (h->count == 0 || value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
    h->count++;
    h->sum += value;
    h->buckets[index_of(value)]++;
}

void hist_merge(struct hist *into, const struct hist *from)
{
    if (from->count == 0)
        return;
    if (into->count == 0 || from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
    into->count += from->count;
    into->sum += from->sum;
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t hist_quantile(const struct hist *h, double q)
{
    if (h->count == 0)
        return 0;
    if (q <= 0)
        return h->min;
    if (q >= 1)
        return h->max;
    double exact = q * (double)h->count;
    uint64_t rank = (uint64_t)exact, seen = 0;
    rank += (double)rank < exact || rank == 0;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank) {
            uint64_t v = i == HIST_BUCKETS - 1 ? h->max : value_of(i);
            return v < h->min ? h->min : v > h->max ? h->max : v;
        }
    }
    return h->max;
}
