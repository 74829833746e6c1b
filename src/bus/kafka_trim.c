// SPDX-License-Identifier: Apache-2.0
/*
 * Retention of the commits topic. Kafka's own would forget the position of a source that is quiet for a week, so the
 * topic keeps all, and the writer deletes what is past retention and needed by no event that is still there: brokers
 * delete by segments, so events live longer than their time, and readers need their commit records.
 * What is always kept: everything from the last record with totals on.
 */
#include "base/log.h"
#include "bus/kafka_topics.h"
#include "bus/kafka_writer.h"

enum { HOUR_MS = 3600 * 1000 };

struct trimming {
    struct kafka *k;
    const struct kafka_idle *idle;
    struct kafka_at *at; /* every partition of every topic */
    int64_t *first;      /* offset of its first event; -1: it has none */
    size_t count;
};

static bool first_offsets(struct kafka_writer *w, struct trimming *t, struct err *err)
{
    size_t partitions = (size_t)w->config.partitions;
    t->count = w->topic_count * partitions;
    t->at = xcalloc(t->count + 1, sizeof *t->at);
    t->first = xcalloc(t->count + 1, sizeof *t->first);
    for (size_t i = 0; i < t->count; i++)
        t->at[i] = (struct kafka_at){.topic = w->topics[i / partitions]->name, .partition = (int32_t)(i % partitions)};
    if (t->count && !kafka_offsets_for_time(t->k, t->at, t->count, 0, t->idle, err))
        return false;
    for (size_t i = 0; i < t->count; i++)
        t->first[i] = t->at[i].offset;
    return true;
}

/* *ret: no event that is still there is older than time_ms. */
static bool none_older(struct trimming *t, int64_t time_ms, bool *ret, struct err *err)
{
    bool none = true;
    if (t->count && !kafka_offsets_for_time(t->k, t->at, t->count, time_ms, t->idle, err))
        return false;
    for (size_t i = 0; i < t->count && none; i++)
        none = t->first[i] < 0 || (t->at[i].offset >= 0 && t->at[i].offset <= t->first[i]);
    *ret = none;
    return true;
}

/* The latest hour, from `oldest` to `newest`, before which no event is left. */
static bool cut_time(struct trimming *t, int64_t oldest, int64_t newest, int64_t *ret, struct err *err)
{
    bool good;
    if (!none_older(t, newest, &good, err))
        return false;
    while (!good && newest - oldest > HOUR_MS) {
        int64_t middle = oldest + (newest - oldest) / 2;
        bool none;
        if (!none_older(t, middle, &none, err))
            return false;
        if (none)
            oldest = middle;
        else
            newest = middle;
    }
    *ret = good ? newest : oldest;
    return true;
}

/* The commits' own offsets: where retention ends, and where they begin. */
static bool trim_to(struct kafka_writer *w, struct trimming *t, int64_t limit_ms, struct err *err)
{
    enum { YEARS_MS_BACK = 2 };
    struct kafka_at commits = {.topic = w->commits_name, .partition = 0};
    int64_t low, high, cut, begin = limit_ms - YEARS_MS_BACK * (int64_t)365 * 24 * HOUR_MS;
    if (!kafka_watermarks(t->k, w->commits_name, 0, t->idle, &low, &high, err) ||
        !kafka_offsets_for_time(t->k, &commits, 1, limit_ms, t->idle, err))
        return false;
    if (commits.offset >= 0 && commits.offset <= low)
        return true; /* nothing is past retention, which is the usual case */
    if (!first_offsets(w, t, err) || !cut_time(t, begin, limit_ms, &cut, err) ||
        !kafka_offsets_for_time(t->k, &commits, 1, cut, t->idle, err))
        return false;
    if (commits.offset <= low)
        return true;
    /* The record with totals that we have just written is younger than any cut. */
    return kafka_delete_before(t->k, w->commits_name, 0, commits.offset, t->idle, err);
}

bool kafka_writer_trim(struct kafka_writer *w, bool restate, struct err *err)
{
    struct trimming t = {.k = kafka_writer_admin(w), .idle = &w->idle};
    int64_t retention = kafka_retention_ms(&w->config);
    w->trim_due_us = mono_us() + (int64_t)HOUR_MS * 1000;
    if (retention < 0)
        return true;
    struct kafka_producer *p = w->ordered ? &w->main : &w->aux;
    if (restate && !(kafka_writer_state(w, KAFKA_QUIET, !w->ordered, err) && kafka_producer_flush(p, err)))
        return false;
    w->stamped = false;
    /* Not being allowed to delete, or a broker that is away now, is no reason to stop: it is tried again. */
    struct err later;
    if (!trim_to(w, &t, w->newest_ms - retention, &later))
        log_event(LOG_DEBUG, "commits_not_trimmed", "error=%s", later.text);
    free(t.at);
    free(t.first);
    return true;
}
