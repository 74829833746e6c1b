// SPDX-License-Identifier: Apache-2.0
/* The YAML reader: what comes out of each shape, and each thing that is refused with its line. */
#include "codec/yaml.h"
#include "test.h"

static struct arena arena;
static struct yaml_node *nodes;
static size_t count;
static struct err err;

static bool reads(const char *text)
{
    arena_free(&arena);
    nodes = NULL;
    count = 0;
    err_clear(&err);
    return yaml_read(str_of(text), "f.yaml", &arena, &nodes, &count, &err);
}

static void check_node(size_t i, enum yaml_kind kind, const char *path, const char *value, int line)
{
    CHECK(i < count);
    if (i >= count)
        return;
    CHECK_INT(nodes[i].kind, kind);
    CHECK_STR(str_of(nodes[i].path), path);
    CHECK_STR(str_of(nodes[i].value), value);
    CHECK_INT(nodes[i].line, line);
}

TEST(a_document_becomes_a_flat_list)
{
    CHECK(reads("a: 1\nb:\n  c: \"x: y\"\n  d: [p, q]\ne:\nf: ''\ng: {}\n"));
    CHECK_INT(count, 10);
    check_node(0, YAML_MAP, "", "", 1);
    check_node(1, YAML_SCALAR, "a", "1", 1);
    check_node(2, YAML_MAP, "b", "", 2);
    check_node(3, YAML_SCALAR, "b.c", "x: y", 3);
    check_node(4, YAML_SEQ, "b.d", "", 4);
    check_node(5, YAML_SCALAR, "b.d.0", "p", 4);
    check_node(6, YAML_SCALAR, "b.d.1", "q", 4);
    check_node(7, YAML_NULL, "e", "", 5);
    check_node(8, YAML_SCALAR, "f", "", 6);
    check_node(9, YAML_MAP, "g", "", 7);
}

TEST(keys_may_hold_dots)
{
    CHECK(reads("tables: {public.users: id}\n"));
    CHECK_INT(count, 3);
    CHECK_INT(nodes[2].depth, 2);
    CHECK_STR(str_of(nodes[2].keys[1]), "public.users");
    CHECK_STR(str_of(nodes[2].path), "tables.public.users");
}

TEST(an_empty_file_has_no_nodes)
{
    CHECK(reads("") && count == 0);
    CHECK(reads("# only a comment\n") && count == 0);
}

TEST(plain_null_is_told_from_quoted)
{
    CHECK(reads("a: ~\nb: null\nc: 'null'\n"));
    check_node(1, YAML_NULL, "a", "", 1);
    check_node(2, YAML_NULL, "b", "", 2);
    check_node(3, YAML_SCALAR, "c", "null", 3);
}

TEST(what_is_refused_names_the_line)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"a: 1\nb: &x 2\n", "f.yaml:2: anchors"},
        {"a: 1\nb: &x {}\n", "f.yaml:2: anchors"},
        {"a: *x\n", "f.yaml:1: aliases"},
        {"a: 1\n---\nb: 2\n", "f.yaml:2: only one document"},
        {"{a: 1}: 2\n", "f.yaml:1: a key must be plain text"},
        {"a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml:4: b.c is given twice, first on line 3"},
        {"a:\n  - b\n c: d\n", "f.yaml:3: not YAML"},
        {"a: \"x\\0y\"\n", "f.yaml:1: a NUL"},
        {"a: [\n", "f.yaml:2: not YAML"},
        {"a: 'x\n", "not YAML"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK(!reads(cases[i].text));
        CHECK_INT(err.class, ERR_CONFIG);
        CHECK(strstr(err.text, cases[i].want) != NULL);
        if (!strstr(err.text, cases[i].want))
            printf("# got %s\n", err.text);
    }
}

TEST(depth_has_a_limit)
{
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        buf_addc(&b, '[');
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        buf_addc(&b, ']');
    CHECK(reads(b.data));
    buf_clear(&b);
    for (int i = 0; i <= YAML_DEPTH_MAX; i++)
        buf_addc(&b, '[');
    CHECK(!reads(b.data));
    CHECK(strstr(err.text, "nested too deeply") != NULL);
    buf_free(&b);
    arena_free(&arena);
}

TEST_MAIN
