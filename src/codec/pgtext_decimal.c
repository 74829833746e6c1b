// SPDX-License-Identifier: Apache-2.0
/* numeric(p,s) as Avro's decimal; see pgtext.h. Up to 18 digits in a word, longer ones in limbs of 64 bits. */
#include "base/bytes.h"
#include "codec/pgtext.h"

enum { WORD_DIGITS = 18, LIMBS = 52 }; /* 52 * 64 >= 3322 bits */

static const uint64_t word = 1000000000000000000u; /* 10^18 */
static const uint64_t powers[WORD_DIGITS] = {1,
                                             10,
                                             100,
                                             1000,
                                             10000,
                                             100000,
                                             1000000,
                                             10000000,
                                             100000000,
                                             1000000000,
                                             10000000000,
                                             100000000000,
                                             1000000000000,
                                             10000000000000,
                                             100000000000000,
                                             1000000000000000,
                                             10000000000000000,
                                             100000000000000000};
_Static_assert(LIMBS * 8 >= PGTEXT_DECIMAL_BYTES, "the largest decimal fits the limbs");

/* The digits as the server prints them: a zero before the point where nothing is, `scale` of them behind it. Writes the
 * digits without sign and point; *ret_count of them. */
static bool split(struct str text, int precision, int scale, char *digits, size_t *ret_count, bool *ret_negative)
{
    bool negative = text.data[0] == '-';
    const char *p = text.data + negative;
    size_t len = text.len - negative, tail = scale ? (size_t)scale + 1 : 0;
    if (len <= tail)
        return false;
    size_t whole = len - tail;
    bool zero = whole == 1 && p[0] == '0';
    if ((!zero && (p[0] == '0' || whole > (size_t)(precision - scale))) || (scale && p[whole] != '.'))
        return false;
    size_t skip = zero; /* a leading zero is no digit of the value */
    memcpy(digits, p + skip, whole - skip);
    if (scale)
        memcpy(digits + whole - skip, p + whole + 1, (size_t)scale);
    *ret_count = whole - skip + (size_t)scale;
    *ret_negative = negative;
    return true;
}

static bool word_of(const char *digits, size_t count, uint64_t *ret)
{
    uint64_t n = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned d = (unsigned)(unsigned char)digits[i] - '0';
        if (d > 9)
            return false;
        n = n * 10 + d;
    }
    *ret = n;
    return true;
}

/* Two's complement of `negative ? -n : n`, as short as it goes. */
static size_t put_word(uint64_t n, bool negative, char *out)
{
    uint64_t v = negative ? 0 - n : n;
    unsigned bits = 65 - (unsigned)__builtin_clzll((negative ? ~v : v) | 1); /* with the sign */
    unsigned bytes = (bits + 7) / 8;
    put_be64(out, v << (64 - 8 * bytes)); /* the bytes behind are room that the caller has */
    return bytes;
}

static size_t put_limbs(const uint64_t *limbs, size_t count, bool negative, char *out)
{
    char bytes[LIMBS * 8 + 1];
    size_t size = count * 8 + 1, first = 0;
    uint64_t carry = negative;
    for (size_t i = 0; i < count; i++) {
        uint64_t v = negative ? ~limbs[i] + carry : limbs[i];
        carry = carry && v == 0;
        put_be64(bytes + size - (i + 1) * 8, v);
    }
    char sign = negative ? '\xff' : 0;
    bytes[0] = sign;
    while (first + 1 < size && bytes[first] == sign && ((bytes[first + 1] ^ sign) & 0x80) == 0)
        first++;
    memcpy(out, bytes + first, size - first);
    return size - first;
}

static size_t get_limbs(const char *digits, size_t count, bool negative, char *out)
{
    uint64_t limbs[LIMBS];
    size_t used = 0;
    size_t n = count % WORD_DIGITS ? count % WORD_DIGITS : WORD_DIGITS;
    for (; count; digits += n, count -= n, n = WORD_DIGITS) {
        uint64_t carry;
        if (!word_of(digits, n, &carry))
            return 0;
        for (size_t i = 0; i < used; i++) {
            unsigned __int128 v = (unsigned __int128)limbs[i] * word + carry;
            limbs[i] = (uint64_t)v;
            carry = (uint64_t)(v >> 64);
        }
        if (carry)
            limbs[used++] = carry;
    }
    return negative && used == 0 ? 0 : put_limbs(limbs, used, negative, out);
}

/* What most values are: up to WORD_DIGITS digits. 0: refused, or not such a value. */
static size_t get_short(struct str text, int precision, int scale, char *out)
{
    const char *p = text.data, *end = p + text.len;
    bool negative = *p == '-';
    p += negative;
    size_t len = (size_t)(end - p), tail = scale ? (size_t)scale + 1 : 0, whole = len - tail;
    if (len <= tail || (*p == '0' ? whole > 1 : whole > (size_t)(precision - scale)))
        return 0;
    uint64_t high, low = 0;
    if (!word_of(p, whole, &high))
        return 0;
    if (scale && (p[whole] != '.' || !word_of(p + whole + 1, (size_t)scale, &low)))
        return 0;
    uint64_t n = high * powers[scale] + low;
    return negative && n == 0 ? 0 : put_word(n, negative, out); /* "-0.00" is not printed */
}

/* A function of its own, and never inlined: release builds clear every buffer, and most values need none. */
__attribute__((noinline)) static size_t get_long(struct str text, int precision, int scale, char *out)
{
    char digits[PGTEXT_DIGITS_MAX];
    size_t count;
    bool negative;
    return split(text, precision, scale, digits, &count, &negative) ? get_limbs(digits, count, negative, out) : 0;
}

size_t pgtext_decimal(struct str text, int precision, int scale, char *out)
{
    if (text.len == 0)
        return 0;
    return text.len <= WORD_DIGITS && scale < WORD_DIGITS ? get_short(text, precision, scale, out)
                                                          : get_long(text, precision, scale, out);
}

/* ---- and back ---- */

/* Divides by 10^18 in place; the remainder. */
static uint64_t divide(uint64_t *limbs, size_t *used)
{
    unsigned __int128 rest = 0;
    for (size_t i = *used; i-- > 0;) {
        rest = rest << 64 | limbs[i];
        limbs[i] = (uint64_t)(rest / word);
        rest %= word;
    }
    while (*used && limbs[*used - 1] == 0)
        (*used)--;
    return (uint64_t)rest;
}

/* The magnitude of a number in two's complement, without its superfluous sign bytes. */
static bool magnitude(struct str bytes, bool negative, uint64_t *limbs, size_t *ret_used)
{
    char sign = negative ? '\xff' : 0;
    while (bytes.len > 1 && bytes.data[0] == sign) {
        bytes.data++;
        bytes.len--;
    }
    if (bytes.len > LIMBS * 8)
        return false;
    size_t used = (bytes.len + 7) / 8;
    memset(limbs, sign, used * sizeof *limbs);
    for (size_t i = 0; i < bytes.len; i++) {
        uint64_t *limb = &limbs[i / 8];
        unsigned shift = (unsigned)(i % 8) * 8;
        *limb = (*limb & ~(0xffull << shift)) | (uint64_t)(unsigned char)bytes.data[bytes.len - 1 - i] << shift;
    }
    uint64_t carry = negative;
    for (size_t i = 0; negative && i < used; i++) {
        limbs[i] = ~limbs[i] + carry;
        carry = carry && limbs[i] == 0;
    }
    if (carry && used == LIMBS)
        return false;
    if (carry) /* -2^(64 * used) */
        limbs[used++] = 1;
    while (used && limbs[used - 1] == 0)
        used--;
    *ret_used = used;
    return true;
}

/* A whole number's digits with a point `scale` before their end, and zeros where there are none. */
static char *put_digits(char *out, const char *digits, size_t count, size_t scale)
{
    size_t whole = count > scale ? count - scale : 0;
    if (whole)
        memcpy(out, digits, whole);
    else
        *out = '0';
    out += whole ? whole : 1;
    if (scale == 0)
        return out;
    *out++ = '.';
    memset(out, '0', scale - (count - whole));
    memcpy(out + scale - (count - whole), digits + whole, count - whole);
    return out + scale;
}

/* Digits of a magnitude that fills more than a word, written before `end`; returns where they begin. */
static char *long_digits(uint64_t *limbs, size_t used, char *end)
{
    while (used) {
        uint64_t n = divide(limbs, &used);
        for (int i = 0; i < WORD_DIGITS && (used || n); i++, n /= 10)
            *--end = (char)('0' + n % 10);
    }
    return end;
}

__attribute__((noinline)) static char *put_long(char *out, struct str bytes, int precision, int scale)
{
    enum { SIZE = (LIMBS * 64 * 31 / 100 / WORD_DIGITS + 1) * WORD_DIGITS + WORD_DIGITS };
    char digits[SIZE], *end = digits + SIZE;
    uint64_t limbs[LIMBS];
    size_t used;
    bool negative = (bytes.data[0] & 0x80) != 0;
    if (!magnitude(bytes, negative, limbs, &used))
        return NULL;
    const char *p = long_digits(limbs, used, end);
    if (end - p > precision)
        return NULL;
    if (negative)
        *out++ = '-';
    return put_digits(out, p, (size_t)(end - p), (size_t)scale);
}

char *pgtext_put_decimal(char *out, struct str bytes, int precision, int scale)
{
    char digits[PGTEXT_INT_SIZE];
    if (bytes.len == 0)
        return NULL;
    if (bytes.len > sizeof(int64_t))
        return put_long(out, bytes, precision, scale);
    int64_t n = (signed char)bytes.data[0];
    for (size_t i = 1; i < bytes.len; i++)
        n = (int64_t)((uint64_t)n << 8 | (unsigned char)bytes.data[i]);
    const char *p = digits, *end = pgtext_put_int(digits, n);
    if (n < 0)
        *out++ = *p++;
    size_t count = n ? (size_t)(end - p) : 0; /* zero has no digit of its own */
    return count > (size_t)precision ? NULL : put_digits(out, p, count, (size_t)scale);
}
