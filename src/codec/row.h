// SPDX-License-Identifier: Apache-2.0
/*
 * The value of a table event: Confluent framing and Avro binary of a record of ["null","string"] fields,
 * each PostgreSQL's text form of a column (ARCHITECTURE.md, 4.2). Encoder, decoder, and the schema's JSON both ways.
 * Invariants: encode(decode(x)) == x for every accepted x; a decoder never reads past its input; a value whose
 * field count differs from its schema's, or with bytes left over, is refused.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct row_column {
    struct str name; /* the true column name */
    struct str type; /* as format_type() prints it: "numeric(12,2)" */
    uint32_t type_oid;
    int32_t typmod;
    int key; /* 1-based place in the primary key, 0 = not part of it */
};

struct row_schema {
    struct str namespace; /* "fintech.transactions" */
    struct str name;      /* "TransactionsCreated" */
    struct str entity;    /* "public.transactions" */
    struct str verb;      /* "created", "updated", "deleted" */
    struct row_column *columns;
    size_t column_count;
};

/* A column's value. data NULL with missing false = SQL null. */
struct row_value {
    struct str text;
    bool null;
};

/* Canonical JSON text: same schema, same bytes. */
void row_schema_print(const struct row_schema *schema, struct buf *out);
/* Accepts what row_schema_print wrote, in any JSON layout; everything in the result lives in the arena. ERR_DATA. */
bool row_schema_parse(struct str json, struct arena *arena, struct row_schema *ret, struct err *err) MUST_USE;
/* A column name as an Avro name: [A-Za-z_][A-Za-z0-9_]*, others as _xHH_ (a literal "_x" too), reversible. */
void row_name_escape(struct str column, struct buf *out);

/* Appends framing and record. values has schema->column_count entries (only the count is needed). */
void row_encode(int32_t schema_id, const struct row_value *values, size_t count, struct buf *out);
/* The schema id of a framed value. ERR_DATA when it is not framed. */
bool row_schema_id(struct str value, int32_t *ret, struct err *err) MUST_USE;
/* Fills values[count] with views into `value`. ERR_DATA with the field's index when the bytes do not fit. */
bool row_decode(struct str value, struct row_value *ret_values, size_t count, struct err *err) MUST_USE;
