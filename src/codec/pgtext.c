// SPDX-License-Identifier: Apache-2.0
/* Integers, bytea and uuid; see pgtext.h. */
#include "codec/pgtext.h"

bool pgtext_int(struct str text, int64_t *ret)
{
    if (text.len == 0)
        return false;
    const char *p = text.data, *end = p + text.len;
    bool negative = *p == '-';
    p += negative;
    size_t digits = (size_t)(end - p);
    if (digits == 0 || digits > 19 || (*p == '0' && (digits > 1 || negative)))
        return false;
    uint64_t n = 0; /* 19 digits always fit */
    for (; p < end; p++) {
        unsigned d = (unsigned)(unsigned char)*p - '0';
        if (d > 9)
            return false;
        n = n * 10 + d;
    }
    if (n > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

char *pgtext_put_int(char *out, int64_t value)
{
    char digits[PGTEXT_INT_SIZE], *end = digits + sizeof digits, *p = end;
    uint64_t n = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    for (; n >= 100; n /= 100) {
        p -= 2;
        memcpy(p, &pairs[n % 100 * 2], 2);
    }
    if (n >= 10) {
        p -= 2;
        memcpy(p, &pairs[n * 2], 2);
    } else {
        *--p = (char)('0' + n);
    }
    if (value < 0)
        *out++ = '-';
    memcpy(out, p, (size_t)(end - p));
    return out + (end - p);
}

/* 16 and more: no lower-case hexadecimal digit. */
static unsigned nibble(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

char *pgtext_bytea(struct str text, char *out)
{
    if (text.len < 2 || text.len % 2 || text.data[0] != '\\' || text.data[1] != 'x')
        return NULL;
    for (size_t i = 2; i < text.len; i += 2) {
        unsigned high = nibble(text.data[i]), low = nibble(text.data[i + 1]);
        if ((high | low) > 15)
            return NULL;
        *out++ = (char)(high << 4 | low);
    }
    return out;
}

char *pgtext_put_bytea(char *out, struct str bytes)
{
    static const char hex[] = "0123456789abcdef";
    *out++ = '\\';
    *out++ = 'x';
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        *out++ = hex[c >> 4];
        *out++ = hex[c & 15];
    }
    return out;
}

bool pgtext_is_uuid(struct str text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text.data[i] != '-' : nibble(text.data[i]) > 15)
            return false;
    }
    return true;
}
