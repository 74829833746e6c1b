// SPDX-License-Identifier: Apache-2.0
/* From SELECT to plan: what is refused, where, and what the plan of an accepted one holds. */
#include "project/view_plan.h"

#include "plan_catalog.h"
#include "test.h"
#include "view_corpus.h"

struct built {
    bool ok;
    struct view_plan plan;
    struct err err;
    struct arena arena;
};

/* keys: comma separated. */
static struct built build(const char *select, const char *keys)
{
    struct built b = {0};
    const char *list[8];
    size_t n = 0;
    arena_init(&b.arena);
    for (struct str rest = str_of(keys), part; rest.data && n < 8;) {
        part = str_cut(rest, ',', &rest);
        list[n++] = arena_memdup(&b.arena, part.data, part.len);
    }
    b.ok = view_plan_build(select, list, n, &plan_catalog, &b.arena, &b.plan, &b.err);
    return b;
}

/* The plan as lines, to be compared as a whole. */
static void describe(const struct view_plan *p, struct buf *out)
{
    for (size_t i = 0; i < p->key_count; i++)
        buf_printf(out, "key %s %s%s\n", p->keys[i], p->key_types[i], p->key_nullable[i] ? " nullable" : "");
    for (size_t i = 0; i < p->table_count; i++) {
        buf_printf(out, "table %s:", p->tables[i].table->name);
        for (size_t c = 0; c < p->tables[i].column_count; c++)
            buf_printf(out, " %s", p->tables[i].columns[c]);
        buf_addc(out, '\n');
    }
    for (size_t i = 0; i < p->keymap_count; i++) {
        buf_printf(out, "map %s(", p->keymaps[i].table->table->name);
        for (size_t c = 0; c < p->keymaps[i].column_count; c++)
            buf_printf(out, "%s%s", c ? ", " : "", p->keymaps[i].columns[c]);
        buf_printf(out, ") %s\n", p->keymaps[i].sql);
    }
    for (size_t i = 0; i < p->index_count; i++) {
        buf_printf(out, "index %s(", p->indexes[i].table->name);
        for (size_t c = 0; c < p->indexes[i].column_count; c++)
            buf_printf(out, "%s%s", c ? ", " : "", p->indexes[i].columns[c]);
        buf_adds(out, ")\n");
    }
    buf_printf(out, "%s\n", p->restricted);
}

static void expect(const char *select, const char *keys, const char *want)
{
    struct built b = build(select, keys);
    struct buf got;
    buf_init(&got, 1 << 20);
    if (b.ok)
        describe(&b.plan, &got);
    else
        buf_printf(&got, "%s (%s)", b.err.text, b.err.hint);
    CHECK_STR(buf_str(&got), want);
    buf_free(&got);
    arena_free(&b.arena);
}

TEST(aggregate_over_left_join)
{
    expect(
        "SELECT u.id, u.name, count(o.id) AS n, sum(o.total) AS t FROM users u LEFT JOIN orders o ON o.user_id = u.id "
        "GROUP BY u.id",
        "id",
        "key id bigint\n"
        "table users: id name\n"
        "table orders: id user_id total\n"
        "map users(id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS NOT "
        "NULL\n"
        "map orders(user_id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS "
        "NOT NULL\n"
        "index orders(user_id)\n"
        "SELECT u.id, u.name, count(o.id) AS n, sum(o.total) AS t FROM mirror.users u LEFT JOIN mirror.orders o ON "
        "o.user_id = u.id AND o.user_id = ANY($1::bigint[]) WHERE u.id = ANY($1::bigint[]) GROUP BY u.id\n");
}

TEST(document_by_correlation)
{
    expect(
        "SELECT o.id, (SELECT json_agg(json_build_object('t', p.title, 'q', i.qty) ORDER BY i.line) FROM items i JOIN "
        "products p ON p.id = i.product_id WHERE i.order_id = o.id) AS doc FROM orders o",
        "id",
        "key id bigint\n"
        "table orders: id\n"
        "table items: order_id line product_id qty\n"
        "table products: id title\n"
        "map orders(id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS NOT "
        "NULL\n"
        "map items(order_id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS "
        "NOT NULL\n"
        "map products(id) SELECT DISTINCT m1.\"order_id\"::bigint AS \"id\" FROM mirror.\"items\" AS m1 WHERE "
        "m1.\"product_id\" = ANY($1::bigint[]) AND m1.\"order_id\" IS NOT NULL\n"
        "index items(product_id)\n"
        "SELECT o.id, (SELECT json_agg(json_build_object('t', p.title, 'q', i.qty) ORDER BY i.line) FROM mirror.items "
        "i JOIN mirror.products p ON p.id = i.product_id WHERE i.order_id = o.id) AS doc FROM mirror.orders o WHERE "
        "o.id = ANY($1::bigint[])\n");
}

TEST(every_example_is_planned_or_refused_as_it_says)
{
    for (size_t i = 0; i < COUNT(view_corpus); i++) {
        const struct view_example *e = &view_corpus[i];
        struct built b = build(e->sql, e->keys);
        if (e->refused) {
            CHECK(!b.ok);
            if (b.ok || strncmp(b.err.text, e->refused, strlen(e->refused)) != 0)
                CHECK_STR(str_of(b.ok ? "planned" : b.err.text), e->refused);
            CHECK(b.ok || (b.err.class == ERR_CONFIG && b.err.hint[0]));
        } else if (!b.ok) {
            CHECK_STR(str_of(b.err.text), "planned");
        }
        if (b.ok != !e->refused)
            printf("# %s\n", e->sql);
        arena_free(&b.arena);
    }
}

/* The matrix of docs/views.md: one line a construct, its verdict that of its first example. */
static void print_matrix(struct buf *out)
{
    for (size_t i = 0; i < COUNT(view_corpus); i++)
        if (view_corpus[i].construct)
            buf_printf(out, "| %s | %s |\n", view_corpus[i].construct, view_corpus[i].refused ? "refused" : "exact");
}

TEST(the_manual_says_the_same)
{
    static const char here[] = __FILE__;
    const char *tail = strstr(here, "tests/unit/");
    char path[4096];
    struct buf want, page;
    buf_init(&want, 1 << 16);
    buf_init(&page, 1 << 20);
    print_matrix(&want);
    snprintf(path, sizeof path, "%.*sdocs/views.md", tail ? (int)(tail - here) : 0, here);
    FILE *f = fopen(path, "r");
    CHECK(f != NULL);
    if (f) {
        char *at = buf_reserve(&page, 1 << 19);
        page.len = fread(at, 1, (1 << 19) - 1, f);
        page.data[page.len] = '\0';
        fclose(f);
    }
    bool same = page.data && strstr(page.data, want.data) != NULL;
    CHECK(same);
    if (!same)
        printf("# docs/views.md does not hold this table:\n%s", want.data);
    buf_free(&want);
    buf_free(&page);
}

TEST_MAIN
