// SPDX-License-Identifier: Apache-2.0
/*
 * Levels: walks a SELECT the way PostgreSQL's analyser does, only as far as a view needs: what `*` stands for, what
 * each level puts out, by what it groups, which conditions tie its items together.
 */
#include <string.h>

#include "project/view_tree.h"

/* ---- the select list ---- */

static PgQuery__Node *column_target(struct view_state *s, const char *table, const char *column)
{
    struct buf text;
    buf_init(&text, SQL_TEXT_MAX);
    buf_add_ident(&text, str_of(table));
    buf_addc(&text, '.');
    buf_add_ident(&text, str_of(column));
    PgQuery__Node *target = arena_calloc(s->arena, 1, sizeof *target);
    pg_query__node__init(target);
    target->node_case = PG_QUERY__NODE__NODE_RES_TARGET;
    target->res_target = arena_calloc(s->arena, 1, sizeof *target->res_target);
    pg_query__res_target__init(target->res_target);
    target->res_target->val = sql_expr(s->arena, text.data);
    buf_free(&text);
    return target;
}

/* `*` (table NULL) or `table.*`. */
static bool expand_star(struct view_state *s, struct query *q, const char *table, int location, PgQuery__Node ***list,
                        size_t *count, size_t *capacity)
{
    bool any = false;
    for (size_t i = 0; i < q->item_count; i++) {
        struct item *item = q->items[i];
        if (!item->name || (table && strcmp(item->name, table) != 0))
            continue;
        any = true;
        for (const struct join *j = item->join; j && !table; j = j->parent)
            if (j->node->n_using_clause)
                return view_refuse(s, location, "*", "over a JOIN ... USING", "name the columns");
        for (size_t c = 0; c < item->column_count; c++) {
            if (*count >= VIEW_COLUMNS_MAX)
                return view_refuse(s, location, "*", "stands for too many columns", "name the columns");
            VIEW_GROW(s, *list, *count, *capacity);
            (*list)[(*count)++] = column_target(s, item->name, item->columns[c]);
        }
    }
    return any || view_refuse(s, location, table ? table : "*", "stands for nothing here", "name the columns");
}

/* The table of `table.*`, "" for `*`, NULL for anything else. */
static const char *star_of(const PgQuery__Node *val)
{
    if (!val || val->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
        return NULL;
    const PgQuery__ColumnRef *ref = val->column_ref;
    if (!ref->n_fields || ref->fields[ref->n_fields - 1]->node_case != PG_QUERY__NODE__NODE_A_STAR)
        return NULL;
    const char *name = ref->n_fields > 1 ? sql_string(ref->fields[ref->n_fields - 2]) : "";
    return name ? name : "";
}

static bool expand_targets(struct view_state *s, struct query *q)
{
    PgQuery__SelectStmt *stmt = q->stmt;
    PgQuery__Node **list = NULL;
    size_t count = 0, capacity = 0;
    for (size_t i = 0; i < stmt->n_target_list; i++) {
        PgQuery__Node *target = stmt->target_list[i];
        const char *star = star_of(target->res_target->val);
        bool compared = q->parent && q->parent->stmt->op != PG_QUERY__SET_OPERATION__SETOP_NONE;
        if (star && q->role == ROLE_EXISTS && !compared) { /* which columns does not matter: none is read */
            target->res_target->val = sql_expr(s->arena, "1");
            star = NULL;
        }
        if (star) {
            if (!expand_star(s, q, *star ? star : NULL, target->res_target->val->column_ref->location, &list, &count,
                             &capacity))
                return false;
            continue;
        }
        VIEW_GROW(s, list, count, capacity);
        list[count++] = target;
    }
    stmt->target_list = list;
    stmt->n_target_list = count;
    q->output_count = count;
    q->outputs = arena_calloc(s->arena, count + 1, sizeof *q->outputs);
    for (size_t i = 0; i < count; i++) {
        PgQuery__ResTarget *t = list[i]->res_target;
        q->outputs[i].expr = t->val;
        q->outputs[i].location = t->location;
        q->outputs[i].name = t->name && *t->name ? t->name : view_output_name(t->val);
    }
    return true;
}

/* ---- one level ---- */

/* GROUP BY 2, ORDER BY total: the output meant, or NULL. An input column wins over an output's name in GROUP BY. */
static PgQuery__Node *output_meant(const struct query *q, const PgQuery__Node *node, bool names_first)
{
    if (node->node_case == PG_QUERY__NODE__NODE_A_CONST && node->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL) {
        int64_t n = node->a_const->ival->ival;
        return n >= 1 && (size_t)n <= q->output_count ? q->outputs[n - 1].expr : NULL;
    }
    if (node->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || node->column_ref->n_fields != 1)
        return NULL;
    const char *name = sql_string(node->column_ref->fields[0]);
    struct column c;
    if (!name || (!names_first && view_find_plain(q, name, &c)))
        return NULL;
    for (size_t i = 0; i < q->output_count; i++)
        if (strcmp(q->outputs[i].name, name) == 0)
            return q->outputs[i].expr;
    return NULL;
}

/* An expression of GROUP BY, DISTINCT ON or ORDER BY: an output by place or name has been checked with the outputs. */
static bool check_listed(struct view_state *s, struct query *q, PgQuery__Node *node, bool names_first, struct cte *ctes,
                         PgQuery__Node **ret)
{
    PgQuery__Node *meant = output_meant(q, node, names_first);
    *ret = meant ? meant : node;
    if (meant && node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
        node->column_ref->location = -1; /* no reference to a column of FROM */
    return meant || view_expr_check(s, q, node, ctes);
}

static bool build_list(struct view_state *s, struct query *q, PgQuery__Node **nodes, size_t count, const char *what,
                       bool names_first, struct cte *ctes, struct column_list *ret)
{
    *ret = (struct column_list){.complete = true, .what = what};
    ret->columns = arena_calloc(s->arena, count + 1, sizeof *ret->columns);
    for (size_t i = 0; i < count; i++) {
        PgQuery__Node *node;
        if (nodes[i]->node_case == PG_QUERY__NODE__NODE_GROUPING_SET)
            return view_refuse(s, nodes[i]->grouping_set->location, "GROUPING SETS, ROLLUP or CUBE",
                               "its subtotals belong to no single key", "make a view for each grouping");
        if (!check_listed(s, q, nodes[i], names_first, ctes, &node))
            return false;
        struct column c = view_column(s, node);
        if (c.item && c.index != WHOLE_ROW)
            ret->columns[ret->count++] = c;
        else
            ret->complete = false;
    }
    return true;
}

static bool add_order_check(struct view_state *s, struct order_check check)
{
    VIEW_GROW(s, s->orders, s->order_count, s->order_capacity);
    s->orders[s->order_count++] = check;
    return true;
}

static bool refuse_clauses(struct view_state *s, const struct query *q)
{
    const PgQuery__SelectStmt *stmt = q->stmt;
    if (stmt->into_clause)
        return view_refuse(s, 0, "SELECT INTO", "writes", "views only read");
    if (stmt->n_locking_clause)
        return view_refuse(s, 0, "FOR UPDATE or FOR SHARE", "locks rows", "leave it out: a view only reads");
    if ((stmt->limit_count || stmt->limit_offset) && (q->role == ROLE_TOP || q->role == ROLE_BRANCH))
        return view_refuse(s, 0, stmt->limit_count ? "LIMIT" : "OFFSET", "which rows are in depends on all the others",
                           "store all rows, and put ORDER BY and LIMIT "
                           "into the endpoint's query; per key, use LATERAL (SELECT ... LIMIT n)");
    return true;
}

static bool is_distinct_on(const PgQuery__SelectStmt *stmt)
{
    return stmt->n_distinct_clause && sql_inside(stmt->distinct_clause[0]) != NULL;
}

/* DISTINCT ON and LIMIT keep the first rows: ties must be broken. */
static bool check_level_order(struct view_state *s, struct query *q, size_t refs_from, size_t refs_to)
{
    PgQuery__SelectStmt *stmt = q->stmt;
    bool distinct_on = is_distinct_on(stmt);
    if ((!distinct_on && !q->limited) || q->role == ROLE_EXISTS)
        return true;
    return add_order_check(s, (struct order_check){.at = q,
                                                   .sort = stmt->sort_clause,
                                                   .sort_count = stmt->n_sort_clause,
                                                   .sort_is_outer = true,
                                                   .refs_from = refs_from,
                                                   .refs_to = refs_to,
                                                   .groups = q->grouped,
                                                   .what = distinct_on ? "DISTINCT ON" : "LIMIT",
                                                   .location = 0});
}

static bool build_windows(struct view_state *s, struct query *q, struct cte *ctes)
{
    for (size_t i = 0; i < q->stmt->n_window_clause; i++) {
        PgQuery__WindowDef *w = q->stmt->window_clause[i]->window_def;
        for (size_t k = 0; k < w->n_partition_clause; k++)
            if (!view_expr_check(s, q, w->partition_clause[k], ctes))
                return false;
        for (size_t k = 0; k < w->n_order_clause; k++)
            if (!view_expr_check(s, q, w->order_clause[k], ctes))
                return false;
        if ((w->start_offset && !view_expr_check(s, q, w->start_offset, ctes)) ||
            (w->end_offset && !view_expr_check(s, q, w->end_offset, ctes)))
            return false;
    }
    return true;
}

static bool build_clauses(struct view_state *s, struct query *q, struct cte *ctes)
{
    PgQuery__SelectStmt *stmt = q->stmt;
    if (stmt->where_clause && !view_expr_check(s, q, stmt->where_clause, ctes))
        return false;
    q->limited = stmt->limit_count || stmt->limit_offset;
    q->grouped = stmt->n_group_clause > 0;
    size_t refs_from = s->ref_count;
    if (!build_windows(s, q, ctes))
        return false;
    for (size_t i = 0; i < q->output_count; i++) {
        /* A bare literal among the outputs is a text. */
        s->text_expected++;
        bool ok = view_expr_check(s, q, q->outputs[i].expr, ctes);
        s->text_expected--;
        if (!ok)
            return false;
    }
    size_t refs_to = s->ref_count;
    if (!build_list(s, q, stmt->group_clause, stmt->n_group_clause, "GROUP BY", false, ctes, &q->group))
        return false;
    if (stmt->having_clause) {
        q->aggregated = true;
        if (!view_expr_check(s, q, stmt->having_clause, ctes))
            return false;
    }
    q->distinct = stmt->n_distinct_clause > 0;
    if (is_distinct_on(stmt)) {
        q->distinct = false;
        if (!build_list(s, q, stmt->distinct_clause, stmt->n_distinct_clause, "DISTINCT ON", true, ctes,
                        &q->distinct_on))
            return false;
    }
    for (size_t i = 0; i < stmt->n_sort_clause; i++) {
        PgQuery__Node *node;
        if (stmt->sort_clause[i]->node_case != PG_QUERY__NODE__NODE_SORT_BY ||
            !check_listed(s, q, stmt->sort_clause[i]->sort_by->node, true, ctes, &node))
            return false;
    }
    if ((stmt->limit_count && !view_expr_check(s, q, stmt->limit_count, ctes)) ||
        (stmt->limit_offset && !view_expr_check(s, q, stmt->limit_offset, ctes)))
        return false;
    return check_level_order(s, q, refs_from, refs_to);
}

/* x = y, (x1, x2) = (y1, y2) and x IN (subquery) among the conditions joined by AND. */
static void note_pair(struct view_state *s, struct query *q, const PgQuery__Node *a, const PgQuery__Node *b,
                      struct join *join)
{
    struct column left = view_column(s, a), right = view_column(s, b);
    if (!left.item || !right.item || left.index == WHOLE_ROW || right.index == WHOLE_ROW)
        return;
    VIEW_GROW(s, q->equalities, q->equality_count, q->equality_capacity);
    q->equalities[q->equality_count++] = (struct equality){.a = left, .b = right, .join = join};
}

static bool is_equal_sign(PgQuery__Node *const *name, size_t count)
{
    const char *op = count == 1 ? sql_string(name[0]) : NULL;
    return op && strcmp(op, "=") == 0;
}

static void note_in(struct view_state *s, struct query *q, const PgQuery__SubLink *l)
{
    if (l->sub_link_type != PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK || l->sub_link_id <= 0 || !l->testexpr ||
        (l->n_oper_name && !is_equal_sign(l->oper_name, l->n_oper_name)))
        return;
    struct query *sub = s->queries[l->sub_link_id - 1];
    struct item *item = view_item_new(s, q, NULL, false); /* cannot be named; stands for the subquery's rows */
    item->sub = sub;
    item->column_count = sub->output_count;
    sub->as = item;
    PgQuery__Node *one = l->testexpr, **tests = &one;
    size_t count = 1;
    if (one->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
        tests = one->row_expr->args;
        count = one->row_expr->n_args;
    }
    for (size_t i = 0; i < count && i < sub->output_count; i++) {
        struct column test = view_column(s, tests[i]);
        if (!test.item || test.index == WHOLE_ROW)
            continue;
        VIEW_GROW(s, q->equalities, q->equality_count, q->equality_capacity);
        q->equalities[q->equality_count++] = (struct equality){.a = {item, i}, .b = test};
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): the tree has passed view_expr_check's bound */
static void note_conditions(struct view_state *s, struct query *q, const PgQuery__Node *node, struct join *join)
{
    if (!node)
        return;
    if (node->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR) {
        if (node->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR)
            for (size_t i = 0; i < node->bool_expr->n_args; i++)
                note_conditions(s, q, node->bool_expr->args[i], join);
        return;
    }
    if (node->node_case == PG_QUERY__NODE__NODE_SUB_LINK && !join)
        note_in(s, q, node->sub_link);
    if (node->node_case != PG_QUERY__NODE__NODE_A_EXPR)
        return;
    const PgQuery__AExpr *e = node->a_expr;
    if (e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP || !is_equal_sign(e->name, e->n_name) || !e->lexpr || !e->rexpr)
        return;
    if (e->lexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR && e->rexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
        const PgQuery__RowExpr *l = e->lexpr->row_expr, *r = e->rexpr->row_expr;
        for (size_t i = 0; i < l->n_args && i < r->n_args; i++)
            note_pair(s, q, l->args[i], r->args[i], join);
        return;
    }
    note_pair(s, q, e->lexpr, e->rexpr, join);
}

/* The joins of a FROM tree, found again through their items. */
static void note_join_conditions(struct view_state *s, struct query *q)
{
    size_t items = q->item_count; /* IN adds items, which have no join */
    for (size_t i = 0; i < items; i++) {
        const struct item *item = q->items[i];
        bool in_left = item->in_left;
        /* Each join once: from its leftmost item. */
        for (struct join *j = item->join; j && in_left; in_left = j->in_left, j = j->parent)
            note_conditions(s, q, j->node->quals, j);
    }
}

static bool build_values(struct view_state *s, struct query *q, struct cte *ctes)
{
    PgQuery__SelectStmt *stmt = q->stmt;
    q->values = true;
    for (size_t i = 0; i < stmt->n_values_lists; i++) {
        if (stmt->values_lists[i]->node_case != PG_QUERY__NODE__NODE_LIST)
            return view_refuse(s, 0, "VALUES", "cannot be read", "write a subquery");
        PgQuery__List *row = stmt->values_lists[i]->list;
        for (size_t k = 0; k < row->n_items; k++)
            if (!view_expr_check(s, q, row->items[k], ctes))
                return false;
        q->output_count = row->n_items;
    }
    q->outputs = arena_calloc(s->arena, q->output_count + 1, sizeof *q->outputs);
    for (size_t i = 0; i < q->output_count; i++)
        q->outputs[i].name = arena_printf(s->arena, "column%zu", i + 1);
    return true;
}

static bool build_set_operation(struct view_state *s, struct query *q, struct cte *ctes)
{
    PgQuery__SelectStmt *stmt = q->stmt;
    enum query_role role = q->role == ROLE_TOP ? ROLE_BRANCH : q->role;
    if (!stmt->larg || !stmt->rarg)
        return view_refuse(s, 0, "set operation", "cannot be read", "write SELECT ... UNION ALL SELECT ...");
    if (!view_query_build(s, stmt->larg, role, q->outer, q, ctes, &q->left) ||
        !view_query_build(s, stmt->rarg, role, q->outer, q, ctes, &q->right))
        return false;
    if (q->left->output_count != q->right->output_count)
        return view_refuse(s, 0, "set operation", "its sides have different numbers of columns", "make them alike");
    q->outputs = q->left->outputs;
    q->output_count = q->left->output_count;
    q->limited = stmt->limit_count || stmt->limit_offset;
    if (q->limited && q->role != ROLE_EXISTS)
        return view_refuse(s, 0, "LIMIT", "over a set operation", "put the set operation into a subquery of its own");
    for (size_t i = 0; i < stmt->n_sort_clause; i++) {
        PgQuery__Node *node = stmt->sort_clause[i]->sort_by->node;
        if (!output_meant(q, node, true))
            return view_refuse(s, 0, "ORDER BY", "of a set operation must name an output", "name an output column");
    }
    return true;
}

static bool build_level(struct view_state *s, struct query *q, struct cte *ctes)
{
    PgQuery__SelectStmt *stmt = q->stmt;
    if (!refuse_clauses(s, q) || !view_with_add(s, stmt, q->outer, &ctes))
        return false;
    if (stmt->op != PG_QUERY__SET_OPERATION__SETOP_NONE)
        return build_set_operation(s, q, ctes);
    if (stmt->n_values_lists)
        return build_values(s, q, ctes);
    for (size_t i = 0; i < stmt->n_from_clause; i++)
        if (!view_from_add(s, q, stmt->from_clause[i], ctes))
            return false;
    if (!expand_targets(s, q) || !build_clauses(s, q, ctes))
        return false;
    note_conditions(s, q, stmt->where_clause, NULL);
    note_join_conditions(s, q);
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by VIEW_LEVELS_MAX */
bool view_query_build(struct view_state *s, PgQuery__SelectStmt *stmt, enum query_role role, struct query *outer,
                      struct query *parent, struct cte *ctes, struct query **ret)
{
    if (s->query_count >= VIEW_LEVELS_MAX)
        return view_refuse(s, 0, "SELECT", "too many subqueries in one view", "the limit is %d: split the view",
                           VIEW_LEVELS_MAX);
    struct query *q = arena_calloc(s->arena, 1, sizeof *q);
    q->stmt = stmt;
    q->role = role;
    q->outer = outer;
    q->parent = parent;
    VIEW_GROW(s, s->queries, s->query_count, s->query_capacity);
    s->queries[s->query_count++] = q;
    if (!build_level(s, q, ctes))
        return false;
    *ret = q;
    return true;
}

bool view_scope_build(struct view_state *s, PgQuery__SelectStmt *stmt, struct query **ret)
{
    return view_query_build(s, stmt, ROLE_TOP, NULL, NULL, NULL, ret);
}
