// SPDX-License-Identifier: Apache-2.0
/*
 * Reading the log from its floor on, checking it on the way (part "log" of the report), and keeping what it says of
 * every row.
 */
#pragma once
#include "check/check.h"
#include "check/rows.h"

struct log;
/* Called with each row an event changed, after the change; row NULL: the table was truncated. */
typedef void log_watch_fn(void *arg, struct table *table, struct row *row);

bool log_open(struct check *check, struct log **ret, struct err *err) MUST_USE;
void log_close(struct log *log);
/* Reads until the log is complete up to lsn. ERR_TARGET when it does not move for check->wait_ms. */
bool log_read(struct log *log, uint64_t lsn, struct err *err) MUST_USE;
void log_watch(struct log *log, log_watch_fn *fn, void *arg);
struct rows *log_rows(struct log *log);
uint64_t log_position(const struct log *log);
