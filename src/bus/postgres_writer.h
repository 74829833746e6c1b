// SPDX-License-Identifier: Apache-2.0
/*
 * The writer of the postgres driver.
 *
 * Events gather in a block. A block that is full opens a bus transaction with COPY and goes down it, so a source
 * transaction of any size streams through. flush() has two ways: nothing was streamed yet: one statement stores the
 * block, moves the progress and notifies, one round trip; otherwise the COPY ends, the same statement moves the
 * progress, and COMMIT. Either way progress moves only `WHERE epoch = mine`: no row moved means fenced.
 *
 *   idle --full block--> copying --flush--> idle
 *   any  --error-------> dead: everything not flushed is gone with the connection
 *
 * A second connection registers topics, which are durable at once, while the first is in COPY.
 */
#pragma once
#include "bus/block.h"
#include "bus/postgres.h"

struct writer_topic {
    char *name;
    size_t len;
    uint32_t id;
    int32_t partitions;
    uint64_t bit;
    int64_t flushed, pending; /* events */
};

struct pg_writer {
    struct bus_writer base;
    struct pg main, aux;
    struct pg_idle idle;
    char *source;
    int32_t partitions, id;
    int64_t epoch, retention_days;

    int32_t day;        /* segment of the bus transaction in hand */
    int64_t day_due_us; /* when to look at the calendar again, monotonic */
    bool copying, dead;

    struct block block;
    uint64_t block_topics;
    struct position block_end; /* of the last event in it */
    uint64_t bytes;            /* put since the last flush */
    struct buf frame;          /* a COPY row */

    int64_t txns, events, done_txns, done_events;

    struct writer_topic *topics;
    size_t topic_count, topic_capacity, topic_last;
};

static inline struct pg_writer *pg_writer_self(struct bus_writer *w) { return (struct pg_writer *)w; }
/* After an error nothing may be stored any more; returns false. */
bool pg_writer_die(struct pg_writer *w);
bool pg_writer_alive(const struct pg_writer *w, struct err *err) MUST_USE;
/* Goes on to today's segment when the day has changed. Never between blocks of one flush. */
bool pg_writer_today(struct pg_writer *w, struct err *err) MUST_USE;
/* The topic by name, registered when it is new. */
bool pg_writer_topic(struct pg_writer *w, struct str name, struct writer_topic **ret, struct err *err) MUST_USE;
