// SPDX-License-Identifier: Apache-2.0
/*
 * The writer of the kafka driver.
 *
 * delivery exactly-once: a Kafka transaction is begun by the first event after a flush and holds events and commit
 * records of every source transaction until the next; flush commits it.
 *
 *   idle --put--> in Kafka transaction --flush--> idle
 *                   --too many events, or too old--> PART, commit, still inside the source transaction --put--> ...
 *   any --error--> dead: what was not committed is aborted, by us or by the next writer's init
 *
 * What is quiet goes out by a second, idempotent producer, after the transaction, unless one is open anyway.
 *
 * delivery ordered: events and commit records go to one idempotent producer; flush waits until all are stored. What
 * partitions held when the writer opened is left out. A writer whose successor has opened is told by the offsets of its
 * own records, which are no run any more, and dies at its first flush then: so what it wrote behind its successor's
 * back has all one durable LSN, which is how readers find their way past it (kafka_commits.h).
 *
 * Resuming: an event at or before `skip` (exactly-once: through_seq of an unfinished transaction; ordered: the last of
 * its partition) is counted and hashed as any other, but not sent. What was skipped of an unfinished transaction must
 * have the counts and hashes that its PARTs say, or the writer stops.
 */
#pragma once
#include "bus/kafka.h"
#include "bus/kafka_record.h"
#include "bus/kafka_tail.h"
#include "link/kafka/producer.h"

struct kafka_writer_partition {
    uint32_t count;       /* 1 + index in counts of the source transaction in hand; 0: none yet */
    struct position last; /* ordered: what the partition held at opening */
    int64_t sent_us;      /* mono_us of the last message; 0: none by this writer */
};

struct kafka_writer_topic {
    char *name;
    size_t len;
    rd_kafka_topic_t *handle;
    int64_t message_max; /* bytes of a batch */
    struct kafka_writer_partition *partitions;
    uint64_t flushed, pending; /* distinct events */
};

struct kafka_writer {
    struct bus_writer base;
    struct bus_config config; /* strings are our own */
    struct lineage lineage;
    bool ordered, dead;
    struct kafka_producer main, aux; /* aux: quiet records of exactly-once, and administration */
    struct kafka_idle idle;
    rd_kafka_topic_t *commits, *commits_aux;
    char *commits_name;
    int64_t epoch;
    int64_t batch_bytes; /* what librdkafka puts into one batch at most */

    int64_t stamp_ms, newest_ms; /* message time of the flush in hand; the newest given so far */
    bool stamped;
    uint64_t resumed_lsn;    /* ordered: partitions may hold events through it, stamped newest_ms at the least */
    uint64_t committed_lsn;  /* ordered: COMMIT records through it are there */
    int64_t begun_us;        /* when the Kafka transaction began */
    int64_t transaction_us;  /* it is ended after so long */
    uint64_t in_transaction; /* events in it */

    struct kafka_count *counts;               /* of the source transaction in hand */
    struct kafka_writer_topic **count_topics; /* of each */
    size_t count_count, count_capacity;

    bool unfinished; /* a transaction that earlier writers began: the next one must be it */
    struct kafka_tail tail;

    uint64_t recorded_lsn; /* what records on the bus say by themselves */
    uint64_t txns, events, bytes, done_txns, done_events;
    unsigned unstated; /* commit records since the last one with totals */

    struct kafka_writer_topic **topics;
    size_t topic_count, topic_capacity, topic_last;
    struct buf scratch, record;
    int64_t trim_due_us;
};

/* The client that administration goes through. */
static inline struct kafka *kafka_writer_admin(struct kafka_writer *w)
{
    return w->ordered ? &w->main.client : &w->aux.client;
}
static inline struct kafka_writer *kafka_writer_self(struct bus_writer *w) { return (struct kafka_writer *)w; }

/* After an error nothing may be stored any more; returns false. Says whether a newer writer is the reason. */
bool kafka_writer_die(struct kafka_writer *w, struct err *err);
/* Delivery ordered: refuses (ERR_STATE) when another writer has opened the log since. Asks the brokers only when
 * somebody else's records came between ours. */
bool kafka_writer_alone(struct kafka_writer *w, struct err *err) MUST_USE;
/* The topic by name, made and checked when it is new. */
bool kafka_writer_topic(struct kafka_writer *w, struct str name, struct kafka_writer_topic **ret,
                        struct err *err) MUST_USE;
/* The record, at the end of the commits topic; by the second producer when aux. Not waited for. */
bool kafka_writer_record(struct kafka_writer *w, const struct kafka_record *record, bool aux, struct err *err) MUST_USE;
/* An OPEN or QUIET: progress as it is now, totals, what is unfinished. */
bool kafka_writer_state(struct kafka_writer *w, enum kafka_record_kind kind, bool aux, struct err *err) MUST_USE;
/* The message time of what is sent now. */
int64_t kafka_writer_stamp(struct kafka_writer *w);
/* Deletes commit records that nothing needs any more; `restate`: a record with totals is written first, for one must
 * stay. Sets when to do it again. */
bool kafka_writer_trim(struct kafka_writer *w, bool restate, struct err *err) MUST_USE;
