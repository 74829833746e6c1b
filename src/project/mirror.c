// SPDX-License-Identifier: Apache-2.0
/* Mirrors as SQL; see mirror.h. */
#include "project/mirror.h"

#include <assert.h>

const char *mirror_name(struct arena *a, const char *schema, const char *table)
{
    return strcmp(schema, "public") == 0 ? arena_strdup(a, table) : arena_printf(a, "%s.%s", schema, table);
}

void mirror_add_relation(struct buf *b, const struct mirror *m)
{
    buf_add_ident(b, str_of(m->home));
    buf_addc(b, '.');
    buf_add_ident(b, str_of(m->name));
}

int mirror_column_index(const struct mirror *m, struct str name)
{
    for (size_t i = 0; i < m->column_count; i++)
        if (str_is(name, m->columns[i].name))
            return (int)i;
    return -1;
}

void mirror_index_keys(struct mirror *m, struct arena *a)
{
    m->key_count = 0;
    for (size_t i = 0; i < m->column_count; i++)
        m->key_count += m->columns[i].key > 0;
    m->keys = arena_calloc(a, m->key_count + 1, sizeof *m->keys);
    for (size_t i = 0; i < m->column_count; i++)
        if (m->columns[i].key > 0) {
            assert((size_t)m->columns[i].key <= m->key_count);
            m->keys[m->columns[i].key - 1] = i;
        }
}

static void add_column(struct buf *b, const struct mirror *m, size_t i)
{
    buf_add_ident(b, str_of(m->columns[i].name));
}

void mirror_ddl(const struct mirror *m, const char *lsn_text, struct buf *b)
{
    buf_adds(b, "CREATE TABLE ");
    mirror_add_relation(b, m);
    buf_adds(b, " (");
    for (size_t i = 0; i < m->column_count; i++) {
        const struct mirror_column *c = &m->columns[i];
        add_column(b, m, i);
        buf_printf(b, " %s", c->type);
        if (*c->collation)
            buf_printf(b, " COLLATE %s", c->collation);
        buf_adds(b, c->not_null ? " NOT NULL, " : ", ");
    }
    /* Room in each page keeps updates of columns without an index on it (HOT). */
    buf_printf(b,
               "_lsn pg_lsn NOT NULL DEFAULT '%s', _seq int NOT NULL DEFAULT 0) WITH (fillfactor = 90, "
               "autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)",
               lsn_text);
}

/* "m.k1 = n.k1 AND m.k2 = n.k2" */
static void add_key_join(struct buf *b, const struct mirror *m)
{
    for (size_t i = 0; i < m->key_count; i++) {
        buf_adds(b, i ? " AND m." : "m.");
        add_column(b, m, m->keys[i]);
        buf_printf(b, " = n.c%zu", m->keys[i]);
    }
}

/* One row per change: "(SELECT x.i, x.c0::bigint AS c0, ... FROM unnest($1, $2, ...) WITH ORDINALITY AS x(c0, ...,
 * i))". which: indexes of the columns, or NULL for all. Column number j of the mirror is called c<j> everywhere. */
static void add_rows(struct buf *b, const struct mirror *m, const size_t *which, size_t count, bool position)
{
    buf_adds(b, "SELECT x.i");
    for (size_t i = 0; i < count; i++) {
        size_t j = which ? which[i] : i;
        buf_printf(b, ", x.c%zu::%s AS c%zu", j, m->columns[j].type, j);
    }
    if (position)
        buf_adds(b, ", x.lsn::pg_lsn AS lsn, x.seq::int AS seq");
    buf_adds(b, " FROM unnest(");
    size_t arrays = count + (position ? 2 : 0);
    for (size_t i = 0; i < arrays; i++)
        buf_printf(b, "%s$%zu::text[]", i ? ", " : "", i + 1);
    buf_adds(b, ") WITH ORDINALITY AS x(");
    for (size_t i = 0; i < count; i++)
        buf_printf(b, "c%zu, ", which ? which[i] : i);
    buf_adds(b, position ? "lsn, seq, i)" : "i)");
}

static void add_old(struct buf *b, const struct mirror *m)
{
    buf_adds(b, "n.i");
    for (size_t i = 0; i < m->column_count; i++) {
        buf_adds(b, ", m.");
        add_column(b, m, i);
    }
}

static const char *upsert_sql(const struct mirror *m, struct arena *a)
{
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "WITH n AS MATERIALIZED (");
    add_rows(&b, m, NULL, m->column_count, true);
    buf_adds(&b, "), w AS (INSERT INTO ");
    mirror_add_relation(&b, m);
    buf_adds(&b, " AS m (");
    for (size_t i = 0; i < m->column_count; i++) {
        add_column(&b, m, i);
        buf_adds(&b, ", ");
    }
    buf_adds(&b, "_lsn, _seq) SELECT ");
    for (size_t i = 0; i < m->column_count; i++)
        buf_printf(&b, "c%zu, ", i);
    buf_adds(&b, "lsn, seq FROM n ON CONFLICT (");
    for (size_t i = 0; i < m->key_count; i++) {
        buf_adds(&b, i ? ", " : "");
        add_column(&b, m, m->keys[i]);
    }
    buf_adds(&b, ") DO UPDATE SET ");
    for (size_t i = 0; i < m->column_count; i++) {
        add_column(&b, m, i);
        buf_adds(&b, " = excluded.");
        add_column(&b, m, i);
        buf_adds(&b, ", ");
    }
    buf_adds(&b, "_lsn = excluded._lsn, _seq = excluded._seq"
                 " WHERE (m._lsn, m._seq) < (excluded._lsn, excluded._seq)) SELECT ");
    /* The outer SELECT sees the table as it was before the statement: these are the old images. */
    add_old(&b, m);
    buf_adds(&b, " FROM n JOIN ");
    mirror_add_relation(&b, m);
    buf_adds(&b, " m ON ");
    add_key_join(&b, m);
    const char *sql = arena_strdup(a, b.data);
    buf_free(&b);
    return sql;
}

static const char *remove_sql(const struct mirror *m, struct arena *a)
{
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "WITH n AS MATERIALIZED (");
    add_rows(&b, m, m->keys, m->key_count, true);
    buf_adds(&b, ") DELETE FROM ");
    mirror_add_relation(&b, m);
    buf_adds(&b, " m USING n WHERE ");
    add_key_join(&b, m);
    buf_adds(&b, " AND (m._lsn, m._seq) < (n.lsn, n.seq) RETURNING ");
    add_old(&b, m);
    const char *sql = arena_strdup(a, b.data);
    buf_free(&b);
    return sql;
}

static const char *fetch_sql(const struct mirror *m, struct arena *a)
{
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "WITH n AS MATERIALIZED (");
    add_rows(&b, m, m->keys, m->key_count, false);
    buf_adds(&b, ") SELECT ");
    add_old(&b, m);
    buf_adds(&b, " FROM n JOIN ");
    mirror_add_relation(&b, m);
    buf_adds(&b, " m ON ");
    add_key_join(&b, m);
    const char *sql = arena_strdup(a, b.data);
    buf_free(&b);
    return sql;
}

void mirror_prepare(struct mirror *m, struct arena *a)
{
    m->upsert = (struct pg_stmt){.sql = upsert_sql(m, a)};
    m->remove = (struct pg_stmt){.sql = remove_sql(m, a)};
    m->fetch = (struct pg_stmt){.sql = fetch_sql(m, a)};
}
