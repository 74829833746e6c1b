// SPDX-License-Identifier: Apache-2.0
/* Changes into mirrors; see apply.h. */
#include "project/apply.h"

#include <stdio.h>

#include "link/pg/array.h"

/* What a statement's result is about: row i of the result's first column is rows[i - 1]. */
struct old_rows {
    struct old_rows *next;
    struct applier *applier;
    struct mirror *mirror;
    struct net_row **rows;
    size_t count;
};

/* Mirrors are changed by look-ups of keys: planned once a connection, and always through the key's index, because a
 * plan made while a table is small (a scan) would be kept while it grows. */
static const char plan_once_sql[] =
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),"
    " set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)";

/* Key maps and views: the arrays' lengths decide, so a plan for each. */
static const char plan_each_sql[] =
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'on', true),"
    " set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true)";

/* $1 mirror, $2 key as JSON, $3 whether it is unknown now; element i of each belongs to row i. */
static const char unknown_sql[] =
    "WITH n AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS x(mirror, key, unknown)),"
    " d AS (DELETE FROM undam_replay.unknown u USING n WHERE u.mirror = n.mirror AND u.key = n.key AND n.unknown = 'f')"
    " INSERT INTO undam_replay.unknown SELECT mirror, key FROM n WHERE unknown = 't' ON CONFLICT DO NOTHING";

void applier_init(struct applier *a, struct readmodel *readmodel, struct pg_pipe *pipe)
{
    *a = (struct applier){
        .readmodel = readmodel, .pipe = pipe, .plan_once.sql = plan_once_sql, .plan_each.sql = plan_each_sql};
    net_init(&a->net, readmodel->mirrors, readmodel->mirror_count);
    decoder_init(&a->decoder, readmodel->mirrors, readmodel->mirror_count);
    recompute_init(&a->recompute, readmodel, pipe);
    for (size_t i = 0; i < readmodel->mirror_count; i++)
        if (readmodel->mirrors[i].column_count + 2 > a->array_count)
            a->array_count = readmodel->mirrors[i].column_count + 2;
    a->arrays = xcalloc(a->array_count, sizeof *a->arrays);
}

static void release_held(struct applier *a)
{
    for (size_t i = 0; i < a->held_count; i++)
        PQclear(a->held[i]);
    a->held_count = 0;
}

void applier_free(struct applier *a)
{
    if (!a->readmodel)
        return;
    release_held(a);
    free(a->held);
    for (size_t i = 0; i < a->array_count; i++)
        buf_free(&a->arrays[i]);
    free(a->arrays);
    recompute_free(&a->recompute);
    decoder_free(&a->decoder);
    net_free(&a->net);
    *a = (struct applier){0};
}

void applier_reset(struct applier *a)
{
    release_held(a);
    a->statements = NULL;
    net_reset(&a->net);
    a->net.carry.mirror = NULL;
    recompute_clear(&a->recompute);
}

bool applier_add(struct applier *a, struct registry *registry, const struct event *event, struct err *err)
{
    struct net_change change;
    if (!decode_event(&a->decoder, registry, event, &a->net.arena, &change, err))
        return false;
    return !change.mirror || net_add(&a->net, &change, err);
}

/* Keeps the result and points each row's old image into it. */
static bool take_old(void *arg, PGresult **result, struct err *err)
{
    struct old_rows *o = arg;
    struct applier *a = o->applier;
    PGresult *r = *result;
    *result = NULL;
    GROW(a->held, a->held_count, a->held_capacity);
    a->held[a->held_count++] = r;
    size_t columns = o->mirror->column_count;
    for (int i = 0; i < PQntuples(r); i++) {
        uint64_t at;
        if (!str_to_u64(str_of(PQgetvalue(r, i, 0)), &at) || at == 0 || at > o->count)
            return err_set(err, ERR_INTERNAL, "table %s: row number out of range", o->mirror->entity);
        struct row_value *old = arena_alloc(&a->net.arena, columns * sizeof *old);
        for (size_t c = 0; c < columns; c++) {
            int column = (int)c + 1;
            old[c] = (struct row_value){
                .text = str_n(PQgetvalue(r, i, column), (size_t)PQgetlength(r, i, column)),
                .null = PQgetisnull(r, i, column),
            };
        }
        o->rows[at - 1]->old = old;
    }
    return true;
}

static bool run_rows(struct applier *a, struct pg_stmt *stmt, size_t arrays, struct old_rows *o, const char *doing,
                     struct err *err)
{
    struct pg_param *params = arena_alloc(&a->net.arena, arrays * sizeof *params);
    for (size_t i = 0; i < arrays; i++) {
        pg_array_end(&a->arrays[i], o->count);
        if (a->arrays[i].overflow)
            return err_set(err, ERR_DATA, "table %s: one batch is larger than a statement may be", o->mirror->entity);
        params[i] = (struct pg_param){a->arrays[i].data, a->arrays[i].len, true, PG_TEXT_ARRAY_OID};
    }
    return pg_pipe_run(a->pipe, stmt, (int)arrays, params, take_old, o, doing, err);
}

static void add_position(struct applier *a, size_t at, struct position pos)
{
    char text[LSN_TEXT_SIZE];
    pg_array_add(&a->arrays[at], str_of(lsn_format(pos.lsn, text)), false);
    int n = snprintf(text, sizeof text, "%u", pos.seq);
    pg_array_add(&a->arrays[at + 1], str_n(text, (size_t)n), false);
}

static struct old_rows *old_rows_new(struct applier *a, const struct net_table *t)
{
    struct old_rows *o = arena_calloc(&a->net.arena, 1, sizeof *o);
    o->applier = a;
    o->mirror = t->mirror;
    o->rows = arena_alloc(&a->net.arena, (t->row_count + 1) * sizeof(o->rows[0]));
    o->next = a->statements;
    a->statements = o;
    return o;
}

static bool queue_remove(struct applier *a, const struct net_table *t, struct err *err)
{
    struct mirror *m = t->mirror;
    struct old_rows *o = old_rows_new(a, t);
    for (size_t i = 0; i < m->key_count + 2; i++)
        pg_array_begin(&a->arrays[i]);
    for (size_t i = 0; i < t->row_count; i++) {
        struct net_row *row = t->rows[i];
        if (row->image)
            continue;
        for (size_t c = 0; c < m->key_count; c++)
            pg_array_add(&a->arrays[c], row->key[c].text, false);
        add_position(a, m->key_count, row->pos);
        o->rows[o->count++] = row;
    }
    return o->count == 0 || run_rows(a, &m->remove, m->key_count + 2, o, "deleting rows", err);
}

static bool queue_upsert(struct applier *a, const struct net_table *t, struct err *err)
{
    struct mirror *m = t->mirror;
    struct old_rows *o = old_rows_new(a, t);
    for (size_t i = 0; i < m->column_count + 2; i++)
        pg_array_begin(&a->arrays[i]);
    for (size_t i = 0; i < t->row_count; i++) {
        struct net_row *row = t->rows[i];
        if (!row->image)
            continue;
        for (size_t c = 0; c < m->column_count; c++)
            pg_array_add(&a->arrays[c], row->image[c].text, row->image[c].null);
        add_position(a, m->column_count, row->pos);
        o->rows[o->count++] = row;
    }
    return o->count == 0 || run_rows(a, &m->upsert, m->column_count + 2, o, "writing rows", err);
}

static bool queue_truncate(struct applier *a, const struct net_table *t, struct err *err)
{
    struct buf b;
    buf_init(&b, 0);
    struct old_rows *o = old_rows_new(a, t);
    /* DELETE, not TRUNCATE: readers of the views' texts keep their snapshot, and no lock queue forms behind them. */
    buf_adds(&b, "DELETE FROM ");
    mirror_add_relation(&b, t->mirror);
    bool ok = pg_pipe_sql(a->pipe, b.data, NULL, o, "emptying a table", err);
    buf_free(&b);
    return ok;
}

/* The rows that unchanged TOAST values are taken from, read before anything is changed. */
static bool fetch_missing(struct applier *a, struct net_table *t, struct err *err)
{
    struct mirror *m = t->mirror;
    struct old_rows *o = old_rows_new(a, t);
    for (size_t i = 0; i < m->key_count; i++)
        pg_array_begin(&a->arrays[i]);
    for (size_t i = 0; i < t->row_count; i++) {
        struct net_row *from = t->rows[i]->missing ? t->rows[i]->missing_from : NULL;
        if (!from || from->fetch_queued)
            continue;
        from->fetch_queued = true;
        for (size_t c = 0; c < m->key_count; c++)
            pg_array_add(&a->arrays[c], from->key[c].text, false);
        o->rows[o->count++] = from;
    }
    return o->count == 0 || run_rows(a, &m->fetch, m->key_count, o, "reading unchanged values", err);
}

/* Which table a failed flush was about, for the error. */
static bool flush(struct applier *a, struct err *err)
{
    a->failed_mirror = NULL;
    if (pg_pipe_flush(a->pipe, err))
        return true;
    for (const struct old_rows *o = a->statements; o; o = o->next)
        if (o == a->pipe->failed)
            a->failed_mirror = o->mirror;
    return false;
}

static bool resolve_missing(struct applier *a, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < a->net.table_count; i++) {
        any |= a->net.tables[i].has_missing;
        if (a->net.tables[i].has_missing && !fetch_missing(a, &a->net.tables[i], err))
            return false;
    }
    return !any || (flush(a, err) && net_resolve(&a->net, err));
}

void applier_tolerate(struct applier *a)
{
    a->tolerant = true;
    a->unknown_any = true; /* those of an earlier run */
    a->unknown.sql = unknown_sql;
    a->net.tolerant = true;
    a->decoder.tolerant = true;
}

static void add_key_json(struct applier *a, const struct net_row *row, size_t count, struct buf *key)
{
    buf_clear(key);
    for (size_t i = 0; i < count; i++) {
        buf_addc(key, i ? ',' : '[');
        buf_add_json(key, row->key[i].text);
    }
    buf_addc(key, ']');
    pg_array_add(&a->arrays[1], buf_str(key), false);
}

/* Which of the table's rows are unknown from now on, and which no longer. */
static bool queue_unknown(struct applier *a, const struct net_table *t, struct err *err)
{
    struct old_rows *o = old_rows_new(a, t);
    struct buf text;
    buf_init(&text, 0);
    if (t->truncated) {
        buf_adds(&text, "DELETE FROM undam_replay.unknown WHERE mirror = ");
        buf_add_literal(&text, str_of(t->mirror->name));
        if (!pg_pipe_sql(a->pipe, text.data, NULL, o, "forgetting unknown rows", err))
            return false;
    }
    for (int i = 0; i < 3; i++)
        pg_array_begin(&a->arrays[i]);
    for (size_t i = 0; i < t->row_count; i++) {
        a->unknown_any |= t->rows[i]->unknown;
        pg_array_add(&a->arrays[0], str_of(t->mirror->name), false);
        add_key_json(a, t->rows[i], t->mirror->key_count, &text);
        pg_array_add(&a->arrays[2], t->rows[i]->unknown ? STR("t") : STR("f"), false);
        o->count++;
    }
    buf_free(&text);
    return o->count == 0 || !a->unknown_any || run_rows(a, &a->unknown, 3, o, "noting unknown rows", err);
}

static bool change_mirrors(struct applier *a, struct err *err)
{
    if (!pg_pipe_run(a->pipe, &a->plan_once, 0, NULL, NULL, NULL, "planning", err))
        return false;
    for (size_t i = 0; i < a->net.table_count; i++) {
        const struct net_table *t = &a->net.tables[i];
        if (t->truncated && !queue_truncate(a, t, err))
            return false;
        /* Deletes first: a key that moved from one row to another is free before it is taken. */
        if (t->row_count && (!queue_remove(a, t, err) || !queue_upsert(a, t, err)))
            return false;
        if (a->tolerant && !queue_unknown(a, t, err))
            return false;
        a->rows_applied += t->row_count;
    }
    return flush(a, err);
}

static bool collect_keys(struct applier *a, struct err *err)
{
    if (!pg_pipe_run(a->pipe, &a->plan_each, 0, NULL, NULL, NULL, "planning", err))
        return false;
    size_t before = a->pipe->item_count;
    if (!recompute_queue_keymaps(&a->recompute, &a->net, err))
        return false;
    return a->pipe->item_count == before || flush(a, err);
}

bool applier_chunk(struct applier *a, bool cut, struct err *err)
{
    if (!resolve_missing(a, err) || !change_mirrors(a, err))
        return false;
    if (cut)
        net_carry_over(&a->net);
    else
        a->net.carry.mirror = NULL;
    if (!collect_keys(a, err))
        return false;
    release_held(a);
    a->statements = NULL;
    net_reset(&a->net);
    return true;
}

bool applier_touched(const struct applier *a)
{
    for (size_t i = 0; i < a->readmodel->view_count; i++)
        if (a->recompute.views[i].all || a->recompute.views[i].keys.count)
            return true;
    return false;
}
