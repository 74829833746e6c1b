// SPDX-License-Identifier: Apache-2.0
/*
 * Puts `column = ANY($n::type[])` into the tree wherever the key reaches a base column: the planner carries such a
 * condition neither through an equality nor into an aggregating subquery (measured: 2,589 ms against 25 ms).
 * Only the condition at the top level is needed for exactness; the others take away rows that cannot matter. They go
 * where they remove rows of their table and nothing else: into WHERE, or into the ON of the outer join that makes it
 * nullable.
 */
#include <string.h>

#include "project/view_tree.h"

static void and_to(struct view_state *s, PgQuery__Node **where, PgQuery__Node *condition)
{
    if (!*where) {
        *where = condition;
        return;
    }
    PgQuery__BoolExpr *all = arena_calloc(s->arena, 1, sizeof *all);
    pg_query__bool_expr__init(all);
    all->boolop = PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
    const PgQuery__Node *old = *where;
    bool flat = old->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR &&
                old->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
    size_t had = flat ? old->bool_expr->n_args : 1;
    all->n_args = had + 1;
    all->args = arena_calloc(s->arena, had + 1, sizeof *all->args);
    for (size_t i = 0; i < had; i++)
        all->args[i] = flat ? old->bool_expr->args[i] : *where;
    all->args[had] = condition;
    PgQuery__Node *node = arena_calloc(s->arena, 1, sizeof *node);
    pg_query__node__init(node);
    node->node_case = PG_QUERY__NODE__NODE_BOOL_EXPR;
    node->bool_expr = all;
    *where = node;
}

/* NULL in the array asks for the slice of the NULL key. */
enum null_slice { NULL_NEVER, NULL_OF_COLUMN, NULL_ANY_ROW };

static const char *asked_for_null(struct view_state *s, const char *type, size_t n)
{
    return arena_printf(s->arena, "array_position($%zu::%s[], NULL) IS NOT NULL", n, type);
}

static const char *condition_text(struct view_state *s, const struct item *item, size_t column, const char *type,
                                  size_t n, enum null_slice null)
{
    const char *c =
        arena_printf(s->arena, "%s.%s", view_ident(s->arena, item->name), view_ident(s->arena, item->columns[column]));
    const char *asked = asked_for_null(s, type, n);
    const char *in = arena_printf(s->arena, "%s = ANY($%zu::%s[])", c, n, type);
    if (null == NULL_OF_COLUMN)
        return arena_printf(s->arena, "(%s OR (%s IS NULL AND %s))", in, c, asked);
    return null == NULL_ANY_ROW ? arena_printf(s->arena, "(%s OR %s)", in, asked) : in;
}

static PgQuery__Node *condition(struct view_state *s, const struct item *item, size_t column, const char *type,
                                size_t n, enum null_slice null)
{
    return sql_expr(s->arena, condition_text(s, item, column, type, n, null));
}

/* Where a condition on the item's own rows goes; NULL: nowhere without changing the statement's form. */
static PgQuery__Node **place_for(struct item *item)
{
    bool in_left = item->in_left;
    for (const struct join *j = item->join; j; in_left = j->in_left, j = j->parent)
        if (j->outer && j->nullable_left == in_left)
            return j->node->n_using_clause ? NULL : &j->node->quals;
    return &item->home->stmt->where_clause;
}

/* A subquery that runs once for each outer row is restricted by its correlation; one that stands in FROM, and EXISTS or
 * IN, which the planner turns into joins, are not. */
static bool runs_on_its_own(const struct query *q)
{
    for (; q; q = q->parent)
        if (q->role == ROLE_LATERAL || q->role == ROLE_SCALAR)
            return false;
    return true;
}

static void restrict_top(struct view_state *s, struct query *q, const struct view_paths *p, size_t k)
{
    for (; q->left; q = q->left)
        restrict_top(s, q->right, p, k);
    struct column c = view_column(s, q->outputs[p->keys[k]].expr);
    enum null_slice null = p->unmatched || p->nullable[k] ? NULL_OF_COLUMN : NULL_NEVER;
    and_to(s, &q->stmt->where_clause, condition(s, c.item, c.index, p->types[k], k + 1, null));
}

static bool is_top_output(const struct view_state *s, const struct query *q, size_t output, const struct base_column *b)
{
    if (q->role != ROLE_TOP && q->role != ROLE_BRANCH)
        return false;
    struct column c = view_column(s, q->outputs[output].expr);
    return c.item == b->item && c.index == b->index;
}

/* One index over all key columns of an occurrence; a subquery that runs once for each outer row looks up through it. */
static void index_local(struct view_state *s, const struct view_paths *p, struct view_plan *plan, size_t k, size_t i)
{
    const struct base_column *b = &p->key_local[k].columns[i];
    size_t columns[VIEW_KEYS_MAX] = {b->index}, count = 1;
    for (size_t other = 0; other < p->key_count; other++)
        for (size_t n = 0; n < p->key_local[other].count && other != k; n++) {
            const struct base_column *c = &p->key_local[other].columns[n];
            if (c->item != b->item)
                continue;
            if (other < k) /* done with the earlier column */
                return;
            columns[count++] = c->index;
            break;
        }
    view_index_add(s, plan, b->item->table, columns, count);
}

/* Something in FROM that the planner cannot look into from outside: it would compute all of it. */
static bool is_computed_whole(const struct query *q)
{
    for (; q && q->role == ROLE_FROM; q = q->parent)
        if (q->grouped || q->distinct || q->distinct_on.what || q->partition_count || q->limited || q->left)
            return true;
    return false;
}

/* The key conditions at the end of a path, on the mirror called m<hops>. */
static const char *path_end(struct view_state *s, const struct view_paths *p, const struct item *last, size_t hops)
{
    const char *all = NULL;
    for (size_t k = 0; k < p->key_count; k++) {
        size_t i = 0;
        while (p->key_local[k].columns[i].item != last)
            i++;
        struct item named = *last;
        named.name = arena_printf(s->arena, "m%zu", hops);
        enum null_slice null = i < p->root_count[k] && p->nullable[k] ? NULL_OF_COLUMN : NULL_NEVER;
        const char *one = condition_text(s, &named, p->key_local[k].columns[i].index, p->types[k], k + 1, null);
        all = all ? arena_printf(s->arena, "%s AND %s", all, one) : one;
    }
    return all;
}

/* An occurrence that has no key column, inside something computed whole: its link out of there is followed to the key
 * by a subquery that runs once and gives an array, so that only what the keys' slices look at is computed. */
static void restrict_by_path(struct view_state *s, const struct view_links *links, const struct view_paths *p,
                             struct item *item)
{
    const struct link *via = p->via[item->number];
    PgQuery__Node **place = place_for(item);
    if (!via || via->at == item->home || !place || !runs_on_its_own(item->home) || !is_computed_whole(item->home))
        return;
    for (size_t k = 0; k < p->key_count; k++)
        for (size_t i = 0; i < p->key_local[k].count; i++)
            if (p->key_local[k].columns[i].item == item)
                return;
    struct buf joins;
    buf_init(&joins, 1 << 20);
    const struct item *last = via->to.item;
    view_path_joins(s, links, p, &last, &joins);
    const char *end = path_end(s, p, last, p->distance[item->number]);
    const char *in =
        arena_printf(s->arena, "%s.%s = ANY(ARRAY(SELECT m1.%s FROM %s AS m1%s WHERE %s))",
                     view_ident(s->arena, item->name), view_ident(s->arena, item->columns[via->from.index]),
                     view_ident(s->arena, via->to.item->columns[via->to.index]),
                     view_mirror_name(s->arena, via->to.item->table), joins.data ? joins.data : "", end);
    for (size_t k = 0; p->unmatched && k < p->key_count; k++)
        in = arena_printf(s->arena, "(%s OR %s)", in, asked_for_null(s, p->types[k], k + 1));
    and_to(s, place, sql_expr(s->arena, in));
    buf_free(&joins);
}

void view_restrict(struct view_state *s, struct query *top, const struct view_links *links, const struct view_paths *p,
                   struct view_plan *plan)
{
    for (size_t k = 0; k < p->key_count; k++) {
        restrict_top(s, top, p, k);
        for (size_t i = 0; i < p->key_local[k].count; i++) {
            const struct base_column *b = &p->key_local[k].columns[i];
            bool root = i < p->root_count[k];
            index_local(s, p, plan, k, i);
            if (!runs_on_its_own(b->item->home))
                continue;
            PgQuery__Node **place = place_for(b->item);
            if (!place || is_top_output(s, b->item->home, p->keys[k], b))
                continue;
            enum null_slice null = p->unmatched ? NULL_ANY_ROW : root && p->nullable[k] ? NULL_OF_COLUMN : NULL_NEVER;
            and_to(s, place, condition(s, b->item, b->index, p->types[k], k + 1, null));
        }
    }
    for (size_t i = 0; i < s->occurrence_count; i++)
        restrict_by_path(s, links, p, s->occurrences[i]);
}
