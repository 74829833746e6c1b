// SPDX-License-Identifier: Apache-2.0
/*
 * A second connection to the source that never makes the relay wait. It asks two things: the clock with the WAL
 * position (watermarks), and how the slot and the publication are (health).
 *
 * A watermark (lsn, time) means: what committed, visibly, before `time` has a commit end LSN <= lsn. The clock is read
 * first and the position second, so a commit in between errs on the safe side. Once the relay has received everything
 * up to lsn and the bus holds it, readers of the bus are complete up to `time`.
 *
 * The server streams flushed WAL only, and on an idle server records that are nobody's commit (pruning) may stay
 * unflushed for long, so that lsn would not be reached although nothing is missing. Whether a commit is among them
 * (synchronous_commit = off) cannot be seen from outside. After a second of that, the watch takes one transaction id:
 * the end of that transaction, which changes nothing, makes the server flush.
 */
#pragma once
#include "base/loop.h"
#include "relay/source.h"

enum { WATCH_PENDING_MAX = 64 };

struct watch_mark {
    uint64_t lsn;
    int64_t time_us;
    int64_t asked_us; /* mono_us */
};

struct watch_health {
    bool fresh; /* set with each answer; the relay clears it */
    struct source_slot slot;
    uint32_t publication_oid; /* 0: gone */
    char unpublished[400];    /* configured tables that the publication does not have, or empty */
};

struct watch {
    struct pg pg;
    const struct config *config;
    uint64_t wal_block_size, wal_segment_size;
    enum { WATCH_IDLE, WATCH_ASKED_MARK, WATCH_ASKED_HEALTH, WATCH_ASKED_FLUSH } state;
    int64_t mark_due, health_due, flush_due;    /* mono_us */
    uint64_t flushed;                           /* the server's, as of the last watermark */
    struct watch_mark marks[WATCH_PENDING_MAX]; /* oldest first: not reached yet */
    unsigned mark_count;
    struct watch_health health;
    struct buf health_sql;
};

/* Takes over the open connection. */
bool watch_start(struct watch *w, struct pg *pg, const struct config *config, const struct source_facts *facts,
                 struct err *err) MUST_USE;
void watch_stop(struct watch *w);
int watch_fd(const struct watch *w);
/* From the tick: sends what is due, reads what has come. An error is a broken source connection. */
bool watch_tick(struct watch *w, struct err *err) MUST_USE;
/* The newest watermark reached by `received`, with all older ones; false when there is none. */
bool watch_reached(struct watch *w, uint64_t received, struct watch_mark *ret);
/* The oldest watermark not reached yet, or 0. */
uint64_t watch_wanted(const struct watch *w);
