// SPDX-License-Identifier: Apache-2.0
/*
 * The postgres driver's tables, schema undam_bus of the control database, and what writer and reader share.
 *
 *   source   one row a source: lineage, epoch of the newest writer, and the progress: all events up to lsn are there
 *   topic    name and pinned partition count
 *   segment  days of which a table block_<yyyymmdd> exists
 *   block_D  runs of the log (block.h), keyed by the position of their last event
 *
 * Days are those of the bus, not of the source's commits: a backlog that is a week old is not dropped the moment it
 * arrives. The day never goes back, so a source's blocks in LSN order are its segments in day order. Segments are
 * tables of their own rather than partitions: making or dropping one then locks nothing that others read.
 *
 * One statement reads progress and blocks, so in one snapshot: what it sees up to progress.lsn is complete, since
 * the single writer stores both in one transaction.
 */
#pragma once
#include "bus/driver.h"
#include "link/pg/pg_async.h"

enum { BUS_LAYOUT = 1 };

/* Creates schema and tables where they are missing. */
bool bus_tables_create(struct pg *pg, const struct pg_idle *idle, struct err *err) MUST_USE;
/* *ret_there: the schema exists. ERR_STATE when it is of another layout. */
bool bus_tables_check(struct pg *pg, const struct pg_idle *idle, bool *ret_there, struct err *err) MUST_USE;

/* Today (UTC) plus `plus` days, as 20260131. */
int32_t bus_day(int plus);
/* The segments of `day` and of the day after it exist on return. */
bool bus_segments_create(struct pg *pg, const struct pg_idle *idle, int32_t day, struct err *err) MUST_USE;
/* Drops segments before `first_kept` and raises the floors of the sources in them. */
bool bus_segments_drop(struct pg *pg, const struct pg_idle *idle, int32_t first_kept, struct err *err) MUST_USE;

/* A source's row. */
struct bus_source {
    int32_t id;
    int64_t epoch;
    int32_t day;
    uint64_t floor_lsn;
    struct bus_progress progress;
};

/* progress.found false when there is none. */
bool bus_source_get(struct pg *pg, const struct pg_idle *idle, const char *name, struct bus_source *ret,
                    struct err *err) MUST_USE;

/* The bit of a topic in a block's `topics`: readers skip blocks without any of theirs. Two topics may share one. */
uint64_t bus_topic_bit(struct str topic);

/* ---- the driver's functions (bus.h says what they promise) ---- */
bool pg_writer_open(const struct bus_config *config, const struct lineage *lineage, bus_idle_fn *idle, void *idle_arg,
                    struct bus_writer **ret, struct bus_progress *ret_progress, struct err *err) MUST_USE;
bool pg_writer_begin(struct bus_writer *w, const struct event_txn *txn, struct err *err) MUST_USE;
bool pg_writer_put(struct bus_writer *w, const struct event *event, struct err *err) MUST_USE;
bool pg_writer_end(struct bus_writer *w, struct err *err) MUST_USE;
bool pg_writer_flush(struct bus_writer *w, struct err *err) MUST_USE;
void pg_writer_pending(const struct bus_writer *w, uint64_t *ret_events, uint64_t *ret_bytes);
void pg_writer_close(struct bus_writer *w);
bool pg_reader_open(const struct bus_config *config, const struct lineage *lineage, const char *const *topics,
                    size_t topic_count, uint64_t after, struct bus_reader **ret, struct err *err) MUST_USE;
int pg_reader_fd(const struct bus_reader *r);
bool pg_reader_fetch(struct bus_reader *r, const struct bus_read_limits *limits, struct bus_batch *batch,
                     struct err *err) MUST_USE;
void pg_reader_close(struct bus_reader *r);
bool pg_bus_progress(const struct bus_config *config, struct bus_progress *ret, struct err *err) MUST_USE;
bool pg_bus_info(const struct bus_config *config, struct bus_info *ret, struct err *err) MUST_USE;
bool pg_bus_position_at(const struct bus_config *config, int64_t before_us, uint64_t *ret_lsn,
                        struct err *err) MUST_USE;
