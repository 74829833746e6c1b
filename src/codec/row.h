// SPDX-License-Identifier: Apache-2.0
/*
 * The value of a table event: Confluent framing and Avro binary of a record with a field for each column
 * (ARCHITECTURE.md, 4.2). A schema is compiled once into a plan, which then turns the texts that PostgreSQL sends into
 * Avro and back **into those very texts**, whichever branch of a field's union was taken.
 * Invariants: decode(encode(texts)) == texts; a text that a column without a string branch cannot give back is refused
 * and not rounded; a decoder never reads past its input; a value with bytes left over is refused. Errors name the
 * column, never its value.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* The map's field; a table that has a column of this name can have no dynamic ones. */
#define ROW_DYNAMIC_FIELD "undam_dynamic"

struct row_column {
    struct str name; /* the true column name */
    struct str type; /* as format_type() prints it: "numeric(12,2)" */
    uint32_t type_oid;
    int32_t typmod;
    /* Of a domain and of an array whose element is not built in: the built-in type whose mapping it has; 0: its own. */
    uint32_t base_oid;
    int32_t base_typmod;
    int key;           /* 1-based place in the primary key, 0 = not part of it */
    struct str doc;    /* the column's comment; data NULL: none */
    struct str preset; /* its default expression; data NULL: none */
};

struct row_schema {
    struct str namespace; /* "fintech.transactions" */
    struct str name;      /* "TransactionsCreated" */
    struct str doc;       /* the table's comment; data NULL: none */
    struct str entity;    /* "public.transactions" */
    struct str verb;      /* "created", "updated", "deleted" */
    struct row_column *columns;
    size_t column_count;
    bool dynamic; /* further columns come in a map field */
};

/* A column's value. */
struct row_value {
    struct str text;
    bool null;
};

/* A column that is carried in the map. */
struct row_dynamic {
    struct str name;
    struct row_value value;
};

struct row_texts {
    struct row_value *values; /* of the schema's columns */
    struct row_dynamic *dynamic;
    size_t dynamic_count;
};

/* ---- the schema ---- */

/* Canonical JSON text: same schema, same bytes. */
void row_schema_print(const struct row_schema *schema, struct buf *out);
/* Accepts what row_schema_print wrote, in any JSON layout; everything in the result lives in the arena. A field's Avro
 * type must be the one that its oid and modifier give. ERR_DATA. */
bool row_schema_parse(struct str json, struct arena *arena, struct row_schema *ret, struct err *err) MUST_USE;
/* A column name as an Avro name: [A-Za-z_][A-Za-z0-9_]*, others as _xHH_ (a literal "_x" too), reversible. */
void row_name_escape(struct str column, struct buf *out);
/* The column name again; false when no column name gives this Avro name. */
bool row_name_unescape(struct str name, struct buf *out) MUST_USE;

/* ---- values ---- */

struct row_plan {
    const struct row_schema *schema;
    struct row_type *types; /* one a column; row_type.h */
    size_t text_max;        /* characters that the columns of bounded length need when they are decoded */
    bool *skipped;          /* columns that decoding passes over; NULL: none */
};

/* The schema must live as long as the plan, which lives in the arena. */
void row_plan_make(const struct row_schema *schema, struct arena *arena, struct row_plan *ret);

/* The column's value is not wanted: decoding says null and makes no text of it. */
void row_plan_skip(struct row_plan *plan, size_t column, struct arena *arena);

/* Appends framing and record; values has schema->column_count entries. On failure (ERR_DATA, naming the column) `out`
 * is as it was. dynamic: only of a schema with the map, in the order in which it shall be written. out->overflow when
 * the value is larger than the buffer may get. */
bool row_encode(const struct row_plan *plan, int32_t schema_id, const struct row_value *values,
                const struct row_dynamic *dynamic, size_t dynamic_count, struct buf *out, struct err *err) MUST_USE;
/* The schema id of a framed value. ERR_DATA when it is not framed. */
bool row_schema_id(struct str value, int32_t *ret, struct err *err) MUST_USE;
/* Texts live in the arena or are views into `value`. ERR_DATA with the column when the bytes do not fit. */
bool row_decode(const struct row_plan *plan, struct str value, struct arena *arena, struct row_texts *ret,
                struct err *err) MUST_USE;
