// SPDX-License-Identifier: Apache-2.0
/*
 * A set of view keys (tuples of texts, data NULL = SQL null), each once, in order of first appearance. Copies what it
 * is given.
 */
#pragma once
#include "base/mem.h"
#include "base/str.h"

struct keyset_entry;
struct keyset {
    struct arena arena;
    size_t width; /* texts a key */
    struct keyset_entry **entries;
    size_t count, capacity;
    struct keyset_entry **buckets;
    size_t bucket_count;
};

void keyset_init(struct keyset *s, size_t width);
void keyset_free(struct keyset *s);
void keyset_clear(struct keyset *s);
/* width texts. Whether it was new. */
bool keyset_add(struct keyset *s, const struct str *key);
bool keyset_has(const struct keyset *s, const struct str *key);
/* The texts of key i < count. */
const struct str *keyset_get(const struct keyset *s, size_t i);
