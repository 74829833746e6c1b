// SPDX-License-Identifier: Apache-2.0
/*
 * An idempotent producer, with or without transactions.
 *
 * What always holds:
 *  1. Messages to one partition are stored once each, in the order of the sends, or the producer has failed.
 *  2. A message that was not stored is never overlooked: the first failure is kept, and every later call returns it.
 *  3. A full queue is back-pressure: send() waits, calling idle, until there is room.
 *  4. Without any progress for KAFKA_PATIENCE_MS a call gives up (ERR_TARGET, retriable); what it had in hand may or
 *     may not be stored, so the producer has failed then too.
 *
 *   closed --open--> plain: send*, flush
 *          --open, init--> ready --begin--> in transaction: send* --commit--> ready
 *   any --error--> failed (only close)
 */
#pragma once
#include "link/kafka/header.h"
#include "link/kafka/kafka.h"

enum { KAFKA_PATIENCE_MS = 60 * 1000 };

struct kafka_producer {
    struct kafka client; /* first: callbacks are given its address */
    struct kafka_idle idle;
    bool transactional, in_transaction, failed;
    uint64_t sent, stored;           /* messages */
    int64_t committed_us;            /* when the last transaction was committed */
    unsigned unpolled;               /* sends since delivery reports were asked for */
    const rd_kafka_topic_t *watched; /* of one partition; kafka_producer_watch() */
    int64_t watched_next;            /* offset behind the last message stored there; -1: none yet */
    int64_t foreign_from;            /* from there on not all of the topic is ours, or that is not known; -1: all is */
    struct err failure;
};

struct kafka_producer_config {
    struct kafka_config kafka;
    struct kafka_idle idle;
    const char *transactional_id;   /* NULL: without transactions */
    int64_t transaction_timeout_ms; /* with one */
    int64_t queue_bytes;            /* messages that wait are held in so many bytes of memory */
};

bool kafka_producer_open(struct kafka_producer *p, const struct kafka_producer_config *config,
                         struct err *err) MUST_USE;
/* Ends what an older producer with the same transactional id had begun, and fences it. patience_ms: how long brokers
 * may be away. */
bool kafka_producer_init(struct kafka_producer *p, int patience_ms, struct err *err) MUST_USE;
bool kafka_producer_begin(struct kafka_producer *p, struct err *err) MUST_USE;
/* On return all is stored and readable. A retriable failure leaves the outcome unknown. */
bool kafka_producer_commit(struct kafka_producer *p, struct err *err) MUST_USE;
/* On return all that was sent is stored; inside a transaction it is not readable yet. */
bool kafka_producer_flush(struct kafka_producer *p, struct err *err) MUST_USE;

/* A topic to send to, for the producer's life. */
rd_kafka_topic_t *kafka_producer_topic(struct kafka_producer *p, const char *name);
/* Of the messages to this topic, `foreign_from` tells from now on whether somebody else's came between them: the caller
 * sets it back. Without transactions, whose markers take offsets too. */
void kafka_producer_watch(struct kafka_producer *p, const rd_kafka_topic_t *topic);
void kafka_producer_topic_free(rd_kafka_topic_t *topic);

struct kafka_message {
    rd_kafka_topic_t *topic;
    int32_t partition;
    struct str key, value; /* data NULL: null */
    int64_t timestamp_ms;
    const struct kafka_header *headers;
    size_t header_count;
};
/* The message is copied. */
bool kafka_producer_send(struct kafka_producer *p, const struct kafka_message *message, struct err *err) MUST_USE;
/* Takes delivery reports without waiting; the failure, if there was one. */
bool kafka_producer_poll(struct kafka_producer *p, struct err *err) MUST_USE;
/* Throws away what is not stored; a transaction in hand is aborted, if that is quickly done. A closed one is fine. */
void kafka_producer_close(struct kafka_producer *p);
