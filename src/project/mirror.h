// SPDX-License-Identifier: Apache-2.0
/*
 * A mirror: the copy of one source table in the read model, only the columns that views use, with `_lsn` and `_seq` of
 * the change that last wrote the row. Names, DDL and the statements that change it; no state beyond the description.
 *
 * What always holds: the primary key's columns are among the columns; the mirror's only constraint is that key
 * (anything more would break when a batch's changes are netted and reordered).
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "link/pg/pipe.h"

struct mirror_column {
    const char *name;
    const char *type;      /* format_type() at the source, schema-qualified unless pg_catalog's */
    const char *collation; /* schema-qualified identifier when not the type's default, or "" */
    uint32_t type_oid;     /* at the source: how a changed type is noticed */
    int32_t typmod;
    bool not_null;
    int key; /* 1-based place in the primary key, 0 = not part of it */
};

struct mirror {
    const char *source_schema, *source_table;
    const char *entity; /* "public.users", as events name it */
    const char *name;   /* relation name in schema mirror */
    const char *topic;
    const char *home; /* schema the relation lives in: "mirror", or "undam_load" while it is being loaded */
    struct mirror_column *columns;
    size_t column_count;
    size_t *keys; /* indexes of the key's columns, in key order */
    size_t key_count;
    size_t number; /* index in its struct readmodel */
    struct pg_stmt upsert, remove, fetch;
};

/* "users", or "sales.orders" for tables outside public; in the arena. */
const char *mirror_name(struct arena *a, const char *schema, const char *table);
/* Appends home."name". */
void mirror_add_relation(struct buf *b, const struct mirror *m);
/* Index of the column, or -1. */
int mirror_column_index(const struct mirror *m, struct str name);
/* Fills keys and key_count from the columns. */
void mirror_index_keys(struct mirror *m, struct arena *a);
/* CREATE TABLE without key, `_lsn` defaulting to lsn_text. */
void mirror_ddl(const struct mirror *m, const char *lsn_text, struct buf *out);
/*
 * Builds the three statements. Parameters are text[] arrays, element i of each belongs to change i:
 *  upsert: every column, then lsn, seq; returns (i, columns...) of the rows there before;
 *  remove: key columns, then lsn, seq; returns (i, columns...) of the rows there before;
 *  fetch: key columns; returns (i, columns...).
 * i counts from 1. A change older than the row's own `_lsn`, `_seq` has no effect.
 */
void mirror_prepare(struct mirror *m, struct arena *a);
