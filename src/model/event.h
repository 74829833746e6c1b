// SPDX-License-Identifier: Apache-2.0
/*
 * An event: one change of one row, one outbox record or one logical message, with its place in commit
 * order. The fields are the CloudEvents and Undam headers of the contract (ARCHITECTURE.md, "Event") in typed
 * form; a bus driver stores them as it likes and gives them back equal.
 * An event does not own what it points to; it lives as long as its batch.
 */
#pragma once
#include "model/position.h"

enum event_op {
    EVENT_CREATED = 'c',
    EVENT_UPDATED = 'u',
    EVENT_DELETED = 'd',
    EVENT_TRUNCATED = 't', /* the whole table was emptied; no key, no value, all partitions */
    EVENT_OUTBOX = 'o',    /* a row of the outbox table: key, type and payload are the application's */
    EVENT_MESSAGE = 'm',   /* a transactional logical message; type = its prefix */
};

enum { EVENT_ALL_PARTITIONS = -1 };

struct event {
    struct position pos;
    enum event_op op;
    int32_t partition;  /* murmur2(key) as Java's clients do, modulo the topic's partitions; EVENT_ALL_PARTITIONS */
    int32_t schema_id;  /* of value; 0 when there is no value or it is not Avro */
    struct str topic;   /* "<prefix>.<service>" */
    struct str entity;  /* "<schema>.<table>" in the source; outbox: the outbox table; message: empty */
    struct str type;    /* ce_type: "transactions.created"; outbox: the row's type */
    struct str id;      /* outbox: the row's own id; else empty, and ce_id is "<system id>-<LSN>-<seq>" */
    struct str subject; /* primary key: the text of a single column, else a JSON array of texts */
    struct str key;     /* partition key, same form */
    bool key_null;
    struct str value;   /* Confluent framing (0x00, schema id, Avro) or, outbox and message, the payload as is */
    bool value_null;    /* tombstone, truncate */
    struct str missing; /* undam_missing: JSON array of the columns left out (unchanged TOAST), or empty */
    struct str oldkey;  /* undam_oldkey: JSON array of the old primary key's texts, when the key changed */
    struct str headers; /* further headers as a JSON object of strings and nulls (outbox's, traceparent), or empty */
    bool debezium;      /* outbox, with source.outbox_mode debezium: the message has the headers `id`, those of
                           `headers` and undam_lsn, undam_seq, undam_op, undam_source, and no others. Only the kafka
                           driver knows. */
    bool placed;        /* outbox: `partition` is the row's own word, not the key's; the driver takes it as it is */
};

/* One source transaction as the bus knows it. */
struct event_txn {
    uint64_t lsn;           /* commit end LSN */
    int64_t commit_time_us; /* the source's clock, microseconds since the Unix epoch */
    uint32_t xid;
    uint32_t events; /* over all topics */
};
