// SPDX-License-Identifier: Apache-2.0
/* MurmurHash3 x86 32 bit; see murmur3.h. Check vectors in tests/unit/flag/murmur3. */
#include "flag/murmur3.h"

#include <string.h>

static uint32_t rotl(uint32_t x, int r) { return x << r | x >> (32 - r); }

static uint32_t scramble(uint32_t k) { return rotl(k * 0xcc9e2d51u, 15) * 0x1b873593u; }

static uint32_t block(uint32_t h, const unsigned char *p)
{
    uint32_t k;
    memcpy(&k, p, 4);
    return rotl(h ^ scramble(k), 13) * 5 + 0xe6546b64u;
}

/* The last 0 to 3 bytes, the length, and the final mix. */
static uint32_t finish(uint32_t h, const unsigned char *tail, size_t tail_len, size_t len)
{
    uint32_t k = 0;
    for (size_t i = tail_len; i; i--)
        k = k << 8 | tail[i - 1];
    h ^= scramble(k);
    h ^= (uint32_t)len;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}

uint32_t murmur3_32(const void *data, size_t len, uint32_t seed)
{
    const unsigned char *p = data;
    uint32_t h = seed;
    for (size_t n = len / 4; n; n--, p += 4)
        h = block(h, p);
    return finish(h, p, len & 3, len);
}

uint32_t murmur3_32_pair(const void *a, size_t a_len, const void *b, size_t b_len, uint32_t seed)
{
    const unsigned char *p = a, *q = b;
    uint32_t h = seed;
    for (size_t n = a_len / 4; n; n--, p += 4)
        h = block(h, p);
    /* The block in which a ends and b begins. */
    unsigned char joint[4] = {0};
    size_t kept = a_len & 3, taken = 0;
    for (size_t i = 0; i < kept; i++)
        joint[i] = p[i];
    if (kept) {
        taken = b_len < 4 - kept ? b_len : 4 - kept;
        for (size_t i = 0; i < taken; i++)
            joint[kept + i] = q[i];
        if (kept + taken < 4)
            return finish(h, joint, kept + taken, a_len + b_len);
        h = block(h, joint);
    }
    q += taken;
    for (size_t n = (b_len - taken) / 4; n; n--, q += 4)
        h = block(h, q);
    return finish(h, q, (b_len - taken) & 3, a_len + b_len);
}
