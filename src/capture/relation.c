// SPDX-License-Identifier: Apache-2.0
/* Announced tables and what the catalog adds to them; see relation.h. */
#include "capture/relation.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/pgtypes.h"

struct relation_type {
    struct relation_type *next;
    uint32_t oid;
    char *name; /* "schema.name" */
};

static struct str keep(struct arena *a, struct str s) { return str_n(arena_memdup(a, s.data, s.len), s.len); }

static void relation_free(struct capture_relation *r)
{
    if (r->user_free && r->user)
        r->user_free(r->user);
    arena_free(&r->arena);
    free(r);
}

void relation_cache_clear(struct relation_cache *cache)
{
    for (size_t i = 0; i < COUNT(cache->buckets); i++) {
        while (cache->buckets[i]) {
            struct capture_relation *r = cache->buckets[i];
            cache->buckets[i] = r->next;
            relation_free(r);
        }
    }
    while (cache->types) {
        struct relation_type *t = cache->types;
        cache->types = t->next;
        free(t->name);
        free(t);
    }
}

static struct capture_relation **slot_of(struct relation_cache *cache, uint32_t oid)
{
    struct capture_relation **link = &cache->buckets[oid % COUNT(cache->buckets)];
    while (*link && (*link)->oid != oid)
        link = &(*link)->next;
    return link;
}

void relation_cache_put(struct relation_cache *cache, const struct pgoutput_relation *m)
{
    struct capture_relation **link = slot_of(cache, m->oid);
    if (*link) {
        struct capture_relation *old = *link;
        *link = old->next;
        relation_free(old);
    }
    struct capture_relation *r = xcalloc(1, sizeof *r);
    r->oid = m->oid;
    r->name.schema = m->schema.len ? keep(&r->arena, m->schema) : STR("pg_catalog");
    r->name.table = keep(&r->arena, m->name);
    r->identity = m->identity;
    r->column_count = m->column_count;
    r->columns = arena_calloc(&r->arena, m->column_count + 1u, sizeof *r->columns);
    for (size_t i = 0; i < m->column_count; i++) {
        r->columns[i].name = keep(&r->arena, m->columns[i].name);
        r->columns[i].type_oid = m->columns[i].type_oid;
        r->columns[i].typmod = m->columns[i].typmod;
        r->columns[i].identity = (m->columns[i].flags & PGOUTPUT_KEY) != 0;
    }
    r->next = *link;
    *link = r;
}

struct capture_relation *relation_cache_find(const struct relation_cache *cache, uint32_t oid)
{
    struct capture_relation *r = cache->buckets[oid % COUNT(cache->buckets)];
    while (r && r->oid != oid)
        r = r->next;
    return r;
}

void relation_cache_type(struct relation_cache *cache, uint32_t oid, struct str schema, struct str name)
{
    struct relation_type *t = cache->types;
    while (t && t->oid != oid)
        t = t->next;
    if (!t) {
        t = xcalloc(1, sizeof *t);
        t->next = cache->types;
        t->oid = oid;
        cache->types = t;
    }
    free(t->name);
    if (schema.len == 0) /* the protocol's short form of it */
        schema = STR("pg_catalog");
    t->name = xasprintf(STR_FMT "." STR_FMT, STR_ARG(schema), STR_ARG(name));
}

/* ---- keys ---- */

static bool find_column(const struct capture_relation *r, struct str name, size_t *ret)
{
    for (size_t i = 0; i < r->column_count; i++) {
        if (str_eq(r->columns[i].name, name)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* The named columns are the key, if all are there; with `flagged`, only if they are exactly the identity's. */
static bool key_from_names(struct capture_relation *r, const struct str *names, size_t count, bool flagged)
{
    size_t at, identity = 0;
    for (size_t i = 0; i < r->column_count; i++)
        identity += r->columns[i].identity;
    if (count == 0 || (flagged && identity != count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!find_column(r, names[i], &at) || (flagged && !r->columns[at].identity))
            return false;
    r->key = arena_calloc(&r->arena, count, sizeof *r->key);
    r->key_count = count;
    for (size_t i = 0; i < count; i++)
        (void)find_column(r, names[i], &r->key[i]);
    return true;
}

static void key_from_flags(struct capture_relation *r)
{
    r->key = arena_calloc(&r->arena, r->column_count + 1, sizeof *r->key);
    for (size_t i = 0; i < r->column_count; i++)
        if (r->columns[i].identity)
            r->key[r->key_count++] = i;
}

void relation_set_key(struct capture_relation *r, const struct relation_keys *keys)
{
    bool flags_are_key = r->identity == 'd' || r->identity == 'i';
    const struct str *names = r->identity == 'i' ? keys->identity_index : keys->primary;
    size_t count = r->identity == 'i' ? keys->identity_index_count : keys->primary_count;
    r->key = NULL;
    r->key_count = 0;
    if (!key_from_names(r, names, count, flags_are_key) && flags_are_key)
        key_from_flags(r);
    for (size_t i = 0; i < r->column_count; i++)
        r->columns[i].key = 0;
    for (size_t i = 0; i < r->key_count; i++)
        r->columns[r->key[i]].key = (int)i + 1;
}

/* ---- the catalog ---- */

static bool query_oid(struct pg *pg, const char *sql, uint32_t oid, PGresult **ret, struct err *err)
{
    char text[16];
    snprintf(text, sizeof text, "%u", oid);
    const char *values[] = {text};
    return pg_query_params(pg, sql, 1, values, ret, err);
}

static bool ask_keys(struct capture_relation *r, struct pg *pg, struct err *err)
{
    static const char sql[] =
        "SELECT i.indisprimary, i.indisreplident, a.attname FROM pg_catalog.pg_index i,"
        " unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n), pg_catalog.pg_attribute a"
        " WHERE i.indrelid = $1::oid AND (i.indisprimary OR i.indisreplident) AND k.n <= i.indnkeyatts"
        " AND a.attrelid = i.indrelid AND a.attnum = k.attnum ORDER BY i.indexrelid, k.n";
    PG_RESULT
    rows = NULL;
    if (!query_oid(pg, sql, r->oid, &rows, err))
        return false;
    size_t n = (size_t)PQntuples(rows);
    struct relation_keys keys = {.primary = arena_calloc(&r->arena, n + 1, sizeof(struct str)),
                                 .identity_index = arena_calloc(&r->arena, n + 1, sizeof(struct str))};
    for (int i = 0; i < PQntuples(rows); i++) {
        struct str name = keep(&r->arena, str_of(PQgetvalue(rows, i, 2)));
        if (*PQgetvalue(rows, i, 0) == 't')
            keys.primary[keys.primary_count++] = name;
        if (*PQgetvalue(rows, i, 1) == 't')
            keys.identity_index[keys.identity_index_count++] = name;
    }
    relation_set_key(r, &keys);
    return true;
}

/* First row: the table itself; then its ancestors, parent first. */
static bool ask_ancestors(struct capture_relation *r, struct pg *pg, struct err *err)
{
    static const char sql[] =
        "SELECT n.nspname, c.relname, c.relkind, CASE WHEN t.n > 0 THEN (SELECT count(*) FROM"
        " pg_catalog.pg_partition_tree(t.relid) WHERE isleaf) END FROM (SELECT $1::oid AS relid, 0::bigint AS n"
        " UNION ALL SELECT p.relid::oid, p.n FROM pg_catalog.pg_partition_ancestors($1::oid) "
        "WITH ORDINALITY p(relid, n)"
        " WHERE p.relid <> $1::oid) t, pg_catalog.pg_class c, pg_catalog.pg_namespace n"
        " WHERE c.oid = t.relid AND n.oid = c.relnamespace ORDER BY t.n";
    PG_RESULT
    rows = NULL;
    if (!query_oid(pg, sql, r->oid, &rows, err))
        return false;
    size_t n = (size_t)PQntuples(rows);
    r->in_catalog = n > 0;
    r->partitioned = n > 0 && *PQgetvalue(rows, 0, 2) == 'p';
    r->ancestor_count = n > 1 ? n - 1 : 0;
    r->ancestors = arena_calloc(&r->arena, n + 1, sizeof *r->ancestors);
    for (size_t i = 0; i < r->ancestor_count; i++) {
        r->ancestors[i].name.schema = keep(&r->arena, str_of(PQgetvalue(rows, (int)i + 1, 0)));
        r->ancestors[i].name.table = keep(&r->arena, str_of(PQgetvalue(rows, (int)i + 1, 1)));
        r->ancestors[i].leaves = strtoul(PQgetvalue(rows, (int)i + 1, 3), NULL, 10);
    }
    return true;
}

/* What a domain or an array with elements that are not built in is made of: down through the domains, and once into an
 * array. The elements' type decides, and text stands for every one that has no mapping of its own. */
static bool ask_base(struct capture_column *column, struct pg *pg, struct err *err)
{
    static const char sql[] =
        "WITH RECURSIVE t AS (SELECT oid, typtype, typbasetype, typtypmod, typelem, typlen, typcategory, typdelim,"
        " $2::int AS typmod, false AS in_array, 0 AS n FROM pg_catalog.pg_type WHERE oid = $1::oid UNION ALL"
        " SELECT p.oid, p.typtype, p.typbasetype, p.typtypmod, p.typelem, p.typlen, p.typcategory, p.typdelim,"
        " CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE t.typmod END, t.in_array OR t.typtype <> 'd', t.n + 1"
        " FROM t, pg_catalog.pg_type p WHERE p.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype"
        " WHEN NOT t.in_array AND t.typlen = -1 AND t.typcategory = 'A' THEN t.typelem END)"
        " SELECT oid, typmod, in_array, typdelim FROM t ORDER BY n DESC LIMIT 1";
    enum { TYPE_TEXT_ARRAY = 1009 };
    char oid[16], typmod[16];
    snprintf(oid, sizeof oid, "%u", column->type_oid);
    snprintf(typmod, sizeof typmod, "%d", column->typmod);
    const char *values[] = {oid, typmod};
    struct buf name;
    PG_RESULT
    rows = NULL;
    if (!pg_query_params(pg, sql, 2, values, &rows, err))
        return false;
    if (PQntuples(rows) == 0)
        return true;
    uint32_t base = (uint32_t)strtoul(PQgetvalue(rows, 0, 0), NULL, 10);
    column->base_typmod = (int32_t)strtol(PQgetvalue(rows, 0, 1), NULL, 10);
    if (*PQgetvalue(rows, 0, 2) == 't') {
        column->base_oid = pgtypes_array(base);
        if (!column->base_oid && *PQgetvalue(rows, 0, 3) == ',') {
            column->base_oid = TYPE_TEXT_ARRAY;
            column->base_typmod = -1;
        }
        return true;
    }
    buf_init(&name, 1024);
    column->base_oid = pgtypes_name(base, -1, &name) ? base : 0;
    buf_free(&name);
    return true;
}

/* The stream names a type that the catalog has lost; of a domain it names what it was made of. */
static bool ask_lost(const char *name, struct capture_column *column, struct pg *pg, struct err *err)
{
    static const char sql[] = "SELECT oid FROM pg_catalog.pg_type WHERE 'pg_catalog.' || typname = $1 AND typnamespace"
                              " = 'pg_catalog'::pg_catalog.regnamespace";
    const char *values[] = {name};
    PG_RESULT
    rows = NULL;
    if (!pg_query_params(pg, sql, 1, values, &rows, err))
        return false;
    if (PQntuples(rows) == 1) {
        column->base_oid = (uint32_t)strtoul(PQgetvalue(rows, 0, 0), NULL, 10);
        column->base_typmod = -1;
    }
    return true;
}

static bool ask_type(const struct relation_cache *cache, struct capture_relation *r, struct capture_column *column,
                     struct pg *pg, struct err *err)
{
    char oid[16], typmod[16];
    snprintf(oid, sizeof oid, "%u", column->type_oid);
    snprintf(typmod, sizeof typmod, "%d", column->typmod);
    const char *values[] = {oid, typmod};
    PG_RESULT
    rows = NULL;
    if (!pg_query_params(pg, "SELECT pg_catalog.format_type(oid, $2::int) FROM pg_catalog.pg_type WHERE oid = $1::oid",
                         2, values, &rows, err))
        return false;
    if (PQntuples(rows) == 1) {
        column->type = keep(&r->arena, str_of(PQgetvalue(rows, 0, 0)));
        return ask_base(column, pg, err);
    }
    for (const struct relation_type *t = cache->types; t; t = t->next) {
        if (t->oid == column->type_oid) {
            column->type = keep(&r->arena, str_of(t->name));
            return ask_lost(t->name, column, pg, err);
        }
    }
    err_set(err, ERR_DATA, "table " STR_FMT "." STR_FMT ", column " STR_FMT ": its type (oid %u) is unknown",
            STR_ARG(r->name.schema), STR_ARG(r->name.table), STR_ARG(column->name), column->type_oid);
    return err_hint(err, "the type has been dropped since the change was written and the server did not announce it");
}

static bool name_types(const struct relation_cache *cache, struct capture_relation *r, struct pg *pg, struct err *err)
{
    struct buf name;
    buf_init(&name, 1024);
    bool ok = true;
    for (size_t i = 0; ok && i < r->column_count; i++) {
        buf_clear(&name);
        if (pgtypes_name(r->columns[i].type_oid, r->columns[i].typmod, &name))
            r->columns[i].type = keep(&r->arena, buf_str(&name));
        else
            ok = ask_type(cache, r, &r->columns[i], pg, err);
    }
    buf_free(&name);
    return ok;
}

static struct str keep_value(struct capture_relation *r, const PGresult *rows, int row, int column)
{
    if (PQgetisnull(rows, row, column))
        return (struct str){NULL, 0};
    return keep(&r->arena, str_of(PQgetvalue(rows, row, column)));
}

/* Comments and defaults as of today, for people who read schemas; of a partition its root's, so that all partitions
 * have one schema. */
static bool ask_comments(struct capture_relation *r, struct pg *pg, struct err *err)
{
    static const char sql[] = "SELECT a.attname, pg_catalog.col_description(a.attrelid, a.attnum),"
                              " CASE a.attgenerated WHEN '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,"
                              " pg_catalog.obj_description(a.attrelid, 'pg_class') FROM pg_catalog.pg_attribute a"
                              " LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
                              " WHERE a.attrelid = coalesce(pg_catalog.pg_partition_root($1::oid), $1::oid)"
                              " AND a.attnum > 0 AND NOT a.attisdropped";
    PG_RESULT
    rows = NULL;
    size_t at;
    if (!query_oid(pg, sql, r->oid, &rows, err))
        return false;
    for (int i = 0; i < PQntuples(rows); i++) {
        r->doc = i ? r->doc : keep_value(r, rows, 0, 3);
        if (!find_column(r, str_of(PQgetvalue(rows, i, 0)), &at))
            continue;
        r->columns[at].doc = keep_value(r, rows, i, 1);
        r->columns[at].preset = keep_value(r, rows, i, 2);
    }
    return true;
}

bool relation_resolve(struct relation_cache *cache, struct capture_relation *r, struct pg *pg, struct err *err)
{
    if (r->resolved)
        return true;
    if (!ask_keys(r, pg, err) || !ask_ancestors(r, pg, err) || !name_types(cache, r, pg, err) ||
        !ask_comments(r, pg, err))
        return false;
    r->resolved = true;
    return true;
}
