// SPDX-License-Identifier: Apache-2.0
/*
 * PostgreSQL's text forms of scalar types <-> their values, as a session with DateStyle ISO, TimeZone UTC,
 * extra_float_digits >= 1 and bytea_output hex prints them (link/pg pins these).
 * Invariant, fuzzed: a reader takes a text only when the writer gives that very text back, so whoever stores the value
 * instead of the text loses nothing. Everything else (infinities, 24:00:00, blanks, other spellings) is refused with
 * false; there is no second chance and no rounding.
 */
#pragma once
#include "base/str.h"

enum {
    PGTEXT_INT_SIZE = 20,                        /* characters that a writer may need */
    PGTEXT_FLOAT_SIZE = 32,                      /* -1.2345678901234567e-308 is 24 */
    PGTEXT_TIME_SIZE = 16,                       /* 23:59:59.999999 */
    PGTEXT_DATE_SIZE = 20,                       /* 5881580-07-11 BC */
    PGTEXT_TIMESTAMP_SIZE = 48,                  /* 294247-01-10 04:00:54.775807+00 BC */
    PGTEXT_DIGITS_MAX = 1000,                    /* of numeric(p,s) */
    PGTEXT_DECIMAL_BYTES = 416,                  /* 10^1000 has 3322 bits, and one of sign */
    PGTEXT_DECIMAL_SIZE = PGTEXT_DIGITS_MAX + 3, /* sign, a zero, the point */
};

/* Writers append at `out`, without a NUL, and return the end. */

bool pgtext_int(struct str text, int64_t *ret);
char *pgtext_put_int(char *out, int64_t value);

bool pgtext_float4(struct str text, float *ret);
char *pgtext_put_float4(char *out, float value);
bool pgtext_float8(struct str text, double *ret);
char *pgtext_put_float8(char *out, double value);

/* Days since 1970-01-01; the proleptic Gregorian calendar, "BC" at the end for years before 1. */
bool pgtext_date(struct str text, int32_t *ret_days);
char *pgtext_put_date(char *out, int32_t days);
/* Microseconds since midnight, below 24 hours. */
bool pgtext_time(struct str text, int64_t *ret_us);
char *pgtext_put_time(char *out, int64_t us);
/* Microseconds since 1970-01-01 00:00:00; zone: with "+00", of a timestamptz. */
bool pgtext_timestamp(struct str text, bool zone, int64_t *ret_us);
char *pgtext_put_timestamp(char *out, int64_t us, bool zone);

/* numeric(precision, scale) with 0 <= scale <= precision <= PGTEXT_DIGITS_MAX: the unscaled value in two's complement,
 * big-endian, as few bytes as hold it. Returns how many, 0: refused. Writes at most the larger of 8 and text.len bytes,
 * and never more than PGTEXT_DECIMAL_BYTES. */
size_t pgtext_decimal(struct str text, int precision, int scale, char *out);
/* Any number of bytes from 1; NULL when the value has more digits than the precision. Writes at most
 * precision + 3 characters. */
char *pgtext_put_decimal(char *out, struct str bytes, int precision, int scale);

/* "\x00ff": writes (text.len - 2) / 2 bytes and returns the end, NULL when it is another form. */
char *pgtext_bytea(struct str text, char *out);
char *pgtext_put_bytea(char *out, struct str bytes); /* 2 + 2 * bytes.len characters */

bool pgtext_is_uuid(struct str text); /* lower case, with its four hyphens */
