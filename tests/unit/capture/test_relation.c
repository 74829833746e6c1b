// SPDX-License-Identifier: Apache-2.0
/* Which columns are the key, from the stream's flags and a catalog that may be newer. */
#include "capture/relation.h"

#include "base/mem.h"
#include "test.h"

/* columns: "a b c"; a name in the identity has a star: "a* b c*". want: the key's columns in order. */
static void check(char identity, const char *columns, const char *primary, const char *index, const char *want)
{
    struct relation_cache cache = {0};
    struct pgoutput_column list[8] = {0};
    struct pgoutput_relation m = {.oid = 1, .name = STR("t"), .identity = identity, .columns = list};
    struct str rest = str_of(columns);
    while (rest.len) {
        struct str name = str_cut(rest, ' ', &rest);
        bool star = name.data[name.len - 1] == '*';
        list[m.column_count].name = str_n(name.data, name.len - star);
        list[m.column_count++].flags = star;
    }
    relation_cache_put(&cache, &m);
    struct capture_relation *r = relation_cache_find(&cache, 1);
    struct str p[8], x[8];
    struct relation_keys keys = {.primary = p, .identity_index = x};
    for (rest = str_of(primary); rest.len;)
        p[keys.primary_count++] = str_cut(rest, ' ', &rest);
    for (rest = str_of(index); rest.len;)
        x[keys.identity_index_count++] = str_cut(rest, ' ', &rest);
    relation_set_key(r, &keys);
    struct buf got = {0};
    for (size_t i = 0; i < r->key_count; i++) {
        buf_printf(&got, "%s" STR_FMT, i ? " " : "", STR_ARG(r->columns[r->key[i]].name));
        CHECK_INT(r->columns[r->key[i]].key, i + 1);
    }
    CHECK_STR(buf_str(&got), want);
    buf_free(&got);
    relation_cache_clear(&cache);
}

TEST(default_identity)
{
    check('d', "a* b c", "a", "", "a");
    check('d', "a* b c*", "c a", "", "c a"); /* the catalog knows the order */
    check('d', "a* b c*", "b", "", "a c");   /* a newer key: the stream wins */
    check('d', "a* b", "a b", "", "a");
    check('d', "a* b", "", "", "a"); /* dropped since */
    check('d', "a b", "", "", "");   /* no primary key */
    check('d', "a b", "a", "", "");  /* added since */
}

TEST(index_identity)
{
    check('i', "a b* c*", "a", "c b", "c b");
    check('i', "a b* c*", "a", "", "b c");
}

TEST(full_identity)
{
    check('f', "a* b* c*", "b", "", "b");
    check('f', "a* b* c*", "c a", "", "c a");
    check('f', "a* b* c*", "", "", "");
    check('f', "a* b*", "a z", "", ""); /* a column list or an old layout without it */
}

TEST(no_identity)
{
    check('n', "a b", "a", "", "a"); /* inserts only */
    check('n', "a b", "", "", "");
}

TEST(cache_replaces)
{
    struct relation_cache cache = {0};
    struct pgoutput_column column = {0, STR("x"), 23, -1};
    for (uint32_t oid = 1; oid < 1000; oid++) {
        struct pgoutput_relation m = {oid, STR("s"), STR("t"), 'd', &column, 1};
        relation_cache_put(&cache, &m);
    }
    struct pgoutput_relation m = {65, STR(""), STR("other"), 'd', &column, 1};
    relation_cache_put(&cache, &m);
    CHECK_STR(relation_cache_find(&cache, 65)->name.table, "other");
    CHECK_STR(relation_cache_find(&cache, 65)->name.schema, "pg_catalog");
    CHECK_STR(relation_cache_find(&cache, 129)->name.table, "t");
    CHECK(!relation_cache_find(&cache, 1000));
    relation_cache_type(&cache, 7, STR("a"), STR("b"));
    relation_cache_type(&cache, 7, STR("a"), STR("c"));
    relation_cache_clear(&cache);
}

TEST_MAIN
