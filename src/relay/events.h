// SPDX-License-Identifier: Apache-2.0
/*
 * Changes to events: the relay's hot path. Buffers live as long as the struct and are reused, so that an event
 * allocates nothing once they have grown.
 * Invariants: sequence numbers run from 1 over the source transaction; the bus sees a transaction only if it has
 * an event; every event of a table carries its whole key.
 */
#pragma once
#include "bus/bus.h"
#include "registry/registry.h"
#include "relay/route.h"

struct events_counts {
    uint64_t events;
    uint64_t ignored;        /* changes of tables that are in no service, and messages of other prefixes */
    uint64_t outbox_updates; /* of outbox rows: ignored, an outbox is append-only */
    uint64_t outbox_deletes; /* normal: rows are deleted once written */
};

struct events {
    const struct config *config;
    struct router router;
    struct bus_writer *writer; /* set by the relay for each session, */
    struct registry *registry; /* and so is this */
    struct event_txn txn;
    bool begun; /* the bus knows of the transaction */
    uint32_t seq;
    struct buf value, subject, key, missing, oldkey, headers, topic, json;
    struct row_value *values;    /* PGOUTPUT_COLUMNS_MAX */
    struct row_dynamic *dynamic; /* as many */
    struct str message_topic;
    struct arena arena; /* of one outbox row */
    struct events_counts counts;
    char ignored_table[160]; /* set when a table was met that is in no service; the relay logs and clears it */
};

void events_init(struct events *e, const struct config *config);
void events_free(struct events *e);
void events_begin(struct events *e, const struct event_txn *txn);
bool events_change(struct events *e, const struct capture_change *change, struct err *err) MUST_USE;
/* *ret_any: the bus got the transaction. */
bool events_end(struct events *e, bool *ret_any, struct err *err) MUST_USE;
