// SPDX-License-Identifier: Apache-2.0
/*
 * The source's catalog as registration needs it: tables, columns, primary keys, what is published, and the types
 * that a read model must have. Reads the source only; creates types in the read model.
 */
#pragma once
#include "link/pg/pg.h"
#include "project/view_plan.h"

struct source_column {
    uint32_t type_oid;
    int32_t typmod;
    const char *collation; /* identifier, or "" for the type's default */
    bool generated, published;
};

/* Beside catalog.tables[i], what the planner does not ask for. */
struct source_table {
    struct source_column *columns;
    char kind, identity;  /* pg_class.relkind, relreplident */
    bool identity_is_key; /* replica identity gives the primary key with every change */
    bool published, row_filter;
};

struct source_catalog {
    struct arena arena;
    struct catalog catalog;
    struct source_table *tables;
    char collation[64]; /* of the database */
};

/* Reads the whole catalog of user schemas. Free with source_catalog_free(). */
bool source_catalog_load(struct pg *source, const char *publication, struct source_catalog *ret,
                         struct err *err) MUST_USE;
void source_catalog_free(struct source_catalog *c);
const struct source_table *source_table_of(const struct source_catalog *c, const struct catalog_table *t);
/* Refuses what cannot be mirrored: not published, no usable identity, generated columns, row filters. ERR_CONFIG. */
bool source_table_check(const struct source_catalog *c, const struct view_table *t, const char *publication,
                        struct err *err) MUST_USE;
/* Makes the type (and what it is made of) exist in the read model: enums with their labels, domains without their
 * constraints. A type of an extension must be there already: ERR_CONFIG naming it. */
bool source_type_ensure(struct pg *source, struct pg *model, uint32_t type_oid, struct err *err) MUST_USE;
