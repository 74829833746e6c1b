// SPDX-License-Identifier: Apache-2.0
/* The table of powers of ten that floats are printed by; only for pgtext_float.c. */
#pragma once
#include <stdint.h>

enum { PGTEXT_POW10_MIN = -292, PGTEXT_POW10_MAX = 324 };

/* 10^k is (high, low) as a fraction in [1, 2), times a power of two; exact where it fits, else rounded up. */
struct pgtext_pow10 {
    uint64_t high, low;
};
extern const struct pgtext_pow10 pgtext_pow10[PGTEXT_POW10_MAX - PGTEXT_POW10_MIN + 1];
