// SPDX-License-Identifier: Apache-2.0
/*
 * Avro's longs (zigzag, seven bits a byte, the low ones first) and short texts, a word at a time: the hot path of the
 * encoder and decoder. Little-endian, as base/bytes.h holds.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "codec/varint.h"

enum { AVRO_LONG_MAX = 10 }; /* bytes of the longest; a writer needs room for as many, whatever the number */

#define AVRO_HIGH_BITS 0x8080808080808080u

static inline uint64_t avro_word(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* Returns the end of what was written; up to AVRO_LONG_MAX bytes are touched. */
static inline __attribute__((always_inline)) char *avro_put_unsigned(char *p, uint64_t n)
{
    if (n < 0x80) {
        *p = (char)n;
        return p + 1;
    }
    if (n >> 56) {
        for (; n >= 0x80; n >>= 7)
            *p++ = (char)(n | 0x80);
        *p = (char)n;
        return p + 1;
    }
    /* Eight groups of seven bits spread to eight bytes; all but the last get the bit that says more follows. */
    unsigned bytes = ((unsigned)(64 - __builtin_clzll(n)) * 9 + 64) >> 6; /* bits / 7, rounded up; exact up to 56 */
    n = (n & 0x00fffffff0000000u) << 4 | (n & 0x000000000fffffffu);
    n = (n & 0x0fffc0000fffc000u) << 2 | (n & 0x00003fff00003fffu);
    n = (n & 0x3f803f803f803f80u) << 1 | (n & 0x007f007f007f007fu);
    n |= AVRO_HIGH_BITS & (((uint64_t)1 << 8 * (bytes - 1)) - 1);
    memcpy(p, &n, sizeof n);
    return p + bytes;
}

static inline char *avro_put_long(char *p, int64_t n)
{
    return avro_put_unsigned(p, (uint64_t)n << 1 ^ (uint64_t)(n >> 63));
}

/* Byte by byte: near the end, and for numbers of more than eight bytes. Longer forms than needed are taken. */
static inline const char *avro_get_slowly(const char *p, const char *end, int64_t *ret)
{
    uint64_t n = 0;
    p = varint_read(p, end, false, &n);
    if (p)
        *ret = (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
    return p;
}

/* NULL when the bytes end or do not fit 64 bits. */
static inline const char *avro_get_long(const char *p, const char *end, int64_t *ret)
{
    if (p < end && !(*p & 0x80)) {
        *ret = (int64_t)((unsigned char)*p >> 1) ^ -(int64_t)(*p & 1);
        return p + 1;
    }
    if (end - p < 8)
        return avro_get_slowly(p, end, ret);
    uint64_t n = avro_word(p), stop = ~n & AVRO_HIGH_BITS;
    if (!stop)
        return avro_get_slowly(p, end, ret);
    n &= (stop ^ (stop - 1)) & ~AVRO_HIGH_BITS;
    n = (n & 0x7f007f007f007f00u) >> 1 | (n & 0x007f007f007f007fu);
    n = (n & 0x3fff00003fff0000u) >> 2 | (n & 0x00003fff00003fffu);
    n = (n & 0x0fffffff00000000u) >> 4 | (n & 0x000000000fffffffu);
    *ret = (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
    return p + (__builtin_ctzll(stop) >> 3) + 1;
}

/* Copies a text and tells whether it is ASCII. */
static inline __attribute__((always_inline)) bool avro_copy_ascii(char *to, const char *from, size_t len)
{
    uint64_t seen = 0, w;
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8) {
            seen |= w = avro_word(from + i);
            memcpy(to + i, &w, 8);
        }
        seen |= w = avro_word(from + len - 8);
        memcpy(to + len - 8, &w, 8);
    } else if (len >= 4) {
        uint32_t a, b;
        memcpy(&a, from, 4);
        memcpy(&b, from + len - 4, 4);
        memcpy(to, &a, 4);
        memcpy(to + len - 4, &b, 4);
        seen = a | b;
    } else if (len) {
        char a = from[0], b = from[len >> 1], c = from[len - 1];
        to[0] = a;
        to[len >> 1] = b;
        to[len - 1] = c;
        seen = (unsigned char)(a | b | c);
    }
    return !(seen & AVRO_HIGH_BITS);
}

static inline __attribute__((always_inline)) bool avro_is_ascii(const char *text, size_t len)
{
    uint64_t seen = 0;
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8)
            seen |= avro_word(text + i);
        seen |= avro_word(text + len - 8);
    } else if (len >= 4) {
        uint32_t a, b;
        memcpy(&a, text, 4);
        memcpy(&b, text + len - 4, 4);
        seen = a | b;
    } else if (len) {
        seen = (unsigned char)(text[0] | text[len >> 1] | text[len - 1]);
    }
    return !(seen & AVRO_HIGH_BITS);
}
