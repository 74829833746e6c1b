// SPDX-License-Identifier: Apache-2.0
/*
 * The position of a read model and who may move it: (epoch, lsn) is compared and set inside the very transaction that
 * stores the rows. A second projector bumps the epoch under the row lock; the first one's next transaction finds out
 * before it writes anything.
 *
 * What always holds: between fence_queue_begin() and the commit this session holds the position row's lock, so nobody
 * (a twin, a registration) changes the read model under a batch; the position moves only in fence_queue_commit() and
 * fence_progress().
 */
#pragma once
#include "project/readmodel.h"

struct fence {
    const char *source;
    struct place place;     /* as this projector last left it */
    bool absent;            /* there is no position yet */
    bool catalogue_changed; /* a registration went by: load struct readmodel again and redo the batch */
    struct pg_stmt lock, move;
    char epoch[24], catalogue[24], lsn[LSN_TEXT_SIZE]; /* place as text */
};

/* Takes the read model over: epoch + 1, durable. ERR_STATE when there is no position yet. */
bool fence_take(struct fence *f, struct pg *pg, const char *source, struct err *err) MUST_USE;
/* After a lost connection: reads the position again, which tells whether the last commit happened. ERR_STATE when
 * another projector has taken over meanwhile. */
bool fence_resume(struct fence *f, struct pg *pg, struct err *err) MUST_USE;
/* Queues BEGIN and the locked look at the row. When flushed: ERR_STATE if another projector has taken over;
 * a retriable error with catalogue_changed set when struct readmodel is old. */
bool fence_queue_begin(struct fence *f, struct pg_pipe *pipe, struct err *err) MUST_USE;
/* Queues the move to `to` and COMMIT. After the flush call fence_moved(). watermark_us 0: leave it. */
bool fence_queue_commit(struct fence *f, struct pg_pipe *pipe, uint64_t lsn, int64_t commit_time_us,
                        int64_t watermark_us, struct err *err) MUST_USE;
void fence_moved(struct fence *f, uint64_t lsn, int64_t commit_time_us, int64_t watermark_us);
/* Moves without rows: the log is known to be complete up to lsn as of watermark_us. One transaction of its own. */
bool fence_progress(struct fence *f, struct pg_pipe *pipe, uint64_t lsn, int64_t watermark_us,
                    struct err *err) MUST_USE;
/* Only looks whether the row is still ours and its views as they were. */
bool fence_check(struct fence *f, struct pg_pipe *pipe, struct err *err) MUST_USE;
