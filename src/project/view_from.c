// SPDX-License-Identifier: Apache-2.0
/*
 * FROM and WITH: which tables and subqueries a level reads and how they are joined. WITH queries are put in the place
 * of their references, each its own copy, and tables get their mirrors' names: the tree that is left has one meaning
 * anywhere.
 */
#include <string.h>

#include "project/view_tree.h"

struct item *view_item_new(struct view_state *s, struct query *q, struct join *join, bool in_left)
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
    if (!view_find_item(q, name))
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
    struct item *item = view_item_new(s, q, join, in_left);
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
    struct item *item = view_item_new(s, q, join, in_left);
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
    struct item *item = view_item_new(s, q, join, in_left);
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
        size_t at = view_item_column(q->items[i], column);
        if (at == SIZE_MAX || !q->items[i]->name || view_hidden_by_using(q->items[i], column, j))
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

static bool take_location(PgQuery__Node *node, void *context)
{
    int *at = context;
    if (node->node_case == PG_QUERY__NODE__NODE_FUNC_CALL)
        *at = node->func_call->location;
    else if (node->node_case == PG_QUERY__NODE__NODE_LIST)
        return sql_each_node(&node->list->base, take_location, context);
    return *at == 0;
}

/* The place of the function that a FROM item calls. */
static int first_location(const ProtobufCMessage *m)
{
    int at = 0;
    sql_each_node(m, take_location, &at);
    return at;
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
        ok = view_refuse(s, first_location(&node->range_function->base), "function in FROM",
                         "its rows cannot be traced to a key", "compute it in the endpoint's query instead");
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

bool view_with_add(struct view_state *s, PgQuery__SelectStmt *stmt, struct query *outer, struct cte **ctes)
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

bool view_from_add(struct view_state *s, struct query *q, PgQuery__Node *node, struct cte *ctes)
{
    return add_from(s, q, node, ctes, NULL, false);
}
