// SPDX-License-Identifier: Apache-2.0
/*
 * One session: everything open at once, from the slot to the bus.
 *
 * What always holds:
 *  1. Only relay_confirm() tells the server that WAL may go, and never past what was received and the bus holds.
 *  2. The slot is taken before the bus is opened for writing: a waiting twin fences nobody, and whoever holds the slot
 *     is the only one that may.
 *  3. A slot that is ahead of the bus has lost events; one that is missing although the bus has a position is another
 *     stream. Both are refused, never continued.
 *  4. After an error the session is closed and nothing of it is reused.
 */
#pragma once
#include "base/daemon.h"
#include "capture/capture.h"
#include "relay/events.h"
#include "relay/watch.h"

enum relay_metric {
    RELAY_EVENTS,
    RELAY_TRANSACTIONS,
    RELAY_BYTES,
    RELAY_STREAMED,
    RELAY_SPOOLED,
    RELAY_SKIPPED,
    RELAY_IGNORED,
    RELAY_OUTBOX_UPDATES,
    RELAY_FLUSHES,
    RELAY_SESSIONS,
    RELAY_RECEIVED_LSN,
    RELAY_BUS_LSN,
    RELAY_CONFIRMED_LSN,
    RELAY_BEHIND_BYTES,
    RELAY_RETAINED_WAL,
    RELAY_MEMORY,
    RELAY_SPOOL,
    RELAY_LAG,
    RELAY_FLUSH_TIME,
    RELAY_METRICS,
};

struct session {
    const struct config *config;
    struct daemon *daemon;
    struct metric *metrics;
    struct capture_config capture_config;
    struct capture_sink sink;
    struct capture *capture;
    struct events events;
    struct bus_config bus_config;
    struct bus_writer *writer;
    struct registry_config registry_config;
    struct registry *registry;
    struct watch watch;
    struct source_facts facts;
    struct lineage lineage;
    uint64_t ended;         /* end of the last transaction given to the writer */
    uint64_t durable;       /* the bus holds everything up to here */
    uint64_t confirmed;     /* told to the server */
    uint64_t asked;         /* the watermark for which the server was asked to answer */
    int64_t batch_since_us; /* when the oldest unflushed transaction ended; 0: none (mono_us) */
    int64_t dry_since_us;   /* since when nothing has arrived; 0: something has (mono_us) */
    int64_t status_us, metrics_us;
    int64_t *commit_times; /* of the unflushed transactions */
    size_t commit_count, commit_cap;
    uint64_t retained_before; /* for the rate of growth */
    int64_t retained_us;
    bool retained_warned, retained_over, outbox_warned;
    bool recovering;  /* after a failure: not ready before the bus has taken something again */
    uint32_t changes; /* since the last look at the clock in a long replay */
};

void session_init(struct session *s, const struct config *config, struct daemon *daemon, struct metric *metrics);
void session_free(struct session *s);
/* Opens all; on failure everything is closed again. err->retriable says whether trying again makes sense. */
bool session_open(struct session *s, struct err *err) MUST_USE;
/* Until a signal asks to stop (true) or an error. */
bool session_run(struct session *s, struct err *err) MUST_USE;
/* clean: flush what is complete, confirm it, end the stream politely. */
void session_close(struct session *s, bool clean);

/* What the server says of the slot: metric, log, readiness. */
void session_retained(struct session *s, const struct source_slot *slot);

/* session.c: the only place where the position that the server may forget moves. */
bool relay_confirm(struct session *s, bool ask, struct err *err) MUST_USE;
