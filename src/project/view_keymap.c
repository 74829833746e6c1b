// SPDX-License-Identifier: Apache-2.0
/*
 * The SQL of key maps. Values arrive as arrays and are looked up with `= ANY`, never joined: measured, a join to a key
 * table or to unnest() costs hundreds of times more, because the planner then scans the mirror.
 */
#include <assert.h>
#include <string.h>

#include "project/view_tree.h"

const char *view_ident(struct arena *arena, const char *name)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_add_ident(&b, str_of(name));
    const char *quoted = arena_strdup(arena, b.data);
    buf_free(&b);
    return quoted;
}

const char *view_mirror_name(struct arena *arena, const struct catalog_table *table)
{
    const char *name =
        strcmp(table->schema, "public") == 0 ? table->name : arena_printf(arena, "%s.%s", table->schema, table->name);
    return arena_printf(arena, "mirror.%s", view_ident(arena, name));
}

static bool in_key(const struct catalog_table *table, const char *column)
{
    for (size_t i = 0; i < table->key_count; i++)
        if (strcmp(table->key[i], column) == 0)
            return true;
    return false;
}

/* ---- tables ---- */

static const struct view_table *find_view_table(const struct view_plan *plan, const struct catalog_table *table)
{
    for (size_t i = 0; i < plan->table_count; i++)
        if (plan->tables[i].table == table)
            return &plan->tables[i];
    return NULL;
}

void view_tables_emit(struct view_state *s, struct view_plan *plan)
{
    plan->tables = arena_calloc(s->arena, s->occurrence_count + 1, sizeof *plan->tables);
    for (size_t i = 0; i < s->occurrence_count; i++) {
        const struct catalog_table *table = s->occurrences[i]->table;
        if (find_view_table(plan, table))
            continue;
        struct view_table *t = &plan->tables[plan->table_count++];
        t->table = table;
        t->columns = arena_calloc(s->arena, table->column_count + 1, sizeof *t->columns);
        for (size_t c = 0; c < table->column_count; c++) {
            bool used = in_key(table, table->columns[c].name);
            for (size_t o = 0; o < s->occurrence_count; o++)
                used |= s->occurrences[o]->table == table && s->occurrences[o]->used[c];
            if (used)
                t->columns[t->column_count++] = table->columns[c].name;
        }
    }
}

/* ---- indexes ---- */

/* Whether every wanted column is among the first `count` of an index: then it begins with them, in some order. */
static bool begins_with(const char *const *index, size_t index_count, const struct catalog_table *table,
                        const size_t *columns, size_t count)
{
    if (index_count < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t k = 0; k < count; k++)
            found |= strcmp(index[k], table->columns[columns[i]].name) == 0;
        if (!found)
            return false;
    }
    return true;
}

void view_index_add(struct view_state *s, struct view_plan *plan, const struct catalog_table *table,
                    const size_t *columns, size_t count)
{
    if (begins_with(table->key, table->key_count, table, columns, count))
        return;
    for (size_t i = 0; i < plan->index_count; i++)
        if (plan->indexes[i].table == table &&
            begins_with(plan->indexes[i].columns, plan->indexes[i].column_count, table, columns, count))
            return;
    size_t capacity = plan->index_count && (plan->index_count & (plan->index_count - 1)) == 0 ? plan->index_count
                      : plan->index_count                                                     ? SIZE_MAX
                                                                                              : 0;
    if (capacity != SIZE_MAX) /* full at 0 and at every power of two */
        VIEW_GROW(s, plan->indexes, plan->index_count, capacity);
    struct view_index *index = &plan->indexes[plan->index_count++];
    *index = (struct view_index){.table = table, .column_count = count};
    index->columns = arena_calloc(s->arena, count + 1, sizeof *index->columns);
    for (size_t i = 0; i < count; i++)
        index->columns[i] = table->columns[columns[i]].name;
}

/* ---- key maps ---- */

static const struct base_column *local_column(const struct base_columns *list, const struct item *item, size_t *ret_at)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->columns[i].item == item) {
            *ret_at = i;
            return &list->columns[i];
        }
    return NULL;
}

static const char *type_of(const struct item *item, size_t column) { return item->table->columns[column].type; }

/* The links of one hop: those that stand at the same level between the same two occurrences hold together. */
struct hop {
    const struct link *links[16];
    size_t count;
};

static struct hop hop_of(const struct view_links *links, const struct link *via)
{
    struct hop h = {0};
    for (size_t i = 0; i < links->count && h.count < COUNT(h.links); i++) {
        const struct link *l = &links->links[i];
        bool twin = false; /* one parameter a column is enough */
        for (size_t k = 0; k < h.count; k++)
            twin |= h.links[k]->from.index == l->from.index || h.links[k]->to.index == l->to.index;
        if (!twin && l->from.item == via->from.item && l->to.item == via->to.item && l->at == via->at)
            h.links[h.count++] = l;
    }
    return h;
}

static void add_key_columns(struct view_state *s, struct buf *sql, struct buf *filter, const struct view_paths *p,
                            const struct view_plan *plan, const struct item *item, const char *alias, bool from_images)
{
    for (size_t k = 0; k < p->key_count; k++) {
        size_t at = 0;
        const struct base_column *c = local_column(&p->key_local[k], item, &at);
        const char *column =
            from_images ? arena_printf(s->arena, "c%zu", k + 1) : view_ident(s->arena, item->columns[c->index]);
        buf_printf(sql, "%s%s.%s::%s AS %s", k ? ", " : "", alias, column, p->types[k],
                   view_ident(s->arena, plan->keys[k]));
        if (!p->nullable[k] || at >= p->root_count[k]) /* a NULL that links to nothing */
            buf_printf(filter, "%s%s.%s IS NOT NULL", filter->len ? " AND " : "", alias, column);
    }
}

/* The occurrence has the key itself: its images are the answer. */
static void emit_local(struct view_state *s, const struct view_paths *p, const struct view_plan *plan,
                       const struct item *item, struct view_keymap *map, struct buf *sql)
{
    struct buf filter;
    buf_init(&filter, 1 << 16);
    buf_adds(sql, "SELECT DISTINCT ");
    add_key_columns(s, sql, &filter, p, plan, item, "u", true);
    buf_adds(sql, " FROM unnest(");
    for (size_t k = 0; k < p->key_count; k++) {
        size_t at;
        const struct base_column *c = local_column(&p->key_local[k], item, &at);
        assert(c); /* the plan says that the occurrence has the key */
        map->columns[map->column_count++] = item->columns[c->index];
        buf_printf(sql, "%s$%zu::%s[]", k ? ", " : "", k + 1, type_of(item, c->index));
    }
    buf_adds(sql, ") AS u(");
    for (size_t k = 0; k < p->key_count; k++)
        buf_printf(sql, "%sc%zu", k ? ", " : "", k + 1);
    buf_adds(sql, ")");
    if (filter.len)
        buf_printf(sql, " WHERE %s", filter.data);
    buf_free(&filter);
}

void view_path_joins(struct view_state *s, const struct view_links *links, const struct view_paths *p,
                     const struct item **item, struct buf *sql)
{
    for (size_t n = 1;; n++) {
        const struct link *via = p->via[(*item)->number];
        if (!via)
            return;
        struct hop h = hop_of(links, via);
        buf_printf(sql, " JOIN %s AS m%zu ON ", view_mirror_name(s->arena, via->to.item->table), n + 1);
        for (size_t i = 0; i < h.count; i++)
            buf_printf(sql, "%sm%zu.%s = m%zu.%s", i ? " AND " : "", n,
                       view_ident(s->arena, (*item)->columns[h.links[i]->from.index]), n + 1,
                       view_ident(s->arena, via->to.item->columns[h.links[i]->to.index]));
        *item = via->to.item;
    }
}

/* Over the mirrors, hop by hop. */
static void emit_path(struct view_state *s, const struct view_links *links, const struct view_paths *p,
                      const struct view_plan *plan, const struct item *item, struct view_keymap *map, struct buf *sql)
{
    const struct link *via = p->via[item->number];
    struct hop first = hop_of(links, via);
    struct buf joins, filter;
    buf_init(&joins, 1 << 20);
    buf_init(&filter, 1 << 16);
    const struct item *last = via->to.item;
    view_path_joins(s, links, p, &last, &joins);
    size_t hops = p->distance[item->number];
    for (size_t i = 0; i < first.count; i++) {
        const struct link *l = first.links[i];
        map->columns[map->column_count++] = item->columns[l->from.index];
        buf_printf(&filter, "%sm1.%s = ANY($%zu::%s[])", i ? " AND " : "",
                   view_ident(s->arena, l->to.item->columns[l->to.index]), i + 1, type_of(item, l->from.index));
    }
    buf_adds(sql, "SELECT DISTINCT ");
    add_key_columns(s, sql, &filter, p, plan, last, arena_printf(s->arena, "m%zu", hops), false);
    buf_printf(sql, " FROM %s AS m1%s WHERE %s", view_mirror_name(s->arena, via->to.item->table),
               joins.data ? joins.data : "", filter.data);
    buf_free(&joins);
    buf_free(&filter);
}

static bool known_keymap(const struct view_plan *plan, const struct view_keymap *map)
{
    for (size_t i = 0; i < plan->keymap_count; i++) {
        const struct view_keymap *other = &plan->keymaps[i];
        bool same =
            other->table == map->table && other->column_count == map->column_count && strcmp(other->sql, map->sql) == 0;
        for (size_t c = 0; same && c < map->column_count; c++)
            same = strcmp(other->columns[c], map->columns[c]) == 0;
        if (same)
            return true;
    }
    return false;
}

/* Both ends of a hop: the key map looks up one, the restricted SELECT the other. */
static void index_hop(struct view_state *s, struct view_plan *plan, const struct hop *h)
{
    size_t from[COUNT(h->links)], to[COUNT(h->links)];
    for (size_t i = 0; i < h->count; i++) {
        from[i] = h->links[i]->from.index;
        to[i] = h->links[i]->to.index;
    }
    view_index_add(s, plan, h->links[0]->to.item->table, to, h->count);
    view_index_add(s, plan, h->links[0]->from.item->table, from, h->count);
}

void view_keymaps_emit(struct view_state *s, const struct view_links *links, const struct view_paths *p,
                       struct view_plan *plan)
{
    plan->keymaps = arena_calloc(s->arena, s->occurrence_count + 1, sizeof *plan->keymaps);
    for (size_t i = 0; i < s->occurrence_count; i++) {
        const struct item *item = s->occurrences[i];
        struct view_keymap *map = &plan->keymaps[plan->keymap_count];
        struct buf sql;
        buf_init(&sql, 1 << 20);
        *map = (struct view_keymap){.table = find_view_table(plan, item->table)};
        map->columns = arena_calloc(s->arena, 32, sizeof *map->columns);
        if (p->distance[i] == 0) {
            emit_local(s, p, plan, item, map, &sql);
        } else {
            struct hop h = hop_of(links, p->via[i]);
            index_hop(s, plan, &h);
            emit_path(s, links, p, plan, item, map, &sql);
        }
        for (size_t k = 0; p->unmatched && k < p->key_count; k++)
            buf_printf(&sql, "%sNULL::%s", k ? ", " : " UNION SELECT ", p->types[k]);
        map->sql = arena_strdup(s->arena, sql.data);
        buf_free(&sql);
        plan->keymap_count += !known_keymap(plan, map);
    }
}
