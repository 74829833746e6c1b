// SPDX-License-Identifier: Apache-2.0
/*
 * Random schemas, views and changes from a seed, for differential tests of view maintenance. Domains are tiny (0..10)
 * and NULLs common, so that joins meet, groups empty, keys collide and rows move. What is generated depends on the seed
 * alone.
 */
#pragma once
#include <stdint.h>

#include "base/mem.h"
#include "project/view_plan.h"

struct gen {
    uint64_t state;
    struct arena *arena;
};

/* What a view is made of; a mutation test asks that each of these can fail. */
#define GEN_TAGS(X)                                 \
    X(INNER, "inner join")                          \
    X(LEFT, "left join")                            \
    X(RIGHT, "right join")                          \
    X(COMMA, "comma join")                          \
    X(USING, "join using")                          \
    X(SELF, "self join")                            \
    X(GROUP, "group by")                            \
    X(HAVING, "having")                             \
    X(DISTINCT, "distinct")                         \
    X(DISTINCT_ON, "distinct on")                   \
    X(AGGREGATE, "aggregate")                       \
    X(FILTER, "aggregate with filter")              \
    X(JSON, "json_agg")                             \
    X(WINDOW, "window function")                    \
    X(EXISTS, "exists")                             \
    X(NOT_EXISTS, "not exists")                     \
    X(IN, "in subquery")                            \
    X(SCALAR, "scalar subquery")                    \
    X(LATERAL, "lateral")                           \
    X(TOP_N, "limit in lateral")                    \
    X(SUBQUERY, "subquery in from")                 \
    X(GROUPED_SUBQUERY, "grouped subquery in from") \
    X(CTE, "with")                                  \
    X(UNION, "union all")                           \
    X(SETOP, "union, intersect, except")            \
    X(COMPOSITE, "composite key")                   \
    X(NULLABLE_SIDE, "key on a nullable side")
enum gen_tag {
#define X(name, text) GEN_##name,
    GEN_TAGS(X)
#undef X
        GEN_TAG_COUNT
};
extern const char *const gen_tag_names[GEN_TAG_COUNT];

void gen_init(struct gen *g, uint64_t seed, struct arena *arena);
/* 0 <= result < n */
uint32_t gen_below(struct gen *g, uint32_t n);

/* 2 to 5 tables of schema public. */
void gen_catalog(struct gen *g, struct catalog *ret);
/* CREATE TABLE statements with primary keys; prefix: "mirror.", "" ... */
const char *gen_ddl(struct gen *g, const struct catalog *catalog, const char *prefix);
/* Rows to begin with. */
const char *gen_fill(struct gen *g, const struct catalog *catalog, const char *prefix);
/* 1 to 9 statements: inserts, updates of anything (keys too), deletes; each succeeds on any content. */
const char *gen_batch(struct gen *g, const struct catalog *catalog, const char *prefix);

struct gen_view {
    const char *select; /* tables by their plain names */
    const char *keys[2];
    size_t key_count;
    uint64_t tags; /* 1 << enum gen_tag */
};
void gen_view(struct gen *g, const struct catalog *catalog, struct gen_view *ret);
