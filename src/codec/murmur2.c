// SPDX-License-Identifier: Apache-2.0
/* Kafka's murmur2; see murmur2.h. Check vectors in tests/unit. */
#include "codec/murmur2.h"

#include <assert.h>

uint32_t murmur2(struct str key)
{
    const uint32_t m = 0x5bd1e995u;
    const unsigned char *p = (const unsigned char *)key.data;
    size_t left = key.len;
    uint32_t h = 0x9747b28cu ^ (uint32_t)left;
    for (; left >= 4; left -= 4, p += 4) {
        uint32_t k;
        memcpy(&k, p, 4);
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    if (left) {
        for (size_t i = left; i; i--)
            h ^= (uint32_t)p[i - 1] << (8 * (i - 1));
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

int32_t murmur2_partition(struct str key, int32_t partitions)
{
    assert(partitions > 0);
    return (int32_t)(murmur2(key) & 0x7fffffffu) % partitions;
}
