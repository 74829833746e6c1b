// SPDX-License-Identifier: Apache-2.0
/* Netting; see net.h. */
#include "project/net.h"

#include <assert.h>

void net_init(struct net *n, struct mirror *mirrors, size_t count)
{
    *n = (struct net){.table_count = count};
    arena_init(&n->arena);
    arena_init(&n->carry.arena);
    n->tables = xcalloc(count, sizeof *n->tables);
    for (size_t i = 0; i < count; i++)
        n->tables[i].mirror = &mirrors[i];
}

static void clear_table(struct net_table *t)
{
    t->row_count = 0;
    t->has_missing = false;
    if (t->bucket_count)
        memset(t->buckets, 0, t->bucket_count * sizeof(t->buckets[0]));
}

void net_free(struct net *n)
{
    for (size_t i = 0; i < n->table_count; i++) {
        free(n->tables[i].rows);
        free(n->tables[i].buckets);
    }
    free(n->tables);
    arena_free(&n->arena);
    arena_free(&n->carry.arena);
    *n = (struct net){0};
}

void net_reset(struct net *n)
{
    for (size_t i = 0; i < n->table_count; i++) {
        clear_table(&n->tables[i]);
        n->tables[i].truncated = false;
    }
    n->events = 0;
    n->last_deleted = NULL;
    arena_reset(&n->arena);
}

static uint64_t hash_key(const struct row_value *key, size_t count)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, with each length mixed in so that ("a","b") is not ("ab","") */
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < key[i].text.len; j++)
            h = (h ^ (unsigned char)key[i].text.data[j]) * 0x100000001b3u;
        h = (h ^ key[i].text.len) * 0x100000001b3u;
    }
    return h ^ h >> 29;
}

static bool same_key(const struct row_value *a, const struct row_value *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!str_eq(a[i].text, b[i].text))
            return false;
    return true;
}

static struct net_row *find(const struct net_table *t, const struct row_value *key, uint64_t hash)
{
    if (t->bucket_count == 0)
        return NULL;
    for (struct net_row *r = t->buckets[hash & (t->bucket_count - 1)]; r; r = r->next_hash)
        if (r->hash == hash && same_key(r->key, key, t->mirror->key_count))
            return r;
    return NULL;
}

static void grow_buckets(struct net_table *t)
{
    size_t count = t->bucket_count ? t->bucket_count * 2 : 64;
    t->buckets = xrealloc(t->buckets, count * sizeof(t->buckets[0]));
    memset(t->buckets, 0, count * sizeof(t->buckets[0]));
    t->bucket_count = count;
    for (size_t i = 0; i < t->row_count; i++) {
        struct net_row *r = t->rows[i];
        r->next_hash = t->buckets[r->hash & (count - 1)];
        t->buckets[r->hash & (count - 1)] = r;
    }
}

static struct net_row *find_or_add(struct net *n, struct net_table *t, struct row_value *key)
{
    uint64_t hash = hash_key(key, t->mirror->key_count);
    struct net_row *r = find(t, key, hash);
    if (r)
        return r;
    if (t->row_count >= t->bucket_count)
        grow_buckets(t);
    r = arena_calloc(&n->arena, 1, sizeof *r);
    r->hash = hash;
    r->key = key;
    r->next_hash = t->buckets[hash & (t->bucket_count - 1)];
    t->buckets[hash & (t->bucket_count - 1)] = r;
    GROW(t->rows, t->row_count, t->row_capacity);
    t->rows[t->row_count++] = r;
    return r;
}

static struct row_value *key_of(struct net *n, const struct mirror *m, const struct row_value *image)
{
    struct row_value *key = arena_calloc(&n->arena, m->key_count, sizeof *key);
    for (size_t i = 0; i < m->key_count; i++)
        key[i] = image[m->keys[i]];
    return key;
}

/* The state that a row's unchanged columns are inherited from: an image of this batch, whose own missing columns
 * are in from's mirror row; or, image NULL, the mirror's row of `from` itself. */
struct before {
    const struct row_value *image;
    const uint8_t *missing;
    struct net_row *from;
};

static bool state_unknown(const struct net_change *c, struct err *err)
{
    char lsn[LSN_TEXT_SIZE];
    err_set(err, ERR_DATA, "table %s: the event at %s, %u leaves out unchanged columns of a row that is not known",
            c->mirror->entity, lsn_format(c->pos.lsn, lsn), c->pos.seq);
    return err_hint(err, "the mirror has lost rows: load it again with `undam view rebuild`");
}

static bool before_update(struct net_table *t, struct net_row *row, const struct net_change *c, struct before *ret,
                          struct err *err)
{
    if (row->image)
        *ret = (struct before){row->image, row->missing, row->missing_from};
    else if (!row->seen && !t->truncated)
        *ret = (struct before){NULL, NULL, row};
    else
        return state_unknown(c, err);
    return true;
}

static bool before_move(struct net *n, struct net_table *t, const struct net_change *c, struct before *ret,
                        struct err *err)
{
    const struct mirror *m = t->mirror;
    if (!c->oldkey)
        return state_unknown(c, err);
    struct net_row *old = find(t, c->oldkey, hash_key(c->oldkey, m->key_count));
    if (old && old->seen && !old->image)
        *ret = (struct before){old->last, old->last_missing, old->last ? old->last_from : old};
    else if (!old && n->carry.mirror == m && same_key(n->carry.key, c->oldkey, m->key_count))
        *ret = (struct before){n->carry.image, NULL, NULL};
    else
        return state_unknown(c, err);
    return true;
}

/* Whatever the mirror had for it is no longer its state, so it goes: a row is exact, or not there. */
static void set_unknown(struct net_row *row)
{
    row->last = NULL;
    row->last_missing = NULL;
    row->last_from = NULL;
    row->image = NULL;
    row->missing = NULL;
    row->missing_from = NULL;
    row->unknown = true;
}

static bool set_image(struct net *n, struct net_table *t, struct net_row *row, const struct net_change *c,
                      struct err *err)
{
    struct before before = {0};
    struct err *why = n->tolerant ? NULL : err;
    if (c->partial || (c->missing && !(c->op == EVENT_UPDATED ? before_update(t, row, c, &before, why)
                                                              : before_move(n, t, c, &before, why)))) {
        if (n->tolerant)
            set_unknown(row);
        return n->tolerant;
    }
    bool any = false;
    for (size_t i = 0; c->missing && i < t->mirror->column_count; i++) {
        if (!c->missing[i])
            continue;
        if (before.image && !(before.missing && before.missing[i])) {
            c->image[i] = before.image[i];
            c->missing[i] = 0;
        } else {
            any = true;
        }
    }
    row->image = c->image;
    row->unknown = false;
    row->missing = any ? c->missing : NULL;
    row->missing_from = any ? before.from : NULL;
    t->has_missing |= any;
    return true;
}

static void set_gone(struct net *n, struct net_table *t, struct net_row *row)
{
    row->unknown = false;
    row->last = row->image;
    row->last_missing = row->missing;
    row->last_from = row->missing_from;
    row->image = NULL;
    row->missing = NULL;
    row->missing_from = NULL;
    n->last_deleted = row;
    n->last_deleted_mirror = t->mirror;
}

bool net_add(struct net *n, const struct net_change *c, struct err *err)
{
    struct net_table *t = &n->tables[c->mirror->number];
    assert(t->mirror == c->mirror);
    n->events++;
    n->last_deleted = NULL;
    if (c->op == EVENT_TRUNCATED) {
        clear_table(t);
        t->truncated = true;
        return true;
    }
    struct net_row *row = find_or_add(n, t, key_of(n, c->mirror, c->image));
    if (c->op == EVENT_DELETED)
        set_gone(n, t, row);
    else if (!set_image(n, t, row, c, err))
        return false;
    row->seen = true;
    row->pos = c->pos;
    return true;
}

static void copy_values(struct arena *a, struct row_value *to, const struct row_value *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (struct row_value){
            .text =
                str_n(arena_memdup(a, from[i].text.data ? from[i].text.data : "", from[i].text.len), from[i].text.len),
            .null = from[i].null,
        };
}

void net_carry_over(struct net *n)
{
    struct net_carry *carry = &n->carry;
    arena_reset(&carry->arena);
    carry->mirror = NULL;
    const struct net_row *row = n->last_deleted;
    const struct mirror *m = n->last_deleted_mirror;
    const struct row_value *last = row ? (row->last ? row->last : row->old) : NULL;
    if (!last)
        return;
    carry->image = arena_calloc(&carry->arena, m->column_count, sizeof *carry->image);
    copy_values(&carry->arena, carry->image, last, m->column_count);
    for (size_t i = 0; row->last_missing && i < m->column_count; i++) {
        if (!row->last_missing[i])
            continue;
        if (!row->last_from->old) /* not known here either: a move that needs it is then refused */
            return;
        copy_values(&carry->arena, &carry->image[i], &row->last_from->old[i], 1);
    }
    carry->key = arena_calloc(&carry->arena, m->key_count, sizeof *carry->key);
    copy_values(&carry->arena, carry->key, row->key, m->key_count);
    carry->mirror = m;
}

bool net_resolve(struct net *n, struct err *err)
{
    for (size_t t = 0; t < n->table_count; t++) {
        struct net_table *table = &n->tables[t];
        for (size_t i = 0; table->has_missing && i < table->row_count; i++) {
            struct net_row *row = table->rows[i];
            if (!row->image || !row->missing)
                continue;
            if (!row->missing_from->old && n->tolerant) {
                set_unknown(row);
                continue;
            }
            if (!row->missing_from->old) {
                struct net_change at = {.mirror = table->mirror, .pos = row->pos};
                return state_unknown(&at, err);
            }
            for (size_t c = 0; c < table->mirror->column_count; c++)
                if (row->missing[c])
                    row->image[c] = row->missing_from->old[c];
            row->missing = NULL;
        }
    }
    return true;
}
