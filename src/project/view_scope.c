// SPDX-License-Identifier: Apache-2.0
/*
 * Levels, FROM items and names. Walks a SELECT the way PostgreSQL's analyser does, only as far as a view needs: which
 * table or subquery each name means, what `*` stands for, what each level puts out. On the way WITH queries are put in
 * the place of their references and tables get their mirrors' names, so that the tree that is left has one meaning
 * anywhere.
 *
 * What is not understood is refused: a name resolved wrongly would lose writes silently.
 */
#include <assert.h>
#include <string.h>

#include "project/view_tree.h"

/* ---- names ---- */

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

static size_t item_column(const struct item *item, const char *name)
{
    for (size_t i = 0; i < item->column_count; i++)
        if (strcmp(item->columns[i], name) == 0)
            return i;
    return SIZE_MAX;
}

/* Whether the item's column of that name is the right-hand twin of a USING column, which plain names do not mean; only
 * joins below the given one count (NULL: all). */
static bool hidden_by_using(const struct item *item, const char *column, const struct join *below)
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
static int find_plain(const struct query *q, const char *name, struct column *ret)
{
    int found = 0;
    for (size_t i = 0; i < q->item_count; i++) {
        size_t at = q->items[i]->name ? item_column(q->items[i], name) : SIZE_MAX;
        if (at == SIZE_MAX || hidden_by_using(q->items[i], name, NULL))
            continue;
        *ret = (struct column){q->items[i], at};
        found++;
    }
    return found > 1 ? 2 : found;
}

static struct item *find_item(const struct query *q, const char *name)
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
        int found = find_plain(at, name, &c);
        if (found == 2)
            return view_refuse(s, ref->location, name, "more than one table has this column", "write table.%s", name);
        if (found == 1)
            return note_reference(s, q, ref, c);
        struct item *whole = find_item(at, name);
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
        struct item *item = find_item(at, table);
        if (!item)
            continue;
        size_t index = item_column(item, name);
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

/* ---- FROM ---- */

static struct item *new_item(struct view_state *s, struct query *q, struct join *join, bool in_left)
{
    struct item *item = arena_calloc(s->arena, 1, sizeof *item);
    item->home = q;
    item->join = join;
    item->in_left = in_left;
    VIEW_GROW(s, q->items, q->item_count, q->item_capacity);
    q->items[q->item_count++] = item;
    return item;
}

static bool name_is_free(struct view_state *s, const struct query *q, const char *name, int location)
{
    if (!find_item(q, name))
        return true;
    return view_refuse(s, location, name, "this name stands twice in FROM", "give each its own alias");
}

/* Columns renamed by `AS t(a, b)`. */
static void rename_columns(const PgQuery__Alias *alias, struct item *item)
{
    for (size_t i = 0; alias && i < alias->n_colnames && i < item->column_count; i++)
        item->columns[i] = sql_string(alias->colnames[i]);
}

static void columns_of_subquery(struct view_state *s, struct item *item, const PgQuery__Alias *alias)
{
    const struct query *q = item->sub;
    item->column_count = q->output_count;
    item->columns = arena_calloc(s->arena, q->output_count + 1, sizeof *item->columns);
    for (size_t i = 0; i < q->output_count; i++)
        item->columns[i] = q->outputs[i].name;
    rename_columns(alias, item);
}

static const struct catalog_table *find_table(const struct catalog *catalog, const char *schema, const char *name)
{
    for (size_t i = 0; i < catalog->table_count; i++)
        if (strcmp(catalog->tables[i].schema, schema) == 0 && strcmp(catalog->tables[i].name, name) == 0)
            return &catalog->tables[i];
    return NULL;
}

static bool add_cte(struct view_state *s, struct query *q, PgQuery__Node *node, const struct cte *cte,
                    struct join *join, bool in_left)
{
    PgQuery__RangeVar *var = node->range_var;
    PgQuery__Alias *alias = arena_calloc(s->arena, 1, sizeof *alias);
    pg_query__alias__init(alias);
    alias->aliasname = var->alias ? var->alias->aliasname : arena_strdup(s->arena, cte->name);
    size_t own = var->alias ? var->alias->n_colnames : 0, theirs = cte->alias ? cte->alias->n_colnames : 0;
    alias->n_colnames = own > theirs ? own : theirs;
    alias->colnames = arena_calloc(s->arena, alias->n_colnames + 1, sizeof *alias->colnames);
    for (size_t i = 0; i < alias->n_colnames; i++)
        alias->colnames[i] = i < own ? var->alias->colnames[i] : cte->alias->colnames[i];
    int location = var->location;
    if (!name_is_free(s, q, alias->aliasname, location))
        return false;
    PgQuery__RangeSubselect *sub = arena_calloc(s->arena, 1, sizeof *sub);
    pg_query__range_subselect__init(sub);
    PgQuery__Node *body = arena_calloc(s->arena, 1, sizeof *body);
    pg_query__node__init(body);
    body->node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
    body->select_stmt = sql_clone(s->arena, cte->body);
    sub->subquery = body;
    sub->alias = alias;
    struct query *query;
    if (!view_query_build(s, body->select_stmt, ROLE_FROM, cte->outer, q, cte->before, &query))
        return false;
    struct item *item = new_item(s, q, join, in_left);
    item->name = alias->aliasname;
    item->location = location;
    item->sub = query;
    query->as = item;
    columns_of_subquery(s, item, alias);
    node->node_case = PG_QUERY__NODE__NODE_RANGE_SUBSELECT;
    node->range_subselect = sub;
    return true;
}

/* The table's mirror takes its place; a name that the mirror does not have is kept as the alias. */
static void name_mirror(struct view_state *s, PgQuery__RangeVar *var, const struct catalog_table *table)
{
    if (strcmp(table->schema, "public") != 0) {
        if (!var->alias) {
            var->alias = arena_calloc(s->arena, 1, sizeof *var->alias);
            pg_query__alias__init(var->alias);
            var->alias->aliasname = var->relname;
        }
        var->relname = arena_printf(s->arena, "%s.%s", table->schema, table->name);
    }
    var->schemaname = arena_strdup(s->arena, "mirror");
}

static bool add_table(struct view_state *s, struct query *q, PgQuery__Node *node, struct cte *ctes, struct join *join,
                      bool in_left)
{
    PgQuery__RangeVar *var = node->range_var;
    bool qualified = var->schemaname && *var->schemaname;
    for (struct cte *c = ctes; c && !qualified; c = c->before)
        if (strcmp(c->name, var->relname) == 0)
            return add_cte(s, q, node, c, join, in_left);
    if (var->catalogname && *var->catalogname)
        return view_refuse(s, var->location, var->catalogname, "names a database", "write schema.table");
    const struct catalog_table *table = find_table(s->catalog, qualified ? var->schemaname : "public", var->relname);
    if (!table)
        return view_refuse(s, var->location, var->relname, "no such table among the source's published tables",
                           "views read base tables; write tables outside schema public as schema.table");
    if (table->key_count == 0)
        return view_refuse(s, var->location, var->relname, "the table has no primary key",
                           "its rows cannot be told apart in the stream: add a primary key in the source");
    const char *name = var->alias ? var->alias->aliasname : var->relname;
    if (!name_is_free(s, q, name, var->location))
        return false;
    if (s->occurrence_count >= VIEW_TABLES_MAX)
        return view_refuse(s, var->location, var->relname,
                           "too many tables in one view (WITH queries count each time "
                           "they are used)",
                           "the limit is %d: split the view", VIEW_TABLES_MAX);
    struct item *item = new_item(s, q, join, in_left);
    item->name = name;
    item->location = var->location;
    item->table = table;
    item->column_count = table->column_count;
    item->columns = arena_calloc(s->arena, table->column_count + 1, sizeof *item->columns);
    item->used = arena_calloc(s->arena, table->column_count + 1, sizeof *item->used);
    for (size_t i = 0; i < table->column_count; i++)
        item->columns[i] = table->columns[i].name;
    if (var->alias && var->alias->n_colnames)
        return view_refuse(s, var->location, var->relname, "a table's columns renamed by its alias",
                           "the mirror may have other columns: rename them in the select list");
    item->number = s->occurrence_count;
    VIEW_GROW(s, s->occurrences, s->occurrence_count, s->occurrence_capacity);
    s->occurrences[s->occurrence_count++] = item;
    name_mirror(s, var, table);
    return true;
}

static bool add_subquery(struct view_state *s, struct query *q, PgQuery__RangeSubselect *sub, struct cte *ctes,
                         struct join *join, bool in_left)
{
    const char *name = sub->alias ? sub->alias->aliasname : NULL;
    if (!name)
        return view_refuse(s, 0, "subquery in FROM", "it has no alias", "write (SELECT ...) AS name");
    if (!sub->subquery || sub->subquery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return view_refuse(s, 0, "subquery in FROM", "is no SELECT", "write a SELECT");
    if (!name_is_free(s, q, name, 0))
        return false;
    struct query *query;
    if (!view_query_build(s, sub->subquery->select_stmt, sub->lateral ? ROLE_LATERAL : ROLE_FROM,
                          sub->lateral ? q : q->outer, q, ctes, &query))
        return false;
    struct item *item = new_item(s, q, join, in_left);
    item->name = name;
    item->sub = query;
    item->lateral = sub->lateral;
    query->as = item;
    columns_of_subquery(s, item, sub->alias);
    return true;
}

static bool add_from(struct view_state *s, struct query *q, PgQuery__Node *node, struct cte *ctes, struct join *join,
                     bool in_left);

static void note_using(struct view_state *s, struct query *q, struct join *j, const char *column, size_t first,
                       size_t middle, int *ret_sides)
{
    struct column left = {0}, right = {0};
    for (size_t i = first; i < q->item_count; i++) {
        size_t at = item_column(q->items[i], column);
        if (at == SIZE_MAX || !q->items[i]->name || hidden_by_using(q->items[i], column, j))
            continue;
        struct column *side = i < middle ? &left : &right;
        *ret_sides |= i < middle ? 1 : 2;
        if (!side->item)
            *side = (struct column){q->items[i], at};
        if (q->items[i]->table)
            q->items[i]->used[at] = true;
    }
    if (*ret_sides != 3)
        return;
    VIEW_GROW(s, q->equalities, q->equality_count, q->equality_capacity);
    q->equalities[q->equality_count++] = (struct equality){.a = left, .b = right, .join = j};
}

static bool add_join(struct view_state *s, struct query *q, PgQuery__JoinExpr *node, struct cte *ctes,
                     struct join *parent, bool in_left)
{
    if (node->is_natural)
        return view_refuse(s, 0, "NATURAL JOIN", "the mirrors have columns of their own, which would be compared too",
                           "write JOIN ... ON or USING with the columns");
    if (node->jointype == PG_QUERY__JOIN_TYPE__JOIN_FULL)
        return view_refuse(s, 0, "FULL JOIN", "its rows without a match on either side belong to no key",
                           "write two LEFT JOINs with UNION ALL, each with its own key");
    if (node->alias || node->join_using_alias)
        return view_refuse(s, 0, "alias of a JOIN", "names inside it become ambiguous", "give each table its alias");
    struct join *j = arena_calloc(s->arena, 1, sizeof *j);
    j->node = node;
    j->parent = parent;
    j->in_left = in_left;
    j->outer = node->jointype == PG_QUERY__JOIN_TYPE__JOIN_LEFT || node->jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT;
    j->nullable_left = node->jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT;
    if (!j->outer && node->jointype != PG_QUERY__JOIN_TYPE__JOIN_INNER)
        return view_refuse(s, 0, "JOIN", "of an unknown kind", "use JOIN or LEFT JOIN");
    size_t first = q->item_count;
    if (!add_from(s, q, node->larg, ctes, j, true))
        return false;
    size_t middle = q->item_count;
    if (!add_from(s, q, node->rarg, ctes, j, false))
        return false;
    for (size_t i = 0; i < node->n_using_clause; i++) {
        int sides = 0;
        const char *column = sql_string(node->using_clause[i]);
        note_using(s, q, j, column, first, middle, &sides);
        if (sides != 3)
            return view_refuse(s, 0, column, "named in USING but not a column of both sides", "check the spelling");
    }
    return !node->quals || view_expr_check(s, q, node->quals, ctes);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by view_state.depth */
static bool add_from(struct view_state *s, struct query *q, PgQuery__Node *node, struct cte *ctes, struct join *join,
                     bool in_left)
{
    if (++s->depth > SQL_DEPTH_MAX)
        return view_refuse(s, 0, "FROM", "nested too deeply", "split the view");
    bool ok;
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR: ok = add_table(s, q, node, ctes, join, in_left); break;
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
        ok = add_subquery(s, q, node->range_subselect, ctes, join, in_left);
        break;
    case PG_QUERY__NODE__NODE_JOIN_EXPR: ok = add_join(s, q, node->join_expr, ctes, join, in_left); break;
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
        ok = view_refuse(s, 0, "function in FROM", "its rows cannot be traced to a key",
                         "compute it in the endpoint's query instead");
        break;
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
        ok = view_refuse(s, 0, "TABLESAMPLE", "is random", "leave it out");
        break;
    default:
        ok = view_refuse(s, 0, "FROM item", "of a kind that views cannot hold", "use tables and subqueries");
        break;
    }
    s->depth--;
    return ok;
}

/* ---- WITH ---- */

static bool add_with(struct view_state *s, PgQuery__SelectStmt *stmt, struct query *outer, struct cte **ctes)
{
    PgQuery__WithClause *with = stmt->with_clause;
    if (!with)
        return true;
    if (with->recursive)
        return view_refuse(
            s, with->location, "WITH RECURSIVE", "how far a change reaches is not bounded",
            "flatten the hierarchy with joins of a fixed depth, or leave this endpoint on the legacy side");
    for (size_t i = 0; i < with->n_ctes; i++) {
        PgQuery__CommonTableExpr *e = with->ctes[i]->common_table_expr;
        if (!e->ctequery || e->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
            return view_refuse(s, e->location, e->ctename, "a WITH query that writes", "views only read");
        struct cte *c = arena_calloc(s->arena, 1, sizeof *c);
        c->name = e->ctename;
        c->body = e->ctequery->select_stmt;
        c->outer = outer;
        c->before = *ctes;
        if (e->n_aliascolnames) {
            c->alias = arena_calloc(s->arena, 1, sizeof *c->alias);
            pg_query__alias__init(c->alias);
            c->alias->n_colnames = e->n_aliascolnames;
            c->alias->colnames = e->aliascolnames;
        }
        *ctes = c;
    }
    stmt->with_clause = NULL;
    return true;
}

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
        if (star && q->role == ROLE_EXISTS) { /* which columns does not matter: none is read */
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
    if (!name || (!names_first && find_plain(q, name, &c)))
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
    struct item *item = new_item(s, q, NULL, false); /* cannot be named; stands for the subquery's rows */
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
    if (!refuse_clauses(s, q) || !add_with(s, stmt, q->outer, &ctes))
        return false;
    if (stmt->op != PG_QUERY__SET_OPERATION__SETOP_NONE)
        return build_set_operation(s, q, ctes);
    if (stmt->n_values_lists)
        return build_values(s, q, ctes);
    for (size_t i = 0; i < stmt->n_from_clause; i++)
        if (!add_from(s, q, stmt->from_clause[i], ctes, NULL, false))
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
