// SPDX-License-Identifier: Apache-2.0
/*
 * The tables that the stream has announced, by oid. A newer announcement replaces the older one; what the catalog has
 * to add is asked at first use, because partitions are announced that no change ever names.
 */
#pragma once
#include "capture/capture.h"

struct relation_cache {
    struct capture_relation *buckets[64];
    struct relation_type *types; /* user-defined types the stream named, for those the catalog has lost */
};

void relation_cache_clear(struct relation_cache *cache);
void relation_cache_put(struct relation_cache *cache, const struct pgoutput_relation *m);
void relation_cache_type(struct relation_cache *cache, uint32_t oid, struct str schema, struct str name);
/* NULL when the server has not announced it. */
struct capture_relation *relation_cache_find(const struct relation_cache *cache, uint32_t oid);

/* Fills what only the catalog knows: key order, ancestors, names of types. pg: an ordinary connection to the source.
 * ERR_DATA for a type that nobody can name. */
bool relation_resolve(struct relation_cache *cache, struct capture_relation *r, struct pg *pg,
                      struct err *err) MUST_USE;

/* Sets the key from the identity and the catalog's primary key and identity index (names in order; count 0: none).
 * The stream's identity flags win over the catalog, which may be newer. */
struct relation_keys {
    struct str *primary, *identity_index;
    size_t primary_count, identity_index_count;
};
void relation_set_key(struct capture_relation *r, const struct relation_keys *keys);
