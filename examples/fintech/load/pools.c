// SPDX-License-Identifier: Apache-2.0
/* See pools.h. */
#include "pools.h"

#include <stdio.h>

#include "files.h"

struct row {
    struct str pool, value;
    uint64_t owner;
    size_t place; /* in the file */
};

static int by_pool_owner_place(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int names = str_cmp(x->pool, y->pool);
    if (names != 0)
        return names;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    int values = str_cmp(x->value, y->value);
    if (values != 0)
        return values;
    return x->place < y->place ? -1 : 1;
}

static int by_owner_place(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static bool is_number(const char *s)
{
    s += *s == '-';
    size_t whole = strspn(s, "0123456789");
    if (whole == 0 || (whole > 1 && *s == '0'))
        return false;
    s += whole;
    if (*s == '.') {
        size_t fraction = strspn(s + 1, "0123456789");
        return fraction > 0 && !s[1 + fraction];
    }
    return !*s;
}

/* rows[0..n) are one pool, sorted by owner and place. */
static void add_pool(struct pools *p, const struct row *rows, size_t n)
{
    GROW(p->pools, p->count, p->capacity);
    struct pool *o = &p->pools[p->count++];
    *o = (struct pool){.name = arena_memdup(&p->arena, rows->pool.data, rows->pool.len), .count = n, .numbers = true};
    o->entries = arena_calloc(&p->arena, n, sizeof *o->entries);
    o->owners = arena_calloc(&p->arena, n, sizeof *o->owners);
    o->starts = arena_calloc(&p->arena, n + 1, sizeof *o->starts);
    for (size_t i = 0; i < n; i++) {
        o->entries[i] = (struct pool_entry){.owner = rows[i].owner,
                                            .value = arena_memdup(&p->arena, rows[i].value.data, rows[i].value.len)};
        o->numbers = o->numbers && is_number(o->entries[i].value);
        if (rows[i].owner == 0) {
            o->unowned++;
        } else if (i == 0 || rows[i - 1].owner != rows[i].owner) {
            o->starts[o->owner_count] = i;
            o->owners[o->owner_count++] = (uint32_t)rows[i].owner;
        }
    }
    o->starts[o->owner_count] = n;
}

static void build(struct pools *p, struct row *rows, size_t n)
{
    qsort(rows, n, sizeof *rows, by_pool_owner_place);
    size_t kept = 0; /* the first of equal ones */
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || rows[kept - 1].owner != rows[i].owner || !str_eq(rows[kept - 1].pool, rows[i].pool) ||
            !str_eq(rows[kept - 1].value, rows[i].value))
            rows[kept++] = rows[i];
    for (size_t from = 0, to; from < kept; from = to) {
        for (to = from + 1; to < kept && str_eq(rows[from].pool, rows[to].pool);)
            to++;
        qsort(rows + from, to - from, sizeof *rows, by_owner_place);
        add_pool(p, rows + from, to - from);
    }
}

bool pools_parse(const char *path, struct str text, struct pools *ret, struct err *err)
{
    CLEANUP(free_ptr) struct row *rows = NULL;
    size_t count = 0, capacity = 0;
    unsigned number = 0;
    for (struct str rest = text; rest.len;) {
        struct str value, line = str_cut(rest, '\n', &rest), owner;
        number++;
        if (line.len == 0)
            continue;
        struct row row = {.pool = str_cut(line, '\t', &owner), .place = number};
        owner = str_cut(owner, '\t', &value);
        if (!value.data || row.pool.len == 0 || value.len == 0 || memchr(value.data, '\t', value.len))
            return err_set(err, ERR_CONFIG, "%s:%u: want pool, owner and value with a tab between them", path, number);
        if (owner.len && (!str_to_u64(owner, &row.owner) || row.owner == 0 || row.owner > UINT32_MAX))
            return err_set(err, ERR_CONFIG, "%s:%u: the owner is not a user's id", path, number);
        row.value = value;
        GROW(rows, count, capacity);
        rows[count++] = row;
    }
    *ret = (struct pools){0};
    arena_init(&ret->arena);
    if (count)
        build(ret, rows, count);
    return true;
}

bool pools_read(const char *path, struct pools *ret, struct err *err)
{
    CLEANUP(buf_free) struct buf text;
    buf_init(&text, 0);
    return file_read(path, &text, err) && pools_parse(path, buf_str(&text), ret, err);
}

void pools_free(struct pools *p)
{
    arena_free(&p->arena);
    free(p->pools);
}

struct pool *pools_find(const struct pools *p, struct str name)
{
    for (size_t i = 0; i < p->count; i++)
        if (str_is(name, p->pools[i].name))
            return &p->pools[i];
    return NULL;
}

struct pool_entry *pool_of(const struct pool *p, uint64_t owner, size_t *ret_count)
{
    *ret_count = p->unowned;
    if (owner == 0)
        return p->entries;
    *ret_count = 0;
    size_t low = 0, high = p->owner_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (p->owners[middle] < owner)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == p->owner_count || p->owners[low] != owner)
        return NULL;
    *ret_count = p->starts[low + 1] - p->starts[low];
    return p->entries + p->starts[low];
}
