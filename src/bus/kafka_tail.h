// SPDX-License-Identifier: Apache-2.0
/*
 * The end of a log on Kafka: from where a writer goes on, and what progress and info are told. Reads back from the end
 * of the commits topic (read_committed) to the last record that has totals, and forward again.
 */
#pragma once
#include "bus/kafka_lasts.h"
#include "bus/kafka_record.h"
#include "link/kafka/kafka.h"

struct kafka_tail {
    struct arena arena; /* owns the rest */
    bool topic;         /* the topic exists, as far as the broker knows that was asked */
    bool found;         /* there is a record; false: the topic does not exist or is empty */
    /* Of the last source transaction that is whole on the bus (delivery ordered: in every partition), or what was quiet
     * after it. .found: false until the log has a position. .lineage: the newest OPEN's. */
    struct bus_progress progress;
    int64_t epoch;                    /* newest */
    uint64_t transactions, events;    /* through progress; TRUNCATED counted once */
    struct kafka_topic_total *totals; /* every topic of this log, with its pinned partition count */
    size_t total_count;
    int64_t newest_ms; /* the largest message time on the commits topic; 0 when empty */

    /* delivery exactly-once: a source transaction that was begun with PARTs and has no COMMIT */
    bool unfinished;
    struct event_txn part;      /* .lsn of it */
    uint32_t through_seq;       /* of its last PART */
    struct kafka_count *counts; /* of all its PARTs together: one for each topic and partition */
    size_t count_count;

    /* delivery ordered: every partition of every topic in totals */
    struct kafka_last *lasts;
    size_t last_count;
    uint64_t committed_lsn; /* of the last COMMIT record, whose events may be missing; >= progress' last transaction */
};

/* ERR_CONFIG when a record of another source is there, or (delivery ordered) an event of one ends a partition. To be
 * freed with kafka_tail_free() when true. */
bool kafka_tail_read(const struct bus_config *config, const struct kafka_idle *idle, struct kafka_tail *ret,
                     struct err *err) MUST_USE;
void kafka_tail_free(struct kafka_tail *tail);
