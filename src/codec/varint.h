// SPDX-License-Identifier: Apache-2.0
/* Unsigned integers in base 128, low bits first (Avro's and protobuf's). varint_get() takes one encoding a value:
 * longer forms are refused. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VARINT_MAX = 10 }; /* bytes of the longest */

/* Returns the end of what was written, at most VARINT_MAX bytes on. */
static inline char *varint_put(char *out, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *out++ = (char)(n | 0x80);
    *out++ = (char)n;
    return out;
}

/* NULL when the bytes end or do not fit 64 bits, or (`shortest`) there is a shorter form. */
static inline const char *varint_read(const char *p, const char *end, bool shortest, uint64_t *ret)
{
    uint64_t n = 0;
    for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)*p++;
        if (shift == 63 && c > 1)
            return NULL;
        n |= (uint64_t)(c & 0x7f) << shift;
        if (c & 0x80)
            continue;
        if (shortest && c == 0 && shift > 0)
            return NULL;
        *ret = n;
        return p;
    }
    return NULL;
}

static inline const char *varint_get(const char *p, const char *end, uint64_t *ret)
{
    return varint_read(p, end, true, ret);
}
