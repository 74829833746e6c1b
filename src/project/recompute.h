// SPDX-License-Identifier: Apache-2.0
/*
 * Affected-key recompute: which keys of which views a batch's changes touch, and their slices made equal to the SELECT
 * again. Key maps are fed with the old AND the new image of every changed row and run over the mirrors after the
 * batch (or chunk): both together give a superset of the slices that changed.
 *
 * What always holds: keys collected stay until recompute_clear(), so that a transaction applied in chunks is
 * recomputed once, at its end; a view whose table was truncated is recomputed whole.
 */
#pragma once
#include "project/keyset.h"
#include "project/net.h"
#include "project/readmodel.h"

struct recompute_view {
    struct recompute *owner;
    struct view *view;
    struct keyset keys;
    bool all;
    /* since struct readmodel was loaded */
    uint64_t keys_done, rows_deleted, rows_written, whole_runs;
    int64_t time_us;
};

struct recompute {
    struct readmodel *readmodel;
    struct pg_pipe *pipe;
    struct recompute_view *views; /* as in struct readmodel */
    struct buf *arrays;           /* one per parameter */
    size_t array_count;
};

void recompute_init(struct recompute *r, struct readmodel *readmodel, struct pg_pipe *pipe);
void recompute_free(struct recompute *r);
void recompute_clear(struct recompute *r);
/* Queues the key maps for an applied batch whose rows have their old images. Flush, then the key sets are complete. */
bool recompute_queue_keymaps(struct recompute *r, struct net *net, struct err *err) MUST_USE;
/* Queues the statements that bring the touched slices up to date; changed rows get this position. */
bool recompute_queue_writes(struct recompute *r, struct position pos, struct err *err) MUST_USE;
/* The view a failed statement belongs to (pipe->failed), or NULL. */
const struct view *recompute_failed(const struct recompute *r, const void *failed);
