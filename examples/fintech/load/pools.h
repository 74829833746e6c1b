// SPDX-License-Identifier: Apache-2.0
/*
 * Pools of ids, from a file of lines "pool<TAB>owner<TAB>value": what the services' pools.sql return. The owner is a
 * user's id, or empty where nobody owns it. Within an owner the values keep the file's order; the same value twice of
 * one owner is once.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "source.h"

struct pool_entry {
    uint64_t owner; /* 0: nobody */
    const char *value;
    bool used; /* by the contract runner, which does not take it again while there are others */
};

struct pool {
    const char *name;
    struct pool_entry *entries; /* by owner; those of nobody first */
    size_t count;
    uint32_t *owners; /* ascending, without nobody */
    size_t *starts;   /* of each owner's entries, and one more */
    size_t owner_count, unowned;
    bool numbers; /* every value is a JSON number */
};

struct pools {
    struct arena arena;
    struct pool *pools;
    size_t count, capacity;
};

/* path is what errors call the text. ERR_CONFIG with file and line. */
bool pools_parse(const char *path, struct str text, struct pools *ret, struct err *err) MUST_USE;
/* Of a file. ERR_SYSTEM, too. */
bool pools_read(const char *path, struct pools *ret, struct err *err) MUST_USE;
void pools_free(struct pools *p);
struct pool *pools_find(const struct pools *p, struct str name); /* NULL: no such pool */
/* The entries of one owner (0: of nobody). */
struct pool_entry *pool_of(const struct pool *p, uint64_t owner, size_t *ret_count);
