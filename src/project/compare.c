// SPDX-License-Identifier: Apache-2.0
/* Side and live read model compared; see compare.h. */
#include "project/compare.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "project/keyset.h"

enum { RANGES = 1024, FETCH_ROWS = 2000, POLL_US = 50 * 1000, STILL_US = 60 * 1000 * 1000 };

/* A table or view as both models have it. */
struct pair {
    struct replay *r;
    struct compare_line *line;
    const char *relation;   /* quoted */
    const char *key, *row;  /* SQL: ROW(key)::text, ROW(columns)::text */
    const char *told;       /* SQL: whether the replayed events tell of a live row */
    struct keyset *unknown; /* keys that the side model left out, or NULL */
    struct str count[2][RANGES], sum[2][RANGES];
};

/* A cursor over keys and hashes in key order. */
struct rows {
    struct pg *pg;
    PGresult *page;
    int at, count;
};

/* ---- SQL ---- */

static void add_idents(struct buf *b, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_adds(b, i ? "," : "");
        buf_add_ident(b, str_of(names[i]));
    }
}

static const char *row_sql(struct arena *a, const char *const *names, size_t count)
{
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "ROW(");
    add_idents(&b, names, count);
    buf_adds(&b, ")::text");
    const char *sql = arena_strdup(a, b.data);
    buf_free(&b);
    return sql;
}

static const char *relation_sql(struct arena *a, const char *schema, const char *name)
{
    struct buf b;
    buf_init(&b, 0);
    buf_add_ident(&b, str_of(schema));
    buf_addc(&b, '.');
    buf_add_ident(&b, str_of(name));
    const char *sql = arena_strdup(a, b.data);
    buf_free(&b);
    return sql;
}

/* ---- checksums ---- */

static bool read_ranges(struct pair *x, int side, struct err *err)
{
    struct arena *a = &x->r->arena;
    struct pg *pg = side ? &x->r->side : &x->r->live;
    PG_RESULT r = NULL;
    const char *sql =
        arena_printf(a,
                     "SELECT hashtextextended(%s, 0) & %d, count(*), sum(hashtextextended(%s, 1)::numeric)"
                     " FROM %s GROUP BY 1",
                     x->key, RANGES - 1, x->row, x->relation);
    if (!pg_query(pg, sql, &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++) {
        int64_t range = pg_cell_i64(r, i, 0) & (RANGES - 1);
        x->count[side][range] = str_of(arena_strdup(a, PQgetvalue(r, i, 1)));
        x->sum[side][range] = str_of(arena_strdup(a, PQgetvalue(r, i, 2)));
        if (side == 0)
            x->line->rows += (uint64_t)pg_cell_i64(r, i, 1);
    }
    return true;
}

/* "{1,17}", or NULL when all are equal. */
static const char *differing(struct pair *x)
{
    struct buf b;
    const char *list = NULL;
    buf_init(&b, 0);
    for (int i = 0; i < RANGES; i++)
        if (!str_eq(x->count[0][i], x->count[1][i]) || !str_eq(x->sum[0][i], x->sum[1][i]))
            buf_printf(&b, "%c%d", b.len ? ',' : '{', i);
    if (b.len) {
        buf_addc(&b, '}');
        list = arena_strdup(&x->r->arena, b.data);
    }
    buf_free(&b);
    return list;
}

/* ---- rows ---- */

static bool rows_page(struct rows *rows, struct err *err)
{
    char sql[48];
    PQclear(TAKE(rows->page));
    rows->at = 0;
    rows->count = 0;
    snprintf(sql, sizeof sql, "FETCH %d FROM compared", FETCH_ROWS);
    if (!pg_query(rows->pg, sql, &rows->page, err))
        return false;
    rows->count = PQntuples(rows->page);
    return true;
}

static bool rows_open(struct pair *x, int side, const char *ranges, struct rows *rows, struct err *err)
{
    const char *sql = arena_printf(&x->r->arena,
                                   "DECLARE compared NO SCROLL CURSOR FOR SELECT %s COLLATE \"C\", hashtextextended(%s,"
                                   " 1), %s FROM %s WHERE hashtextextended(%s, 0) & %d = ANY ('%s') ORDER BY 1",
                                   x->key, x->row, side ? "true" : x->told, x->relation, x->key, RANGES - 1, ranges);
    *rows = (struct rows){.pg = side ? &x->r->side : &x->r->live};
    return pg_exec(rows->pg, sql, err) && rows_page(rows, err);
}

static bool rows_next(struct rows *rows, struct err *err)
{
    return ++rows->at < rows->count || rows->count < FETCH_ROWS || rows_page(rows, err);
}

static const char *rows_key(const struct rows *rows)
{
    return rows->at < rows->count ? PQgetvalue(rows->page, rows->at, 0) : NULL;
}

static void note(struct pair *x, const char *key)
{
    if (x->line->key_count < COMPARE_KEYS)
        x->line->keys[x->line->key_count++] = arena_strdup(&x->r->arena, key);
}

static bool is_told(const struct pair *x, const struct rows *live, const char *key)
{
    if (*PQgetvalue(live->page, live->at, 2) != 't')
        return false;
    struct str text = str_of(key);
    return !x->unknown || !keyset_has(x->unknown, &text);
}

/* The next key of the two; order < 0: only live, > 0: only side, 0: both. */
static void judge(struct pair *x, const struct rows *live, const struct rows *side, int order)
{
    struct compare_line *l = x->line;
    const char *key = order <= 0 ? rows_key(live) : rows_key(side);
    if (order == 0 && strcmp(PQgetvalue(live->page, live->at, 1), PQgetvalue(side->page, side->at, 1)) == 0)
        return;
    if (order < 0 && !is_told(x, live, key)) {
        l->unknown++;
        return;
    }
    l->differ += order == 0;
    l->only_live += order < 0;
    l->only_side += order > 0;
    note(x, key);
}

static bool merge(struct pair *x, struct rows *live, struct rows *side, struct err *err)
{
    const char *a, *b;
    while ((a = rows_key(live)) || (b = rows_key(side))) {
        b = rows_key(side);
        int order = !a ? 1 : !b ? -1 : strcmp(a, b);
        judge(x, live, side, order);
        if ((order <= 0 && !rows_next(live, err)) || (order >= 0 && !rows_next(side, err)))
            return false;
    }
    return true;
}

static bool compare_rows(struct pair *x, const char *ranges, struct err *err)
{
    struct rows live = {0}, side = {0};
    bool ok = rows_open(x, 0, ranges, &live, err) && rows_open(x, 1, ranges, &side, err) &&
              merge(x, &live, &side, err) && pg_exec(&x->r->live, "CLOSE compared", err) &&
              pg_exec(&x->r->side, "CLOSE compared", err);
    PQclear(live.page);
    PQclear(side.page);
    return ok;
}

static bool compare_pair(struct pair *x, struct err *err)
{
    if (!read_ranges(x, 0, err) || !read_ranges(x, 1, err))
        return err_wrap(err, "%s %s", x->line->kind, x->line->name);
    const char *ranges = differing(x);
    return !ranges || compare_rows(x, ranges, err) || err_wrap(err, "%s %s", x->line->kind, x->line->name);
}

/* ---- tables ---- */

static const struct mirror *mirror_named(const struct readmodel *g, const char *name)
{
    for (size_t i = 0; i < g->mirror_count; i++)
        if (strcmp(g->mirrors[i].name, name) == 0)
            return &g->mirrors[i];
    return NULL;
}

/* The keys left out, in the form of x->key. */
static bool read_unknown(struct pair *x, const struct mirror *m, struct err *err)
{
    struct buf b;
    PG_RESULT r = NULL;
    buf_init(&b, 0);
    buf_adds(&b, "SELECT ROW(");
    for (size_t i = 0; i < m->key_count; i++)
        buf_printf(&b, "%s(key::json->>%zu)::%s", i ? "," : "", i, m->columns[m->keys[i]].type);
    buf_adds(&b, ")::text FROM undam_replay.unknown WHERE mirror = ");
    buf_add_literal(&b, str_of(m->name));
    bool ok = pg_query(&x->r->side, b.data, &r, err);
    buf_free(&b);
    for (int i = 0; ok && i < PQntuples(r); i++)
        (void)keyset_add(x->unknown, &(struct str){PQgetvalue(r, i, 0), (size_t)PQgetlength(r, i, 0)});
    return ok;
}

static bool compare_table(struct pair *x, const struct mirror *live, const struct mirror *side, struct err *err)
{
    struct arena *a = &x->r->arena;
    const char **names = arena_calloc(a, side->column_count + 1, sizeof *names);
    const char **keys = arena_calloc(a, side->key_count + 1, sizeof *keys);
    char lsn[LSN_TEXT_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < side->column_count; i++)
        if (mirror_column_index(live, str_of(side->columns[i].name)) >= 0)
            names[count++] = side->columns[i].name;
    for (size_t i = 0; i < side->key_count; i++)
        keys[i] = side->columns[side->keys[i]].name;
    x->key = row_sql(a, keys, side->key_count);
    x->row = row_sql(a, names, count);
    x->relation = relation_sql(a, "mirror", side->name);
    x->told = x->r->base == REPLAY_SOURCE
                  ? "true"
                  : arena_printf(a, "_seq > 0 AND _lsn > '%s'", lsn_format(x->r->from_lsn, lsn));
    struct keyset unknown;
    keyset_init(&unknown, 1);
    x->unknown = &unknown;
    bool ok = read_unknown(x, side, err) && compare_pair(x, err);
    keyset_free(&unknown);
    return ok;
}

/* ---- views ---- */

/* A view over tables of which rows are not known cannot be equal, and that says nothing. */
static bool is_complete(const struct compare *c, const struct view *v)
{
    for (size_t i = 0; i < v->use_count; i++)
        for (size_t k = 0; k < c->line_count; k++)
            if (strcmp(c->lines[k].kind, "table") == 0 && strcmp(c->lines[k].name, v->uses[i].mirror->name) == 0 &&
                (c->lines[k].unknown || c->lines[k].skipped))
                return false;
    return true;
}

static bool compare_view(struct pair *x, const struct view *v, struct err *err)
{
    struct arena *a = &x->r->arena;
    x->key = row_sql(a, v->rows, v->row_count);
    x->row = row_sql(a, v->columns, v->column_count);
    x->relation = relation_sql(a, "api", v->name);
    x->told = "true";
    return compare_pair(x, err);
}

/* ---- all ---- */

static struct pair *pair_new(struct replay *r, struct compare *c, const char *kind, const char *name)
{
    struct pair *x = arena_calloc(&r->arena, 1, sizeof *x);
    x->r = r;
    x->line = &c->lines[c->line_count++];
    *x->line = (struct compare_line){.kind = kind, .name = arena_strdup(&r->arena, name)};
    return x;
}

static bool compare_all(struct replay *r, const struct readmodel *live, const struct readmodel *side, struct compare *c,
                        struct err *err)
{
    struct progress progress;
    bool ok = true;
    c->lines = arena_calloc(&r->arena, live->mirror_count + live->view_count + 1, sizeof *c->lines);
    progress_begin(&progress, "comparing", "tables and views", live->mirror_count + live->view_count, r->quiet);
    for (size_t i = 0; ok && i < live->mirror_count; i++) {
        struct pair *x = pair_new(r, c, "table", live->mirrors[i].name);
        const struct mirror *m = mirror_named(side, live->mirrors[i].name);
        if (m)
            ok = compare_table(x, &live->mirrors[i], m, err);
        else
            x->line->skipped = "the side model does not have it";
        progress_set(&progress, progress.done + 1);
    }
    for (size_t i = 0; ok && i < live->view_count; i++) {
        struct pair *x = pair_new(r, c, "view", live->views[i].name);
        const struct view *v = readmodel_view(side, live->views[i].name);
        if (!v)
            x->line->skipped = "the side model does not have it";
        else if (strcmp(v->definition, live->views[i].definition) != 0)
            x->line->skipped = "it has changed since the replay began";
        else if (!is_complete(c, v))
            x->line->skipped = "not all rows of its tables are known";
        else
            ok = compare_view(x, v, err);
        progress_set(&progress, progress.done + 1);
    }
    progress_end(&progress);
    for (size_t i = 0; i < c->line_count; i++)
        c->wrong += c->lines[i].differ + c->lines[i].only_live + c->lines[i].only_side;
    return ok;
}

static const char snapshot_sql[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/* A snapshot of the live model that is not behind the side model. */
static bool hold_live(struct replay *r, struct place *ret, struct err *err)
{
    int64_t moved_us = mono_us();
    uint64_t last = 0;
    for (;;) {
        if (!pg_exec(&r->live, snapshot_sql, err) || !place_get(&r->live, r->config->source.name, false, ret, err))
            return false;
        if (ret->found && ret->lsn >= r->place.lsn)
            return true;
        if (ret->lsn != last)
            moved_us = mono_us();
        last = ret->lsn;
        if (!pg_exec(&r->live, "COMMIT", err))
            return false;
        if (mono_us() - moved_us > STILL_US) {
            char at[LSN_TEXT_SIZE], to[LSN_TEXT_SIZE];
            err_again(err, ERR_STATE, "the live read model stays at %s, the side model is at %s",
                      lsn_format(ret->lsn, at), lsn_format(r->place.lsn, to));
            return err_hint(err, "is `undam project %s` running?", r->service->name);
        }
        usleep(POLL_US);
    }
}

/* Under both snapshots. */
static bool compare_held(struct replay *r, const struct place *live_place, struct compare *c, struct err *err)
{
    struct readmodel live = {0}, side = {0};
    char at[LSN_TEXT_SIZE], to[LSN_TEXT_SIZE];
    bool ok = readmodel_load(&r->live, &live, err) && readmodel_load(&r->side, &side, err) &&
              place_get(&r->side, r->config->source.name, false, &r->place, err);
    if (ok && r->place.lsn != live_place->lsn)
        ok = err_set(err, ERR_STATE, "the side model went from %s to %s meanwhile: another replay is running in it",
                     lsn_format(live_place->lsn, at), lsn_format(r->place.lsn, to));
    ok = ok && compare_all(r, &live, &side, c, err);
    readmodel_free(&live);
    readmodel_free(&side);
    return ok;
}

bool compare_run(struct replay *r, struct compare *ret, struct err *err)
{
    struct compare c = {.wrong = 0};
    struct place live;
    if (!hold_live(r, &live, err))
        return false;
    bool ok = lineage_eq(&live.lineage, &r->place.lineage) ||
              err_set(err, ERR_STATE, "the live read model is of another source than the side model");
    ok = ok && (r->place.lsn == live.lsn || replay_run(r, live.lsn, err));
    c.lsn = live.lsn;
    ok = ok && pg_exec(&r->side, snapshot_sql, err) && compare_held(r, &live, &c, err);
    if (ok)
        ok = pg_exec(&r->side, "COMMIT", err) && pg_exec(&r->live, "COMMIT", err);
    if (ok)
        *ret = c;
    return ok;
}
