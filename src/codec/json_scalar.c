// SPDX-License-Identifier: Apache-2.0
/* Normal forms of numbers and timestamps; see json_scalar.h. */
#include "codec/json_scalar.h"

#include <string.h>

uint64_t json_hash_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t json_hash_bytes(uint64_t h, const void *data, size_t len)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static struct str digits_at(struct str text, size_t at)
{
    size_t n = 0;
    while (at + n < text.len && is_digit(text.data[at + n]))
        n++;
    return (struct str){text.data + at, n};
}

/* Reads [+-]digits from `at` to the end; false when it is none, *ret_fits false when it is too large. */
static bool read_exponent(struct str text, size_t at, int64_t *ret, bool *ret_fits)
{
    bool negative = at < text.len && text.data[at] == '-';
    if (at < text.len && (text.data[at] == '-' || text.data[at] == '+'))
        at++;
    struct str d = digits_at(text, at);
    if (d.len == 0 || at + d.len != text.len)
        return false;
    while (d.len > 1 && d.data[0] == '0')
        d = (struct str){d.data + 1, d.len - 1};
    int64_t v = 0;
    *ret_fits = d.len <= 17;
    for (size_t i = 0; *ret_fits && i < d.len; i++)
        v = v * 10 + (d.data[i] - '0');
    *ret = negative ? -v : v;
    return true;
}

/* The i-th digit of whole followed by fraction. */
static char digit(const struct json_decimal *d, size_t i)
{
    return i < d->whole.len ? d->whole.data[i] : d->fraction.data[i - d->whole.len];
}

static size_t digit_count(const struct json_decimal *d) { return d->whole.len + d->fraction.len; }

/* Leading zeros lower the exponent when they stand behind the point; trailing zeros do not count. */
static void trim(struct json_decimal *d)
{
    while (d->whole.len && d->whole.data[0] == '0')
        d->whole = (struct str){d->whole.data + 1, d->whole.len - 1};
    d->exponent += (int64_t)d->whole.len;
    while (!d->whole.len && d->fraction.len && d->fraction.data[0] == '0') {
        d->fraction = (struct str){d->fraction.data + 1, d->fraction.len - 1};
        d->exponent--;
    }
    while (d->fraction.len && d->fraction.data[d->fraction.len - 1] == '0')
        d->fraction.len--;
    while (!d->fraction.len && d->whole.len && d->whole.data[d->whole.len - 1] == '0')
        d->whole.len--;
    if (digit_count(d) == 0) {
        d->exponent = 0;
        d->negative = false;
    }
}

bool json_decimal_parse(struct str text, struct json_decimal *ret)
{
    struct json_decimal d = {0};
    size_t at = 0;
    bool fits = true;
    if (at < text.len && text.data[at] == '-') {
        d.negative = true;
        at++;
    }
    d.whole = digits_at(text, at);
    at += d.whole.len;
    if (d.whole.len == 0)
        return false;
    if (at < text.len && text.data[at] == '.') {
        d.fraction = digits_at(text, at + 1);
        at += 1 + d.fraction.len;
        if (d.fraction.len == 0)
            return false;
    }
    if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        if (!read_exponent(text, at + 1, &d.exponent, &fits))
            return false;
    } else if (at != text.len) {
        return false;
    }
    trim(&d);
    if (!fits && digit_count(&d)) {
        d.raw = true;
        d.whole = text;
        d.fraction = (struct str){0};
    }
    *ret = d;
    return true;
}

bool json_decimal_eq(const struct json_decimal *a, const struct json_decimal *b)
{
    size_t n = digit_count(a);
    if (a->raw || b->raw)
        return a->raw == b->raw && str_eq(a->whole, b->whole);
    if (a->negative != b->negative || a->exponent != b->exponent || n != digit_count(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (digit(a, i) != digit(b, i))
            return false;
    return true;
}

uint64_t json_decimal_hash(const struct json_decimal *d)
{
    uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)d->negative;
    h = json_hash_bytes(h, d->whole.data, d->whole.len);
    h = json_hash_bytes(h, d->fraction.data, d->fraction.len);
    return json_hash_mix(h ^ json_hash_mix((uint64_t)d->exponent));
}

/* `count` digits at `at`, as a number; -1 when they are not there. */
static int number_at(struct str t, size_t at, size_t count)
{
    int v = 0;
    for (size_t i = at; i < at + count; i++) {
        if (i >= t.len || !is_digit(t.data[i]))
            return -1;
        v = v * 10 + (t.data[i] - '0');
    }
    return v;
}

static bool char_at(struct str t, size_t at, const char *one_of)
{
    return at < t.len && t.data[at] && strchr(one_of, t.data[at]);
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int month_days(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return days[m - 1] + (m == 2 && leap);
}

/* "Z" or "+hh:mm" as the rest of the text: seconds east. */
static bool read_offset(struct str t, size_t at, int *ret)
{
    if (char_at(t, at, "Zz")) {
        *ret = 0;
        return at + 1 == t.len;
    }
    int hours = number_at(t, at + 1, 2), minutes = number_at(t, at + 4, 2);
    if (!char_at(t, at, "+-") || !char_at(t, at + 3, ":") || at + 6 != t.len || hours < 0 || hours > 23 ||
        minutes < 0 || minutes > 59)
        return false;
    *ret = (hours * 60 + minutes) * 60 * (t.data[at] == '-' ? -1 : 1);
    return true;
}

bool json_instant_parse(struct str t, struct json_instant *ret)
{
    if (t.len < 20 || !char_at(t, 4, "-") || !char_at(t, 7, "-") || !char_at(t, 10, "Tt ") || !char_at(t, 13, ":") ||
        !char_at(t, 16, ":"))
        return false;
    int year = number_at(t, 0, 4), month = number_at(t, 5, 2), day = number_at(t, 8, 2);
    int hour = number_at(t, 11, 2), minute = number_at(t, 14, 2), second = number_at(t, 17, 2);
    if (year < 0 || month < 1 || month > 12 || day < 1 || day > month_days(year, month) || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    struct str fraction = {NULL, 0};
    size_t at = 19;
    if (char_at(t, at, ".")) {
        fraction = digits_at(t, at + 1);
        at += 1 + fraction.len;
        if (fraction.len == 0)
            return false;
    }
    int offset;
    if (!read_offset(t, at, &offset))
        return false;
    while (fraction.len && fraction.data[fraction.len - 1] == '0')
        fraction.len--;
    int64_t of_day = hour * 3600 + minute * 60 + second;
    *ret = (struct json_instant){days_of(year, month, day) * 86400 + of_day - offset, fraction};
    return true;
}

bool json_instant_eq(const struct json_instant *a, const struct json_instant *b)
{
    return a->second == b->second && str_eq(a->fraction, b->fraction);
}

uint64_t json_instant_hash(const struct json_instant *t)
{
    return json_hash_mix(json_hash_bytes(json_hash_mix((uint64_t)t->second), t->fraction.data, t->fraction.len));
}
