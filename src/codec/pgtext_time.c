// SPDX-License-Identifier: Apache-2.0
/* Dates and times; see pgtext.h. Years are PostgreSQL's: there is none of number 0, and 1 BC is Gregorian year 0. */
#include "codec/pgtext.h"

static const int64_t second_us = 1000000, day_us = 86400 * 1000000ll;

/* Two digits; a large number when they are none. */
static unsigned two(const char *p)
{
    unsigned a = (unsigned)(unsigned char)p[0] - '0', b = (unsigned)(unsigned char)p[1] - '0';
    return a > 9 || b > 9 ? 1000 : a * 10 + b;
}

static char *put_two(char *p, unsigned n)
{
    p[0] = (char)('0' + n / 10);
    p[1] = (char)('0' + n % 10);
    return p + 2;
}

static unsigned month_days(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (unsigned)(month == 2 && leap);
}

/* Days since 1970-01-01. Years are counted from March, so that the leap day is a year's last; an era is 400 years. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day = (unsigned)(days - era * 146097);
    unsigned of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    unsigned of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    unsigned m = (5 * of_year + 2) / 153;
    *ret_day = of_year - (153 * m + 2) / 5 + 1;
    *ret_month = m < 10 ? m + 3 : m - 9;
    *ret_year = (int64_t)of_era + era * 400 + (*ret_month <= 2);
}

/* " BC" at the end is cut off. */
static bool cut_bc(struct str *text)
{
    if (text->len < 3 || memcmp(text->data + text->len - 3, " BC", 3) != 0)
        return false;
    text->len -= 3;
    return true;
}

/* "2024-02-29" at the front; *rest is what follows. Years have four digits at least, more only where needed. */
static bool get_date(struct str text, bool bc, int64_t *ret, struct str *rest)
{
    size_t n = 0;
    int64_t year = 0;
    for (; n < text.len && n < 8 && text.data[n] >= '0' && text.data[n] <= '9'; n++)
        year = year * 10 + (text.data[n] - '0');
    if (n < 4 || n > 7 || (n > 4 && text.data[0] == '0') || year == 0 || text.len - n < 6)
        return false;
    const char *p = text.data + n;
    unsigned month = two(p + 1), day = two(p + 4);
    if (bc)
        year = 1 - year;
    if (p[0] != '-' || p[3] != '-' || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
        return false;
    *ret = days_of(year, month, day);
    *rest = str_n(p + 6, text.len - n - 6);
    return true;
}

/* ".123456": no more digits than needed. */
static bool get_fraction(struct str text, unsigned *ret)
{
    unsigned us = 0;
    if (text.len < 2 || text.len > 7 || text.data[0] != '.' || text.data[text.len - 1] == '0')
        return false;
    for (size_t i = 1; i < 7; i++) {
        unsigned d = i < text.len ? (unsigned)(unsigned char)text.data[i] - '0' : 0;
        if (d > 9)
            return false;
        us = us * 10 + d;
    }
    *ret = us;
    return true;
}

bool pgtext_time(struct str text, int64_t *ret_us)
{
    unsigned fraction = 0;
    if (text.len < 8 || text.data[2] != ':' || text.data[5] != ':')
        return false;
    unsigned hour = two(text.data), minute = two(text.data + 3), second = two(text.data + 6);
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    if (text.len > 8 && !get_fraction(str_n(text.data + 8, text.len - 8), &fraction))
        return false;
    *ret_us = (int64_t)(hour * 3600 + minute * 60 + second) * second_us + fraction;
    return true;
}

bool pgtext_date(struct str text, int32_t *ret_days)
{
    bool bc = cut_bc(&text);
    struct str rest;
    int64_t days;
    if (!get_date(text, bc, &days, &rest) || rest.len || days < INT32_MIN || days > INT32_MAX)
        return false;
    *ret_days = (int32_t)days;
    return true;
}

bool pgtext_timestamp(struct str text, bool zone, int64_t *ret_us)
{
    bool bc = cut_bc(&text);
    struct str rest;
    int64_t days, time, us;
    if (zone) {
        if (text.len < 3 || memcmp(text.data + text.len - 3, "+00", 3) != 0)
            return false;
        text.len -= 3;
    }
    if (!get_date(text, bc, &days, &rest) || rest.len == 0 || rest.data[0] != ' ' ||
        !pgtext_time(str_n(rest.data + 1, rest.len - 1), &time))
        return false;
    /* The last day that fits begins before INT64_MAX; the first does not begin after INT64_MIN. */
    if (days < 0) {
        days++;
        time -= day_us;
    }
    if (__builtin_mul_overflow(days, day_us, &us) || __builtin_add_overflow(us, time, &us))
        return false;
    *ret_us = us;
    return true;
}

static char *put_date(char *p, int64_t days, bool *ret_bc)
{
    int64_t year;
    unsigned month, day;
    date_of(days, &year, &month, &day);
    *ret_bc = year < 1;
    if (year < 1)
        year = 1 - year;
    if (year < 10000) {
        p = put_two(p, (unsigned)year / 100);
        p = put_two(p, (unsigned)year % 100);
    } else {
        p = pgtext_put_int(p, year);
    }
    *p++ = '-';
    p = put_two(p, month);
    *p++ = '-';
    return put_two(p, day);
}

static char *put_bc(char *p, bool bc)
{
    if (!bc)
        return p;
    memcpy(p, " BC", 3);
    return p + 3;
}

char *pgtext_put_date(char *out, int32_t days)
{
    bool bc;
    out = put_date(out, days, &bc);
    return put_bc(out, bc);
}

char *pgtext_put_time(char *out, int64_t us)
{
    unsigned fraction = (unsigned)(us % second_us), seconds = (unsigned)(us / second_us);
    out = put_two(out, seconds / 3600);
    *out++ = ':';
    out = put_two(out, seconds / 60 % 60);
    *out++ = ':';
    out = put_two(out, seconds % 60);
    if (fraction == 0)
        return out;
    *out++ = '.';
    out = put_two(out, fraction / 10000);
    out = put_two(out, fraction / 100 % 100);
    out = put_two(out, fraction % 100);
    while (out[-1] == '0')
        out--;
    return out;
}

char *pgtext_put_timestamp(char *out, int64_t us, bool zone)
{
    bool bc;
    int64_t days = us / day_us, time = us % day_us;
    if (time < 0) {
        time += day_us;
        days--;
    }
    out = put_date(out, days, &bc);
    *out++ = ' ';
    out = pgtext_put_time(out, time);
    if (zone) {
        memcpy(out, "+00", 3);
        out += 3;
    }
    return put_bc(out, bc);
}
