// SPDX-License-Identifier: Apache-2.0
/* A text that a reader takes is what the writer gives back; a value that a writer prints is read as that value. */
#include <assert.h>

#include "codec/pgtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_text(const char *out, const char *end, struct str want)
{
    assert(str_eq(str_n(out, (size_t)(end - out)), want));
}

static void from_text(struct str text)
{
    char out[PGTEXT_DECIMAL_SIZE], bytes[PGTEXT_DECIMAL_BYTES];
    static const int decimals[][2] = {{1, 0}, {1, 1}, {12, 2}, {18, 18}, {19, 0}, {38, 10}, {1000, 0}, {1000, 999}};
    int64_t n;
    int32_t days;
    float f4;
    double f8;
    if (pgtext_int(text, &n))
        is_text(out, pgtext_put_int(out, n), text);
    if (pgtext_float4(text, &f4))
        is_text(out, pgtext_put_float4(out, f4), text);
    if (pgtext_float8(text, &f8))
        is_text(out, pgtext_put_float8(out, f8), text);
    if (pgtext_date(text, &days))
        is_text(out, pgtext_put_date(out, days), text);
    if (pgtext_time(text, &n))
        is_text(out, pgtext_put_time(out, n), text);
    for (int zone = 0; zone < 2; zone++)
        if (pgtext_timestamp(text, zone, &n))
            is_text(out, pgtext_put_timestamp(out, n, zone), text);
    for (size_t i = 0; i < sizeof decimals / sizeof decimals[0]; i++) {
        size_t len = pgtext_decimal(text, decimals[i][0], decimals[i][1], bytes);
        if (len)
            is_text(out, pgtext_put_decimal(out, str_n(bytes, len), decimals[i][0], decimals[i][1]), text);
    }
}

static void from_value(int64_t n)
{
    char out[PGTEXT_TIMESTAMP_SIZE];
    int32_t days = (int32_t)n, same_days;
    int64_t same;
    float f4, same4;
    double f8, same8;
    memcpy(&f4, &n, sizeof f4);
    memcpy(&f8, &n, sizeof f8);
    bool good = pgtext_int(str_n(out, (size_t)(pgtext_put_int(out, n) - out)), &same);
    assert(good && same == n);
    good = pgtext_date(str_n(out, (size_t)(pgtext_put_date(out, days) - out)), &same_days);
    assert(good && same_days == days);
    good = pgtext_timestamp(str_n(out, (size_t)(pgtext_put_timestamp(out, n, true) - out)), true, &same);
    assert(good && same == n);
    good = pgtext_float8(str_n(out, (size_t)(pgtext_put_float8(out, f8) - out)), &same8);
    assert(good && (__builtin_isnan(f8) || memcmp(&f8, &same8, sizeof f8) == 0));
    good = pgtext_float4(str_n(out, (size_t)(pgtext_put_float4(out, f4) - out)), &same4);
    assert(good && (__builtin_isnan(f4) || memcmp(&f4, &same4, sizeof f4) == 0));
}

static void from_bytes(struct str bytes)
{
    char text[PGTEXT_DECIMAL_SIZE], again[PGTEXT_DECIMAL_BYTES], text2[PGTEXT_DECIMAL_SIZE];
    char *end = pgtext_put_decimal(text, bytes, 1000, 3);
    if (!end)
        return;
    size_t len = pgtext_decimal(str_n(text, (size_t)(end - text)), 1000, 3, again);
    assert(len && len <= bytes.len);
    is_text(text2, pgtext_put_decimal(text2, str_n(again, len), 1000, 3), str_n(text, (size_t)(end - text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    int64_t n = 0;
    if (size > 2048)
        return 0;
    memcpy(&n, data, size < sizeof n ? size : sizeof n);
    from_text(in);
    from_value(n);
    if (size)
        from_bytes(in);
    return 0;
}
