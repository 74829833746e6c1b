// SPDX-License-Identifier: Apache-2.0
/*
 * From a view's SELECT to everything its exact maintenance needs: the tables and columns it reads, how a changed
 * row maps to the keys of the slices it touches, and the SELECT restricted to a set of keys. Pure: the parse tree
 * (libpg_query) and a catalog in, SQL texts out; no connection.
 *
 * What always holds (facts of affected-key recompute): a slice's rows depend only on its key; the key maps, fed with
 * the old AND the new image of every changed row and evaluated over the mirrors AFTER the batch, give a superset of the
 * keys whose slice changed; what cannot be so is refused with the construct named and its place in the text.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* What is known of the source's tables. */
struct catalog_column {
    const char *name;
    const char *type; /* format_type(): "bigint", "numeric(12,2)" */
    bool not_null;
};
struct catalog_table {
    const char *schema, *name;
    struct catalog_column *columns;
    size_t column_count;
    const char **key; /* primary key columns in order */
    size_t key_count;
};
struct catalog {
    struct catalog_table *tables;
    size_t table_count;
};

/* One base table a view reads. */
struct view_table {
    const struct catalog_table *table;
    const char **columns; /* those used, primary key included, in table order */
    size_t column_count;
};

/* How rows of one table occurrence map to view keys: for a batch, `sql` is run with one array parameter per
 * column in `columns` (text[] cast inside the SQL; element i of every array is one image of one changed row, old or
 * new) and returns the view's key columns. Reads the mirrors after the batch. */
struct view_keymap {
    const struct view_table *table;
    const char **columns;
    size_t column_count;
    const char *sql;
};

/* An index a key map or the restricted SELECT needs on a mirror. */
struct view_index {
    const struct catalog_table *table;
    const char **columns;
    size_t column_count;
};

struct view_plan {
    const char **keys; /* the columns that make a slice (output names): those the header declares, or, where no table
                          holds all of them together, the ones that it does (slices are then coarser, and as exact) */
    const char **key_types; /* of the base column */
    bool *key_nullable;     /* the array for this key may hold NULL: it asks for the slice whose key is NULL. Key maps
                               return NULL only for such keys. Elsewhere a NULL element finds nothing. */
    size_t key_count;
    struct view_table *tables;
    size_t table_count;
    struct view_keymap *keymaps;
    size_t keymap_count;
    struct view_index *indexes;
    size_t index_count;
    const char *select;     /* the SELECT, table names qualified to schema mirror */
    const char *restricted; /* the same with "<key base column> = ANY($n::<type>[])" at every level; $1.. = one array
                               per key column. Several key columns: it returns every slice of the arrays' product, so
                               take the same product out of the stored table: k1 = ANY($1) AND k2 = ANY($2), with
                               IS NULL for a NULL element. Plan it anew for each batch (plan_cache_mode
                               force_custom_plan): the arrays' lengths decide, and the NULL tests fold away. */
};

/* schema "public" tables are mirror."<name>", others mirror."<schema>.<name>". Everything returned lives in the arena.
 * ERR_CONFIG naming the construct and line:column when the SELECT cannot be kept exact. */
bool view_plan_build(const char *select, const char *const *keys, size_t key_count, const struct catalog *catalog,
                     struct arena *arena, struct view_plan *ret, struct err *err) MUST_USE;
