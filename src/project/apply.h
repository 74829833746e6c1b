// SPDX-License-Identifier: Apache-2.0
/*
 * One chunk of changes into the mirrors and the key sets of the views. The caller brackets chunks with a transaction
 * (fence.h, or BEGIN and COMMIT while tables are being loaded) and queues the views' writes at its end.
 *
 * A chunk costs: [1 round trip to fetch unchanged TOAST values, only when there are any] 1 to change the mirrors
 * (whatever was queued before goes along, so BEGIN is free), 1 for the key maps.
 *
 * What always holds: rows are changed before key maps run; old images are the mirror's; nothing is committed here.
 */
#pragma once
#include "project/decode.h"
#include "project/recompute.h"

struct old_rows;
struct applier {
    struct readmodel *readmodel;
    struct pg_pipe *pipe;
    struct pg_stmt plan_once, plan_each;
    struct net net;
    struct decoder decoder;
    struct recompute recompute;
    PGresult **held; /* results that old images point into */
    size_t held_count, held_capacity;
    struct buf *arrays;
    size_t array_count;
    bool tolerant;    /* see applier_tolerate() */
    bool unknown_any; /* there may be rows in undam_replay.unknown */
    struct pg_stmt unknown;
    uint64_t rows_applied;              /* since init */
    struct old_rows *statements;        /* of the chunk, newest first */
    const struct mirror *failed_mirror; /* of the last failed flush; NULL = not a table's statement */
};

void applier_init(struct applier *a, struct readmodel *readmodel, struct pg_pipe *pipe);
void applier_free(struct applier *a);
/* Forgets everything collected: after a roll-back, or after a commit. */
void applier_reset(struct applier *a);
/* For a replay without a first load: rows whose state the events do not tell are left out, and their keys kept in
 * undam_replay.unknown until an event brings the whole row or deletes it. */
void applier_tolerate(struct applier *a);
/* Nets one event into the current chunk; ignored when no mirror wants it. */
bool applier_add(struct applier *a, struct registry *registry, const struct event *event, struct err *err) MUST_USE;
/* Applies the chunk collected and empties it; the key sets grow. cut: more of the same transaction follows. */
bool applier_chunk(struct applier *a, bool cut, struct err *err) MUST_USE;
/* Whether any view has slices to recompute. */
bool applier_touched(const struct applier *a);
