// SPDX-License-Identifier: Apache-2.0
/*
 * The checker: do bus and read models hold what the source holds? Three comparisons, each its own file:
 *
 *   topics  where the bus is Kafka: each message of its topics against the commit records, by counts and hashes
 *   log     the bus in itself: positions, sequence numbers, counts, ids, partitions, and that every key lives a
 *           possible life (created, updated, deleted, created again): nothing doubled, nothing out of order
 *   table   the last event of each key on the bus against the source's row now
 *   mirror  each mirror against its source table; view: each stored view against its own SELECT
 *
 * All of it works while the source is written to. What differs at first sight is a suspect; it is settled as equal or
 * reported only after a proof that it differed at one and the same position (table.c and mirror.c say how).
 * The source is only read. Values never leave this folder unless show_values.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "bus/bus.h"
#include "model/config.h"

enum { CHECK_NOTES = 5 };

/* One line of the report. */
struct check_line {
    const char *part;               /* "topics", "log", "table", "mirror", "view" */
    const char *name;               /* source, table, service and view */
    uint64_t checked;               /* events or rows */
    uint64_t wrong;                 /* proven differences */
    uint64_t unsettled;             /* changed so fast that no proof was possible */
    uint64_t unknown;               /* table: rows older than the log, about which it says nothing */
    const char *notes[CHECK_NOTES]; /* the first differences, each one line */
    unsigned note_count;
    const char *skipped; /* why nothing was compared, or NULL */
    const char *remark;  /* what is worth knowing and not wrong, or NULL */
};

struct check_report {
    struct arena arena;
    struct check_line **lines;
    size_t count, capacity;
};

struct check {
    const struct config *config;
    bool complete_log; /* the log began with empty tables: a row it never told of is wrong */
    bool show_values;
    bool quiet;      /* no progress bars */
    int64_t wait_ms; /* how long bus and read models may take to catch up without moving */
    struct check_report *report;
};

void check_report_init(struct check_report *report);
void check_report_free(struct check_report *report);
struct check_line *check_line_add(struct check_report *report, const char *part, const char *name);
/* Counts a difference and keeps the first ones. */
void check_wrong(struct check_report *report, struct check_line *line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
uint64_t check_wrong_count(const struct check_report *report);

/* topics and log. */
bool check_log(struct check *check, struct err *err) MUST_USE;
/* log and table. */
bool check_bus(struct check *check, struct err *err) MUST_USE;
/* mirror and view, of one service or (NULL) of all. */
bool check_models(struct check *check, const char *service, struct err *err) MUST_USE;
