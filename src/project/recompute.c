// SPDX-License-Identifier: Apache-2.0
/* Affected-key recompute; see recompute.h. */
#include "project/recompute.h"

#include <stdio.h>

#include "link/pg/array.h"

/* Keys a statement: enough to be cheap per key, few enough that one statement stays well below a second. */
enum { KEYS_PER_STATEMENT = 4096 };

void recompute_init(struct recompute *r, struct readmodel *readmodel, struct pg_pipe *pipe)
{
    *r = (struct recompute){.readmodel = readmodel, .pipe = pipe};
    r->views = xcalloc(readmodel->view_count, sizeof *r->views);
    size_t widest = 2;
    for (size_t i = 0; i < readmodel->view_count; i++) {
        struct view *v = &readmodel->views[i];
        r->views[i].owner = r;
        r->views[i].view = v;
        keyset_init(&r->views[i].keys, v->key_count);
        widest = v->key_count > widest ? v->key_count : widest;
        for (size_t k = 0; k < v->keymap_count; k++)
            widest = v->keymaps[k].column_count > widest ? v->keymaps[k].column_count : widest;
    }
    r->array_count = widest;
    r->arrays = xcalloc(widest, sizeof *r->arrays);
}

void recompute_free(struct recompute *r)
{
    for (size_t i = 0; r->readmodel && i < r->readmodel->view_count; i++)
        keyset_free(&r->views[i].keys);
    for (size_t i = 0; i < r->array_count; i++)
        buf_free(&r->arrays[i]);
    free(r->views);
    free(r->arrays);
    *r = (struct recompute){0};
}

void recompute_clear(struct recompute *r)
{
    for (size_t i = 0; i < r->readmodel->view_count; i++) {
        keyset_clear(&r->views[i].keys);
        r->views[i].all = false;
    }
}

static bool same_value(const struct row_value *a, const struct row_value *b)
{
    return a->null == b->null && (a->null || str_eq(a->text, b->text));
}

/* Whether this view can see the change: an image came or went, or a column it reads differs. */
static bool concerns(const struct view_use *use, const struct net_row *row)
{
    if (!row->old || !row->image)
        return row->old || row->image;
    for (size_t i = 0; i < use->mirror->column_count; i++)
        if (use->columns[i] && !same_value(&row->old[i], &row->image[i]))
            return true;
    return false;
}

static bool same_image(const struct view_keymap_stmt *k, const struct net_row *row)
{
    if (!row->old || !row->image)
        return false;
    for (size_t i = 0; i < k->column_count; i++)
        if (!same_value(&row->old[k->columns[i]], &row->image[k->columns[i]]))
            return false;
    return true;
}

static bool take_keys(void *arg, PGresult **result, struct err *err)
{
    struct recompute_view *v = arg;
    struct str key[32];
    size_t width = v->keys.width;
    if ((size_t)PQnfields(*result) != width || width > COUNT(key))
        return err_set(err, ERR_INTERNAL, "view %s: a key map returns %d columns, the key has %zu", v->view->name,
                       PQnfields(*result), width);
    for (int i = 0; i < PQntuples(*result); i++) {
        for (size_t c = 0; c < width; c++)
            key[c] = PQgetisnull(*result, i, (int)c)
                         ? (struct str){NULL, 0}
                         : str_n(PQgetvalue(*result, i, (int)c), (size_t)PQgetlength(*result, i, (int)c));
        keyset_add(&v->keys, key);
    }
    v->time_us += v->owner->pipe->item_us;
    return true;
}

static void add_image(struct recompute *r, const struct view_keymap_stmt *k, const struct row_value *image)
{
    for (size_t c = 0; c < k->column_count; c++)
        pg_array_add(&r->arrays[c], image[k->columns[c]].text, image[k->columns[c]].null);
}

static bool queue_keymap(struct recompute *r, struct recompute_view *v, struct view_keymap_stmt *k,
                         struct net_row *const *rows, size_t row_count, struct arena *arena, struct err *err)
{
    struct pg_param *params = arena_alloc(arena, k->column_count * sizeof *params);
    size_t images = 0;
    for (size_t c = 0; c < k->column_count; c++)
        pg_array_begin(&r->arrays[c]);
    for (size_t i = 0; i < row_count; i++) {
        const struct net_row *row = rows[i];
        if (row->old && !same_image(k, row)) {
            add_image(r, k, row->old);
            images++;
        }
        if (row->image) {
            add_image(r, k, row->image);
            images++;
        }
    }
    for (size_t c = 0; c < k->column_count; c++) {
        pg_array_end(&r->arrays[c], images);
        if (r->arrays[c].overflow)
            return err_set(err, ERR_DATA, "view %s: the images of one batch are larger than a statement may be",
                           v->view->name);
        params[c] = (struct pg_param){r->arrays[c].data, r->arrays[c].len, true, PG_TEXT_ARRAY_OID};
    }
    return pg_pipe_run(r->pipe, &k->stmt, (int)k->column_count, params, take_keys, v, "finding the keys", err);
}

static bool queue_use(struct recompute *r, struct recompute_view *v, const struct view_use *use, struct net *net,
                      struct err *err)
{
    const struct net_table *t = &net->tables[use->mirror->number];
    if (t->truncated)
        v->all = true;
    if (v->all || t->row_count == 0)
        return true;
    struct net_row **rows = arena_alloc(&net->arena, t->row_count * sizeof(rows[0]));
    size_t count = 0;
    for (size_t i = 0; i < t->row_count; i++)
        if (concerns(use, t->rows[i]))
            rows[count++] = t->rows[i];
    for (size_t k = 0; count > 0 && k < v->view->keymap_count; k++)
        if (v->view->keymaps[k].mirror == use->mirror &&
            !queue_keymap(r, v, &v->view->keymaps[k], rows, count, &net->arena, err))
            return false;
    return true;
}

bool recompute_queue_keymaps(struct recompute *r, struct net *net, struct err *err)
{
    for (size_t i = 0; i < r->readmodel->view_count; i++) {
        struct recompute_view *v = &r->views[i];
        for (size_t u = 0; u < v->view->use_count; u++)
            if (!queue_use(r, v, &v->view->uses[u], net, err))
                return false;
    }
    return true;
}

static bool take_counts(void *arg, PGresult **result, struct err *err)
{
    struct recompute_view *v = arg;
    uint64_t deleted = 0, written = 0;
    (void)err;
    (void)str_to_u64(str_of(PQgetvalue(*result, 0, 0)), &deleted);
    (void)str_to_u64(str_of(PQgetvalue(*result, 0, 1)), &written);
    v->rows_deleted += deleted;
    v->rows_written += written;
    v->time_us += v->owner->pipe->item_us;
    return true;
}

static bool queue_slices(struct recompute *r, struct recompute_view *v, size_t from, size_t to, const char *lsn,
                         const char *seq, struct err *err)
{
    struct pg_param params[34] = {0};
    size_t width = v->keys.width;
    for (size_t c = 0; c < width; c++) {
        struct buf *b = &r->arrays[c];
        buf_clear(b);
        for (size_t i = from; i < to; i++) {
            buf_addc(b, i == from ? '{' : ',');
            pg_array_literal_add(b, keyset_get(&v->keys, i)[c], !keyset_get(&v->keys, i)[c].data);
        }
        buf_addc(b, '}');
        params[c] = (struct pg_param){.data = b->data, .len = b->len};
    }
    params[width] = (struct pg_param){.data = lsn, .len = strlen(lsn)};
    params[width + 1] = (struct pg_param){.data = seq, .len = strlen(seq)};
    v->keys_done += to - from;
    return pg_pipe_run(r->pipe, &v->view->recompute, (int)width + 2, params, take_counts, v, "recomputing", err);
}

bool recompute_queue_writes(struct recompute *r, struct position pos, struct err *err)
{
    char lsn[LSN_TEXT_SIZE], seq[12];
    lsn_format(pos.lsn, lsn);
    snprintf(seq, sizeof seq, "%u", pos.seq);
    struct pg_param whole[2] = {{.data = lsn, .len = strlen(lsn)}, {.data = seq, .len = strlen(seq)}};
    for (size_t i = 0; i < r->readmodel->view_count; i++) {
        struct recompute_view *v = &r->views[i];
        if (v->all) {
            v->whole_runs++;
            if (!pg_pipe_run(r->pipe, &v->view->recompute_all, 2, whole, take_counts, v, "recomputing", err))
                return false;
            continue;
        }
        for (size_t from = 0; from < v->keys.count; from += KEYS_PER_STATEMENT) {
            size_t to = from + KEYS_PER_STATEMENT < v->keys.count ? from + KEYS_PER_STATEMENT : v->keys.count;
            if (!queue_slices(r, v, from, to, lsn, seq, err))
                return false;
        }
    }
    return true;
}

const struct view *recompute_failed(const struct recompute *r, const void *failed)
{
    for (size_t i = 0; i < r->readmodel->view_count; i++)
        if (failed == &r->views[i])
            return r->views[i].view;
    return NULL;
}
