// SPDX-License-Identifier: Apache-2.0
/*
 * What an expression's values are, told from the catalog's types alone. Used where a type decides: a sum of floating
 * point depends on the order of its rows, and a link may carry values only between types with one equality.
 * VALUE_UNKNOWN is never guessed away: whoever asks treats it as the worst case.
 */
#include <string.h>

#include "project/view_tree.h"

/* The name without "(12,2)": "numeric(12,2)" -> 7, "timestamp(3) with time zone" is compared by its first word. */
static size_t bare_length(const char *type) { return strcspn(type, "("); }

static bool type_is(const char *type, const char *name)
{
    size_t n = bare_length(type);
    return strlen(name) == n && strncmp(type, name, n) == 0;
}

int view_integer_width(const char *type)
{
    if (type_is(type, "smallint") || type_is(type, "int2"))
        return 2;
    if (type_is(type, "integer") || type_is(type, "int4") || type_is(type, "int"))
        return 4;
    if (type_is(type, "bigint") || type_is(type, "int8"))
        return 8;
    return 0;
}

static bool is_array(const char *type)
{
    size_t n = strlen(type);
    return n > 2 && strcmp(type + n - 2, "[]") == 0;
}

static bool is_text(const char *type)
{
    return type_is(type, "text") || type_is(type, "character varying") || type_is(type, "varchar");
}

enum value_class view_type_class(const char *type)
{
    if (is_array(type))
        return VALUE_OTHER;
    if (view_integer_width(type))
        return VALUE_INTEGER;
    if (type_is(type, "numeric") || type_is(type, "decimal") || type_is(type, "money"))
        return VALUE_NUMERIC;
    if (type_is(type, "double precision") || type_is(type, "real") || type_is(type, "float8") ||
        type_is(type, "float4"))
        return VALUE_FLOAT;
    if (is_text(type) || type_is(type, "character") || type_is(type, "bpchar") || type_is(type, "name"))
        return VALUE_TEXT;
    if (strncmp(type, "timestamp", 9) == 0 || strncmp(type, "time", 4) == 0 || type_is(type, "date") ||
        strncmp(type, "interval", 8) == 0)
        return VALUE_TIME;
    return VALUE_OTHER;
}

bool view_types_link(const char *from, const char *to)
{
    if (is_array(from) || is_array(to) || type_is(from, "json") || type_is(from, "xml"))
        return false;
    if (view_integer_width(from) && view_integer_width(to))
        return true;
    if (is_text(from) && is_text(to))
        return true;
    size_t n = bare_length(from);
    if (n != bare_length(to) || strncmp(from, to, n) != 0)
        return false;
    /* "timestamp(3) with time zone" and "timestamp(3) without ..." differ after the parenthesis only. */
    const char *f = strchr(from, ')'), *t = strchr(to, ')');
    return strcmp(f ? f : ")", t ? t : ")") == 0;
}

const char *view_column_type(const struct view_state *s, struct column c)
{
    for (unsigned hops = 0; c.item && c.index != WHOLE_ROW && hops < VIEW_LEVELS_MAX; hops++) {
        if (c.item->table)
            return c.item->table->columns[c.index].type;
        const struct query *q = c.item->sub;
        while (q->left)
            q = q->left;
        if (c.index >= q->output_count || !q->outputs[c.index].expr)
            return NULL;
        c = view_column(s, q->outputs[c.index].expr);
    }
    return NULL;
}

static enum value_class widest(enum value_class a, enum value_class b)
{
    if (a == b)
        return a;
    if (a == VALUE_FLOAT || b == VALUE_FLOAT)
        return VALUE_FLOAT;
    if ((a == VALUE_INTEGER && b == VALUE_NUMERIC) || (a == VALUE_NUMERIC && b == VALUE_INTEGER))
        return VALUE_NUMERIC;
    return VALUE_UNKNOWN;
}

static enum value_class class_of(const struct view_state *s, const PgQuery__Node *node, unsigned depth);

/* Of several branches of which the result is one; NULL literals say nothing. */
static enum value_class class_of_all(const struct view_state *s, PgQuery__Node *const *nodes, size_t count,
                                     const PgQuery__Node *last, unsigned depth)
{
    enum value_class all = VALUE_UNKNOWN;
    bool any = false;
    for (size_t i = 0; i < count + (last != NULL); i++) {
        const PgQuery__Node *node = i < count ? nodes[i] : last;
        if (node->node_case == PG_QUERY__NODE__NODE_CASE_WHEN)
            node = node->case_when->result;
        if (node->node_case == PG_QUERY__NODE__NODE_A_CONST && node->a_const->isnull)
            continue;
        enum value_class one = class_of(s, node, depth);
        all = any ? widest(all, one) : one;
        any = true;
    }
    return all;
}

static enum value_class class_of_function(const struct view_state *s, const PgQuery__FuncCall *f, unsigned depth)
{
    static const char *const as_argument[] = {"abs",   "round", "ceil", "ceiling", "floor",
                                              "trunc", "mod",   "max",  "min",     "sign"};
    const char *name = sql_string(f->funcname[f->n_funcname - 1]);
    if (!name)
        return VALUE_UNKNOWN;
    if (strcmp(name, "count") == 0 || strcmp(name, "length") == 0 || strcmp(name, "row_number") == 0)
        return VALUE_INTEGER;
    if (f->n_args == 0)
        return VALUE_UNKNOWN;
    for (size_t i = 0; i < COUNT(as_argument); i++)
        if (strcmp(name, as_argument[i]) == 0)
            return class_of(s, f->args[0], depth);
    if (strcmp(name, "sum") == 0 || strcmp(name, "avg") == 0) {
        enum value_class c = class_of(s, f->args[0], depth);
        return c == VALUE_INTEGER ? VALUE_NUMERIC : c;
    }
    return VALUE_UNKNOWN;
}

static enum value_class class_of_subquery(const struct view_state *s, const PgQuery__SubLink *link, unsigned depth)
{
    if (link->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK || link->sub_link_id <= 0)
        return VALUE_UNKNOWN;
    const struct query *q = s->queries[link->sub_link_id - 1];
    if (q->left || q->output_count != 1 || !q->outputs[0].expr)
        return VALUE_UNKNOWN;
    return class_of(s, q->outputs[0].expr, depth);
}

static enum value_class class_of_column(const struct view_state *s, struct column c, unsigned depth)
{
    if (!c.item || c.index == WHOLE_ROW)
        return VALUE_UNKNOWN;
    if (c.item->table)
        return view_type_class(c.item->table->columns[c.index].type);
    const struct query *q = c.item->sub;
    if (q->left || c.index >= q->output_count || !q->outputs[c.index].expr)
        return VALUE_UNKNOWN;
    return class_of(s, q->outputs[c.index].expr, depth);
}

static enum value_class class_of_cast(const PgQuery__TypeName *type)
{
    const char *name = type->n_names ? sql_string(type->names[type->n_names - 1]) : NULL;
    return !name ? VALUE_UNKNOWN : type->n_array_bounds ? VALUE_OTHER : view_type_class(name);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by `depth` */
static enum value_class class_of(const struct view_state *s, const PgQuery__Node *node, unsigned depth)
{
    if (!node || depth > SQL_DEPTH_MAX)
        return VALUE_UNKNOWN;
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF: return class_of_column(s, view_column(s, node), depth + 1);
    case PG_QUERY__NODE__NODE_A_CONST:
        return node->a_const->isnull                                     ? VALUE_UNKNOWN
               : node->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL ? VALUE_INTEGER
               : node->a_const->val_case == PG_QUERY__A__CONST__VAL_FVAL ? VALUE_NUMERIC
                                                                         : VALUE_UNKNOWN;
    case PG_QUERY__NODE__NODE_TYPE_CAST: return class_of_cast(node->type_cast->type_name);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return class_of_all(s, node->coalesce_expr->args, node->coalesce_expr->n_args, NULL, depth + 1);
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return class_of_all(s, node->min_max_expr->args, node->min_max_expr->n_args, NULL, depth + 1);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return class_of_all(s, node->case_expr->args, node->case_expr->n_args, node->case_expr->defresult, depth + 1);
    case PG_QUERY__NODE__NODE_FUNC_CALL: return class_of_function(s, node->func_call, depth + 1);
    case PG_QUERY__NODE__NODE_SUB_LINK: return class_of_subquery(s, node->sub_link, depth + 1);
    case PG_QUERY__NODE__NODE_A_EXPR: {
        const PgQuery__AExpr *e = node->a_expr;
        if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF)
            return class_of(s, e->lexpr, depth + 1);
        const char *op = e->n_name == 1 ? sql_string(e->name[0]) : NULL;
        if (e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP || !op || strlen(op) != 1 || !strchr("+-*/%", *op))
            return VALUE_UNKNOWN;
        enum value_class right = class_of(s, e->rexpr, depth + 1);
        if (!e->lexpr)
            return right;
        enum value_class left = class_of(s, e->lexpr, depth + 1);
        return left == VALUE_TIME || right == VALUE_TIME ? VALUE_TIME : widest(left, right);
    }
    default: return VALUE_UNKNOWN;
    }
}

enum value_class view_value_class(const struct view_state *s, const PgQuery__Node *node)
{
    return class_of(s, node, 0);
}
