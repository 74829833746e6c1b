// SPDX-License-Identifier: Apache-2.0
/*
 * What the kafka driver puts on topics, as bytes: events as messages (key, value, headers) and the records of
 * "<prefix>.commits". Pure functions, fuzzed; writer, reader and `undam bus check` all go through here.
 * Invariants: kafka_event_read(kafka_event_headers(e)) gives e back equal in every field; a record that is not what
 * it should be is ERR_DATA naming the field, never a guess.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "link/kafka/header.h"

/* ---- records of the commits topic: JSON values, key = source name, one partition ---- */

enum kafka_record_kind {
    KAFKA_OPEN,   /* a writer began: epoch, lineage, totals */
    KAFKA_COMMIT, /* a source transaction is whole with this one */
    KAFKA_PART,   /* a Kafka transaction ended in the middle of a source transaction: counts since its last PART */
    KAFKA_QUIET,  /* nothing new through lsn as of watermark; with totals */
};

/* Events of one source transaction in one partition. A TRUNCATED event counts once in each partition it is in. */
struct kafka_count {
    struct str topic;
    int32_t partition;
    uint32_t events;
    uint32_t truncated; /* how many of them are TRUNCATED: the same ones in each of the topic's partitions, so a topic's
                           distinct events are the sum of (events - truncated), and once truncated */
    uint32_t last_seq;  /* of the last of them */
    uint64_t hash;      /* sum modulo 2^64 of kafka_message_hash() of each */
};

struct kafka_topic_total {
    struct str topic;
    int32_t partitions; /* pinned */
    uint64_t events;    /* of this source, since the log began */
};

struct kafka_record {
    enum kafka_record_kind kind;
    int64_t epoch;          /* of the writer; grows by one with each OPEN */
    struct lineage lineage; /* OPEN, QUIET */
    struct event_txn txn;   /* COMMIT, PART; .events of a COMMIT is the whole transaction's, distinct ones. OPEN, QUIET:
                               a transaction that was begun with PARTs and has no COMMIT yet (txn.lsn 0: none), with
                               through_seq and the counts of all its PARTs together: these records are where looking
                               back ends */
    uint64_t lsn;           /* QUIET, OPEN: complete through; COMMIT, PART: txn.lsn */
    int64_t commit_time_us; /* of the last transaction, QUIET and OPEN */
    int64_t watermark_us;   /* QUIET, OPEN; 0 unknown */
    uint32_t through_seq;   /* PART: the last seq that is on the bus */
    uint64_t durable_lsn;   /* COMMIT, delivery ordered: all through here was acknowledged before this was sent, so
                               looking for missing events need not go back further; else 0 */
    struct kafka_count *counts; /* COMMIT, PART: since the last PART */
    size_t count_count;
    uint64_t transactions, events;    /* totals through this record */
    struct kafka_topic_total *totals; /* OPEN, QUIET */
    size_t total_count;
};

void kafka_record_print(const struct kafka_record *record, struct buf *out);
/* Everything in *ret lives in the arena. */
bool kafka_record_parse(struct str json, struct arena *arena, struct kafka_record *ret, struct err *err) MUST_USE;

/* ---- events as messages ---- */

enum { KAFKA_HEADERS_MAX = 64 };

/* An event's own headers (the JSON object of strings) follow ours, each as one. One that is named like one of ours
 * comes second, and so stays the event's. `undam_headers` is the text of `event->headers` where the single headers
 * would not give it back. An event whose own id is spelled like the derived one comes back without: it is the same
 * ce_id.
 *
 * Fills headers[KAFKA_HEADERS_MAX] for an event of a source (its name) and lineage; texts made here live in `scratch`,
 * which is cleared first. commit_time_us: of its transaction. ERR_DATA: more headers than fit. */
bool kafka_event_headers(const char *source, const struct lineage *lineage, const struct event *event,
                         int64_t commit_time_us, struct buf *scratch, struct kafka_header *headers, size_t *ret_count,
                         struct err *err) MUST_USE;
/* The event of a message; topic and partition are the message's. The result is made of views into the message and
 * texts in the arena. `source` and `lineage` are the log's: by the latter a derived id is known. ERR_DATA: "without
 * header undam_lsn". ERR_CONFIG: the event is of another source. */
bool kafka_event_read(struct str topic, int32_t partition, struct str key, bool key_null, struct str value,
                      bool value_null, const struct kafka_header *headers, size_t count, const char *source,
                      const struct lineage *lineage, struct arena *arena, struct event *ret, struct err *err) MUST_USE;
/* That of the event only, by its headers. */
bool kafka_source_check(const char *source, const struct kafka_header *headers, size_t count, struct err *err) MUST_USE;
/* Over key, value and headers, each with its length, so that nothing can move between them. */
uint64_t kafka_message_hash(struct str key, bool key_null, struct str value, bool value_null,
                            const struct kafka_header *headers, size_t count);
