// SPDX-License-Identifier: Apache-2.0
/* Logical types for people; see avro_json.h. Numbers are exact: no floating point on the way. */
#include "codec/avro_plain.h"

#include "codec/avro_json.h"

/* --- decimals --------------------------------------------------------------------------------------------------------
 */

/* Divides the big-endian number by 10^9 in place; the remainder. */
static uint32_t divide(unsigned char *n, size_t len)
{
    uint64_t rest = 0;
    for (size_t i = 0; i < len; i++) {
        rest = rest << 8 | n[i];
        n[i] = (unsigned char)(rest / 1000000000);
        rest %= 1000000000;
    }
    return (uint32_t)rest;
}

static bool is_zero(const unsigned char *n, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (n[i])
            return false;
    return true;
}

/* Two's complement to magnitude. */
static bool negate(unsigned char *n, size_t len)
{
    if (!len || !(n[0] & 0x80))
        return false;
    unsigned carry = 1;
    for (size_t i = len; i-- > 0;) {
        carry += (unsigned char)~n[i];
        n[i] = (unsigned char)carry;
        carry >>= 8;
    }
    return true;
}

bool avro_decimal_print(struct str bytes, int32_t scale, struct buf *out)
{
    unsigned char n[AVRO_DECIMAL_MAX];
    char digits[AVRO_DECIMAL_MAX * 5 / 2 + 16]; /* lowest first; a byte is 2.41 digits */
    size_t count = 0;
    if (bytes.len > AVRO_DECIMAL_MAX || scale < 0)
        return false;
    if (bytes.len)
        memcpy(n, bytes.data, bytes.len);
    bool negative = negate(n, bytes.len);
    while (!is_zero(n, bytes.len)) {
        uint32_t rest = divide(n, bytes.len);
        for (int i = 0; i < 9; i++, rest /= 10)
            digits[count++] = (char)('0' + rest % 10);
    }
    while (count > 0 && digits[count - 1] == '0')
        count--;
    size_t point = (size_t)scale;
    if (negative)
        buf_addc(out, '-');
    for (size_t i = count > point + 1 ? count : point + 1; i-- > 0;) {
        buf_addc(out, i < count ? digits[i] : '0');
        if (i == point && point > 0)
            buf_addc(out, '.');
    }
    return true;
}

/* --- days and times --------------------------------------------------------------------------------------------------
 */

/* Proleptic Gregorian calendar, from days since 1970-01-01 (Howard Hinnant's algorithm: years that begin in March). */
static void print_date(int64_t day, struct buf *out)
{
    day += 719468;
    int64_t era = (day >= 0 ? day : day - 146096) / 146097, of_era = day - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int64_t of_month = of_year - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    year += era * 400 + (month <= 2);
    if (year >= 0 && year <= 9999)
        buf_printf(out, "%04d", (int)year);
    else
        buf_printf(out, "%c%06lld", year < 0 ? '-' : '+', (long long)(year < 0 ? -year : year));
    buf_printf(out, "-%02d-%02d", (int)month, (int)of_month);
}

/* ticks: since midnight; unit: in a second, 1000 or 1000000. */
static void print_time(int64_t ticks, int64_t unit, struct buf *out)
{
    int64_t second = ticks / unit;
    buf_printf(out, "%02d:%02d:%02d.%0*d", (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60),
               unit == 1000 ? 3 : 6, (int)(ticks % unit));
}

static bool plain_time(int64_t ticks, int64_t unit, struct buf *out)
{
    if (ticks < 0 || ticks >= 86400 * unit)
        return false;
    buf_addc(out, '"');
    print_time(ticks, unit, out);
    buf_addc(out, '"');
    return true;
}

static bool plain_timestamp(int64_t ticks, int64_t unit, bool utc, struct buf *out)
{
    int64_t in_day = 86400 * unit, day = ticks / in_day, rest = ticks % in_day;
    if (rest < 0) {
        rest += in_day;
        day--;
    }
    buf_addc(out, '"');
    print_date(day, out);
    buf_addc(out, 'T');
    print_time(rest, unit, out);
    buf_adds(out, utc ? "Z\"" : "\"");
    return true;
}

/* Three little-endian unsigned numbers: months, days, milliseconds. */
static bool plain_duration(struct str bytes, struct buf *out)
{
    uint32_t v[3];
    if (bytes.len != sizeof v)
        return false;
    memcpy(v, bytes.data, sizeof v); /* base/bytes.h holds that this machine is little-endian */
    buf_printf(out, "\"P%uM%uDT%u.%03uS\"", v[0], v[1], v[2] / 1000, v[2] % 1000);
    return true;
}

static bool plain_bytes(const struct avro_schema *s, struct str bytes, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    if (s->logical == AVRO_DURATION && plain_duration(bytes, out))
        return true;
    if (s->logical == AVRO_DECIMAL && bytes.len <= AVRO_DECIMAL_MAX) {
        buf_addc(out, '"');
        bool good = avro_decimal_print(bytes, s->scale, out);
        buf_addc(out, '"');
        return good;
    }
    buf_adds(out, "\"\\\\x");
    char *at = buf_reserve(out, bytes.len * 2);
    if (at) {
        for (size_t i = 0; i < bytes.len; i++) {
            *at++ = hex[(unsigned char)bytes.data[i] >> 4];
            *at++ = hex[(unsigned char)bytes.data[i] & 15];
        }
        out->len += bytes.len * 2;
    }
    buf_addc(out, '"');
    return true;
}

bool avro_plain_leaf(const struct avro_schema *s, const struct avro_item *item, struct buf *out)
{
    if (s->type == AVRO_BYTES || s->type == AVRO_FIXED)
        return plain_bytes(s, item->text, out);
    switch (s->logical) {
    case AVRO_DATE:
        buf_addc(out, '"');
        print_date(item->number, out);
        buf_addc(out, '"');
        return true;
    case AVRO_TIME_MILLIS: return plain_time(item->number, 1000, out);
    case AVRO_TIME_MICROS: return plain_time(item->number, 1000000, out);
    case AVRO_TIMESTAMP_MILLIS: return plain_timestamp(item->number, 1000, true, out);
    case AVRO_TIMESTAMP_MICROS: return plain_timestamp(item->number, 1000000, true, out);
    case AVRO_LOCAL_TIMESTAMP_MILLIS: return plain_timestamp(item->number, 1000, false, out);
    case AVRO_LOCAL_TIMESTAMP_MICROS: return plain_timestamp(item->number, 1000000, false, out);
    case AVRO_LOGICAL_NONE:
    case AVRO_DECIMAL:
    case AVRO_UUID:
    case AVRO_DURATION: break;
    }
    return false;
}
