// SPDX-License-Identifier: Apache-2.0
/*
 * What a parameter's text may look like; see endpoint.h. Stricter than PostgreSQL on purpose: whatever passes is
 * accepted by the server, and has one spelling only where it may be a user's or a coalescing key.
 */
#include "codec/endpoint.h"

#include "codec/utf8.h"

const struct endpoint_type_info endpoint_types[ENDPOINT_TYPE_COUNT] = {
    [ENDPOINT_INT] = {"int", 23, "a whole number"},
    [ENDPOINT_BIGINT] = {"bigint", 20, "a whole number"},
    [ENDPOINT_TEXT] = {"text", 25, "text in UTF-8"},
    [ENDPOINT_UUID] = {"uuid", 2950, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"},
    [ENDPOINT_NUMERIC] = {"numeric", 1700, "a decimal number"},
    [ENDPOINT_DATE] = {"date", 1082, "YYYY-MM-DD"},
    [ENDPOINT_TIMESTAMPTZ] = {"timestamptz", 1184, "YYYY-MM-DDThh:mm:ssZ"},
    [ENDPOINT_BOOL] = {"bool", 16, "true or false"},
};

uint64_t endpoint_hash(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool whole_number(struct str s, int64_t min, int64_t max)
{
    int64_t v;
    if (!str_to_i64(s, &v) || v < min || v > max)
        return false;
    /* One spelling a number: no leading zeros, no "-0". */
    size_t first = s.data[0] == '-';
    return s.data[first] != '0' || s.len == 1;
}

static bool uuid(struct str s)
{
    if (s.len != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        char c = s.data[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}

static bool numeric(struct str s)
{
    size_t i = s.len && s.data[0] == '-', digits = 0;
    bool point = false;
    for (; i < s.len; i++) {
        if (is_digit(s.data[i]))
            digits++;
        else if (s.data[i] == '.' && !point && digits && i + 1 < s.len)
            point = true;
        else
            return false;
    }
    return digits > 0 && digits <= 1000;
}

/* Digits at s[at..at+n) as a number within [min, max]. */
static bool field(struct str s, size_t at, size_t n, int min, int max, int *ret)
{
    int v = 0;
    if (s.len < at + n)
        return false;
    for (size_t i = at; i < at + n; i++) {
        if (!is_digit(s.data[i]))
            return false;
        v = v * 10 + (s.data[i] - '0');
    }
    *ret = v;
    return v >= min && v <= max;
}

static bool date(struct str s)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d;
    if (s.len != 10 || s.data[4] != '-' || s.data[7] != '-' || !field(s, 0, 4, 1, 9999, &y) ||
        !field(s, 5, 2, 1, 12, &m) || !field(s, 8, 2, 1, 31, &d))
        return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return d <= days[m - 1] + (m == 2 && leap);
}

/* Z or +hh:mm, with offsets PostgreSQL takes (below 16 hours). */
static bool zone(struct str s)
{
    int h, m;
    if (s.len == 1)
        return s.data[0] == 'Z' || s.data[0] == 'z';
    return s.len == 6 && (s.data[0] == '+' || s.data[0] == '-') && s.data[3] == ':' && field(s, 1, 2, 0, 15, &h) &&
           field(s, 4, 2, 0, 59, &m);
}

static bool timestamptz(struct str s)
{
    int h, m, sec;
    if (s.len < 20 || !date(str_n(s.data, 10)) || (s.data[10] != 'T' && s.data[10] != ' ') || s.data[13] != ':' ||
        s.data[16] != ':' || !field(s, 11, 2, 0, 23, &h) || !field(s, 14, 2, 0, 59, &m) ||
        !field(s, 17, 2, 0, 59, &sec))
        return false;
    size_t at = 19;
    if (s.data[at] == '.') {
        size_t start = ++at;
        while (at < s.len && is_digit(s.data[at]))
            at++;
        if (at == start || at - start > 6)
            return false;
    }
    return zone(str_n(s.data + at, s.len - at));
}

bool endpoint_value_ok(const struct endpoint_param *p, struct str v)
{
    if (!v.data)
        return false;
    int64_t min = p->has_min ? p->min : INT64_MIN, max = p->has_max ? p->max : INT64_MAX;
    switch (p->type) {
    case ENDPOINT_INT: return whole_number(v, min > INT32_MIN ? min : INT32_MIN, max < INT32_MAX ? max : INT32_MAX);
    case ENDPOINT_BIGINT: return whole_number(v, min, max);
    case ENDPOINT_TEXT:
        return v.len <= (size_t)(p->has_max ? max : ENDPOINT_TEXT_MAX) && (!p->has_min || v.len >= (size_t)min) &&
               utf8_valid(v) && (v.len == 0 || !memchr(v.data, 0, v.len)); /* PostgreSQL's text holds no NUL */
    case ENDPOINT_UUID: return uuid(v);
    case ENDPOINT_NUMERIC: return numeric(v);
    case ENDPOINT_DATE: return date(v);
    case ENDPOINT_TIMESTAMPTZ: return timestamptz(v);
    case ENDPOINT_BOOL: return str_is(v, "true") || str_is(v, "false") || str_is(v, "1") || str_is(v, "0");
    case ENDPOINT_TYPE_COUNT: break;
    }
    return false;
}
