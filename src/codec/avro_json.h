// SPDX-License-Identifier: Apache-2.0
/*
 * Avro data as JSON, both ways: tapes (avro_codec.h) to text and back.
 *
 * AVRO_JSON is the specification's encoding: a value of a union is {"branch": value} unless it is null, bytes and fixed
 * are strings of characters up to U+00FF. Beyond the specification, as Java: NaN, Infinity and -Infinity are strings.
 *
 * AVRO_PLAIN is for people and pipelines, and is only written. Unions show the bare value. bytes and fixed are
 * "\x68656c" (as PostgreSQL prints bytea); decimals are strings of the exact number, "12.50", because many readers of
 * JSON numbers round them; dates "2026-01-02", times "03:04:05.678901", timestamps "2026-01-02T03:04:05.678901Z", local
 * ones without the Z, with as many digits as the type has; years beyond 9999 or before 0 with a sign and six digits,
 * "+012026-01-02T..."; durations "P1M2DT3.004S". What its logical type does not allow (a time of 25 hours) is shown as
 * the number it is.
 */
#pragma once
#include "codec/avro_codec.h"

enum avro_json { AVRO_JSON, AVRO_PLAIN };

/* Appends the datum of items[count], which must fit the schema. ERR_DATA: it does not. */
bool avro_json_print(const struct avro_schema *schema, enum avro_json form, const struct avro_item *items, size_t count,
                     struct buf *out, struct err *err) MUST_USE;
/* The one datum in Avro's JSON encoding; texts live in the arena. ERR_DATA "/amount: ..."; the tape is then empty. At
 * most JSON_DEPTH_MAX objects and arrays deep. */
bool avro_json_read(const struct avro_schema *schema, struct str json, struct arena *arena, struct avro_tape *tape,
                    struct err *err) MUST_USE;
/* The default of a field: appended, without a union's branches, and with the defaults of a record's missing fields.
 * False when it has more than `max` items or has itself within itself. */
bool avro_json_default(const struct avro_field *field, struct arena *arena, struct avro_tape *tape,
                       size_t max) MUST_USE;
/* Appends the exact number of a decimal's bytes (two's complement, the high byte first). False, and nothing appended,
 * when there are more than AVRO_DECIMAL_MAX of them. */
enum { AVRO_DECIMAL_MAX = 1024 };
bool avro_decimal_print(struct str bytes, int32_t scale, struct buf *out) MUST_USE;
