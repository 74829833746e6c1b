// SPDX-License-Identifier: Apache-2.0
/*
 * The hash of bytes: 64 bits, fast on short texts, the same on every machine. It stands in records on the bus, so its
 * values never change (tests/unit/codec/test_hash.c pins them). Not for adversaries: whoever may choose the bytes can
 * make two of them meet. Chain with the result as the next seed; the length counts.
 */
#pragma once
#include "base/bytes.h"
#include "base/str.h"

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_word64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t hash_word32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Sixteen bytes a multiplication; the last sixteen overlap what came before them. */
static inline uint64_t hash_bytes(struct str s, uint64_t seed)
{
    const uint64_t k0 = 0xa0761d6478bd642fu, k1 = 0xe7037ed1a0b428dbu, k2 = 0x8ebc6af09c88c6e3u;
    const char *p = s.data;
    size_t left = s.len;
    uint64_t h = seed ^ hash_fold(seed ^ k0, k1), a = 0, b = 0;
    if (left > 16) {
        for (; left > 16; left -= 16, p += 16)
            h = hash_fold(hash_word64(p) ^ k1, hash_word64(p + 8) ^ h);
        a = hash_word64(p + left - 16);
        b = hash_word64(p + left - 8);
    } else if (left >= 8) {
        a = hash_word64(p);
        b = hash_word64(p + left - 8);
    } else if (left >= 4) {
        a = hash_word32(p);
        b = hash_word32(p + left - 4);
    } else if (left > 0) {
        a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[left >> 1] << 8 |
            (uint64_t)(unsigned char)p[left - 1];
    }
    return hash_fold(k2 ^ s.len, hash_fold(a ^ k1, b ^ h));
}
