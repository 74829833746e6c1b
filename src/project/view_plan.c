// SPDX-License-Identifier: Apache-2.0
/* The sequence that makes a plan of a view's SELECT; see view_plan.h, and view_tree.h for the parts. */
#include "project/view_plan.h"

#include <string.h>

#include "project/view_tree.h"

static bool parse(struct view_state *s, PgQuery__SelectStmt **ret)
{
    PgQuery__Node *statement;
    if (!sql_parse(s->text, s->arena, &statement, s->err))
        return false;
    if (!statement || statement->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return view_refuse(s, 0, "statement", "is no SELECT", "a view file holds one SELECT");
    *ret = statement->select_stmt;
    return true;
}

/* The stored table has a column for each output. */
static bool check_outputs(struct view_state *s, const struct query *top)
{
    for (size_t i = 0; i < top->output_count; i++) {
        const char *name = top->outputs[i].name;
        if (strcmp(name, "?column?") == 0)
            return view_refuse(s, 0, arena_printf(s->arena, "output column %zu", i + 1), "has no name",
                               "write ... AS name");
        if (strcmp(name, "_lsn") == 0 || strcmp(name, "_seq") == 0)
            return view_refuse(s, 0, name, "is a column that stored views have already", "give it another name");
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, top->outputs[k].name) == 0)
                return view_refuse(s, 0, name, "two output columns have this name", "write ... AS other_name");
    }
    return true;
}

static void emit_keys(struct view_state *s, const struct view_paths *p, const char *const *keys, struct view_plan *plan)
{
    plan->key_count = p->key_count;
    plan->keys = arena_calloc(s->arena, p->key_count, sizeof *plan->keys);
    plan->key_types = arena_calloc(s->arena, p->key_count, sizeof *plan->key_types);
    plan->key_nullable = arena_calloc(s->arena, p->key_count, sizeof *plan->key_nullable);
    for (size_t k = 0; k < p->key_count; k++) {
        plan->keys[k] = arena_strdup(s->arena, keys[p->keys[k]]);
        plan->key_types[k] = p->types[k];
        plan->key_nullable[k] = p->nullable[k] || p->unmatched;
    }
}

/* From declared keys to outputs: paths count in declared keys, the tree in outputs. */
static void keys_to_outputs(const struct query *top, const char *const *keys, struct view_paths *p)
{
    for (size_t k = 0; k < p->key_count; k++)
        for (size_t o = 0; o < top->output_count; o++)
            if (strcmp(top->outputs[o].name, keys[p->keys[k]]) == 0) {
                p->keys[k] = o;
                break;
            }
}

static bool build(struct view_state *s, const char *const *keys, size_t key_count, struct view_plan *plan)
{
    PgQuery__SelectStmt *stmt;
    struct query *top;
    struct view_links links;
    struct view_paths paths;
    if (!parse(s, &stmt) || !view_scope_build(s, stmt, &top) || !check_outputs(s, top) || !view_orders_check(s))
        return false;
    if (s->occurrence_count == 0)
        return view_refuse(s, 0, "SELECT", "reads no table", "a view is made of tables");
    if (!view_paths_find(s, top, keys, key_count, &links, &paths))
        return false;
    view_tables_emit(s, plan);
    emit_keys(s, &paths, keys, plan);
    view_keymaps_emit(s, &links, &paths, plan);
    if (!sql_deparse(stmt, s->arena, &plan->select, s->err))
        return false;
    keys_to_outputs(top, keys, &paths);
    view_restrict(s, top, &links, &paths, plan);
    return sql_deparse(stmt, s->arena, &plan->restricted, s->err);
}

bool view_plan_build(const char *select, const char *const *keys, size_t key_count, const struct catalog *catalog,
                     struct arena *arena, struct view_plan *ret, struct err *err)
{
    struct err ignored;
    struct view_state s = {.text = select, .catalog = catalog, .arena = arena, .err = err ? err : &ignored};
    struct view_plan plan = {0};
    if (!build(&s, keys, key_count, &plan))
        return false;
    *ret = plan;
    return true;
}
