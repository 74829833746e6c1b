// SPDX-License-Identifier: Apache-2.0
/*
 * What of an outbox row goes where. The extra headers: a jsonb object of whatever the application put there becomes an
 * object of strings, the only thing a header can be. And Debezium's notation of which further columns go into a
 * header, into the value or choose the partition. Pure; the input is untrusted.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/*
 * Appends to the members in `out` (which holds "{" or "{...members so far") those of the JSON object `json`: strings as
 * they are, numbers and booleans as their text, objects and arrays as their JSON text, nulls left out.
 * ERR_DATA when it is not a JSON object.
 */
bool outbox_headers(struct str json, struct arena *arena, struct buf *out, struct err *err) MUST_USE;
/* Appends one member. */
void outbox_header(struct str name, struct str value, struct buf *out);
/* Appends one member without a value: a header that is there and null. */
void outbox_header_null(struct str name, struct buf *out);

enum outbox_place { OUTBOX_IN_HEADER, OUTBOX_IN_ENVELOPE, OUTBOX_IN_PARTITION };
struct outbox_field {
    struct str column;
    enum outbox_place place;
    struct str alias; /* the header's or member's name; the column's when none is given */
};
enum { OUTBOX_FIELDS_MAX = 32 };

/*
 * "column:header|envelope|partition[:alias], ...", as table.fields.additional.placement of Debezium's outbox event
 * router has it; empty: none. The views point into `text`. ERR_CONFIG naming what is wrong.
 */
bool outbox_fields_parse(struct str text, struct outbox_field ret[OUTBOX_FIELDS_MAX], size_t *ret_count,
                         struct err *err) MUST_USE;
/* The column that `columns` ("name=column, ...") gives to `name`, else `name` itself. */
struct str outbox_column(struct str columns, struct str name);
/* ERR_CONFIG when `columns` is not of that form, or names something not in `names` (separated by '|'). */
bool outbox_columns_check(struct str columns, const char *names, struct err *err) MUST_USE;

/* How PostgreSQL's text of a column is written into a header or an envelope. */
enum outbox_kind {
    OUTBOX_TEXT,    /* as it is; a string */
    OUTBOX_INTEGER, /* as it is; a number */
    OUTBOX_BOOLEAN, /* "t" is true */
    OUTBOX_OTHER,   /* a type that Debezium writes in a form of its own */
};
/* User-defined types (enums, domains) are text. */
enum outbox_kind outbox_kind_of(uint32_t type_oid);
/* The value's text for a header. */
struct str outbox_text(enum outbox_kind kind, struct str text);
/* Appends `"name":value`; text.data NULL is null. */
void outbox_member(enum outbox_kind kind, struct str name, struct str text, struct buf *out);
/* Appends the bytes of a bytea as PostgreSQL prints it (\\x and hex digits). False when it is none. */
bool outbox_bytes(struct str text, struct buf *out) MUST_USE;
