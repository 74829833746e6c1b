// SPDX-License-Identifier: Apache-2.0
/*
 * Which expressions a view may hold. An allow-list: a construct that is not named here is refused, because the whole
 * argument for exactness (a slice depends on the mirrors' rows alone, whatever the time, session or order of rows)
 * rests on it. Resolves columns and builds the levels of subqueries on the way.
 */
#include <string.h>
#include <strings.h>

#include "project/view_tree.h"

struct check {
    struct view_state *s;
    struct query *q;
    struct cte *ctes;
};

static bool check_child(PgQuery__Node *node, void *context)
{
    struct check *c = context;
    return view_expr_check(c->s, c->q, node, c->ctes);
}

static bool check_children(struct check *c, const ProtobufCMessage *m) { return sql_each_node(m, check_child, c); }

static bool check_nodes(struct check *c, PgQuery__Node **nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!view_expr_check(c->s, c->q, nodes[i], c->ctes))
            return false;
    return true;
}

/* ---- literals ---- */

/* 'now'::timestamptz is the moment of planning, not of the row. */
static bool is_moving_word(const char *text)
{
    static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
    text += strspn(text, " \t\n");
    for (size_t i = 0; i < COUNT(words); i++) {
        size_t n = strlen(words[i]);
        if (strncasecmp(text, words[i], n) == 0 && !((text[n] | 0x20) >= 'a' && (text[n] | 0x20) <= 'z'))
            return true;
    }
    return false;
}

static bool check_const(struct check *c, const PgQuery__AConst *k)
{
    if (k->isnull || k->val_case != PG_QUERY__A__CONST__VAL_SVAL || c->s->text_expected ||
        !is_moving_word(k->sval->sval))
        return true;
    return view_refuse(c->s, k->location, k->sval->sval, "as a date or time, it moves with the clock",
                       "if a plain text is meant, cast it: '%s'::text", k->sval->sval);
}

static bool is_text_type(const PgQuery__TypeName *type)
{
    const char *name = type->n_names ? sql_string(type->names[type->n_names - 1]) : NULL;
    return name && view_type_class(name) == VALUE_TEXT;
}

/* 'now'::text::timestamptz moves as well. */
static const PgQuery__AConst *literal_inside_casts(const PgQuery__Node *node)
{
    while (node && node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
        node = node->type_cast->arg;
    return node && node->node_case == PG_QUERY__NODE__NODE_A_CONST ? node->a_const : NULL;
}

static bool check_cast(struct check *c, PgQuery__TypeCast *cast)
{
    const PgQuery__TypeName *type = cast->type_name;
    const char *name = type && type->n_names ? sql_string(type->names[type->n_names - 1]) : NULL;
    if (!name || type->setof || type->pct_type)
        return view_refuse(c->s, cast->location, "cast", "to a type that cannot be read", "name a plain type");
    if (strncmp(name, "reg", 3) == 0)
        return view_refuse(c->s, cast->location, name, "object names differ between source and read model",
                           "leave it out");
    const PgQuery__AConst *literal = view_type_class(name) == VALUE_TIME ? literal_inside_casts(cast->arg) : NULL;
    if (literal && !check_const(c, literal))
        return false;
    c->s->text_expected = is_text_type(type);
    bool ok = view_expr_check(c->s, c->q, cast->arg, c->ctes);
    c->s->text_expected = 0;
    return ok;
}

static bool compares_text(struct check *c, const PgQuery__Node *a)
{
    struct column col = view_column(c->s, a);
    const char *type = col.item ? view_column_type(c->s, col) : NULL;
    enum value_class class = type ? view_type_class(type) : VALUE_UNKNOWN;
    return type && class != VALUE_TIME && class != VALUE_UNKNOWN;
}

static bool is_literal(const PgQuery__Node *node) { return node && node->node_case == PG_QUERY__NODE__NODE_A_CONST; }

static bool check_operator(struct check *c, PgQuery__AExpr *e)
{
    const char *op = e->n_name ? sql_string(e->name[e->n_name - 1]) : NULL;
    const char *schema = e->n_name > 1 ? sql_string(e->name[0]) : NULL;
    if (!op || (schema && strcmp(schema, "pg_catalog") != 0))
        return view_refuse(c->s, e->location, schema ? schema : "operator", "user-defined operators are not known here",
                           "use PostgreSQL's own");
    if (strcmp(op, "@@") == 0 || strcmp(op, "@@@") == 0)
        return view_refuse(c->s, e->location, op, "text search depends on the server's configuration",
                           "search in the endpoint's query");
    /* The side that may be a bare literal is looked at after the other, whose type it takes. */
    if (e->lexpr && !is_literal(e->lexpr) && !view_expr_check(c->s, c->q, e->lexpr, c->ctes))
        return false;
    if (e->rexpr && !is_literal(e->rexpr) && e->rexpr->node_case != PG_QUERY__NODE__NODE_LIST &&
        !view_expr_check(c->s, c->q, e->rexpr, c->ctes))
        return false;
    bool text = strcmp(op, "||") == 0 || compares_text(c, e->lexpr) || compares_text(c, e->rexpr);
    bool ok = true;
    c->s->text_expected = text;
    if (is_literal(e->lexpr))
        ok = view_expr_check(c->s, c->q, e->lexpr, c->ctes);
    if (ok && e->rexpr && (is_literal(e->rexpr) || e->rexpr->node_case == PG_QUERY__NODE__NODE_LIST))
        ok = view_expr_check(c->s, c->q, e->rexpr, c->ctes);
    c->s->text_expected = 0;
    return ok;
}

/* ---- functions ---- */

static bool refuse_function(struct check *c, const PgQuery__FuncCall *f, const char *name)
{
    const struct view_function *known = view_function_find(name);
    if (f->n_funcname > 1 && strcmp(sql_string(f->funcname[0]), "pg_catalog") != 0)
        return view_refuse(c->s, f->location, name, "user-defined functions may read anything",
                           "write what it computes into the view");
    if (!known)
        return view_refuse(c->s, f->location, name, "no function of PostgreSQL 15: unknown, or user-defined",
                           "check the spelling, or write what it computes into the view");
    if (known->returns_set)
        return view_refuse(c->s, f->location, name, "returns a set: its rows cannot be traced to a key",
                           "compute it in the endpoint's query instead");
    if (known->volatility == 'v')
        return view_refuse(c->s, f->location, name, "volatile: it gives another value each time",
                           "compute it in the endpoint's query instead");
    return view_refuse(c->s, f->location, name, "its value depends on the time, the session or the server's settings",
                       "compute it in the endpoint's query instead");
}

static bool function_allowed(const PgQuery__FuncCall *f, const char *name)
{
    const struct view_function *known = view_function_find(name);
    if (f->n_funcname > 1 && strcmp(sql_string(f->funcname[0]), "pg_catalog") != 0)
        return false;
    if (!known || known->returns_set)
        return false;
    if (strcmp(name, "age") == 0 && f->n_args != 2) /* age(x) counts from today */
        return false;
    return known->volatility == 'i' || view_function_settings_only(name);
}

/* Functions whose untyped literal arguments are texts. */
static bool takes_text(const char *name)
{
    static const char *const builders[] = {"json_build_object",
                                           "jsonb_build_object",
                                           "json_build_array",
                                           "jsonb_build_array",
                                           "concat",
                                           "concat_ws",
                                           "format"};
    for (size_t i = 0; i < COUNT(builders); i++)
        if (strcmp(builders[i], name) == 0)
            return true;
    return false;
}

/* The window a call is over, with the definition it names (WINDOW w AS ...). */
static const PgQuery__WindowDef *named_window(const struct query *q, const PgQuery__WindowDef *w)
{
    const char *name = w->refname && *w->refname ? w->refname : w->name && *w->name ? w->name : NULL;
    for (size_t i = 0; name && i < q->stmt->n_window_clause; i++)
        if (strcmp(q->stmt->window_clause[i]->window_def->name, name) == 0)
            return q->stmt->window_clause[i]->window_def;
    return NULL;
}

static void add_columns(struct check *c, struct column_list *list, PgQuery__Node **nodes, size_t count)
{
    struct column *all = arena_calloc(c->s->arena, list->count + count + 1, sizeof *all);
    if (list->count)
        memcpy(all, list->columns, list->count * sizeof *all);
    list->columns = all;
    for (size_t i = 0; i < count; i++) {
        struct column col = view_column(c->s, nodes[i]);
        if (col.item && col.index != WHOLE_ROW)
            list->columns[list->count++] = col;
        else
            list->complete = false;
    }
}

enum { FRAME_ROWS = 0x4, FRAME_GROUPS = 0x8 }; /* PostgreSQL's frame option bits, checked by a unit test */

static bool window_needs_order(const char *name, const PgQuery__WindowDef *w, const PgQuery__WindowDef *named)
{
    static const char *const free_of_ties[] = {"rank", "dense_rank", "percent_rank", "cume_dist"};
    const struct view_function *known = view_function_find(name);
    for (size_t i = 0; i < COUNT(free_of_ties); i++)
        if (strcmp(free_of_ties[i], name) == 0)
            return false;
    if (known && known->kind == 'a' && view_aggregate_kind(name) != AGG_ORDERED)
        return (w->frame_options & FRAME_ROWS) || (named && (named->frame_options & FRAME_ROWS));
    return true;
}

static bool add_window(struct check *c, PgQuery__FuncCall *f, const char *name)
{
    struct view_state *s = c->s;
    PgQuery__WindowDef *w = f->over;
    const PgQuery__WindowDef *named = named_window(c->q, w);
    if (!check_nodes(c, w->partition_clause, w->n_partition_clause) ||
        !check_nodes(c, w->order_clause, w->n_order_clause) ||
        (w->start_offset && !view_expr_check(s, c->q, w->start_offset, c->ctes)) ||
        (w->end_offset && !view_expr_check(s, c->q, w->end_offset, c->ctes)))
        return false;
    if (named && named_window(c->q, named))
        if (named_window(c->q, named) != named)
            return view_refuse(s, f->location, name, "its window builds on another named window",
                               "write the whole OVER (PARTITION BY ... ORDER BY ...)");
    struct column_list list = {.complete = true, .what = name, .location = f->location};
    add_columns(c, &list, w->partition_clause, w->n_partition_clause);
    if (named)
        add_columns(c, &list, named->partition_clause, named->n_partition_clause);
    struct query *q = c->q;
    VIEW_GROW(s, q->partitions, q->partition_count, q->partition_capacity);
    q->partitions[q->partition_count++] = list;
    if (!window_needs_order(name, w, named))
        return true;
    struct column_list *within = arena_calloc(s->arena, 1, sizeof *within);
    *within = list;
    bool own = w->n_order_clause > 0;
    VIEW_GROW(s, s->orders, s->order_count, s->order_capacity);
    s->orders[s->order_count++] =
        (struct order_check){.at = q,
                             .sort = own     ? w->order_clause
                                     : named ? named->order_clause
                                             : NULL,
                             .sort_count = own     ? w->n_order_clause
                                           : named ? named->n_order_clause
                                                   : 0,
                             .whole_rows = true,
                             .within = within,
                             .groups = true, /* where the level is grouped; view_order.c looks */
                             .what = name,
                             .location = f->location};
    return true;
}

static bool check_sum(struct check *c, const PgQuery__FuncCall *f, const char *name)
{
    enum value_class class = f->n_args ? view_value_class(c->s, f->args[0]) : VALUE_UNKNOWN;
    if (class == VALUE_INTEGER || class == VALUE_NUMERIC || class == VALUE_TIME)
        return true;
    if (class == VALUE_FLOAT)
        return view_refuse(c->s, f->location, name, "over floating point depends on the order of its rows",
                           "cast to numeric first: %s(x::numeric)", name);
    return view_refuse(c->s, f->location, name,
                       "over a value whose type cannot be told here (floating point would "
                       "depend on the order of rows)",
                       "say the type: %s((...)::numeric)", name);
}

/* PostgreSQL gives an aggregate to the level its arguments come from: one of an outer level is not for us. */
static bool belongs_here(const struct check *c, size_t refs_from)
{
    bool any = false;
    for (size_t i = refs_from; i < c->s->ref_count; i++) {
        const struct query *home = c->s->refs[i].column.item->home;
        bool outer = false;
        for (const struct query *up = c->q->outer; up; up = up->outer)
            outer |= up == home;
        if (!outer)
            return true;
        any = true;
    }
    return !any;
}

static bool add_aggregate(struct check *c, PgQuery__FuncCall *f, const char *name, size_t refs_from, size_t args_to)
{
    struct view_state *s = c->s;
    enum aggregate_kind kind = view_aggregate_kind(name);
    if (!belongs_here(c, refs_from))
        return view_refuse(s, f->location, name, "aggregates columns of an outer query",
                           "aggregate where the table is");
    if (!f->over) {
        c->q->aggregated = true;
        c->q->aggregate_location = f->location;
    }
    switch (kind) {
    case AGG_FREE: return true;
    case AGG_SUM: return check_sum(c, f, name);
    case AGG_SORTED_SET:
        return f->agg_within_group || view_refuse(s, f->location, name, "needs WITHIN GROUP", "add it");
    case AGG_FLOAT:
        return view_refuse(s, f->location, name, "computes in floating point, which depends on the order of its rows",
                           "store the sums it needs as numeric");
    case AGG_REFUSED:
        return view_refuse(s, f->location, name, "an aggregate that is not known to be exact", "use another");
    case AGG_ORDERED: break;
    }
    if (f->over)
        return true; /* its window's order was looked at */
    if (f->n_agg_order == 0)
        return view_refuse(s, f->location, name, "without ORDER BY its elements may come in any order",
                           "write %s(... ORDER BY ...) with the primary key of the rows as the last column", name);
    VIEW_GROW(s, s->orders, s->order_count, s->order_capacity);
    s->orders[s->order_count++] = (struct order_check){.at = c->q,
                                                       .sort = f->agg_order,
                                                       .sort_count = f->n_agg_order,
                                                       .refs_from = refs_from,
                                                       .refs_to = args_to,
                                                       .what = name,
                                                       .location = f->location};
    return true;
}

static bool check_function(struct check *c, PgQuery__FuncCall *f)
{
    const char *name = f->n_funcname ? sql_string(f->funcname[f->n_funcname - 1]) : NULL;
    if (!name)
        return view_refuse(c->s, f->location, "function", "cannot be read", "name it plainly");
    if (!function_allowed(f, name))
        return refuse_function(c, f, name);
    const struct view_function *known = view_function_find(name);
    size_t refs_from = c->s->ref_count;
    c->s->text_expected = takes_text(name);
    bool ok = check_nodes(c, f->args, f->n_args);
    c->s->text_expected = 0;
    size_t args_to = c->s->ref_count;
    if (!ok || !check_nodes(c, f->agg_order, f->n_agg_order) ||
        (f->agg_filter && !view_expr_check(c->s, c->q, f->agg_filter, c->ctes)))
        return false;
    if (f->agg_within_group && view_aggregate_kind(name) != AGG_SORTED_SET)
        return view_refuse(c->s, f->location, name, "WITHIN GROUP for this function is not known to be exact",
                           "use percentile_cont, percentile_disc or mode");
    if (known->kind == 'w' && !f->over)
        return view_refuse(c->s, f->location, name, "a window function needs OVER", "add OVER (PARTITION BY ...)");
    if (f->over && !add_window(c, f, name))
        return false;
    return known->kind != 'a' || add_aggregate(c, f, name, refs_from, args_to);
}

/* ---- subqueries ---- */

static bool check_subquery(struct check *c, PgQuery__SubLink *l)
{
    struct view_state *s = c->s;
    if (l->testexpr && !view_expr_check(s, c->q, l->testexpr, c->ctes))
        return false;
    if (!l->subselect || l->subselect->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return view_refuse(s, l->location, "subquery", "is no SELECT", "write a SELECT");
    enum query_role role = l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK ? ROLE_EXISTS
                           : l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK  ? ROLE_IN
                                                                                       : ROLE_SCALAR;
    if (l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK)
        return view_refuse(s, l->location, "ARRAY(SELECT ...)", "the order of its elements is not tied to it",
                           "write (SELECT array_agg(x ORDER BY ...) FROM ...)");
    if (l->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK &&
        l->sub_link_type != PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK &&
        l->sub_link_type != PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK &&
        l->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK)
        return view_refuse(s, l->location, "subquery", "of a kind that views cannot hold",
                           "write EXISTS, IN or a scalar subquery");
    size_t mine = s->query_count;
    struct query *sub;
    bool ok = view_query_build(s, l->subselect->select_stmt, role, c->q, c->q, c->ctes, &sub);
    l->sub_link_id = (int32_t)mine + 1; /* view_query_build takes the next number first */
    return ok;
}

static bool refuse_node(struct check *c, const PgQuery__Node *node)
{
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return view_refuse(c->s, node->sqlvalue_function->location, "CURRENT_DATE, CURRENT_USER or the like",
                           "its value depends on the time or the session",
                           "compute it in the endpoint's query instead");
    case PG_QUERY__NODE__NODE_PARAM_REF:
        return view_refuse(c->s, node->param_ref->location, "parameter", "a view has none",
                           "make it a column, and filter in the endpoint's query");
    case PG_QUERY__NODE__NODE_XML_EXPR:
    case PG_QUERY__NODE__NODE_XML_SERIALIZE:
        return view_refuse(c->s, 0, "XML", "is not supported", "build JSON instead");
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
        return view_refuse(c->s, node->grouping_func->location, "GROUPING", "belongs to grouping sets",
                           "make a view for each grouping");
    default: {
        const ProtobufCMessage *m = sql_inside(node);
        const char *name = m ? m->descriptor->short_name : "empty expression";
        return view_refuse(c->s, 0, name, "this kind of expression is not known to be exact", "write it another way");
    }
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by view_state.depth */
bool view_expr_check(struct view_state *s, struct query *q, PgQuery__Node *node, struct cte *ctes)
{
    struct check c = {s, q, ctes};
    if (!node)
        return true;
    if (++s->depth > SQL_DEPTH_MAX)
        return view_refuse(s, 0, "expression", "nested too deeply", "split the view");
    bool ok;
    /* Whether a literal is a text is known to its direct parent only. */
    int text = s->text_expected;
    if (node->node_case != PG_QUERY__NODE__NODE_A_CONST && node->node_case != PG_QUERY__NODE__NODE_LIST)
        s->text_expected = 0;
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF: ok = view_resolve(s, q, node->column_ref); break;
    case PG_QUERY__NODE__NODE_A_CONST: ok = check_const(&c, node->a_const); break;
    case PG_QUERY__NODE__NODE_TYPE_CAST: ok = check_cast(&c, node->type_cast); break;
    case PG_QUERY__NODE__NODE_A_EXPR: ok = check_operator(&c, node->a_expr); break;
    case PG_QUERY__NODE__NODE_FUNC_CALL: ok = check_function(&c, node->func_call); break;
    case PG_QUERY__NODE__NODE_SUB_LINK: ok = check_subquery(&c, node->sub_link); break;
    case PG_QUERY__NODE__NODE_SORT_BY:
        ok = !node->sort_by->n_use_op ||
             view_refuse(s, node->sort_by->location, "ORDER BY ... USING", "names an operator", "use ASC or DESC");
        ok = ok && view_expr_check(s, q, node->sort_by->node, ctes);
        break;
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: ok = view_expr_check(s, q, node->collate_clause->arg, ctes); break;
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
    case PG_QUERY__NODE__NODE_NULL_TEST:
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
    case PG_QUERY__NODE__NODE_CASE_EXPR:
    case PG_QUERY__NODE__NODE_CASE_WHEN:
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
    case PG_QUERY__NODE__NODE_ROW_EXPR:
    case PG_QUERY__NODE__NODE_LIST:
    case PG_QUERY__NODE__NODE_NAMED_ARG_EXPR: ok = check_children(&c, sql_inside(node)); break;
    case PG_QUERY__NODE__NODE_A_INDICES:
    case PG_QUERY__NODE__NODE_A_INDIRECTION: ok = check_children(&c, sql_inside(node)); break;
    case PG_QUERY__NODE__NODE_STRING: ok = true; break; /* the field's name in (x).field, x[1].field */
    default: ok = refuse_node(&c, node); break;
    }
    s->text_expected = text;
    s->depth--;
    return ok;
}
