// SPDX-License-Identifier: Apache-2.0
/*
 * Avro schemas (specification 1.11): the JSON text as a tree, canonical form, fingerprint, and the rules of
 * compatibility between two of them. Own code because libavro loses logicalTypes, lacks defaults and aliases in
 * resolution, and is slow; it is the oracle in tests. Invariants: no recursion on untrusted depth without a limit; a
 * tree is immutable and lives in its arena; named types are resolved, so a reference points at the definition (trees
 * may be cyclic through it).
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum avro_type {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_RECORD,
    AVRO_ENUM,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_UNION,
    AVRO_FIXED,
};

enum avro_logical {
    AVRO_LOGICAL_NONE, /* also unknown or invalid ones: the specification has them ignored */
    AVRO_DECIMAL,
    AVRO_UUID,
    AVRO_DATE,
    AVRO_TIME_MILLIS,
    AVRO_TIME_MICROS,
    AVRO_TIMESTAMP_MILLIS,
    AVRO_TIMESTAMP_MICROS,
    AVRO_LOCAL_TIMESTAMP_MILLIS,
    AVRO_LOCAL_TIMESTAMP_MICROS,
    AVRO_DURATION,
};

struct avro_schema;

struct avro_field {
    struct str name;
    const struct avro_schema *type;
    struct str *aliases;
    size_t alias_count;
    struct str default_json; /* raw JSON text of the default; data NULL: none */
    struct str doc;
};

struct avro_schema {
    enum avro_type type;
    enum avro_logical logical;
    int32_t precision, scale; /* of a decimal */
    struct str name;          /* full name of record, enum, fixed */
    struct str *aliases;      /* full names */
    size_t alias_count;
    struct avro_field *fields; /* record */
    size_t field_count;
    const struct avro_schema **branches; /* union; array and map: one, the item */
    size_t branch_count;
    struct str *symbols; /* enum */
    size_t symbol_count;
    struct str default_symbol; /* enum; data NULL: none */
    uint32_t size;             /* fixed */
    uint32_t number;           /* record, enum, fixed: its place in the text, from 1; others 0 */
};

enum {
    AVRO_SCHEMA_MAX = 8 << 20, /* bytes of a schema's text: a thousand times the largest seen in practice */
    AVRO_DEPTH_MAX = 256,      /* values in values, through references too: of a comparison, of encoded data */
};

/*
 * As strict as the specification, with three leniencies of Java's reader that schemas in the wild rely on: a namespace
 * may hold dashes and begin with digits, a name without dots that is not found in the enclosing namespace is looked
 * for outside of any, and the default of a union's field may fit any of its branches (1.12; the first that fits is
 * taken). Attributes it does not know are ignored.
 *
 * ERR_DATA naming what is wrong and the byte. The tree lives in the arena and does not refer to `json`.
 */
bool avro_schema_parse(struct str json, struct arena *arena, const struct avro_schema **ret, struct err *err) MUST_USE;
/* Parsing Canonical Form, appended. */
void avro_schema_canonical(const struct avro_schema *schema, struct buf *out);
/* CRC-64-AVRO of the canonical form. */
uint64_t avro_schema_fingerprint(const struct avro_schema *schema);

/* "int", "record", "union", ... */
const char *avro_type_word(enum avro_type type);
/* What a branch of a union is called in Avro's JSON: the full name of a named type, the word of others. */
struct str avro_branch_name(const struct avro_schema *branch);
/* The part of a full name behind its last dot. */
struct str avro_name_last(struct str full);

/*
 * Whether data written with `writer` can be read with `reader`, by the rules of schema resolution. When not, *ret_why
 * (in the arena; may be NULL) says where and why in one line: "/amount: writer has string, reader wants int". A path
 * is of the reader's fields; [] is an array's item, {} a map's value.
 *
 * As Confluent's and Java's checker (SchemaCompatibility): all of a writer's branches must be readable; named types
 * match by their last part or by a reader's alias; a reader's union takes a writer that fits any branch as a whole.
 * Like them it does not look at logical types, with one exception: two decimals must have one scale, and a decimal does
 * not become a string by the promotion of bytes, nor a string a decimal. Both look away there, but the specification
 * wants equal precision and scale, and the same bytes would be another amount of money, or no text. The precision is
 * free, as it is for them: it does not change what bytes mean, and numeric(10,2) does grow to numeric(12,2).
 * A writer's field is taken by a reader's field of its name; by an alias only when no reader's field has
 * that name, and of two fields with one alias the first takes it.
 */
bool avro_can_read(const struct avro_schema *reader, const struct avro_schema *writer, struct arena *arena,
                   const char **ret_why);
