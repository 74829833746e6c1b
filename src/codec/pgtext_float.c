// SPDX-License-Identifier: Apache-2.0
/*
 * Floats as PostgreSQL 12 and later print them: the shortest digits that lie strictly between the two halfway points to
 * the neighbours, of these the nearest to the value; printed plainly while the exponent of the first digit is in
 * [-4, 15) for float8, [-4, 6) for float4, else as 1.5e+20.
 *
 * The digits come from Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020): the value and its two
 * halfway points, four times their units, are scaled by a power of ten that leaves one digit more than are surely
 * needed, exactly enough that comparisons of the rounded-to-odd products decide as the true ones would.
 */
#include <stdlib.h>

#include "codec/pgtext.h"
#include "codec/pgtext_pow10.h"

/* digits * 10^exponent */
struct decimal {
    uint64_t digits;
    int exponent;
};

/* A binary format: value = significand * 2^(exponent - bias). */
struct format {
    unsigned significand_bits; /* without the hidden one */
    int bias;
    int plain_max; /* first exponent that is printed with an e */
};

static const struct format float4 = {23, 150, 6}, float8 = {52, 1075, 15};

static int floor_log2_pow10(int k) { return (k * 1741647) >> 19; }

/* floor(log10(2^q)), or of 3/4 * 2^q at a power of two, where the lower neighbour is nearer. */
static int floor_log10_pow2(int q, bool lower_is_near) { return (q * 1262611 - (lower_is_near ? 524031 : 0)) >> 22; }

/* The upper bits of g * c, the lowest set when anything was cut off. */
static uint64_t scale8(struct pgtext_pow10 g, uint64_t c)
{
    unsigned __int128 low = (unsigned __int128)g.low * c, high = (unsigned __int128)g.high * c + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static uint64_t scale4(struct pgtext_pow10 g, uint64_t c)
{
    uint64_t rounded_up = g.high + (g.low != 0);
    unsigned __int128 product = (unsigned __int128)rounded_up * c;
    return (uint64_t)(product >> 64) | ((uint32_t)(product >> 32) > 1);
}

/* One of the candidates down and down + unit that alone is inside, or the nearer one. */
static struct decimal nearest(uint64_t value, uint64_t lower, uint64_t upper, int k)
{
    uint64_t s = value / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool down = lower <= 40 * tens, up = 40 * tens + 40 <= upper;
        if (down != up)
            return (struct decimal){tens + up, k + 1};
    }
    bool down = lower <= 4 * s, up = 4 * s + 4 <= upper;
    if (down != up)
        return (struct decimal){s + up, k};
    uint64_t middle = 4 * s + 2;
    bool round_up = value > middle || (value == middle && (s & 1));
    return (struct decimal){s + round_up, k};
}

static struct decimal shortest(const struct format *f, uint64_t significand, int exponent)
{
    uint64_t hidden = 1ull << f->significand_bits;
    uint64_t c = exponent ? significand | hidden : significand;
    int q = (exponent ? exponent : 1) - f->bias;
    if (q <= 0 && -q <= (int)f->significand_bits && (c & ((1ull << -q) - 1)) == 0)
        return (struct decimal){c >> -q, 0}; /* a whole number */
    bool lower_is_near = significand == 0 && exponent > 1;
    int k = floor_log10_pow2(q, lower_is_near);
    int h = q + floor_log2_pow10(-k) + 1;
    struct pgtext_pow10 g = pgtext_pow10[-k - PGTEXT_POW10_MIN];
    uint64_t (*scale)(struct pgtext_pow10, uint64_t) = f->significand_bits == 52 ? scale8 : scale4;
    uint64_t lower = scale(g, (4 * c - 2 + lower_is_near) << h);
    uint64_t value = scale(g, (4 * c) << h);
    uint64_t upper = scale(g, (4 * c + 2) << h);
    /* The halfway points themselves are outside: a reader may not round them to even. */
    return nearest(value, lower + 1, upper - 1, k);
}

static char *put_exponent(char *p, int exponent)
{
    *p++ = 'e';
    *p++ = exponent < 0 ? '-' : '+';
    if (exponent < 0)
        exponent = -exponent;
    if (exponent < 10)
        *p++ = '0';
    return pgtext_put_int(p, exponent);
}

static char *put_decimal(char *p, struct decimal d, int plain_max)
{
    char digits[PGTEXT_INT_SIZE];
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    int count = (int)(pgtext_put_int(digits, (int64_t)d.digits) - digits);
    int exponent = d.exponent + count - 1, whole = exponent + 1;
    if (exponent < -4 || exponent >= plain_max) {
        *p++ = digits[0];
        if (count > 1) {
            *p++ = '.';
            memcpy(p, digits + 1, (size_t)count - 1);
            p += count - 1;
        }
        return put_exponent(p, exponent);
    }
    if (whole <= 0) {
        *p++ = '0';
        *p++ = '.';
        memset(p, '0', (size_t)-whole);
        p += -whole;
        memcpy(p, digits, (size_t)count);
        return p + count;
    }
    if (whole >= count) {
        memcpy(p, digits, (size_t)count);
        memset(p + count, '0', (size_t)(whole - count));
        return p + whole;
    }
    memcpy(p, digits, (size_t)whole);
    p[whole] = '.';
    memcpy(p + whole + 1, digits + whole, (size_t)(count - whole));
    return p + count + 1;
}

static char *put_float(char *p, const struct format *f, bool negative, unsigned exponent, uint64_t significand)
{
    bool special = exponent == (f->significand_bits == 52 ? 0x7ffu : 0xffu);
    if (special && significand) {
        memcpy(p, "NaN", 3);
        return p + 3;
    }
    if (negative)
        *p++ = '-';
    if (special) {
        memcpy(p, "Infinity", 8);
        return p + 8;
    }
    if (exponent == 0 && significand == 0) {
        *p = '0';
        return p + 1;
    }
    return put_decimal(p, shortest(f, significand, (int)exponent), f->plain_max);
}

char *pgtext_put_float8(char *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_float(out, &float8, bits >> 63, (unsigned)(bits >> 52) & 0x7ff, bits & 0xfffffffffffffu);
}

char *pgtext_put_float4(char *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_float(out, &float4, bits >> 31, (bits >> 23) & 0xff, bits & 0x7fffff);
}

/* ---- and back: read in any way that is right, then compare with what would be printed ---- */

/* A copy that ends with a NUL, of what can be a float's text only: strtod takes much that the server never prints. */
static bool copy_number(struct str text, char out[PGTEXT_FLOAT_SIZE])
{
    if (text.len == 0 || text.len >= PGTEXT_FLOAT_SIZE)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e'))
            return false;
    }
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

/* "-12.345": up to 15 digits and a power of ten up to 22 are exact, and so is one division of the two. */
static bool exact(struct str text, double *ret)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    size_t i = text.len && text.data[0] == '-', fraction = 0;
    bool negative = i, point = false;
    uint64_t n = 0;
    if (text.len == i || text.len > 16)
        return false;
    for (; i < text.len; i++) {
        unsigned d = (unsigned)(unsigned char)text.data[i] - '0';
        if (text.data[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (d > 9)
            return false;
        n = n * 10 + d;
        fraction += point;
    }
    if (n > 999999999999999u || fraction >= sizeof powers / sizeof powers[0])
        return false;
    double value = (double)n / powers[fraction];
    *ret = negative ? -value : value;
    return true;
}

static bool special(struct str text, double *ret)
{
    if (str_is(text, "NaN"))
        *ret = __builtin_nan("");
    else if (str_is(text, "Infinity"))
        *ret = __builtin_inf();
    else if (str_is(text, "-Infinity"))
        *ret = -__builtin_inf();
    else
        return false;
    return true;
}

bool pgtext_float8(struct str text, double *ret)
{
    char copy[PGTEXT_FLOAT_SIZE], again[PGTEXT_FLOAT_SIZE];
    double value;
    if (special(text, ret))
        return true;
    if (!exact(text, &value)) {
        if (!copy_number(text, copy))
            return false;
        value = strtod(copy, NULL);
    }
    size_t len = (size_t)(pgtext_put_float8(again, value) - again);
    if (!str_eq(str_n(again, len), text))
        return false;
    *ret = value;
    return true;
}

bool pgtext_float4(struct str text, float *ret)
{
    char copy[PGTEXT_FLOAT_SIZE], again[PGTEXT_FLOAT_SIZE];
    double number;
    if (special(text, &number)) {
        *ret = (float)number;
        return true;
    }
    if (!copy_number(text, copy))
        return false;
    float value = strtof(copy, NULL);
    size_t len = (size_t)(pgtext_put_float4(again, value) - again);
    if (!str_eq(str_n(again, len), text))
        return false;
    *ret = value;
    return true;
}
