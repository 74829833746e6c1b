// SPDX-License-Identifier: Apache-2.0
/*
 * Which equalities carry relevance. A link a.x -> b.y says: rows of occurrence a without a partner among b's rows that
 * matter can be taken away without changing any slice. Only such links make key paths, so each rule here is one line of
 * the proof that no write is lost; the differential test breaks them one by one (tests/flow/050).
 *
 *   x = y in WHERE, or in the ON of an inner join       both ways
 *   x = y in the ON of a left join                      nullable side to anything, never away from the preserved side
 * ...
 *   ... unless the join's unmatched rows cannot matter  (null_rejected), then as an inner join
 *   correlation of a subquery or LATERAL                inner to outer; outer to inner only for a LATERAL that gives a
 * row for each inner match and is not itself nullable column of a subquery in FROM                        through it to
 * its base column, where a selection on that column can be pushed down: a GROUP BY, DISTINCT ON or PARTITION BY column,
 *                                                       no LIMIT
 * Equality is strict, so a NULL never links.
 */
#include <string.h>

#include "project/view_tree.h"

static bool same_column(struct column a, struct column b) { return a.item == b.item && a.index == b.index; }

/* Whether the item (or join) hanging at `join` on that side can be missing from the join's rows. */
static bool nullable_at(const struct join *join, bool in_left) { return join->outer && join->nullable_left == in_left; }

/* The innermost outer join, below `stop`, that can null-extend the item; joins already rejected do not count. */
static bool may_be_missing(const struct item *item, const struct join *stop)
{
    bool in_left = item->in_left;
    for (const struct join *j = item->join; j && j != stop; in_left = j->in_left, j = j->parent)
        if (nullable_at(j, in_left) && !j->null_rejected)
            return true;
    return false;
}

/* Whether the condition must hold for every row its level makes. */
static bool holds_for_rows(const struct equality *e)
{
    const struct join *j = e->join;
    if (!j)
        return true;
    if (j->outer && !j->null_rejected)
        return false;
    for (bool in_left = j->in_left; j->parent; in_left = j->in_left) {
        j = j->parent;
        if (nullable_at(j, in_left) && !j->null_rejected)
            return false;
    }
    return true;
}

bool view_same_value(const struct query *q, struct column a, struct column b)
{
    if (same_column(a, b))
        return true;
    for (size_t i = 0; i < q->equality_count; i++) {
        const struct equality *e = &q->equalities[i];
        if (holds_for_rows(e) &&
            ((same_column(e->a, a) && same_column(e->b, b)) || (same_column(e->a, b) && same_column(e->b, a))))
            return true;
    }
    return false;
}

static bool lists(const struct query *q, const struct column_list *list, struct column c)
{
    for (size_t i = 0; i < list->count; i++)
        if (view_same_value(q, list->columns[i], c))
            return true;
    return false;
}

/* Grouped by a table's primary key: each of its columns has one value in a group. */
static bool lists_primary_key(const struct column_list *list, const struct item *item)
{
    if (!item->table)
        return false;
    for (size_t k = 0; k < item->table->key_count; k++) {
        bool found = false;
        for (size_t i = 0; i < list->count; i++)
            found |= list->columns[i].item == item &&
                     strcmp(item->columns[list->columns[i].index], item->table->key[k]) == 0;
        if (!found)
            return false;
    }
    return true;
}

/* What keeps a selection on column c of level q from being applied before the level's own work; NULL: nothing. */
static const char *blocked(const struct query *q, struct column c, int *ret_location)
{
    *ret_location = 0;
    if (q->limited)
        return "LIMIT";
    if (!c.item || c.index == WHOLE_ROW)
        return "an expression";
    if (c.item->home != q)
        return "a column of an outer query";
    if (q->aggregated && !q->grouped) {
        *ret_location = q->aggregate_location;
        return "an aggregate without GROUP BY";
    }
    if (q->grouped && !lists(q, &q->group, c) && !lists_primary_key(&q->group, c.item))
        return "GROUP BY";
    if (q->distinct_on.what && !lists(q, &q->distinct_on, c))
        return "DISTINCT ON";
    for (size_t i = 0; i < q->partition_count; i++)
        if (!lists(q, &q->partitions[i], c)) {
            *ret_location = q->partitions[i].location;
            return "a window function whose PARTITION BY does not have it";
        }
    return NULL;
}

static void add_base(struct view_state *s, struct base_columns *list, struct item *item, size_t index)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->columns[i].item == item && list->columns[i].index == index)
            return;
    VIEW_GROW(s, list->columns, list->count, list->capacity);
    list->columns[list->count++] = (struct base_column){item, index};
}

/* NOLINTNEXTLINE(misc-no-recursion): one level down each time, VIEW_LEVELS_MAX of them */
void view_push_down(struct view_state *s, struct query *q, size_t index, struct base_columns *ret)
{
    if (q->left) {
        if (q->limited) {
            ret->why = "LIMIT";
            return;
        }
        view_push_down(s, q->left, index, ret);
        view_push_down(s, q->right, index, ret);
        return;
    }
    if (q->values || index >= q->output_count) {
        ret->why = "VALUES";
        return;
    }
    struct column c = view_column(s, q->outputs[index].expr);
    int location;
    const char *why = blocked(q, c, &location);
    if (why) {
        ret->why = why;
        ret->location = location;
    } else if (c.item->table) {
        add_base(s, ret, c.item, c.index);
    } else {
        view_push_down(s, c.item->sub, c.index, ret);
    }
}

bool view_may_be_unmatched(const struct view_state *s, const struct query *q, size_t index)
{
    for (;;) {
        if (q->left) { /* sides nest to the left mostly; the right ones are looked at first */
            if (view_may_be_unmatched(s, q->right, index))
                return true;
            q = q->left;
            continue;
        }
        struct column c =
            index < q->output_count && !q->values ? view_column(s, q->outputs[index].expr) : (struct column){0};
        if (!c.item || c.index == WHOLE_ROW || c.item->home != q || may_be_missing(c.item, NULL))
            return true;
        if (c.item->table)
            return false;
        q = c.item->sub;
        index = c.index;
    }
}

static bool reject_above(struct item *item, const struct join *stop)
{
    bool changed = false, in_left = item->in_left;
    for (struct join *j = item->join; j && j != stop; in_left = j->in_left, j = j->parent) {
        if (!nullable_at(j, in_left) || j->null_rejected)
            continue;
        j->null_rejected = true;
        changed = true;
    }
    return changed;
}

/* NOLINTNEXTLINE(misc-no-recursion): one level down each time */
bool view_reject_nulls(struct view_state *s, struct query *q, size_t index)
{
    int location;
    if (q->left) {
        bool left = view_reject_nulls(s, q->left, index);
        return view_reject_nulls(s, q->right, index) || left;
    }
    if (q->values || index >= q->output_count)
        return false;
    struct column c = view_column(s, q->outputs[index].expr);
    if (blocked(q, c, &location))
        return false;
    bool changed = reject_above(c.item, NULL);
    return (c.item->sub && view_reject_nulls(s, c.item->sub, c.index)) || changed;
}

/* ---- links ---- */

static bool side_is_nullable(const struct join *j, const struct item *item)
{
    bool in_left = item->in_left;
    for (const struct join *at = item->join; at; in_left = at->in_left, at = at->parent)
        if (at == j)
            return nullable_at(j, in_left);
    return false;
}

/* An inner row for each match, all the way from q up to the level of the outer column. */
static bool rows_follow_matches(const struct query *q, const struct query *outer)
{
    for (; q != outer; q = q->parent) {
        if (!q || !q->as || (q->role != ROLE_LATERAL && q->role != ROLE_FROM))
            return false;
        if ((q->aggregated && !q->grouped) || q->limited || may_be_missing(q->as, NULL))
            return false;
    }
    return true;
}

static bool carries(const struct query *q, const struct equality *e, struct column from, struct column to)
{
    if (from.item == to.item)
        return false;
    if (from.item->home == q) {
        const struct join *j = e->join;
        return !j || !j->outer || j->null_rejected || side_is_nullable(j, from.item);
    }
    return to.item->home == q && holds_for_rows(e) && rows_follow_matches(q, from.item->home);
}

/* The base column a value comes from unchanged; item NULL when it is computed. */
static struct base_column base_of(const struct view_state *s, struct column c)
{
    for (unsigned hops = 0; c.item && c.index != WHOLE_ROW && hops < VIEW_LEVELS_MAX; hops++) {
        if (c.item->table)
            return (struct base_column){c.item, c.index};
        const struct query *q = c.item->sub;
        if (q->left || q->values || c.index >= q->output_count)
            break;
        c = view_column(s, q->outputs[c.index].expr);
    }
    return (struct base_column){0};
}

static void add_link(struct view_state *s, struct view_links *links, struct query *at, struct base_column from,
                     struct base_column to)
{
    const char *from_type = from.item->table->columns[from.index].type;
    const char *to_type = to.item->table->columns[to.index].type;
    if (from.item == to.item || !view_types_link(from_type, to_type))
        return;
    VIEW_GROW(s, links->links, links->count, links->capacity);
    links->links[links->count++] = (struct link){.from = from, .to = to, .at = at};
}

static void add_links(struct view_state *s, struct view_links *links, struct query *q, const struct equality *e,
                      struct column from, struct column to)
{
    if (!carries(q, e, from, to))
        return;
    struct base_column target = base_of(s, to);
    if (!target.item)
        return;
    struct base_columns sources = {0};
    if (from.item->table)
        add_base(s, &sources, from.item, from.index);
    else
        view_push_down(s, from.item->sub, from.index, &sources);
    for (size_t i = 0; i < sources.count; i++)
        add_link(s, links, q, sources.columns[i], target);
}

/* Strict conditions turn outer joins below them into inner ones, and a link out of a subquery does so inside it. */
static bool reject_by_equality(struct view_state *s, struct query *q, const struct equality *e, struct column from,
                               struct column to)
{
    bool changed = false;
    const struct join *stop = e->join;
    if (from.item->home == q && (!stop || !stop->outer || side_is_nullable(stop, from.item)))
        changed |= reject_above(from.item, stop);
    if (from.item->sub && carries(q, e, from, to))
        changed |= view_reject_nulls(s, from.item->sub, from.index);
    return changed;
}

static void reject_nulls_everywhere(struct view_state *s)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < s->query_count; i++) {
            struct query *q = s->queries[i];
            for (size_t k = 0; k < q->equality_count; k++) {
                const struct equality *e = &q->equalities[k];
                changed |= reject_by_equality(s, q, e, e->a, e->b);
                changed |= reject_by_equality(s, q, e, e->b, e->a);
            }
        }
    }
}

void view_links_build(struct view_state *s, struct view_links *ret)
{
    *ret = (struct view_links){0};
    reject_nulls_everywhere(s);
    for (size_t i = 0; i < s->query_count; i++) {
        struct query *q = s->queries[i];
        for (size_t k = 0; k < q->equality_count; k++) {
            const struct equality *e = &q->equalities[k];
            add_links(s, ret, q, e, e->a, e->b);
            add_links(s, ret, q, e, e->b, e->a);
        }
    }
}
