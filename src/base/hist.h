// SPDX-License-Identifier: Apache-2.0
/*
 * Log-linear histogram of non-negative integers (HdrHistogram's bucketing with 64 sub-buckets: every
 * quantile is within 1.6 % of the true one). Fixed size, no allocation, mergeable.
 */
#pragma once
#include <stdint.h>

enum { HIST_BUCKETS = 64 * 40 };

struct hist {
    uint64_t count, sum, min, max;
    uint64_t buckets[HIST_BUCKETS];
};

void hist_clear(struct hist *h);
/* Values of 2^45 and more (a year in microseconds) are counted in the last bucket. */
void hist_add(struct hist *h, uint64_t value);
void hist_merge(struct hist *into, const struct hist *from);
/* The smallest value that a share q of all values does not exceed: q in [0, 1], 0 and 1 are exact; 0 when empty. */
uint64_t hist_quantile(const struct hist *h, double q);
