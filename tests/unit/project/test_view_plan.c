// SPDX-License-Identifier: Apache-2.0
/* From SELECT to plan: what is refused, where, and what the plan of an accepted one holds. */
#include "project/view_plan.h"
#include "project/view_tree.h"

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

TEST(composite_key)
{
    expect("SELECT i.order_id, i.line, p.title FROM items i LEFT JOIN products p ON p.id = i.product_id",
           "order_id,line",
           "key order_id bigint\n"
           "key line integer\n"
           "table items: order_id line product_id\n"
           "table products: id title\n"
           "map items(order_id, line) SELECT DISTINCT u.c1::bigint AS \"order_id\", u.c2::integer AS \"line\" FROM "
           "unnest($1::bigint[], $2::integer[]) AS u(c1, c2) WHERE u.c1 IS NOT NULL AND u.c2 IS NOT NULL\n"
           "map products(id) SELECT DISTINCT m1.\"order_id\"::bigint AS \"order_id\", m1.\"line\"::integer AS \"line\" "
           "FROM mirror.\"items\" AS m1 WHERE m1.\"product_id\" = ANY($1::bigint[]) AND m1.\"order_id\" IS NOT NULL "
           "AND m1.\"line\" IS NOT NULL\n"
           "index items(product_id)\n"
           "SELECT i.order_id, i.line, p.title FROM mirror.items i LEFT JOIN mirror.products p ON p.id = i.product_id "
           "WHERE i.order_id = ANY($1::bigint[]) AND i.line = ANY($2::int[])\n");
}

TEST(key_that_may_be_null)
{
    expect("SELECT o.user_id, count(*) AS n FROM orders o GROUP BY o.user_id", "user_id",
           "key user_id bigint nullable\n"
           "table orders: id user_id\n"
           "map orders(user_id) SELECT DISTINCT u.c1::bigint AS \"user_id\" FROM unnest($1::bigint[]) AS u(c1)\n"
           "index orders(user_id)\n"
           "SELECT o.user_id, count(*) AS n FROM mirror.orders o WHERE o.user_id = ANY($1::bigint[]) OR (o.user_id IS "
           "NULL AND array_position($1::bigint[], NULL) IS NOT NULL) GROUP BY o.user_id\n");
}

TEST(key_on_the_nullable_side)
{
    expect("SELECT u.id, o.total, o.id AS oid FROM orders o LEFT JOIN users u ON u.id = o.user_id", "id",
           "key id bigint nullable\n"
           "table orders: id user_id total\n"
           "table users: id\n"
           "map orders(user_id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 "
           "IS NOT NULL UNION SELECT NULL::bigint\n"
           "map users(id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS NOT "
           "NULL UNION SELECT NULL::bigint\n"
           "index orders(user_id)\n"
           "SELECT u.id, o.total, o.id AS oid FROM mirror.orders o LEFT JOIN mirror.users u ON u.id = o.user_id WHERE "
           "(u.id = ANY($1::bigint[]) OR (u.id IS NULL AND array_position($1::bigint[], NULL) IS NOT NULL)) AND "
           "(o.user_id = ANY($1::bigint[]) OR array_position($1::bigint[], NULL) IS NOT NULL)\n");
}

TEST(three_hops)
{
    expect("SELECT u.id, count(p.title) AS n FROM users u JOIN orders o ON o.user_id = u.id JOIN items i ON i.order_id "
           "= o.id JOIN products p ON p.id = i.product_id GROUP BY u.id",
           "id",
           "key id bigint\n"
           "table users: id\n"
           "table orders: id user_id\n"
           "table items: order_id line product_id\n"
           "table products: id title\n"
           "map users(id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS NOT "
           "NULL\n"
           "map orders(user_id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 "
           "IS NOT NULL\n"
           "map items(order_id) SELECT DISTINCT m1.\"user_id\"::bigint AS \"id\" FROM mirror.\"orders\" AS m1 WHERE "
           "m1.\"id\" = ANY($1::bigint[]) AND m1.\"user_id\" IS NOT NULL\n"
           "map products(id) SELECT DISTINCT m2.\"user_id\"::bigint AS \"id\" FROM mirror.\"items\" AS m1 JOIN "
           "mirror.\"orders\" AS m2 ON m1.\"order_id\" = m2.\"id\" WHERE m1.\"product_id\" = ANY($1::bigint[]) AND "
           "m2.\"user_id\" IS NOT NULL\n"
           "index items(product_id)\n"
           "index orders(user_id)\n"
           "SELECT u.id, count(p.title) AS n FROM mirror.users u JOIN mirror.orders o ON o.user_id = u.id JOIN "
           "mirror.items i ON i.order_id = o.id JOIN mirror.products p ON p.id = i.product_id WHERE u.id = "
           "ANY($1::bigint[]) AND o.user_id = ANY($1::bigint[]) GROUP BY u.id\n");
}

TEST(grouped_subquery_is_restricted_by_path)
{
    expect("SELECT u.id, s.n FROM users u JOIN orders o ON o.user_id = u.id LEFT JOIN (SELECT order_id, count(*) AS n "
           "FROM items GROUP BY order_id) s ON s.order_id = o.id",
           "id",
           "key id bigint\n"
           "table users: id\n"
           "table orders: id user_id\n"
           "table items: order_id line\n"
           "map users(id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS NOT "
           "NULL\n"
           "map orders(user_id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 "
           "IS NOT NULL\n"
           "map items(order_id) SELECT DISTINCT m1.\"user_id\"::bigint AS \"id\" FROM mirror.\"orders\" AS m1 WHERE "
           "m1.\"id\" = ANY($1::bigint[]) AND m1.\"user_id\" IS NOT NULL\n"
           "index orders(user_id)\n"
           "SELECT u.id, s.n FROM mirror.users u JOIN mirror.orders o ON o.user_id = u.id LEFT JOIN (SELECT order_id, "
           "count(*) AS n FROM mirror.items WHERE items.order_id = ANY(ARRAY(SELECT m1.id FROM mirror.orders m1 WHERE "
           "m1.user_id = ANY($1::bigint[]))) GROUP BY order_id) s ON s.order_id = o.id WHERE u.id = ANY($1::bigint[]) "
           "AND o.user_id = ANY($1::bigint[])\n");
}

TEST(with_is_put_in_place)
{
    expect("WITH w(a, b) AS (SELECT user_id, sum(total) FROM orders GROUP BY 1) SELECT u.id, w.b FROM users u LEFT "
           "JOIN w ON w.a = u.id",
           "id",
           "key id bigint\n"
           "table users: id\n"
           "table orders: id user_id total\n"
           "map users(id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS NOT "
           "NULL\n"
           "map orders(user_id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 "
           "IS NOT NULL\n"
           "index orders(user_id)\n"
           "SELECT u.id, w.b FROM mirror.users u LEFT JOIN (SELECT user_id, sum(total) FROM mirror.orders WHERE "
           "orders.user_id = ANY($1::bigint[]) GROUP BY 1) w(a, b) ON w.a = u.id WHERE u.id = ANY($1::bigint[])\n");
}

TEST(other_schema_and_star)
{
    expect("SELECT n.* FROM crm.notes n WHERE EXISTS (SELECT * FROM users u WHERE u.id = n.user_id)", "id",
           "key id integer\n"
           "table notes: id user_id text\n"
           "table users: id\n"
           "map notes(id) SELECT DISTINCT u.c1::integer AS \"id\" FROM unnest($1::integer[]) AS u(c1) WHERE u.c1 IS "
           "NOT NULL\n"
           "map users(id) SELECT DISTINCT m1.\"id\"::integer AS \"id\" FROM mirror.\"crm.notes\" AS m1 WHERE "
           "m1.\"user_id\" = ANY($1::bigint[]) AND m1.\"id\" IS NOT NULL\n"
           "index notes(user_id)\n"
           "SELECT n.id, n.user_id, n.text FROM mirror.\"crm.notes\" n WHERE EXISTS (SELECT 1 FROM mirror.users u "
           "WHERE u.id = n.user_id) AND n.id = ANY($1::int[])\n");
}

TEST(key_that_no_table_holds_whole)
{
    expect("SELECT u.id, p.id AS pid FROM users u JOIN orders o ON o.user_id = u.id JOIN items i ON i.order_id = o.id "
           "JOIN products p ON p.id = i.product_id",
           "id,pid",
           "key id bigint\n"
           "table users: id\n"
           "table orders: id user_id\n"
           "table items: order_id line product_id\n"
           "table products: id\n"
           "map users(id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS NOT "
           "NULL\n"
           "map orders(user_id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 "
           "IS NOT NULL\n"
           "map items(order_id) SELECT DISTINCT m1.\"user_id\"::bigint AS \"id\" FROM mirror.\"orders\" AS m1 WHERE "
           "m1.\"id\" = ANY($1::bigint[]) AND m1.\"user_id\" IS NOT NULL\n"
           "map products(id) SELECT DISTINCT m2.\"user_id\"::bigint AS \"id\" FROM mirror.\"items\" AS m1 JOIN "
           "mirror.\"orders\" AS m2 ON m1.\"order_id\" = m2.\"id\" WHERE m1.\"product_id\" = ANY($1::bigint[]) AND "
           "m2.\"user_id\" IS NOT NULL\n"
           "index items(product_id)\n"
           "index orders(user_id)\n"
           "SELECT u.id, p.id AS pid FROM mirror.users u JOIN mirror.orders o ON o.user_id = u.id JOIN mirror.items i "
           "ON i.order_id = o.id JOIN mirror.products p ON p.id = i.product_id WHERE u.id = ANY($1::bigint[]) AND "
           "o.user_id = ANY($1::bigint[])\n");
}

TEST(union_of_branches)
{
    expect("SELECT id, name FROM users UNION ALL SELECT user_id, text FROM crm.notes", "id",
           "key id bigint\n"
           "table users: id name\n"
           "table notes: id user_id text\n"
           "map users(id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS NOT "
           "NULL\n"
           "map notes(user_id) SELECT DISTINCT u.c1::bigint AS \"id\" FROM unnest($1::bigint[]) AS u(c1) WHERE u.c1 IS "
           "NOT NULL\n"
           "index notes(user_id)\n"
           "SELECT id, name FROM mirror.users WHERE users.id = ANY($1::bigint[]) UNION ALL SELECT user_id, text FROM "
           "mirror.\"crm.notes\" notes WHERE notes.user_id = ANY($1::bigint[])\n");
}

/* Whatever format_type() prints goes into the plan's texts. */
TEST(keys_of_every_type)
{
    static const char *const types[] = {"timestamp(3) with time zone",
                                        "timestamp without time zone",
                                        "time with time zone",
                                        "numeric(12,2)",
                                        "double precision",
                                        "character varying(10)",
                                        "character(3)",
                                        "bit varying(5)",
                                        "\"char\"",
                                        "interval day to second(3)",
                                        "uuid",
                                        "bytea",
                                        "app.\"Mood\"",
                                        "smallint"};
    for (size_t i = 0; i < COUNT(types); i++) {
        struct catalog_column column = {"K", types[i], true};
        const char *key[] = {"K"};
        struct catalog_table table = {"public", "T", &column, 1, key, 1};
        const struct catalog catalog = {&table, 1};
        struct arena arena;
        struct view_plan plan = {0};
        struct err err = {0};
        arena_init(&arena);
        bool ok = view_plan_build(
            "SELECT x.\"K\", count(*) AS n FROM \"T\" x LEFT JOIN \"T\" y ON y.\"K\" = x.\"K\" GROUP BY "
            "1",
            key, 1, &catalog, &arena, &plan, &err);
        if (!ok)
            CHECK_STR(str_of(err.text), types[i]);
        CHECK(ok && strstr(plan.restricted, "mirror.\"T\" y") && plan.keymap_count == 1);
        arena_free(&arena);
    }
    const char *key[] = {"k"}; /* what has no equality, or another one for arrays of it, is no key */
    struct catalog_column column = {"k", "integer[]", true};
    struct catalog_table table = {"public", "t", &column, 1, key, 1};
    struct arena arena;
    struct view_plan plan;
    struct err err = {0};
    arena_init(&arena);
    CHECK(!view_plan_build("SELECT k FROM t", key, 1, &(struct catalog){&table, 1}, &arena, &plan, &err));
    arena_free(&arena);
}

/* bsearch needs the printed list in order, and the lookups that decide refusals find their rows. */
TEST(functions_are_found)
{
    static const char *const names[] = {"abbrev", "sum", "now", "json_agg", "row_number", "zipjoin_never", "xpath"};
    static const char kinds[] = {'f', 'a', 'f', 'a', 'w', 0, 'f'};
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct view_function *f = view_function_find(names[i]);
        CHECK_INT(f ? f->kind : 0, kinds[i]);
    }
    static const struct view_function all[] = {
#include "project/view_functions.inc"
    };
    for (size_t i = 0; i < COUNT(all); i++)
        if (i && strcmp(all[i - 1].name, all[i].name) >= 0)
            CHECK_STR(str_of(all[i].name), "in order");
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
