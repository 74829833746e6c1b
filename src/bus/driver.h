// SPDX-License-Identifier: Apache-2.0
/* What a bus driver is: a row of functions, one for each of bus.h, which says what they promise. */
#pragma once
#include "bus/bus.h"

struct bus_driver {
    const char *name;
    bool (*writer_open)(const struct bus_config *config, const struct lineage *lineage, bus_idle_fn *idle,
                        void *idle_arg, struct bus_writer **ret, struct bus_progress *ret_progress, struct err *err);
    bool (*writer_begin)(struct bus_writer *w, const struct event_txn *txn, struct err *err);
    bool (*writer_put)(struct bus_writer *w, const struct event *event, struct err *err);
    bool (*writer_end)(struct bus_writer *w, struct err *err);
    void (*writer_quiet)(struct bus_writer *w, uint64_t lsn, int64_t watermark_us);
    bool (*writer_flush)(struct bus_writer *w, struct err *err);
    void (*writer_pending)(const struct bus_writer *w, uint64_t *ret_events, uint64_t *ret_bytes);
    void (*writer_close)(struct bus_writer *w);
    bool (*reader_open)(const struct bus_config *config, const struct lineage *lineage, const char *const *topics,
                        size_t topic_count, uint64_t after, struct bus_reader **ret, struct err *err);
    int (*reader_fd)(const struct bus_reader *r);
    bool (*reader_fetch)(struct bus_reader *r, const struct bus_read_limits *limits, struct bus_batch *batch,
                         struct err *err);
    void (*reader_close)(struct bus_reader *r);
    bool (*progress_get)(const struct bus_config *config, struct bus_progress *ret, struct err *err);
    bool (*info_get)(const struct bus_config *config, struct bus_info *ret, struct err *err);
    /* May be NULL. before_us: of the wanted transactions, less BUS_CLOCK_STEP_US. */
    bool (*position_at)(const struct bus_config *config, int64_t before_us, uint64_t *ret_lsn, struct err *err);
    /* May be NULL. */
    bool (*audit)(const struct bus_config *config, const struct bus_audit_watch *watch, struct bus_audit *ret,
                  struct err *err);
};

/* The first member of each driver's own; all but `driver` is the driver's to set when it opens. */
struct bus_writer {
    const struct bus_driver *driver;
    bool in_txn;
    struct event_txn txn;           /* in hand; .events: put so far */
    uint64_t lsn_max;               /* nothing at or below it may come any more */
    struct bus_progress done, next; /* durable; what the next flush makes durable */
};
struct bus_reader {
    const struct bus_driver *driver;
};

extern const struct bus_driver bus_postgres, bus_kafka;

/* For drivers' writers: the order of calls that bus.h asks for. False (ERR_INTERNAL) when it is not kept: nothing may
 * be stored any more. */
bool bus_turn_begin(struct bus_writer *w, const struct event_txn *txn, struct err *err) MUST_USE;
bool bus_turn_put(const struct bus_writer *w, const struct event *event, struct err *err) MUST_USE; /* it may be put */
bool bus_turn_end(const struct bus_writer *w, struct err *err) MUST_USE;                            /* it may end */
void bus_turn_ended(struct bus_writer *w);
bool bus_turn_flush(const struct bus_writer *w, struct err *err) MUST_USE; /* there may be a flush */
void bus_turn_quiet(struct bus_writer *w, uint64_t lsn, int64_t watermark_us);
/* A flush would make something durable. */
bool bus_turn_news(const struct bus_writer *w);

/* For drivers: ERR_STATE naming both lineages. */
bool bus_lineage_refuse(const char *source, const struct lineage *have, const struct lineage *want, struct err *err);
/* ERR_STATE: the log no longer holds what follows `after`. */
bool bus_floor_refuse(const char *source, uint64_t after, uint64_t floor_lsn, struct err *err);
