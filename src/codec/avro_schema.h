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
};

/* ERR_DATA naming what is wrong and the byte. The tree lives in the arena and does not refer to `json`. */
bool avro_schema_parse(struct str json, struct arena *arena, const struct avro_schema **ret, struct err *err) MUST_USE;
/* Parsing Canonical Form, appended. */
void avro_schema_canonical(const struct avro_schema *schema, struct buf *out);
/* CRC-64-AVRO of the canonical form. */
uint64_t avro_schema_fingerprint(const struct avro_schema *schema);

/* Whether data written with `writer` can be read with `reader`, by the rules of schema resolution. When not, *ret_why
 * (in the arena) says where and why in one line: "/amount: writer has string, reader wants int". */
bool avro_can_read(const struct avro_schema *reader, const struct avro_schema *writer, struct arena *arena,
                   const char **ret_why);
