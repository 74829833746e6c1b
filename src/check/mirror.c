// SPDX-License-Identifier: Apache-2.0
/*
 * A mirror against its source table, on the columns it holds.
 *
 * Checksums first: both sides give count and sum of row hashes for RANGES ranges of the key's hash; where they differ,
 * rows by key and hash; what differs there is a suspect, since the two sides were not read at the same position.
 * A suspect is settled by looking at it alone, again and again: the source's row, then, once the read model has passed
 * the source's LSN after that look, the mirror's. Equal settles it. The same two different rows PROOFS times in a row
 * is the proof: neither side moved, and the mirror had every chance to. A row that changes with every look stays
 * unsettled.
 */
#include "check/mirror.h"

#include <stdio.h>
#include <time.h>

#include "check/rows.h"
#include "check/source.h"

enum { RANGES = 1024, SUSPECTS_MAX = 10000, LOOKS = 30, PROOFS = 3, AT_ONCE = 100 };

struct side {
    struct pg *pg;
    const char *relation; /* quoted */
};

struct range {
    struct str count, sum;
};

struct suspect {
    struct str id;     /* ROW(key)::text, by which the sides are joined */
    struct str *key;   /* texts of the key's columns */
    struct str now[2]; /* hash on the source, on the mirror; data NULL: no row */
    unsigned same;     /* looks in a row with the same two */
    bool settled;
};

struct mirror {
    struct model *m;
    struct check_line *line;
    struct side sides[2]; /* source, mirror */
    struct columns columns;
    const char *row, *key, *texts; /* SQL: ROW(all), ROW(key), key columns as text */
    struct range *ranges[2];
    struct suspect *suspects;
    size_t count, capacity;
    uint64_t not_looked_at;
};

/* ---- SQL ---- */

static const char *take(struct arena *a, struct buf *b)
{
    const char *text = arena_memdup(a, b->data, b->len);
    buf_free(b);
    return text;
}

static void build_expressions(struct mirror *x)
{
    struct buf row, key, texts;
    buf_init(&row, 0);
    buf_init(&key, 0);
    buf_init(&texts, 0);
    buf_adds(&row, "ROW(");
    buf_adds(&key, "ROW(");
    for (size_t i = 0; i < x->columns.count; i++) {
        buf_adds(&row, i ? "," : "");
        buf_add_ident(&row, x->columns.names[i]);
    }
    for (size_t i = 0; i < x->columns.key_count; i++) {
        struct str name = x->columns.names[x->columns.key[i]];
        buf_adds(&key, i ? "," : "");
        buf_add_ident(&key, name);
        buf_addc(&texts, ',');
        buf_add_ident(&texts, name);
        buf_adds(&texts, "::text");
    }
    buf_adds(&row, ")::text");
    buf_adds(&key, ")::text");
    x->row = take(&x->m->arena, &row);
    x->key = take(&x->m->arena, &key);
    x->texts = take(&x->m->arena, &texts);
}

static const char *relation(struct arena *a, struct str schema, struct str table)
{
    struct buf b;
    buf_init(&b, 0);
    buf_add_ident(&b, schema);
    buf_addc(&b, '.');
    buf_add_ident(&b, table);
    return take(a, &b);
}

static struct str kept(struct mirror *x, const PGresult *r, int row, int column)
{
    if (PQgetisnull(r, row, column))
        return (struct str){NULL, 0};
    return str_of(arena_strdup(&x->m->arena, PQgetvalue(r, row, column)));
}

/* ---- ranges ---- */

static bool read_ranges(struct mirror *x, int side, struct err *err)
{
    PGresult *r;
    const char *sql =
        arena_printf(&x->m->arena,
                     "SELECT hashtextextended(%s, 0) & %d, count(*), sum(hashtextextended(%s, 1)::numeric)"
                     " FROM %s GROUP BY 1",
                     x->key, RANGES - 1, x->row, x->sides[side].relation);
    x->ranges[side] = arena_calloc(&x->m->arena, RANGES, sizeof **x->ranges);
    if (!pg_query(x->sides[side].pg, sql, &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++) {
        int64_t range = pg_cell_i64(r, i, 0) & (RANGES - 1);
        x->ranges[side][range] = (struct range){kept(x, r, i, 1), kept(x, r, i, 2)};
        if (side == 0)
            x->line->checked += (uint64_t)pg_cell_i64(r, i, 1);
    }
    PQclear(r);
    return true;
}

/* "{1,17}": those that differ; NULL when none does. */
static const char *differing(struct mirror *x)
{
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < RANGES; i++) {
        const struct range *s = &x->ranges[0][i], *m = &x->ranges[1][i];
        if (!str_eq(s->count, m->count) || !str_eq(s->sum, m->sum))
            buf_printf(&b, "%c%d", b.len ? ',' : '{', i);
    }
    if (!b.len)
        return NULL;
    buf_addc(&b, '}');
    return take(&x->m->arena, &b);
}

/* ---- rows of the differing ranges ---- */

static bool rows_of(struct mirror *x, int side, const char *ranges, PGresult **ret, struct err *err)
{
    const char *sql = arena_printf(&x->m->arena,
                                   "SELECT %s COLLATE \"C\", hashtextextended(%s, 1)%s FROM %s"
                                   " WHERE hashtextextended(%s, 0) & %d = ANY ('%s') ORDER BY 1",
                                   x->key, x->row, x->texts, x->sides[side].relation, x->key, RANGES - 1, ranges);
    return pg_query(x->sides[side].pg, sql, ret, err);
}

static void suspect_add(struct mirror *x, const PGresult *r, int row)
{
    if (x->count == SUSPECTS_MAX) {
        x->not_looked_at++;
        return;
    }
    GROW(x->suspects, x->count, x->capacity);
    struct suspect *s = &x->suspects[x->count++];
    *s = (struct suspect){.id = kept(x, r, row, 0)};
    s->key = arena_calloc(&x->m->arena, x->columns.key_count, sizeof *s->key);
    for (size_t i = 0; i < x->columns.key_count; i++)
        s->key[i] = kept(x, r, row, 2 + (int)i);
}

/* Both are in the order of the key's text. */
static void merge(struct mirror *x, const PGresult *a, const PGresult *b)
{
    int i = 0, k = 0, an = PQntuples(a), bn = PQntuples(b);
    while (i < an || k < bn) {
        int order = i == an ? 1 : k == bn ? -1 : strcmp(PQgetvalue(a, i, 0), PQgetvalue(b, k, 0));
        if (order == 0 && strcmp(PQgetvalue(a, i, 1), PQgetvalue(b, k, 1)) != 0)
            suspect_add(x, a, i);
        else if (order < 0)
            suspect_add(x, a, i);
        else if (order > 0)
            suspect_add(x, b, k);
        i += order <= 0;
        k += order >= 0;
    }
}

static bool find_suspects(struct mirror *x, struct err *err)
{
    PG_RESULT a = NULL;
    PG_RESULT b = NULL;
    if (!read_ranges(x, 0, err) || !read_ranges(x, 1, err))
        return false;
    const char *ranges = differing(x);
    if (!ranges)
        return true;
    if (!rows_of(x, 0, ranges, &a, err) || !rows_of(x, 1, ranges, &b, err))
        return false;
    merge(x, a, b);
    return true;
}

/* ---- looking at suspects ---- */

/* WHERE (k1, k2) IN (('1','a'), ...): untyped literals take the columns' types, so the key's index serves. */
static bool look(struct mirror *x, int side, struct suspect *const *some, size_t n, struct str *ret, struct err *err)
{
    struct buf sql;
    PGresult *r;
    buf_init(&sql, 0);
    buf_printf(&sql, "SELECT %s, hashtextextended(%s, 1) FROM %s WHERE (", x->key, x->row, x->sides[side].relation);
    for (size_t i = 0; i < x->columns.key_count; i++) {
        buf_adds(&sql, i ? "," : "");
        buf_add_ident(&sql, x->columns.names[x->columns.key[i]]);
    }
    buf_adds(&sql, ") IN (");
    for (size_t k = 0; k < n; k++) {
        buf_adds(&sql, k ? ",(" : "(");
        for (size_t i = 0; i < x->columns.key_count; i++) {
            buf_adds(&sql, i ? "," : "");
            buf_add_literal(&sql, some[k]->key[i]);
        }
        buf_addc(&sql, ')');
    }
    buf_addc(&sql, ')');
    bool good = pg_query(x->sides[side].pg, sql.data, &r, err);
    buf_free(&sql);
    if (!good)
        return false;
    for (size_t k = 0; k < n; k++) {
        ret[k] = (struct str){NULL, 0};
        for (int i = 0; i < PQntuples(r); i++)
            if (str_is(some[k]->id, PQgetvalue(r, i, 0)))
                ret[k] = kept(x, r, i, 1);
    }
    PQclear(r);
    return true;
}

static bool both(struct str a, struct str b) { return !a.data == !b.data && str_eq(a, b); }

static bool look_at(struct mirror *x, struct suspect *const *some, size_t n, bool first, struct err *err)
{
    struct str seen[2][AT_ONCE];
    uint64_t lsn;
    if (!look(x, 0, some, n, seen[0], err) || !source_lsn(&x->m->source, &lsn, err) || !model_wait(x->m, lsn, err) ||
        !look(x, 1, some, n, seen[1], err))
        return false;
    for (size_t k = 0; k < n; k++) {
        struct suspect *s = some[k];
        bool again = !first && both(s->now[0], seen[0][k]) && both(s->now[1], seen[1][k]);
        s->settled = both(seen[0][k], seen[1][k]);
        s->same = again ? s->same + 1 : 1;
        s->now[0] = seen[0][k];
        s->now[1] = seen[1][k];
    }
    return true;
}

static bool open_suspect(const struct suspect *s) { return !s->settled && s->same < PROOFS; }

static bool settle(struct mirror *x, struct err *err)
{
    for (int round = 0; round < LOOKS; round++) {
        struct suspect *some[AT_ONCE];
        size_t n = 0, left = 0;
        for (size_t i = 0; i < x->count; i++) {
            if (!open_suspect(&x->suspects[i]))
                continue;
            left++;
            some[n++] = &x->suspects[i];
            if (n == AT_ONCE) {
                if (!look_at(x, some, n, round == 0, err))
                    return false;
                n = 0;
            }
        }
        if (n && !look_at(x, some, n, round == 0, err))
            return false;
        if (!left)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return true;
}

static void report(struct mirror *x)
{
    for (size_t i = 0; i < x->count; i++) {
        const struct suspect *s = &x->suspects[i];
        char hash[40];
        if (s->settled)
            continue;
        if (s->same < PROOFS) {
            x->line->unsettled++;
            continue;
        }
        snprintf(hash, sizeof hash, "key hash %016llx", (unsigned long long)hash_text(s->id, 1));
        const char *name = x->m->check->show_values ? arena_printf(&x->m->arena, "key " STR_FMT, STR_ARG(s->id)) : hash;
        const char *what = !s->now[0].data   ? "in the mirror, not in the source"
                           : !s->now[1].data ? "in the source, not in the mirror"
                                             : "the rows differ";
        check_wrong(x->m->check->report, x->line, "%s: %s", name, what);
    }
    x->line->wrong += x->not_looked_at;
}

bool mirror_compare(struct model *m, const char *name, struct err *err)
{
    struct mirror x = {.m = m};
    struct columns source;
    struct str table, schema = str_cut(str_of(name), '.', &table);
    if (!table.data) {
        table = schema;
        schema = STR("public");
    }
    const char *schema_name = arena_memdup(&m->arena, schema.data, schema.len);
    const char *table_name = arena_memdup(&m->arena, table.data, table.len);
    x.line = check_line_add(m->check->report, "mirror", arena_printf(&m->arena, "%s: %s", m->service, name));
    x.sides[0] = (struct side){&m->source, relation(&m->arena, schema, table)};
    x.sides[1] = (struct side){&m->pg, relation(&m->arena, STR("mirror"), str_of(name))};
    if (!columns_get(&m->source, schema_name, table_name, &m->arena, &source, err) ||
        !columns_get(&m->pg, "mirror", name, &m->arena, &x.columns, err))
        return false;
    if (source.count == 0)
        x.line->skipped = "the source has no such table";
    else if (x.columns.key_count == 0)
        x.line->skipped = "it has no primary key";
    if (x.line->skipped)
        return true;
    build_expressions(&x);
    bool good = find_suspects(&x, err) && settle(&x, err);
    if (good)
        report(&x);
    free(x.suspects);
    return good;
}
