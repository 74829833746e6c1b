// SPDX-License-Identifier: Apache-2.0
/* A place in the log as people write it: a commit position, a moment, or one of the words begin and now. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "bus/bus.h"

enum when_kind { WHEN_NONE, WHEN_BEGIN, WHEN_LSN, WHEN_TIME, WHEN_NOW };

struct when {
    enum when_kind kind;
    uint64_t lsn;
    int64_t us; /* since the Unix epoch */
};

/* text NULL: WHEN_NONE. Times are UTC: a day, or 2026-01-31T12:00[:00[.123456]][Z], a blank for the T. ERR_USAGE naming
 * the option. */
bool when_parse(const char *option, const char *text, struct when *ret, struct err *err) MUST_USE;
/* The position just before the first transaction that was committed at time_us or later; the log's end when there is
 * none. Reads a minute of the log or so. */
bool when_locate(const struct bus_config *bus, int64_t time_us, uint64_t *ret_lsn, struct err *err) MUST_USE;
