// SPDX-License-Identifier: Apache-2.0
/* FNV-1a of 64 bits: for tables in memory and ETags, not for adversaries. Begin with HASH_SEED, chain with the result.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define HASH_SEED 14695981039346656037u

static inline uint64_t hash_bytes(uint64_t h, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)data[i]) * 1099511628211u;
    return h;
}
