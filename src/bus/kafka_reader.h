// SPDX-License-Identifier: Apache-2.0
/*
 * The reader of the kafka driver: the commits topic says which source transactions there are and how many events of
 * each lie in which partition; their messages are merged by sequence number.
 *
 *   commits topic --kafka_reader_pull--> entries --kafka_reader_fill--> batch
 *                                        streams, one a partition ----^
 *
 * What always holds:
 *  1. Entries are in LSN order, past `position`; one is handed out only when the COMMIT of its transaction was read.
 *  2. A message is taken only when its position is past its partition's last one: what ordered delivery repeats goes.
 *  3. An entry is done when every partition gave as many events as it counts. A message of a later transaction that
 *     comes first means that some are missing: an error, never a gap.
 *  4. `position` is complete: all transactions up to it were handed out, or are not wanted.
 *
 * Partitions are assigned at the first fetch, and those of a topic that is new when a record first names it. What the
 * merge does not need yet waits in librdkafka, whose queues are bounded; records wait in ENTRIES_MAX entries.
 */
#pragma once
#include "bus/batch.h"
#include "bus/kafka.h"
#include "bus/kafka_commits.h"

struct reader_partition {
    struct kafka_stream *stream;
    struct position last; /* of what was taken */
    bool head;            /* the next message is at hand, as: */
    struct event event;   /* views into the message and `arena` */
    struct arena arena;
};

struct reader_topic {
    struct str name;
    bool wanted, open;
    int32_t partition_count;
    struct reader_partition *partitions;
    struct str batch; /* the copy of the name in the batch being filled, or empty */
};

/* What an entry still needs of a partition. */
struct reader_need {
    struct reader_topic *topic;
    struct reader_partition *partition;
    uint32_t events;
};

struct reader_entry {
    enum kafka_record_kind kind; /* COMMIT, PART or QUIET */
    struct event_txn txn;        /* QUIET: lsn and commit time */
    int64_t watermark_us;        /* QUIET */
    size_t need_count;           /* the next ones in `needs` */
};

struct kafka_reader {
    struct bus_reader base;
    struct kafka_consumer consumer;
    struct kafka_commits commits;
    struct bus_config config; /* strings are ours */
    struct lineage lineage;
    struct str *asked; /* topics; none = all */
    size_t asked_count;
    bool assigned, dead;

    struct reader_topic **topics;
    size_t topic_count, topic_capacity;

    uint64_t after; /* where the reader began */
    struct kafka_place place;
    uint64_t position;
    int64_t commit_time_us; /* of the transaction at position */
    int64_t watermark_us;
    struct bus_progress shown; /* what the last batch said */

    struct reader_entry *entries; /* from entry_at on */
    size_t entry_at, entry_count, entry_capacity;
    struct reader_need *needs;
    size_t need_at, need_count, need_capacity;
    uint64_t commit_lsn; /* of the newest COMMIT read: PARTs up to it may go */

    bool open;                             /* a part of the transaction in hand was handed out */
    uint32_t given;                        /* distinct events of the transaction in hand */
    uint32_t last_seq;                     /* of them */
    bool blocked;                          /* the entry in hand waits for messages */
    int64_t look_us;                       /* when to look whether what it waits for is gone; 0: it does not wait */
    const struct kafka_stream *blocked_on; /* one that it waits for; NULL: its topic is not there */
    uint64_t repeats;                      /* messages dropped by rule 2 */

    struct kafka_header headers[KAFKA_STREAM_HEADERS_MAX];
    int64_t hinted_us;
    struct arena arena, record_arena; /* for the reader's life; for a record */
};

enum { ENTRIES_MAX = 4096 };

/* Takes what has come of the commits topic. */
bool kafka_reader_pull(struct kafka_reader *r, struct err *err) MUST_USE;
/* A batch being filled: begin, more (as often as something has come), end. */
struct kafka_fill {
    struct kafka_reader *r;
    struct bus_fill out;
};
void kafka_fill_begin(struct kafka_fill *f, struct kafka_reader *r, const struct bus_read_limits *limits,
                      struct bus_batch *batch);
/* Takes what is whole and at hand, up to the limits. Afterwards reader->blocked: what comes next is known but not at
 * hand; reader->open: a part of it was taken. */
bool kafka_fill_more(struct kafka_fill *f, struct err *err) MUST_USE;
void kafka_fill_end(struct kafka_fill *f);
/* Assigns the partitions of topics that are known already. */
bool kafka_reader_assign(struct kafka_reader *r, const struct kafka_topic_total *totals, size_t count,
                         struct err *err) MUST_USE;
/* The first entry may go: its COMMIT was read. */
bool kafka_reader_ready(const struct kafka_reader *r);
/* What retention took; err: whatever was found, whose class becomes ERR_STATE. */
bool kafka_reader_lost(struct kafka_reader *r, struct err *err);
