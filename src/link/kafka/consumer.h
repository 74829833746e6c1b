// SPDX-License-Identifier: Apache-2.0
/*
 * A consumer of chosen partitions at chosen offsets: no group is joined, no offset is looked up, nothing is committed
 * but hints. Each partition is a stream with a queue of its own, so that whoever merges streams takes from the one it
 * needs, and the others wait in librdkafka, which stops fetching a partition whose queue is full.
 *
 * What always holds:
 *  1. Messages of a stream come in the order of their offsets, each once; offsets have gaps.
 *  2. An offset that the broker no longer has is an error (`gone`), never a jump.
 *  3. Only what is committed comes (isolation.level=read_committed), unless the other is asked for.
 *  4. Brokers that are away are no error: streams are empty until they are back. What cannot heal is: rights, a topic
 *     that is gone, a batch whose checksum is wrong.
 *  5. All calls are of one thread, none waits but kafka_consumer_wait() and kafka_stream_seek().
 */
#pragma once
#include "link/kafka/header.h"
#include "link/kafka/kafka.h"

enum { KAFKA_STREAM_BATCH = 256, KAFKA_STREAM_HEADERS_MAX = 80 };

struct kafka_consumer {
    struct kafka client; /* first: callbacks are given its address */
    int fd;              /* readable when a stream has something; -1 when closed */
    bool opened;
    bool gone; /* the last error was of an offset that the broker no longer has */
    struct kafka_stream **streams;
    size_t stream_count, stream_capacity;
};

/* A partition being read. */
struct kafka_stream {
    struct kafka_consumer *consumer;
    char *topic;
    int32_t partition;
    rd_kafka_queue_t *queue;
    int64_t next; /* no message before this offset is of interest */
    int64_t end;  /* all before this offset was there and is taken, when >= next; else unknown */
    rd_kafka_message_t *batch[KAFKA_STREAM_BATCH];
    size_t count, at;
};

/* Valid until the next call for its stream. Views into librdkafka's memory. */
struct kafka_received {
    struct str key, value;
    bool key_null, value_null;
    int64_t offset, time_ms;
    rd_kafka_message_t *raw;
};

struct kafka_consumer_config {
    struct kafka_config kafka;
    const char *group;   /* for the hints, or NULL */
    int64_t queue_bytes; /* of each partition, about; 0: 4 MB */
    bool uncommitted;    /* what is not committed, or was aborted, comes too */
};

/* No connection is made yet. */
bool kafka_consumer_open(struct kafka_consumer *c, const struct kafka_consumer_config *config,
                         struct err *err) MUST_USE;
/* A closed one (all zero, or closed before) is fine. Ends its streams. */
void kafka_consumer_close(struct kafka_consumer *c);

/* Begins to read partitions, each at its offset (at least 0). Streams live until kafka_stream_close() or the
 * consumer's close. */
bool kafka_streams_open(struct kafka_consumer *c, const char *const *topics, const int32_t *partitions,
                        const int64_t *offsets, size_t count, struct kafka_stream **ret, struct err *err) MUST_USE;
bool kafka_stream_open(struct kafka_consumer *c, const char *topic, int32_t partition, int64_t offset,
                       struct kafka_stream **ret, struct err *err) MUST_USE;
void kafka_stream_close(struct kafka_stream *s);
/* Goes elsewhere. */
bool kafka_stream_seek(struct kafka_stream *s, int64_t offset, struct err *err) MUST_USE;

/* *ret_there false: nothing has come. Never waits. On an error that cannot heal false; consumer->gone tells whether
 * retention (or somebody) took the offset. */
bool kafka_stream_peek(struct kafka_stream *s, struct kafka_received *ret, bool *ret_there, struct err *err) MUST_USE;
/* Done with the message that was peeked at. */
void kafka_stream_pop(struct kafka_stream *s);
/* headers has KAFKA_STREAM_HEADERS_MAX. ERR_DATA when there are more. */
bool kafka_received_headers(const struct kafka_received *m, struct kafka_header *headers, size_t *ret_count,
                            struct err *err) MUST_USE;
/* The value of the first header of that name; data NULL when there is none. */
struct str kafka_received_header(const struct kafka_received *m, const char *name);

/* Waits until a stream may have something, at most ms. Call it after all streams of interest were found empty. */
void kafka_consumer_wait(struct kafka_consumer *c, int ms);
/* Forgets that fd was readable and lets librdkafka's callbacks run; before streams are looked at. */
void kafka_consumer_serve(struct kafka_consumer *c);
/* Tells the group, for its lag to be seen, that all before each stream's `offsets[i]` is done. Not waited for. */
void kafka_consumer_hint(struct kafka_consumer *c, struct kafka_stream *const *streams, const int64_t *offsets,
                         size_t count);
