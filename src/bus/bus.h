// SPDX-License-Identifier: Apache-2.0
/*
 * The bus: an ordered, durable log of events in topics, written by one relay, read by many.
 * One interface, two drivers (postgres here; kafka), one conformance suite (tests/flow/010-bus-conformance.sh).
 *
 * What always holds:
 *  1. Events and the position they bring the log to are one bus transaction: after a crash, what is
 *     readable is exactly the source transactions up to bus_progress.lsn, each once, in commit order.
 *  2. Only the writer with the newest epoch can commit; an older one's next flush fails with ERR_STATE.
 *  3. A reader sees source transactions whole and in commit order, and never one twice.
 *  4. A topic's partition count is pinned by its first use; another one is refused (ERR_CONFIG).
 *  5. Positions belong to one lineage; a writer of another one is refused (ERR_STATE).
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "model/event.h"

struct bus_config {
    const char *driver; /* "postgres", "kafka" */
    const char *dsn;    /* postgres: connection string; kafka: bootstrap servers */
    const char *source; /* config source.name; several sources may share a bus */
    const char *prefix;
    int32_t partitions;
    int64_t retention_days;
    /* kafka */
    const char *delivery;   /* "exactly-once" (default when NULL), "ordered" */
    const char *properties; /* file of further librdkafka properties, or NULL or empty */
    int32_t replication, min_insync;
    int64_t transaction_max_events; /* 0: as many as come */
    const char *reader;             /* who reads, for Kafka's lag tools (group "<prefix>.<reader>"), or NULL */
    bool debezium;                  /* outbox events get Debezium's headers and names */
};

struct config;
/* As the configuration has it; the strings are the configuration's. */
struct bus_config bus_config_of(const struct config *config);

/* How far the log is. watermark_us: every source transaction that committed before that moment of the
 * source's clock has an LSN <= lsn, so a reader that has applied up to lsn is complete up to that moment. */
struct bus_progress {
    bool found; /* false: this source has never been written */
    struct lineage lineage;
    uint64_t lsn;
    int64_t commit_time_us; /* of the last transaction; 0 when none */
    int64_t watermark_us;   /* 0 when unknown */
};

/* ---- writer: begin, put*, end for each source transaction; flush makes all ended ones durable ---- */
struct bus_writer;

/* Called at least every 500 ms while a call waits for the bus, so that the relay can answer keepalives. */
typedef void bus_idle_fn(void *arg);

/* Creates what is missing, fences an older writer, and says where to go on (skip all with lsn <= progress.lsn). */
bool bus_writer_open(const struct bus_config *config, const struct lineage *lineage, bus_idle_fn *idle, void *idle_arg,
                     struct bus_writer **ret, struct bus_progress *ret_progress, struct err *err) MUST_USE;
/* txn->lsn must be greater than every earlier one and than every quiet one (else ERR_INTERNAL). txn->events may still
 * be 0: end() takes the true count. */
bool bus_writer_begin(struct bus_writer *w, const struct event_txn *txn, struct err *err) MUST_USE;
/* The event is copied or sent on before return. event->partition is set by the driver from the key unless it is
 * EVENT_ALL_PARTITIONS. */
bool bus_writer_put(struct bus_writer *w, const struct event *event, struct err *err) MUST_USE;
bool bus_writer_end(struct bus_writer *w, struct err *err) MUST_USE;
/* Remembers, for the next flush, that the source is quiet through lsn as of watermark_us (0: not known). Said of an
 * empty log, before its first transaction, it is where the log begins: a reader from an earlier position is refused. */
void bus_writer_quiet(struct bus_writer *w, uint64_t lsn, int64_t watermark_us);
/* One bus transaction with all ended source transactions and the progress; durable on return. No-op with nothing new.
 * Not between begin and end (ERR_INTERNAL). On any error the writer is dead: close it, open again, resume from the
 * progress it then reports. */
bool bus_writer_flush(struct bus_writer *w, struct err *err) MUST_USE;
/* Events and bytes put since the last flush. */
void bus_writer_pending(const struct bus_writer *w, uint64_t *ret_events, uint64_t *ret_bytes);
/* Drops what was not flushed. NULL is fine. */
void bus_writer_close(struct bus_writer *w);

/* ---- reader ---- */
struct bus_reader;

enum { BUS_AT_HAND = -1 };
struct bus_read_limits {
    uint64_t events_max, bytes_max; /* soft: a batch ends at the first event past either */
    int wait_ms; /* how long to wait when there is nothing; 0: not for news, but all that was durable before the call
                    is found, if that takes a question to the bus; BUS_AT_HAND: not even that */
};

/* A run of events of one source transaction. A transaction larger than the limits comes in several
 * batches: begins only on the first, ends only on the last. */
struct bus_part {
    struct event_txn txn; /* .events is 0 until the part that ends the transaction */
    bool begins, ends;
    struct event *events;
    size_t event_count;
};

struct bus_batch {
    struct arena arena; /* owns everything below */
    struct bus_part *parts;
    size_t part_count;
    /* State of the log up to which this batch, with the ones before it, is complete for the topics
     * asked for. Only meaningful when the last part ends (or there is none). */
    struct bus_progress progress;
};

/* topics: full names; count 0 = all. Transactions with lsn > after follow. lineage: must be the log's (ERR_STATE),
 * unless NULL. ERR_STATE with a hint when `after` is older than the retention still holds. */
bool bus_reader_open(const struct bus_config *config, const struct lineage *lineage, const char *const *topics,
                     size_t topic_count, uint64_t after, struct bus_reader **ret, struct err *err) MUST_USE;
/* Readable when there may be something new; for the loop. To be trusted after a fetch without parts. */
int bus_reader_fd(const struct bus_reader *r);
void bus_batch_init(struct bus_batch *batch);
void bus_batch_free(struct bus_batch *batch);
/* Resets the batch and fills it; nothing new within wait_ms is success with part_count 0. Transactions without an event
 * in the topics are left out, but progress moves over them. */
bool bus_reader_fetch(struct bus_reader *r, const struct bus_read_limits *limits, struct bus_batch *batch,
                      struct err *err) MUST_USE;
void bus_reader_close(struct bus_reader *r);
/* The log's progress, without a reader. */
bool bus_progress_get(const struct bus_config *config, struct bus_progress *ret, struct err *err) MUST_USE;

/* ---- for operators ---- */
/* Commit times follow commit order but for steps of the source's clock; those up to this one are allowed for. */
enum { BUS_CLOCK_STEP_US = 60 * 1000000 };
/* Where to read from for what was committed at time_us or later: all such transactions have lsn > *ret_lsn. Earlier
 * ones may follow it too. Found without reading the log; the floor when the log begins later or the driver cannot tell.
 */
bool bus_position_at(const struct bus_config *config, int64_t time_us, uint64_t *ret_lsn, struct err *err) MUST_USE;

struct bus_topic_info {
    struct str name;
    int32_t partitions;
    uint64_t events; /* of this source, since the log began */
};

struct bus_info {
    struct arena arena; /* owns the rest */
    struct bus_progress progress;
    uint64_t floor_lsn; /* readers at or after it can go on; 0 = from the beginning */
    int64_t epoch;      /* of the newest writer */
    uint64_t events, transactions;
    uint64_t bytes; /* on disk, all sources; 0: not known (kafka) */
    struct bus_topic_info *topics;
    size_t topic_count;
};

/* The bus in itself, without what its readers do to hide faults. */
struct bus_audit {
    bool done;             /* false: nothing of the driver's could differ */
    uint64_t transactions; /* commit records met */
    uint64_t messages;     /* read; a truncation is one in each partition */
    uint64_t repeats;      /* messages that readers drop: delivery ordered, after a relay's crash */
    uint64_t expired;      /* events whose record, or counted events of which the message, retention has taken */
    uint64_t unfinished;   /* 1: behind the last commit record there are events of a relay that is at work, or died */
    uint64_t wrong;
};
struct bus_audit_watch {
    void (*wrong)(void *arg, const char *what); /* each finding; no row values in it */
    void (*progress)(void *arg, uint64_t messages);
    void *arg;
};
/* Takes the memory of its queues, however large the log. Works beside a running relay. */
bool bus_audit(const struct bus_config *config, const struct bus_audit_watch *watch, struct bus_audit *ret,
               struct err *err) MUST_USE;

/* An unknown source gives progress.found false. To be freed with bus_info_free(). */
bool bus_info_get(const struct bus_config *config, struct bus_info *ret, struct err *err) MUST_USE;
void bus_info_free(struct bus_info *info);
/* ce_id: the event's own, else "<system id>-<LSN>-<seq>". */
const char *bus_event_id(const struct lineage *lineage, const struct event *event, struct arena *arena);
