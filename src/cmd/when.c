// SPDX-License-Identifier: Apache-2.0
/* Places in the log from the command line; see when.h. */
#include "cmd/when.h"

#include <ctype.h>
#include <time.h>

#include "model/position.h"

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
