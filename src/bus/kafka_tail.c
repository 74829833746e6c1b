// SPDX-License-Identifier: Apache-2.0
/*
 * The end of a log; see kafka_tail.h. Records are read from further and further back, until they answer all questions:
 *  - totals by topic: an OPEN, or a QUIET with a transaction at or before its LSN (QUIETs come from a second producer,
 *    so transactions past a QUIET's LSN may stand before it)
 *  - what is unfinished: the last COMMIT
 *  - delivery ordered: a COMMIT at or before the last one's durable LSN
 */
#include "bus/kafka_tail.h"

#include <stdio.h>

#include "base/log.h"
#include "bus/kafka_commits.h"

enum { WINDOW = 256, WINDOW_FACTOR = 8 };

struct window {
    struct kafka_commits commits;
    struct kafka_entry *entries; /* malloc'ed; texts in the tail's arena */
    size_t count, capacity;
    struct kafka_tail *tail;
    const struct bus_config *config;
};

static bool is_state(const struct kafka_record *r) { return r->kind == KAFKA_OPEN || r->kind == KAFKA_QUIET; }

static bool read_from(struct window *w, int64_t from, struct err *err)
{
    bool there = true;
    w->count = 0;
    arena_reset(&w->tail->arena);
    if (!kafka_commits_seek(&w->commits, from, err))
        return false;
    while (there) {
        GROW(w->entries, w->count, w->capacity);
        if (!kafka_commits_next(&w->commits, w->commits.high, &w->tail->arena, &w->entries[w->count], &there, err))
            return false;
        w->count += there;
    }
    return true;
}

/* ---- what a window tells ---- */

static const struct kafka_record *last_commit(const struct window *w)
{
    for (size_t i = w->count; i > 0; i--)
        if (w->entries[i - 1].record.kind == KAFKA_COMMIT)
            return &w->entries[i - 1].record;
    return NULL;
}

/* The newest record with totals from which the rest can be counted. */
static const struct kafka_record *base_of(const struct window *w, bool whole)
{
    for (size_t i = w->count; i > 0; i--) {
        const struct kafka_record *r = &w->entries[i - 1].record;
        if (!is_state(r))
            continue;
        if (r->kind == KAFKA_OPEN || whole)
            return r;
        for (size_t k = 0; k < w->count; k++)
            if (!is_state(&w->entries[k].record) && w->entries[k].record.lsn <= r->lsn)
                return r;
    }
    return NULL;
}

static bool enough(const struct window *w)
{
    const struct kafka_record *last = last_commit(w);
    bool reaches = last && !w->commits.ordered;
    for (size_t i = 0; last && !reaches && i < w->count; i++)
        reaches = w->entries[i].record.kind == KAFKA_COMMIT && w->entries[i].record.lsn <= last->durable_lsn;
    return reaches && base_of(w, false);
}

static bool read_back(struct window *w, struct err *err)
{
    const struct kafka_commits *c = &w->commits;
    for (int64_t size = WINDOW;; size *= WINDOW_FACTOR) {
        int64_t from = c->high - c->low > size ? c->high - size : c->low;
        if (!read_from(w, from, err))
            return false;
        if (from == c->low || enough(w))
            return true;
    }
}

/* ---- progress ---- */

static struct position last_of(const struct kafka_tail *t, struct str topic, int32_t partition)
{
    for (size_t i = 0; i < t->last_count; i++)
        if (t->lasts[i].partition == partition && str_is(topic, t->lasts[i].topic))
            return t->lasts[i].pos;
    return (struct position){0, 0};
}

static bool is_whole(const struct kafka_tail *t, const struct kafka_record *commit)
{
    for (size_t i = 0; i < commit->count_count; i++) {
        struct position want = {commit->lsn, commit->counts[i].last_seq};
        if (position_cmp(last_of(t, commit->counts[i].topic, commit->counts[i].partition), want) < 0)
            return false;
    }
    return true;
}

static struct kafka_topic_total *total_of(struct kafka_tail *t, struct str topic)
{
    for (size_t i = 0; i < t->total_count; i++)
        if (str_eq(t->totals[i].topic, topic))
            return &t->totals[i];
    return NULL;
}

/* Every topic of the log, first as the base has it; those that are new since ask the cluster. */
static bool take_topics(struct window *w, const struct kafka_record *base, struct err *err)
{
    struct kafka_tail *t = w->tail;
    size_t capacity = base ? base->total_count : 0;
    for (size_t i = 0; i < w->count; i++)
        capacity += w->entries[i].record.count_count;
    t->totals = arena_calloc(&t->arena, capacity + 1, sizeof *t->totals);
    t->total_count = base ? base->total_count : 0;
    for (size_t i = 0; i < t->total_count; i++)
        t->totals[i] = base->totals[i];
    for (size_t i = 0; i < w->count; i++) {
        const struct kafka_record *r = &w->entries[i].record;
        for (size_t k = 0; k < r->count_count; k++) {
            struct kafka_topic_meta meta;
            if (total_of(t, r->counts[k].topic))
                continue;
            const char *name = arena_memdup(&t->arena, r->counts[k].topic.data, r->counts[k].topic.len);
            if (!kafka_topic_await(&w->commits.consumer->client, name, w->commits.idle, &meta, err))
                return false;
            if (!meta.found) {
                err_set(err, ERR_STATE, "bus: topic %s is gone, though the log has events in it", name);
                return err_hint(err, "somebody deleted it");
            }
            t->totals[t->total_count++] =
                (struct kafka_topic_total){str_n(name, r->counts[k].topic.len), meta.partitions, 0};
        }
    }
    return true;
}

/* The distinct events of one record, topic by topic. */
static void add_counts(struct kafka_tail *t, const struct kafka_record *r)
{
    for (size_t i = 0; i < r->count_count; i++) {
        const struct kafka_count *c = &r->counts[i];
        uint32_t truncated = c->truncated;
        for (size_t k = 0; k < i; k++) /* the same ones as in a partition before */
            if (str_eq(r->counts[k].topic, c->topic))
                truncated = 0;
        struct kafka_topic_total *total = total_of(t, c->topic);
        if (total)
            total->events += c->events - c->truncated + truncated;
    }
}

/* Goes over the transactions past the base's position in order, each once, up to what is whole. */
static void count(struct window *w, const struct kafka_record *base)
{
    struct kafka_tail *t = w->tail;
    struct bus_progress *p = &t->progress;
    const struct kafka_record *last = last_commit(w);
    uint64_t sure = last ? last->durable_lsn : 0, missing = UINT64_MAX;
    uint64_t counted = base ? base->lsn : 0;
    if (base) {
        p->lsn = base->lsn;
        p->commit_time_us = base->commit_time_us;
        t->transactions = base->transactions;
        t->events = base->events;
    }
    for (size_t i = 0; i < w->count; i++) {
        const struct kafka_record *r = &w->entries[i].record;
        if (is_state(r) || r->lsn <= counted || r->lsn >= missing)
            continue;
        if (w->commits.ordered && r->lsn > sure && !is_whole(t, r)) {
            missing = r->lsn;
            continue;
        }
        if (r->kind == KAFKA_PART && (!last || r->lsn > last->lsn))
            continue; /* unfinished: not of the log yet */
        add_counts(t, r);
        if (r->kind == KAFKA_PART)
            continue;
        counted = r->lsn;
        p->lsn = r->lsn;
        p->commit_time_us = r->txn.commit_time_us;
        t->transactions = r->transactions;
        t->events = r->events;
    }
    for (size_t i = 0; i < w->count; i++) { /* what was quiet after that */
        const struct kafka_record *r = &w->entries[i].record;
        if (!is_state(r) || r->lsn >= missing)
            continue;
        if (r->lsn > p->lsn)
            p->lsn = r->lsn;
        if (r->watermark_us > p->watermark_us)
            p->watermark_us = r->watermark_us;
    }
}

/* ---- what is unfinished ---- */

static void add_part(struct kafka_tail *t, const struct kafka_record *r)
{
    for (size_t i = 0; i < r->count_count; i++) {
        const struct kafka_count *c = &r->counts[i];
        size_t k = 0;
        while (k < t->count_count && (t->counts[k].partition != c->partition || !str_eq(t->counts[k].topic, c->topic)))
            k++;
        if (k == t->count_count) {
            t->counts[t->count_count++] = *c;
            continue;
        }
        t->counts[k].events += c->events;
        t->counts[k].truncated += c->truncated;
        t->counts[k].last_seq = c->last_seq;
        t->counts[k].hash += c->hash;
    }
}

static void take_parts(struct window *w)
{
    struct kafka_tail *t = w->tail;
    const struct kafka_record *last = last_commit(w);
    size_t capacity = 0;
    for (size_t i = 0; i < w->count; i++)
        capacity += w->entries[i].record.kind == KAFKA_PART ? w->entries[i].record.count_count : 0;
    t->counts = arena_calloc(&t->arena, capacity + 1, sizeof *t->counts);
    for (size_t i = 0; i < w->count; i++) {
        const struct kafka_record *r = &w->entries[i].record;
        if (r->kind != KAFKA_PART || (last && r->lsn <= last->lsn))
            continue;
        t->unfinished = true;
        t->part = r->txn;
        t->through_seq = r->through_seq;
        add_part(t, r);
    }
}

/* ---- delivery ordered: the last event of each partition ---- */

static bool take_lasts(struct window *w, struct err *err)
{
    struct kafka_tail *t = w->tail;
    size_t n = 0;
    for (size_t i = 0; i < t->total_count; i++)
        n += (size_t)t->totals[i].partitions;
    t->lasts = arena_calloc(&t->arena, n + 1, sizeof *t->lasts);
    for (size_t i = 0; i < t->total_count; i++) {
        const char *topic = arena_memdup(&t->arena, t->totals[i].topic.data, t->totals[i].topic.len);
        for (int32_t p = 0; p < t->totals[i].partitions; p++)
            t->lasts[t->last_count++] = (struct kafka_last){.topic = topic, .partition = p};
    }
    return kafka_lasts_read(w->commits.consumer, w->config->source, w->commits.idle, t->lasts, t->last_count, err);
}

/* ---- all of it ---- */

static bool nothing_left(const struct window *w, struct err *err)
{
    err_set(err, ERR_STATE, "bus: topic %s holds nothing any more (it ended at offset %lld)", w->commits.topic,
            (long long)w->commits.high);
    return err_hint(err, "somebody deleted its records, or its retention is not unlimited: how far the log was is not "
                         "known any more. Take another bus.prefix and rebuild the read models");
}

static bool take_window(struct window *w, struct err *err)
{
    struct kafka_tail *t = w->tail;
    if (!read_back(w, err))
        return false;
    if (w->count == 0) /* only what was aborted, or never anything: but was something deleted? */
        return w->commits.low == 0 || nothing_left(w, err);
    const struct kafka_record *base = base_of(w, w->commits.low == w->entries[0].offset || !enough(w));
    if (!take_topics(w, base, err) || (w->commits.ordered && !take_lasts(w, err)))
        return false;
    t->found = true;
    for (size_t i = 0; i < w->count; i++) {
        const struct kafka_record *r = &w->entries[i].record;
        if (is_state(r))
            t->progress.lineage = r->lineage;
        if (r->epoch > t->epoch)
            t->epoch = r->epoch;
        if (w->entries[i].time_ms > t->newest_ms)
            t->newest_ms = w->entries[i].time_ms;
    }
    const struct kafka_record *last = last_commit(w);
    t->committed_lsn = last ? last->lsn : 0;
    count(w, base);
    if (!w->commits.ordered)
        take_parts(w);
    t->progress.found = t->progress.lsn > 0 || last;
    return true;
}

bool kafka_tail_read(const struct bus_config *config, const struct kafka_idle *idle, struct kafka_tail *ret,
                     struct err *err)
{
    struct kafka_consumer consumer;
    const struct kafka_consumer_config settings = {.kafka = {config->dsn, config->properties}};
    struct kafka_tail tail = {.found = false};
    struct window w = {.tail = &tail, .config = config};
    if (!kafka_consumer_open(&consumer, &settings, err))
        return false;
    arena_init(&tail.arena);
    bool good =
        kafka_commits_open(&w.commits, &consumer, config, idle, err) && (!w.commits.found || take_window(&w, err));
    tail.topic = w.commits.found;
    kafka_commits_free(&w.commits);
    kafka_consumer_close(&consumer);
    free(w.entries);
    if (good)
        *ret = tail;
    else
        kafka_tail_free(&tail);
    return good;
}

void kafka_tail_free(struct kafka_tail *tail) { arena_free(&tail->arena); }
