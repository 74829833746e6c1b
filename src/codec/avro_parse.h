// SPDX-License-Identifier: Apache-2.0
/* What the files that read a schema's text share (avro_schema.c, avro_logical.c, avro_default.c, avro_json_read.c);
 * nobody else includes it. */
#pragma once
#include "codec/avro_schema.h"
#include "codec/json_read.h"

struct avro_named {
    const struct avro_schema *schema;
    struct avro_named *next;
};

/* A default, checked when all types are known: it may be of the record that is being read. */
struct avro_pending {
    const struct avro_field *field;
    struct str raw; /* a slice of the text */
    struct avro_pending *next;
};

enum {
    AVRO_DEFAULT_STEPS = 1 << 20
}; /* comparisons of one schema's defaults: branches times depth could be any number */

struct avro_parser {
    struct str text;
    struct arena *arena;  /* of the result */
    struct arena scratch; /* of this parse */
    struct err *err;
    struct avro_named *named[512]; /* by hash of the full name */
    uint32_t named_count;
    struct avro_pending *pending, **pending_end;
    uint32_t steps;
};

/* ERR_DATA "schema: ... at byte N", N being where the slice begins. */
bool avro_parse_fail(struct avro_parser *p, struct str at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#define avro_parse_fail(...)                  \
    ({                                        \
        (void)(avro_parse_fail)(__VA_ARGS__); \
        false;                                \
    })
/* The next value of an array or of a member as a slice of the text, passed over; false at the end of the array. */
bool avro_slice(struct json_reader *r, enum json_token *ret_first, struct str *ret) MUST_USE;
/* The logical type that these members of a schema (slices, data NULL: absent) give it, if any. */
void avro_logical_set(struct avro_parser *p, struct avro_schema *s, struct str word, struct str precision,
                      struct str scale);
/* Whether the JSON text `raw` (a whole, valid value) is a default of the type. */
bool avro_default_fits(struct avro_parser *p, const struct avro_schema *s, struct str raw) MUST_USE;
