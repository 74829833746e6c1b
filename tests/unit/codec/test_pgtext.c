// SPDX-License-Identifier: Apache-2.0
/* Texts of scalars against known values; tests/flow/039-relay-texts.sh compares a hundred thousand with a server. */
#include "test.h"

#include "base/mem.h"
#include "codec/pgtext.h"

static void check_text(const char *out, const char *end, const char *want)
{
    CHECK_STR(str_n(out, (size_t)(end - out)), want);
}

TEST(ints)
{
    static const int64_t ints[] = {0, 7, -7, 10, 99, 100, -100, 12345, INT32_MIN, INT64_MAX, INT64_MIN};
    static const char *const bad[] = {"", "-", "+1", "00", "-0", "1 ", "1.0", "0x1", "9223372036854775808", "1e3"};
    char out[PGTEXT_INT_SIZE], want[32];
    for (size_t i = 0; i < COUNT(ints); i++) {
        int64_t n = -1;
        snprintf(want, sizeof want, "%lld", (long long)ints[i]);
        check_text(out, pgtext_put_int(out, ints[i]), want);
        CHECK(pgtext_int(str_of(want), &n) && n == ints[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t n;
        CHECK(!pgtext_int(str_of(bad[i]), &n));
    }
}

TEST(dates)
{
    static const struct {
        const char *text;
        int32_t days;
    } good[] = {
        {"1970-01-01", 0},       {"1969-12-31", -1},         {"2000-02-29", 11016},         {"2024-12-31", 20088},
        {"0001-01-01", -719162}, {"0001-12-31 BC", -719163}, {"0044-03-15 BC", -735160},    {"4714-11-24 BC", -2440588},
        {"9999-12-31", 2932896}, {"10000-01-01", 2932897},   {"5874897-12-31", 2145042905}, {"0005-02-29 BC", -720930},
    };
    static const char *const bad[] = {
        "",           "infinity",      "1970-1-1",     "1970-01-00", "1970-13-01",  "1970-02-29",
        "1900-02-29", "0000-01-01",    "00001-01-01",  "970-01-01",  "1970-01-01 ", "1970-01-01BC",
        "1970/01/01", "19700-02-29BC", "0004-02-29 BC"};
    char out[PGTEXT_DATE_SIZE];
    for (size_t i = 0; i < COUNT(good); i++) {
        int32_t days = 0;
        CHECK(pgtext_date(str_of(good[i].text), &days));
        CHECK_INT(days, good[i].days);
        check_text(out, pgtext_put_date(out, good[i].days), good[i].text);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        int32_t days;
        CHECK(!pgtext_date(str_of(bad[i]), &days));
    }
}

TEST(times)
{
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"00:00:00", 0},
        {"00:00:00.000001", 1},
        {"12:34:56.7", 45296700000},
        {"23:59:59.999999", 86399999999},
    };
    static const char *const bad[] = {"",          "24:00:00",   "23:60:00",    "23:59:60",         "1:00:00",
                                      "00:00:00.", "00:00:00.0", "00:00:00.10", "00:00:00.1234567", "00:00:00.1a",
                                      "00-00-00"};
    char out[PGTEXT_TIME_SIZE];
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t us = -1;
        CHECK(pgtext_time(str_of(good[i].text), &us) && us == good[i].us);
        check_text(out, pgtext_put_time(out, good[i].us), good[i].text);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t us;
        CHECK(!pgtext_time(str_of(bad[i]), &us));
    }
}

TEST(timestamps)
{
    static const struct {
        const char *text;
        bool zone;
        int64_t us;
    } good[] = {
        {"1970-01-01 00:00:00", false, 0},
        {"1969-12-31 23:59:59.999999", false, -1},
        {"2024-06-01 10:00:00.000001+00", true, 1717236000000001},
        {"4714-11-24 00:00:00+00 BC", true, -210866803200000000},
        {"294247-01-10 04:00:54.775807", false, INT64_MAX},
        {"290309-12-21 19:59:05.224192 BC", false, INT64_MIN},
    };
    static const struct {
        const char *text;
        bool zone;
    } bad[] = {
        {"infinity", false},
        {"1970-01-01", false},
        {"1970-01-01T00:00:00", false},
        {"1970-01-01 00:00:00", true},
        {"1970-01-01 00:00:00+00", false},
        {"1970-01-01 00:00:00+01", true},
        {"1970-01-01 24:00:00", false},
        {"294247-01-10 04:00:54.775808", false}, /* PostgreSQL goes on to 294276, Avro does not */
        {"294276-12-31 23:59:59.999999", false},
        {"290309-12-21 19:59:05.224191 BC", false},
        {"9999999-01-01 00:00:00 BC", false},
    };
    char out[PGTEXT_TIMESTAMP_SIZE];
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t us = 0;
        CHECK(pgtext_timestamp(str_of(good[i].text), good[i].zone, &us));
        CHECK(us == good[i].us);
        check_text(out, pgtext_put_timestamp(out, good[i].us, good[i].zone), good[i].text);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t us;
        CHECK(!pgtext_timestamp(str_of(bad[i].text), bad[i].zone, &us));
    }
}

TEST(floats)
{
    static const struct {
        double value;
        const char *text;
    } eights[] = {
        {0, "0"},
        {0.1, "0.1"},
        {1e-4, "0.0001"},
        {1e-5, "1e-05"},
        {100, "100"},
        {1e14, "100000000000000"},
        {1e15, "1e+15"},
        {123456789012345.0, "123456789012345"},
        {1e22, "1e+22"},
        {1e23, "9.999999999999999e+22"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {9007199254740993.0, "9.007199254740992e+15"},
        {-1.5, "-1.5"},
        {0.3, "0.3"},
        {2.0 / 3, "0.6666666666666666"},
    };
    static const struct {
        float value;
        const char *text;
    } fours[] = {
        {0.1f, "0.1"},
        {1e6f, "1e+06"},
        {999999, "999999"},
        {1e-45f, "1e-45"},
        {1e-4f, "0.0001"},
        {1e-5f, "1e-05"},
        {3.4028235e38f, "3.4028235e+38"},
        {16777216, "1.6777216e+07"},
        {1.17549435e-38f, "1.1754944e-38"},
        {-0.0f, "-0"},
    };
    char out[PGTEXT_FLOAT_SIZE];
    for (size_t i = 0; i < COUNT(eights); i++) {
        double got = -1;
        check_text(out, pgtext_put_float8(out, eights[i].value), eights[i].text);
        CHECK(pgtext_float8(str_of(eights[i].text), &got) && memcmp(&got, &eights[i].value, sizeof got) == 0);
    }
    for (size_t i = 0; i < COUNT(fours); i++) {
        float got = -1;
        check_text(out, pgtext_put_float4(out, fours[i].value), fours[i].text);
        CHECK(pgtext_float4(str_of(fours[i].text), &got) && memcmp(&got, &fours[i].value, sizeof got) == 0);
    }
}

TEST(decimals)
{
    static const struct {
        int precision, scale;
        const char *text, *bytes;
        size_t len;
    } good[] = {
#define DECIMAL(p, s, text, bytes) {p, s, text, bytes, sizeof bytes - 1}
        DECIMAL(1, 0, "0", "\0"),
        DECIMAL(3, 0, "-128", "\x80"),
        DECIMAL(3, 0, "128", "\0\x80"),
        DECIMAL(3, 3, "0.001", "\1"),
        DECIMAL(20, 0, "18446744073709551615", "\0\xff\xff\xff\xff\xff\xff\xff\xff"),
        DECIMAL(20, 0, "18446744073709551616", "\1\0\0\0\0\0\0\0\0"),
        DECIMAL(20, 0, "-18446744073709551616", "\xff\0\0\0\0\0\0\0\0"),
        DECIMAL(20, 0, "-9223372036854775808", "\x80\0\0\0\0\0\0\0"),
        DECIMAL(20, 0, "-9223372036854775809", "\xff\x7f\xff\xff\xff\xff\xff\xff\xff"),
        DECIMAL(30, 25, "0.0000000000000000000000000", "\0"),
    };
    static const char *const bad[] = {"",      "-",     "NaN",  "1",    "1.2",          "1.234", ".12",
                                      "01.20", "-0.00", "1,20", "1.2x", "123456789.00", "+1.00", "Infinity"};
    char out[PGTEXT_DECIMAL_SIZE], bytes[PGTEXT_DECIMAL_BYTES];
    for (size_t i = 0; i < COUNT(good); i++) {
        size_t len = pgtext_decimal(str_of(good[i].text), good[i].precision, good[i].scale, bytes);
        CHECK(str_eq(str_n(bytes, len), str_n(good[i].bytes, good[i].len)));
        check_text(out, pgtext_put_decimal(out, str_n(bytes, len), good[i].precision, good[i].scale), good[i].text);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK_INT(pgtext_decimal(str_of(bad[i]), 10, 2, bytes), 0);
    CHECK(!pgtext_put_decimal(out, str_n("", 0), 10, 2));
    CHECK(!pgtext_put_decimal(out, str_n("\x04\xd2", 2), 3, 0)); /* 1234 */
    CHECK(pgtext_put_decimal(out, str_n("\0\0\0\0\0\0\0\0\0\0\0\x01", 12), 3, 0));
}

/* The longest there are, and every length in between. */
TEST(long_decimals)
{
    char text[PGTEXT_DECIMAL_SIZE + 1], out[PGTEXT_DECIMAL_SIZE], bytes[PGTEXT_DECIMAL_BYTES];
    for (int digits = 1; digits <= PGTEXT_DIGITS_MAX; digits += digits < 100 ? 1 : 75) {
        for (int negative = 0; negative < 2; negative++) {
            text[0] = '-';
            memset(text + negative, '9', (size_t)digits);
            text[negative + digits] = '\0';
            size_t len = pgtext_decimal(str_of(text), digits, 0, bytes);
            CHECK(len > 0 && len <= PGTEXT_DECIMAL_BYTES);
            check_text(out, pgtext_put_decimal(out, str_n(bytes, len), digits, 0), text);
        }
    }
}

TEST_MAIN
