// SPDX-License-Identifier: Apache-2.0
/*
 * Which Avro type a column has (ARCHITECTURE.md, 4.2): decided by the oids and modifiers of the schema alone, so that
 * the relay, every reader and a schema that comes back from a registry agree. Each is a union with null first; kinds
 * that lose some values have a string as the last branch for those.
 */
#pragma once
#include "codec/row.h"

enum row_kind {
    ROW_STRING, /* everything without a type of its own */
    ROW_BOOLEAN,
    ROW_INT2,
    ROW_INT4,
    ROW_INT8,
    ROW_OID,
    ROW_FLOAT4,
    ROW_FLOAT8,
    ROW_UUID,
    ROW_BYTEA,
    ROW_DECIMAL, /* from here on: with a string branch */
    ROW_DATE,
    ROW_TIME,
    ROW_TIMESTAMP,
    ROW_TIMESTAMPTZ,
    ROW_ARRAY, /* of `element`, which has no string branch: the whole array takes it */
};

struct row_type {
    enum row_kind kind, element;
    int precision, scale; /* of a decimal, or of an array's decimals */
    char delimiter;       /* of an array */
};

static inline bool row_kind_has_text(enum row_kind kind) { return kind >= ROW_DECIMAL; }
struct row_type row_type_of(const struct row_column *column);
/* The field's type as JSON: ["null",...]. */
void row_type_print(const struct row_type *type, struct buf *out);
/* What Avro says of a kind, for whoever reads schemas: name of the type, and of the logical one or NULL. */
const char *row_kind_avro(enum row_kind kind);
const char *row_kind_logical(enum row_kind kind);
