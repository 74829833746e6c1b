// SPDX-License-Identifier: Apache-2.0
/*
 * Where the order of rows decides a value (json_agg, row_number, DISTINCT ON, LIMIT), ties must not exist or not
 * matter: two servers, or one server twice, may break them differently. What must not vary has to be determined by the
 * ORDER BY columns, the columns constant in the unit (GROUP BY, PARTITION BY) and the outer row, through primary keys
 * and equalities. Closure over functional dependencies; when it cannot be shown, the view is refused.
 */
#include <string.h>

#include "project/view_tree.h"

struct known {
    const struct view_state *s;
    const struct query *q;
    bool **columns; /* per item of q, per column */
    bool *items;    /* the item's whole row */
};

static size_t item_index(const struct query *q, const struct item *item)
{
    for (size_t i = 0; i < q->item_count; i++)
        if (q->items[i] == item)
            return i;
    return SIZE_MAX;
}

static bool knows(const struct known *k, struct column c)
{
    size_t at = item_index(k->q, c.item);
    if (at == SIZE_MAX)
        return true; /* of an outer level: one value here (inner levels are not asked about) */
    return k->items[at] || (c.index != WHOLE_ROW && k->columns[at][c.index]);
}

static bool learn(struct known *k, struct column c)
{
    size_t at = item_index(k->q, c.item);
    if (at == SIZE_MAX || c.index == WHOLE_ROW || k->columns[at][c.index])
        return false;
    k->columns[at][c.index] = true;
    return true;
}

static void known_init(struct known *k, struct view_state *s, const struct query *q)
{
    *k = (struct known){.s = s, .q = q};
    k->columns = arena_calloc(s->arena, q->item_count + 1, sizeof *k->columns);
    k->items = arena_calloc(s->arena, q->item_count + 1, sizeof *k->items);
    for (size_t i = 0; i < q->item_count; i++)
        k->columns[i] = arena_calloc(s->arena, q->items[i]->column_count + 1, sizeof **k->columns);
}

/* Outputs of a subquery that tell its rows apart; false when none are known. */
static bool unique_outputs(struct view_state *s, const struct query *q, bool *ret, unsigned depth);

static bool table_is_known(const struct known *k, const struct item *item, size_t at)
{
    for (size_t i = 0; i < item->table->key_count; i++)
        for (size_t c = 0; c < item->column_count; c++)
            if (strcmp(item->columns[c], item->table->key[i]) == 0 && !k->columns[at][c])
                return false;
    return true;
}

static bool item_is_known(struct view_state *s, const struct known *k, size_t at, unsigned depth)
{
    const struct item *item = k->q->items[at];
    if (!item->name) /* the subquery of an IN: multiplies nothing */
        return true;
    if (item->table)
        return table_is_known(k, item, at);
    bool *key = arena_calloc(s->arena, item->column_count + 1, sizeof *key);
    if (!unique_outputs(s, item->sub, key, depth + 1))
        return false;
    for (size_t c = 0; c < item->column_count; c++)
        if (key[c] && !k->columns[at][c])
            return false;
    return true;
}

/* All items of the preserved side of the join are known: whether there is a match is then known too. */
static bool preserved_side_known(const struct known *k, const struct join *j)
{
    for (size_t i = 0; i < k->q->item_count; i++) {
        bool in_left = k->q->items[i]->in_left;
        for (const struct join *at = k->q->items[i]->join; at; in_left = at->in_left, at = at->parent)
            if (at == j && j->nullable_left != in_left && !k->items[i])
                return false;
    }
    return true;
}

static bool learn_by_equality(struct known *k, const struct equality *e)
{
    /* Under an outer join it holds for matched rows only: then it must be known which are. */
    const struct join *j = e->join;
    if (j && j->outer && !preserved_side_known(k, j))
        return false;
    for (bool in_left = j ? j->in_left : false; j && j->parent; in_left = j->in_left) {
        j = j->parent;
        if (j->outer && j->nullable_left == in_left && !preserved_side_known(k, j))
            return false;
    }
    bool changed = false;
    if (knows(k, e->a))
        changed |= learn(k, e->b);
    if (knows(k, e->b))
        changed |= learn(k, e->a);
    return changed;
}

static bool close_over(struct view_state *s, struct known *k, unsigned depth)
{
    bool all = false;
    for (bool changed = true; changed;) {
        changed = false;
        all = true;
        for (size_t i = 0; i < k->q->equality_count; i++)
            changed |= learn_by_equality(k, &k->q->equalities[i]);
        for (size_t i = 0; i < k->q->item_count; i++) {
            if (!k->items[i] && item_is_known(s, k, i, depth)) {
                k->items[i] = true;
                changed = true;
                for (size_t c = 0; c < k->q->items[i]->column_count; c++)
                    k->columns[i][c] = true;
            }
            all &= k->items[i];
        }
    }
    return all;
}

static bool is_one(const PgQuery__Node *node)
{
    return node && node->node_case == PG_QUERY__NODE__NODE_A_CONST &&
           node->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL && node->a_const->ival->ival == 1;
}

/* All the outputs of a plain level that are columns, then without each that is not needed. */
static bool unique_plain_outputs(struct view_state *s, const struct query *q, bool *ret, unsigned depth)
{
    for (size_t i = 0; i < q->output_count; i++)
        ret[i] = view_column(s, q->outputs[i].expr).item != NULL;
    for (size_t drop = q->output_count + 1; drop-- > 0;) {
        bool had = drop < q->output_count && ret[drop];
        if (drop < q->output_count) {
            if (!had)
                continue;
            ret[drop] = false;
        }
        struct known k;
        known_init(&k, s, q);
        for (size_t i = 0; i < q->output_count; i++)
            if (ret[i])
                learn(&k, view_column(s, q->outputs[i].expr));
        if (close_over(s, &k, depth))
            continue;
        if (drop == q->output_count)
            return false;
        ret[drop] = true;
    }
    return true;
}

static bool outputs_of_list(struct view_state *s, const struct query *q, const struct column_list *list, bool *ret)
{
    if (!list->complete)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        bool found = false;
        for (size_t o = 0; o < q->output_count && !found; o++) {
            struct column c = view_column(s, q->outputs[o].expr);
            found = c.item == list->columns[i].item && c.index == list->columns[i].index;
            ret[o] |= found;
        }
        if (!found && list->columns[i].item->home == q)
            return false;
    }
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by `depth` */
static bool unique_outputs(struct view_state *s, const struct query *q, bool *ret, unsigned depth)
{
    if (q->left || q->values || depth > 8)
        return false;
    if (is_one(q->stmt->limit_count) || (q->aggregated && !q->grouped))
        return true; /* one row at most */
    if (q->grouped)
        return outputs_of_list(s, q, &q->group, ret);
    if (q->distinct) {
        memset(ret, true, q->output_count * sizeof *ret);
        return true;
    }
    if (q->distinct_on.what)
        return outputs_of_list(s, q, &q->distinct_on, ret);
    return unique_plain_outputs(s, q, ret, depth);
}

/* What an ORDER BY entry of the level itself means: an output by place or name, or an expression. */
static struct column sort_column(const struct view_state *s, const struct order_check *o, const PgQuery__Node *node)
{
    const struct query *q = o->at;
    if (o->sort_is_outer && node->node_case == PG_QUERY__NODE__NODE_A_CONST &&
        node->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL) {
        int64_t n = node->a_const->ival->ival;
        return n >= 1 && (size_t)n <= q->output_count ? view_column(s, q->outputs[n - 1].expr) : (struct column){0};
    }
    if (o->sort_is_outer && node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && node->column_ref->n_fields == 1)
        for (size_t i = 0; i < q->output_count; i++)
            if (strcmp(q->outputs[i].name, sql_string(node->column_ref->fields[0])) == 0)
                return view_column(s, q->outputs[i].expr);
    return view_column(s, node);
}

static bool refuse_ties(struct view_state *s, const struct order_check *o)
{
    return view_refuse(s, o->location, o->what, "its ORDER BY leaves ties, which may come in any order",
                       "add the primary key of the rows that are ordered to its ORDER BY");
}

static bool group_is_known(struct known *k)
{
    const struct column_list *group = &k->q->group;
    if (!group->complete)
        return false;
    for (size_t i = 0; i < group->count; i++)
        if (!knows(k, group->columns[i]))
            return false;
    return true;
}

static bool order_check(struct view_state *s, const struct order_check *o)
{
    const struct query *q = o->at;
    struct known k;
    known_init(&k, s, q);
    for (size_t i = 0; i < o->sort_count; i++) {
        struct column c = sort_column(s, o, o->sort[i]->sort_by->node);
        if (c.item)
            learn(&k, c);
    }
    bool over_groups = o->groups && q->grouped;
    const struct column_list *within = o->within ? o->within : over_groups || o->sort_is_outer ? NULL : &q->group;
    for (size_t i = 0; within && i < within->count; i++)
        learn(&k, within->columns[i]);
    bool all = close_over(s, &k, 0);
    if (all || (over_groups && group_is_known(&k)))
        return true;
    if (over_groups || o->whole_rows)
        return refuse_ties(s, o);
    for (size_t i = o->refs_from; i < o->refs_to; i++) {
        const struct column c = s->refs[i].column;
        if (c.item->home == q && !knows(&k, c))
            return refuse_ties(s, o);
    }
    return true;
}

bool view_orders_check(struct view_state *s)
{
    for (size_t i = 0; i < s->order_count; i++)
        if (!order_check(s, &s->orders[i]))
            return false;
    return true;
}
