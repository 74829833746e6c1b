// SPDX-License-Identifier: Apache-2.0
/*
 * What the log says of every row: by table and primary key, whether it lives, where it changed last, and a hash of
 * each column. Rows are known by 128 bits of hash of their key, columns by 64: 100 million rows take 10 GB less than
 * their values would, and two differing texts look the same once in 10^19.
 *
 * A column's hash is 0 while unknown (left out as unchanged TOAST, and never seen before).
 */
#pragma once
#include "bus/bus.h"
#include "codec/row.h"
#include "registry/registry.h"

struct row_key {
    uint64_t a, b;
};

struct row {
    struct row_key key;
    struct position last;
    bool used, live, marked; /* marked: met in the source */
    uint32_t generation;     /* of its table when it changed last */
    uint32_t count;          /* columns */
    uint64_t *columns;
};

struct table {
    struct str entity;
    uint32_t generation; /* counts TRUNCATEs: rows of an earlier one are dead */
    struct str *columns; /* all that events ever named, in order of appearance */
    size_t column_count, column_capacity;
    struct str *key; /* columns of the primary key, in its order */
    size_t key_count;
    struct row *rows;
    size_t row_count, slot_count; /* slot_count: a power of two */
    void *user;
};

struct schema_map {
    int32_t id;
    const struct row_schema *schema;
    struct row_plan plan;
    struct table *table;
    size_t *columns; /* schema's column -> table's */
};

struct rows {
    struct arena arena;
    struct table **tables;
    size_t table_count, table_capacity;
    struct schema_map *schemas;
    size_t schema_count, schema_capacity;
    struct arena value; /* of one event */
};

uint64_t hash_text(struct str text, uint64_t seed); /* never 0 */
uint64_t hash_null(void);
struct row_key row_key_of(struct str subject);

void rows_init(struct rows *rows);
void rows_free(struct rows *rows);
/* NULL when no event named it. */
struct table *rows_table(struct rows *rows, struct str entity);
/* One without rows, columns and key then. */
struct table *rows_table_make(struct rows *rows, struct str entity);
struct row *table_find(const struct table *t, struct row_key key);
bool row_lives(const struct table *t, const struct row *r);
/* Takes in a table event. *ret_problem: NULL, or what is impossible about it in its key's life; *ret_table and *ret_row
 * (NULL for a truncate) are what it changed. The registry gives schemas. */
bool rows_apply(struct rows *rows, struct registry *registry, const struct event *event, const char **ret_problem,
                struct table **ret_table, struct row **ret_row, struct err *err) MUST_USE;
