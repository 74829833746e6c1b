// SPDX-License-Identifier: Apache-2.0
/*
 * What a name means: the column, of which item, of which level. The rules are those of PostgreSQL's analyser; where
 * they could be read in two ways the name is refused, because a name resolved wrongly would lose writes silently.
 */
#include <assert.h>
#include <string.h>

#include "project/view_tree.h"

static const char *const system_columns[] = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid"};

static bool is_system_column(const char *name)
{
    for (size_t i = 0; i < COUNT(system_columns); i++)
        if (strcmp(system_columns[i], name) == 0)
            return true;
    return false;
}

static bool note_reference(struct view_state *s, struct query *q, PgQuery__ColumnRef *ref, struct column c)
{
    VIEW_GROW(s, s->refs, s->ref_count, s->ref_capacity);
    s->refs[s->ref_count] = (struct reference){.column = c, .at = q, .location = ref->location};
    ref->location = (int32_t)s->ref_count++;
    if (c.item->table) {
        assert(c.index < c.item->column_count);
        c.item->used[c.index] = true;
    }
    return true;
}

size_t view_item_column(const struct item *item, const char *name)
{
    for (size_t i = 0; i < item->column_count; i++)
        if (strcmp(item->columns[i], name) == 0)
            return i;
    return SIZE_MAX;
}

/* Whether the item's column of that name is the right-hand twin of a USING column, which plain names do not mean; only
 * joins below the given one count (NULL: all). */
bool view_hidden_by_using(const struct item *item, const char *column, const struct join *below)
{
    bool in_left = item->in_left;
    for (const struct join *j = item->join; j && j != below; in_left = j->in_left, j = j->parent) {
        bool twin = j->nullable_left ? in_left : !in_left;
        for (size_t i = 0; twin && i < j->node->n_using_clause; i++)
            if (strcmp(sql_string(j->node->using_clause[i]), column) == 0)
                return true;
    }
    return false;
}

/* A plain name: the one column of that name in this level. 0 none, 1 found, 2 ambiguous. */
int view_find_plain(const struct query *q, const char *name, struct column *ret)
{
    int found = 0;
    for (size_t i = 0; i < q->item_count; i++) {
        size_t at = q->items[i]->name ? view_item_column(q->items[i], name) : SIZE_MAX;
        if (at == SIZE_MAX || view_hidden_by_using(q->items[i], name, NULL))
            continue;
        *ret = (struct column){q->items[i], at};
        found++;
    }
    return found > 1 ? 2 : found;
}

struct item *view_find_item(const struct query *q, const char *name)
{
    for (size_t i = 0; i < q->item_count; i++)
        if (q->items[i]->name && strcmp(q->items[i]->name, name) == 0)
            return q->items[i];
    return NULL;
}

static bool resolve_plain(struct view_state *s, struct query *q, PgQuery__ColumnRef *ref, const char *name)
{
    struct column c;
    for (struct query *at = q; at; at = at->outer) {
        int found = view_find_plain(at, name, &c);
        if (found == 2)
            return view_refuse(s, ref->location, name, "more than one table has this column", "write table.%s", name);
        if (found == 1)
            return note_reference(s, q, ref, c);
        struct item *whole = view_find_item(at, name);
        if (whole && whole->table)
            return view_refuse(s, ref->location, name, "a whole row of a table",
                               "name its columns, as in "
                               "json_build_object('id', %s.id, ...): the mirror has only the columns that are used",
                               name);
        if (whole)
            return note_reference(s, q, ref, (struct column){whole, WHOLE_ROW});
    }
    if (is_system_column(name))
        return view_refuse(s, ref->location, name, "a system column differs between source and read model",
                           "leave it out");
    return view_refuse(s, ref->location, name, "no such column",
                       "check the spelling, and that the table is in the publication");
}

static bool resolve_qualified(struct view_state *s, struct query *q, PgQuery__ColumnRef *ref, const char *table,
                              const char *name)
{
    for (struct query *at = q; at; at = at->outer) {
        struct item *item = view_find_item(at, table);
        if (!item)
            continue;
        size_t index = view_item_column(item, name);
        if (index != SIZE_MAX)
            return note_reference(s, q, ref, (struct column){item, index});
        if (is_system_column(name))
            return view_refuse(s, ref->location, name, "a system column differs between source and read model",
                               "leave it out");
        return view_refuse(s, ref->location, arena_printf(s->arena, "%s.%s", table, name), "no such column",
                           "check the spelling");
    }
    return view_refuse(s, ref->location, table, "no table or subquery of this name is visible here",
                       "check the alias; a subquery in FROM sees its neighbours only with LATERAL");
}

bool view_resolve(struct view_state *s, struct query *q, PgQuery__ColumnRef *ref)
{
    const char *parts[3];
    if (ref->n_fields == 0 || ref->n_fields > 3)
        return view_refuse(s, ref->location, "column", "cannot be read", "write it as table.column");
    for (size_t i = 0; i < ref->n_fields; i++) {
        parts[i] = sql_string(ref->fields[i]);
        if (!parts[i])
            return view_refuse(s, ref->location, "*", "the whole row is not a value here", "name the columns");
    }
    if (ref->n_fields == 1)
        return resolve_plain(s, q, ref, parts[0]);
    if (ref->n_fields == 3) { /* schema.table.column: the mirror has another schema */
        ref->fields++;
        ref->n_fields = 2;
    }
    return resolve_qualified(s, q, ref, sql_string(ref->fields[0]), sql_string(ref->fields[1]));
}

struct column view_column(const struct view_state *s, const PgQuery__Node *node)
{
    if (!node || node->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
        return (struct column){0};
    int at = node->column_ref->location;
    return at >= 0 && (size_t)at < s->ref_count ? s->refs[at].column : (struct column){0};
}

/* ---- names of outputs, as PostgreSQL gives them ---- */

static const char *plain_name(const PgQuery__Node *e)
{
    switch ((int)e->node_case) {
    case PG_QUERY__NODE__NODE_COALESCE_EXPR: return "coalesce";
    case PG_QUERY__NODE__NODE_ROW_EXPR: return "row";
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: return "array";
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return e->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least";
    case PG_QUERY__NODE__NODE_FUNC_CALL: return sql_string(e->func_call->funcname[e->func_call->n_funcname - 1]);
    case PG_QUERY__NODE__NODE_A_EXPR: return e->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF ? "nullif" : NULL;
    default: return NULL;
    }
}

const char *view_output_name(const PgQuery__Node *e)
{
    const char *fallback = "?column?";
    for (unsigned hops = 0; e && hops < SQL_DEPTH_MAX; hops++) {
        switch ((int)e->node_case) {
        case PG_QUERY__NODE__NODE_COLUMN_REF: {
            const char *last = sql_string(e->column_ref->fields[e->column_ref->n_fields - 1]);
            return last ? last : fallback;
        }
        case PG_QUERY__NODE__NODE_TYPE_CAST: {
            const PgQuery__TypeName *t = e->type_cast->type_name;
            const char *name = t->n_names ? sql_string(t->names[t->n_names - 1]) : NULL;
            fallback = name ? name : fallback;
            e = e->type_cast->arg;
            break;
        }
        case PG_QUERY__NODE__NODE_CASE_EXPR:
            fallback = "case";
            e = e->case_expr->defresult;
            break;
        case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: e = e->collate_clause->arg; break;
        case PG_QUERY__NODE__NODE_A_INDIRECTION: e = e->a_indirection->arg; break;
        case PG_QUERY__NODE__NODE_SUB_LINK: {
            PgQuery__SubLink *l = e->sub_link;
            if (l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK)
                return "exists";
            if (l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK)
                return "array";
            PgQuery__SelectStmt *sub = l->subselect->select_stmt;
            if (l->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK || !sub || sub->n_target_list != 1)
                return fallback;
            const PgQuery__ResTarget *t = sub->target_list[0]->res_target;
            if (t->name && *t->name)
                return t->name;
            e = t->val;
            break;
        }
        default: {
            const char *name = plain_name(e);
            return name ? name : fallback;
        }
        }
    }
    return fallback;
}
