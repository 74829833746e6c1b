// SPDX-License-Identifier: Apache-2.0
/* MurmurHash3 x86 32 bit; see murmur3.h. Check vectors in tests/unit/flag/murmur3. */
#include "flag/murmur3.h"

#include <string.h>

static uint32_t rotl(uint32_t x, int r) { return x << r | x >> (32 - r); }

static uint32_t scramble(uint32_t k) { return rotl(k * 0xcc9e2d51u, 15) * 0x1b873593u; }

uint32_t murmur3_32(const void *data, size_t len, uint32_t seed)
{
    const unsigned char *p = data;
    uint32_t h = seed;
    for (size_t n = len / 4; n; n--, p += 4) {
        uint32_t k;
        memcpy(&k, p, 4);
        h = rotl(h ^ scramble(k), 13) * 5 + 0xe6546b64u;
    }
    uint32_t k = 0;
    for (size_t i = len & 3; i; i--)
        k = k << 8 | p[i - 1];
    h ^= scramble(k);
    h ^= (uint32_t)len;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}
