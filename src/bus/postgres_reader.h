// SPDX-License-Identifier: Apache-2.0
/*
 * The reader of the postgres driver: one connection, LISTENing, and one prepared statement a segment that gives
 * the progress and the next blocks in one snapshot. What a query brought is kept and handed out in batches of the
 * caller's size; strings of a batch are in the batch's arena.
 *
 * Where we are: `position` is complete, all transactions up to it were handed out or are not wanted. `last` is the
 * end of the last block fetched, from where the next query goes on. A query that is not cut by its own limits has
 * seen all there is up to its progress: `drained` then.
 */
#pragma once
#include "bus/block.h"
#include "bus/postgres.h"

struct reader_topic {
    uint32_t id;
    bool wanted;
    char *name;
    struct str batch; /* the copy in the arena of the batch being filled, or empty */
};

struct pg_reader {
    struct bus_reader base;
    struct pg pg;
    char *source;
    int32_t id;
    char id_text[12];   /* as notifications carry it */
    struct str *wanted; /* topics asked for; none = all */
    size_t wanted_count;
    uint64_t wanted_bits;

    int32_t day; /* segment being read; 0: none exists yet */
    bool dead;
    uint64_t position;
    struct position last;
    int64_t commit_time_us; /* of the transaction at position */

    PGresult *rows; /* blocks at hand */
    int row, row_count;
    bool drained;
    struct bus_progress snapshot; /* of the query that brought them */
    int32_t snapshot_day;

    struct block_reader block; /* of `row`, when block_open */
    bool block_open;
    struct event_txn txn; /* being decoded */
    bool txn_skipped;     /* at or below the position */
    bool txn_handed;      /* a part of it was */

    struct bus_progress mark, shown; /* the newest watermark passed; what the last batch said */

    struct reader_topic *topics;
    size_t topic_count, topic_capacity;
    struct arena arena; /* for the reader's life */
};

/* The topic by number; ERR_DATA when it is not registered. */
bool pg_reader_topic(struct pg_reader *r, uint32_t id, struct reader_topic **ret, struct err *err) MUST_USE;
/* Puts what lies in the blocks at hand into the batch, up to its limits. */
bool pg_reader_fill(struct pg_reader *r, const struct bus_read_limits *limits, struct bus_batch *batch,
                    struct err *err) MUST_USE;
