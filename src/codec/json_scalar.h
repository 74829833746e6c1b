// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers and timestamps of JSON texts in a normal form: two texts are the same value exactly when their normal forms
 * are equal. Never through double: money has more digits. Pure, no allocation.
 */
#pragma once
#include "base/str.h"

/* value = 0.<digits without point> * 10^exponent; zero: no digits, exponent 0, not negative. */
struct json_decimal {
    bool negative;
    bool raw;                   /* the exponent does not fit: equal only to the very same text */
    struct str whole, fraction; /* the digits that count, trimmed; views into the text */
    int64_t exponent;
};
/* text: a JSON number, or what looks like one in a string ("1.10"); false when it is none. */
bool json_decimal_parse(struct str text, struct json_decimal *ret);
bool json_decimal_eq(const struct json_decimal *a, const struct json_decimal *b);
uint64_t json_decimal_hash(const struct json_decimal *d);

/* An RFC 3339 date-time with its offset ("2026-01-02T03:04:05.60+01:00"; a space for the T). */
struct json_instant {
    int64_t second;      /* since the Unix epoch */
    struct str fraction; /* digits without trailing zeros, any number of them */
};
bool json_instant_parse(struct str text, struct json_instant *ret);
bool json_instant_eq(const struct json_instant *a, const struct json_instant *b);
uint64_t json_instant_hash(const struct json_instant *t);

uint64_t json_hash_bytes(uint64_t h, const void *data, size_t len);
uint64_t json_hash_mix(uint64_t x);
