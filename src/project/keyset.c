// SPDX-License-Identifier: Apache-2.0
/* Sets of view keys; see keyset.h. */
#include "project/keyset.h"

#include <assert.h>

struct keyset_entry {
    struct keyset_entry *next;
    uint64_t hash;
    struct str key[];
};

void keyset_init(struct keyset *s, size_t width)
{
    *s = (struct keyset){.width = width};
    arena_init(&s->arena);
}

void keyset_free(struct keyset *s)
{
    free(s->entries);
    free(s->buckets);
    arena_free(&s->arena);
    *s = (struct keyset){.width = s->width};
}

void keyset_clear(struct keyset *s)
{
    s->count = 0;
    if (s->bucket_count)
        memset(s->buckets, 0, s->bucket_count * sizeof(s->buckets[0]));
    arena_reset(&s->arena);
}

static uint64_t hash_texts(const struct str *key, size_t width)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < width; i++) {
        for (size_t j = 0; j < key[i].len; j++)
            h = (h ^ (unsigned char)key[i].data[j]) * 0x100000001b3u;
        h = (h ^ (key[i].data ? key[i].len : SIZE_MAX)) * 0x100000001b3u;
    }
    return h ^ h >> 29;
}

static void grow(struct keyset *s)
{
    s->bucket_count = s->bucket_count ? s->bucket_count * 2 : 64;
    s->buckets = xrealloc(s->buckets, s->bucket_count * sizeof(s->buckets[0]));
    memset(s->buckets, 0, s->bucket_count * sizeof(s->buckets[0]));
    for (size_t i = 0; i < s->count; i++) {
        struct keyset_entry **at = &s->buckets[s->entries[i]->hash & (s->bucket_count - 1)];
        s->entries[i]->next = *at;
        *at = s->entries[i];
    }
}

static bool same(const struct str *a, const struct str *b, size_t width)
{
    for (size_t i = 0; i < width; i++)
        if (!str_eq(a[i], b[i]) || !a[i].data != !b[i].data)
            return false;
    return true;
}

bool keyset_has(const struct keyset *s, const struct str *key)
{
    if (s->bucket_count == 0)
        return false;
    uint64_t hash = hash_texts(key, s->width);
    for (const struct keyset_entry *e = s->buckets[hash & (s->bucket_count - 1)]; e; e = e->next)
        if (e->hash == hash && same(e->key, key, s->width))
            return true;
    return false;
}

bool keyset_add(struct keyset *s, const struct str *key)
{
    if (s->count >= s->bucket_count)
        grow(s);
    uint64_t hash = hash_texts(key, s->width);
    struct keyset_entry **at = &s->buckets[hash & (s->bucket_count - 1)];
    for (struct keyset_entry *e = *at; e; e = e->next)
        if (e->hash == hash && same(e->key, key, s->width))
            return false;
    struct keyset_entry *e = arena_alloc(&s->arena, sizeof *e + s->width * sizeof e->key[0]);
    e->hash = hash;
    for (size_t i = 0; i < s->width; i++)
        e->key[i] = key[i].data ? str_n(arena_memdup(&s->arena, key[i].data, key[i].len), key[i].len) : key[i];
    e->next = *at;
    *at = e;
    GROW(s->entries, s->count, s->capacity);
    s->entries[s->count++] = e;
    return true;
}

const struct str *keyset_get(const struct keyset *s, size_t i)
{
    assert(i < s->count);
    return s->entries[i]->key;
}
