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

static PgQuery__Node *condition(struct view_state *s, const struct item *item, size_t column, const char *type,
                                size_t n, enum null_slice null)
{
    const char *c =
        arena_printf(s->arena, "%s.%s", view_ident(s->arena, item->name), view_ident(s->arena, item->columns[column]));
    const char *asked = arena_printf(s->arena, "array_position($%zu::%s[], NULL) IS NOT NULL", n, type);
    const char *in = arena_printf(s->arena, "%s = ANY($%zu::%s[])", c, n, type);
    if (null == NULL_OF_COLUMN)
        in = arena_printf(s->arena, "(%s OR (%s IS NULL AND %s))", in, c, asked);
    else if (null == NULL_ANY_ROW)
        in = arena_printf(s->arena, "(%s OR %s)", in, asked);
    return sql_expr(s->arena, in);
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

void view_restrict(struct view_state *s, struct query *top, const struct view_paths *p, struct view_plan *plan)
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
}
