// SPDX-License-Identifier: Apache-2.0
/* Places in the log from the command line; see when.h. */
#include "cmd/when.h"

#include <ctype.h>
#include <time.h>

#include "base/log.h"

/* ".5" is half a second; digits past the sixth are dropped. */
static const char *read_fraction(const char *p, int64_t *us)
{
    int64_t unit = 100000;
    if (*p != '.' || !isdigit((unsigned char)p[1]))
        return p;
    for (p++; isdigit((unsigned char)*p); p++, unit /= 10)
        *us += (*p - '0') * unit;
    return p;
}

static bool read_time(const char *text, int64_t *ret)
{
    struct tm tm = {.tm_year = 0};
    int64_t us = 0;
    const char *p = strptime(text, "%Y-%m-%d", &tm);
    if (!p)
        return false;
    if (*p) {
        if (*p != 'T' && *p != ' ')
            return false;
        p = strptime(p + 1, "%H:%M", &tm);
        if (p && *p == ':')
            p = strptime(p + 1, "%S", &tm);
        if (!p)
            return false;
        p = read_fraction(p, &us);
        if (*p == 'Z')
            p++;
    }
    int day = tm.tm_mday;
    int64_t seconds = (int64_t)timegm(&tm);
    if (*p || tm.tm_mday != day) /* 31 June would be 1 July */
        return false;
    *ret = seconds * 1000000 + us;
    return true;
}

bool when_parse(const char *option, const char *text, struct when *ret, struct err *err)
{
    struct when w = {WHEN_NONE, 0, 0};
    if (!text)
        w.kind = WHEN_NONE;
    else if (strcmp(text, "begin") == 0)
        w.kind = WHEN_BEGIN;
    else if (strcmp(text, "now") == 0)
        w.kind = WHEN_NOW;
    else if (lsn_parse(str_of(text), &w.lsn))
        w.kind = WHEN_LSN;
    else if (read_time(text, &w.us))
        w.kind = WHEN_TIME;
    else {
        err_set(err, ERR_USAGE, "--%s: \"%s\" is neither a position nor a time", option, text);
        return err_hint(err, "write it as 16/B374D848, as 2026-01-31T12:00:00.5Z (UTC), or as begin or now");
    }
    *ret = w;
    return true;
}

/* Whether the batch holds such a transaction; *lsn is moved over those before it. */
static bool look(const struct bus_batch *batch, int64_t time_us, uint64_t *lsn)
{
    for (size_t i = 0; i < batch->part_count; i++) {
        const struct bus_part *part = &batch->parts[i];
        if (part->txn.commit_time_us >= time_us) {
            *lsn = part->txn.lsn - 1;
            return true;
        }
        if (part->ends)
            *lsn = part->txn.lsn;
    }
    return false;
}

bool when_locate(const struct bus_config *bus, int64_t time_us, uint64_t *ret_lsn, struct err *err)
{
    enum { STILL_US = 60 * 1000 * 1000 };
    struct bus_read_limits limits = {2000, 1 << 20, 200};
    struct bus_progress end;
    struct bus_reader *reader;
    struct bus_batch batch;
    uint64_t lsn;
    if (!bus_progress_get(bus, &end, err) || !bus_position_at(bus, time_us, &lsn, err))
        return false;
    if (!end.found || lsn >= end.lsn) {
        *ret_lsn = lsn;
        return true;
    }
    if (!bus_reader_open(bus, NULL, NULL, 0, lsn, &reader, err))
        return false;
    bus_batch_init(&batch);
    bool ok = true, found = false;
    int64_t moved_us = mono_us();
    while (ok && !found && (lsn < end.lsn)) {
        ok = bus_reader_fetch(reader, &limits, &batch, err);
        found = ok && look(&batch, time_us, &lsn);
        bool ends = batch.part_count == 0 || batch.parts[batch.part_count - 1].ends;
        if (ok && !found && ends && batch.progress.lsn > lsn)
            lsn = batch.progress.lsn;
        if (batch.part_count)
            moved_us = mono_us();
        if (ok && !found && mono_us() - moved_us > STILL_US)
            ok = err_again(err, ERR_TARGET, "the bus does not come to its own end");
    }
    bus_batch_free(&batch);
    bus_reader_close(reader);
    if (ok)
        *ret_lsn = lsn;
    return ok;
}
