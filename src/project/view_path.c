// SPDX-License-Identifier: Apache-2.0
/*
 * From links to key paths and the SQL that walks them. A slice is made by those declared key columns that one
 * occurrence of a table holds together (usually all of them; slices of fewer columns are coarser and just as exact).
 * From those occurrences, breadth first against the links, every other occurrence gets its shortest path.
 *
 * What always holds: paths are suffix-closed (the path of the next occurrence is the rest of this one's), which is what
 * makes the mirrors AFTER a batch enough: of the changed rows of a derivation, the one nearest to the key finds every
 * later row of its path unchanged.
 */
#include <string.h>

#include "project/view_tree.h"

static const char *type_of(struct base_column c) { return c.item->table->columns[c.index].type; }

static bool is_local(const struct base_columns *list, const struct item *item, size_t index)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->columns[i].item == item && list->columns[i].index == index)
            return true;
    return false;
}

/* Columns that equal the key wherever they matter: the roots, and what links to them. */
static void spread(struct view_state *s, const struct view_links *links, const char *key_type,
                   struct base_columns *list)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < links->count; i++) {
            const struct link *l = &links->links[i];
            if (!is_local(list, l->to.item, l->to.index) || is_local(list, l->from.item, l->from.index) ||
                view_integer_width(type_of(l->from)) > view_integer_width(key_type))
                continue;
            VIEW_GROW(s, list->columns, list->count, list->capacity);
            list->columns[list->count++] = l->from;
            changed = true;
        }
    }
}

static const struct base_column *local_column(const struct base_columns *list, const struct item *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->columns[i].item == item)
            return &list->columns[i];
    return NULL;
}

static bool holds_key(const struct view_paths *p, const struct item *item)
{
    for (size_t k = 0; k < p->key_count; k++)
        if (!local_column(&p->key_local[k], item))
            return false;
    return true;
}

/* Breadth first; returns an occurrence without a path, or NULL. */
static const struct item *measure(struct view_state *s, const struct view_links *links, struct view_paths *p)
{
    p->distance = arena_calloc(s->arena, s->occurrence_count + 1, sizeof *p->distance);
    p->via = arena_calloc(s->arena, s->occurrence_count + 1, sizeof *p->via);
    for (size_t i = 0; i < s->occurrence_count; i++)
        p->distance[i] = holds_key(p, s->occurrences[i]) ? 0 : SIZE_MAX;
    bool changed = true;
    for (size_t d = 0; changed; d++) {
        changed = false;
        for (size_t i = 0; i < links->count; i++) {
            const struct link *l = &links->links[i];
            if (p->distance[l->to.item->number] != d || p->distance[l->from.item->number] != SIZE_MAX)
                continue;
            p->distance[l->from.item->number] = d + 1;
            p->via[l->from.item->number] = l;
            changed = true;
        }
    }
    for (size_t i = 0; i < s->occurrence_count; i++)
        if (p->distance[i] == SIZE_MAX)
            return s->occurrences[i];
    return NULL;
}

/* ---- the key ---- */

struct candidate {
    size_t output;
    struct base_columns roots;
    const char *type;
    bool nullable, unmatched;
};

static bool find_output(struct view_state *s, const struct query *top, const char *key, size_t *ret)
{
    for (size_t i = 0; i < top->output_count; i++)
        if (strcmp(top->outputs[i].name, key) == 0) {
            *ret = i;
            return true;
        }
    return view_refuse(s, -1, key, "declared as key, but no output column has this name",
                       "add it to the select list, or name another in the header's `key:`");
}

static bool candidate_type(struct view_state *s, struct candidate *c)
{
    for (size_t i = 0; i < c->roots.count; i++) {
        const struct catalog_column *column = &c->roots.columns[i].item->table->columns[c->roots.columns[i].index];
        if (!c->type || view_integer_width(column->type) > view_integer_width(c->type))
            c->type = column->type;
        bool alike =
            strcmp(c->type, column->type) == 0 || (view_integer_width(c->type) && view_integer_width(column->type));
        if (!alike || !view_types_link(column->type, c->type)) {
            c->roots.count = 0;
            c->roots.why = "branches that give the key different types, or a type that has no plain equality";
            return false;
        }
        c->nullable |= !column->not_null;
    }
    (void)s;
    return c->roots.count > 0;
}

/* Every branch must give the key from a base column: the union of slices is else incomplete. */
static bool every_branch_pushes(struct view_state *s, struct query *q, size_t index, struct base_columns *why)
{
    if (q->left)
        return every_branch_pushes(s, q->left, index, why) && every_branch_pushes(s, q->right, index, why);
    struct base_columns roots = {0};
    view_push_down(s, q, index, &roots);
    if (!roots.count)
        *why = roots;
    return roots.count > 0;
}

static bool find_candidate(struct view_state *s, struct query *top, const char *key, struct candidate *c)
{
    if (!find_output(s, top, key, &c->output))
        return false;
    view_push_down(s, top, c->output, &c->roots);
    struct base_columns why = {0};
    if (!every_branch_pushes(s, top, c->output, &why))
        c->roots = why;
    if (candidate_type(s, c))
        c->unmatched = view_may_be_unmatched(s, top, c->output);
    return true;
}

static bool refuse_key(struct view_state *s, const struct query *top, const char *key, const struct candidate *c)
{
    const struct base_columns *roots = &c->roots;
    int place = top->outputs[c->output].location;
    const char *why = arena_printf(s->arena, "the key column does not reach a table's column: %s is in the way",
                                   roots->why ? roots->why : "an expression");
    return view_refuse(s, roots->location ? roots->location : place, key, why,
                       "a key is a plain column of a table that is in GROUP BY, DISTINCT ON and every PARTITION BY of "
                       "its level");
}

static bool refuse_unreached(struct view_state *s, const struct item *item)
{
    const struct query *q = item->home;
    const char *construct = q->role == ROLE_EXISTS || q->role == ROLE_IN || q->role == ROLE_SCALAR
                                ? "a subquery that no equality ties to the key"
                                : "no equality ties this table to the key";
    const char *why = arena_printf(s->arena, "%s: any change of its rows could touch all keys", construct);
    return view_refuse(
        s, item->location, item->table->name, why,
        "join or correlate it by plain column = column of the same type on a path to the key (x IN "
        "(subquery) only as a condition of WHERE); values that all keys share belong into the endpoint's query");
}

static void take_keys(struct view_state *s, const struct candidate *all, unsigned mask, struct view_links *links,
                      struct view_paths *p)
{
    size_t n = 0;
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < VIEW_KEYS_MAX; i++) {
        if (!(mask & (1u << i)))
            continue;
        p->keys[n] = i;
        p->types[n] = all[i].type;
        p->nullable[n] = all[i].nullable;
        p->unmatched |= all[i].unmatched;
        p->root_count[n] = all[i].roots.count;
        p->key_local[n] = (struct base_columns){0};
        for (size_t r = 0; r < all[i].roots.count; r++) {
            VIEW_GROW(s, p->key_local[n].columns, p->key_local[n].count, p->key_local[n].capacity);
            p->key_local[n].columns[p->key_local[n].count++] = all[i].roots.columns[r];
        }
        spread(s, links, all[i].type, &p->key_local[n]);
        n++;
    }
    p->key_count = n;
}

/* The largest set of key columns that some occurrence everywhere holds together. Unmatched ones only alone. */
static const struct item *choose(struct view_state *s, const struct candidate *all, size_t count, unsigned usable,
                                 struct view_links *links, struct view_paths *p)
{
    const struct item *first_failure = NULL;
    for (int want = (int)count; want > 0; want--)
        for (unsigned mask = 1; mask < 1u << count; mask++) { /* of two alike, that with the earlier columns */
            if ((mask & usable) != mask || __builtin_popcount(mask) != want)
                continue;
            take_keys(s, all, mask, links, p);
            const struct item *failure = measure(s, links, p);
            if (!failure)
                return NULL;
            if (!first_failure)
                first_failure = failure;
        }
    return first_failure;
}

bool view_paths_find(struct view_state *s, struct query *top, const char *const *keys, size_t key_count,
                     struct view_links *links, struct view_paths *ret)
{
    struct candidate all[VIEW_KEYS_MAX] = {0};
    unsigned matched = 0, unmatched = 0;
    const struct item *failure = NULL;
    if (key_count == 0 || key_count > VIEW_KEYS_MAX)
        return view_refuse(s, 0, "key", "none, or too many columns", "declare 1 to %d columns in `-- key:`",
                           VIEW_KEYS_MAX);
    view_links_build(s, links);
    for (size_t i = 0; i < key_count; i++) {
        if (!find_candidate(s, top, keys[i], &all[i]))
            return false;
        if (all[i].roots.count)
            *(all[i].unmatched ? &unmatched : &matched) |= 1u << i;
    }
    if (!matched && !unmatched)
        return refuse_key(s, top, keys[0], &all[0]);
    if (matched && !(failure = choose(s, all, key_count, matched, links, ret)))
        return true;
    for (size_t i = 0; i < key_count && !matched; i++) {
        if (!(unmatched & (1u << i)))
            continue;
        view_reject_nulls(s, top, all[i].output);
        view_links_build(s, links);
        failure = choose(s, all, key_count, 1u << i, links, ret);
        if (!failure)
            return true;
        break; /* the joins rejected for this key would be wrong for the next */
    }
    return failure ? refuse_unreached(s, failure) : refuse_key(s, top, keys[0], &all[0]);
}
