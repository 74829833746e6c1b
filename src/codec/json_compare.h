// SPDX-License-Identifier: Apache-2.0
/*
 * Are two JSON texts the same answer? Numbers are exact decimals (1 = 1.0 = 1e0, any number of digits), members have no
 * order, arrays have one, missing, null and empty are three things, strings are equal code point by code point,
 * RFC 3339 timestamps with an offset are instants. Whatever an endpoint wants otherwise is a named rule
 * (json_rules.h), and what each rule excused is counted.
 *
 * What always holds: equal bytes are equal; equality is symmetric but for additive members; a difference never
 * holds a value, only a path and a kind, so it may be logged.
 */
#pragma once
#include "codec/json_rules.h"

enum json_difference_kind {
    JSON_DIFF_VALUE,   /* same type, other value */
    JSON_DIFF_TYPE,    /* another type (null is one) */
    JSON_DIFF_MISSING, /* only the old side has it */
    JSON_DIFF_EXTRA,   /* only the new side has it (arrays, and objects where `closed` holds) */
    JSON_DIFF_LENGTH,  /* arrays of different lengths */
    JSON_DIFF_ORDER,   /* same elements in another order */
    JSON_DIFF_BROKEN,  /* one side is not JSON */
    JSON_DIFF_KINDS
};

struct json_difference {
    enum json_difference_kind kind;
    struct str path; /* in the arena */
};

enum json_excuse {
    JSON_EXCUSE_NUMBER,    /* written differently, equal as decimals */
    JSON_EXCUSE_TIMESTAMP, /* written differently, the same instant */
    JSON_EXCUSE_IGNORE,    /* differing values under `ignore` */
    JSON_EXCUSE_UNORDERED, /* arrays in another order under `unordered` or `key` */
    JSON_EXCUSE_DECIMAL_STRING,
    JSON_EXCUSE_NULL_MISSING,
    JSON_EXCUSE_ADDITIVE,  /* members only the new side has */
    JSON_EXCUSE_DUPLICATE, /* doubled members, the last one taken */
    JSON_EXCUSE_KINDS
};

enum { JSON_DIFFERENCES_MAX = 32, JSON_TEXT_MAX = 16 << 20 };

struct json_comparison {
    bool equal;
    bool too_large; /* not compared; equal is false and there are no differences */
    struct json_difference differences[JSON_DIFFERENCES_MAX];
    unsigned difference_count;           /* of those listed */
    uint64_t difference_total;           /* found */
    const char *broken_old, *broken_new; /* why a side is not JSON, NULL when it is */
    uint64_t excused[JSON_EXCUSE_KINDS];
};

const char *json_difference_name(enum json_difference_kind kind);
const char *json_excuse_name(enum json_excuse excuse);
/* rules may be NULL. The result's paths live in the arena, as does what the comparison needs while it runs. */
void json_compare(struct str old_text, struct str new_text, const struct json_rules *rules, struct arena *arena,
                  struct json_comparison *ret);
