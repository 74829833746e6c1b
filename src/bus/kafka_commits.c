// SPDX-License-Identifier: Apache-2.0
/* The commits topic read and searched; see kafka_commits.h. */
#include "bus/kafka_commits.h"

#include <stdio.h>

#include "base/log.h"

enum { GALLOP_START = 64, GALLOP_FACTOR = 8 };

static bool is_txn(const struct kafka_record *r) { return r->kind == KAFKA_COMMIT || r->kind == KAFKA_PART; }

bool kafka_commits_bounds(struct kafka_commits *c, struct err *err)
{
    return kafka_watermarks(&c->consumer->client, c->topic, 0, c->idle, &c->low, &c->high, err);
}

bool kafka_commits_open(struct kafka_commits *c, struct kafka_consumer *consumer, const struct bus_config *config,
                        const struct kafka_idle *idle, struct err *err)
{
    struct kafka_topic_meta meta;
    *c = (struct kafka_commits){.consumer = consumer, .idle = idle, .source = config->source};
    c->ordered = config->delivery && strcmp(config->delivery, "ordered") == 0;
    int n = snprintf(c->topic, sizeof c->topic, "%s.commits", config->prefix);
    if (n < 0 || (size_t)n >= sizeof c->topic)
        return err_set(err, ERR_CONFIG, "bus.prefix: longer than a topic's name can be");
    arena_init(&c->arena);
    if (!kafka_topic_meta(&consumer->client, c->topic, idle, &meta, err))
        return false;
    c->found = meta.found;
    if (meta.found && meta.partitions != 1) {
        err_set(err, ERR_CONFIG, "bus: topic %s has %d partitions, it must have one", c->topic, meta.partitions);
        return err_hint(err, "it was not made by Undam, or somebody added partitions: order is lost in it");
    }
    return !meta.found || kafka_commits_bounds(c, err);
}

void kafka_commits_free(struct kafka_commits *c) { arena_free(&c->arena); }

bool kafka_commits_seek(struct kafka_commits *c, int64_t offset, struct err *err)
{
    if (c->stream)
        return kafka_stream_seek(c->stream, offset, err);
    return kafka_stream_open(c->consumer, c->topic, 0, offset, &c->stream, err);
}

bool kafka_commits_parse(const struct kafka_received *m, const char *source, struct arena *arena,
                         struct kafka_entry *ret, struct err *err)
{
    struct kafka_entry entry = {.offset = m->offset, .time_ms = m->time_ms};
    if (m->key_null || !str_is(m->key, source)) {
        err_set(err, ERR_CONFIG, "bus: the commits topic has a record of source %.*s (offset %lld), not of %s",
                (int)(m->key.len > 64 ? 64 : m->key.len), m->key.data ? (const char *)m->key.data : "",
                (long long)m->offset, source);
        return err_hint(err, "a bus.prefix belongs to one source: give each source its own");
    }
    if (!kafka_record_parse(m->value, arena, &entry.record, err))
        return err_wrap(err, "offset %lld", (long long)m->offset);
    *ret = entry;
    return true;
}

static bool silent(struct kafka_commits *c, struct err *err)
{
    return kafka_fail(&c->consumer->client, "cannot read the commits topic", RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, err);
}

bool kafka_commits_next(struct kafka_commits *c, int64_t to, struct arena *arena, struct kafka_entry *ret,
                        bool *ret_there, struct err *err)
{
    struct kafka_received m;
    bool there;
    int64_t deadline = mono_us() + (int64_t)KAFKA_ADMIN_MS * 1000;
    kafka_consumer_serve(c->consumer);
    while (c->stream->next < to) {
        if (!kafka_stream_peek(c->stream, &m, &there, err))
            return false;
        if (!there && c->stream->end >= to)
            break;
        if (there && m.offset >= to)
            break;
        if (there) {
            bool good = kafka_commits_parse(&m, c->source, arena, ret, err);
            *ret_there = true;
            kafka_stream_pop(c->stream);
            return good;
        }
        if (mono_us() > deadline)
            return silent(c, err);
        kafka_consumer_wait(c->consumer, KAFKA_SLICE_MS);
        kafka_idle(c->idle);
    }
    *ret_there = false;
    return true;
}

/* ---- searching ---- */

/* What is looked for: the first transaction past a point, which is an LSN or a commit time. */
struct point {
    bool by_time;
    uint64_t lsn;
    int64_t time_us;
};

enum side { BEFORE, PAST, UNTOLD };

static enum side side_of(const struct point *p, const struct kafka_record *r)
{
    if (is_txn(r))
        return (p->by_time ? r->txn.commit_time_us >= p->time_us : r->lsn > p->lsn) ? PAST : BEFORE;
    /* All that follow it are past its own position. */
    return !p->by_time && r->lsn >= p->lsn ? PAST : UNTOLD;
}

/* The first record of [from, to) that tells. */
static bool probe(struct kafka_commits *c, const struct point *p, int64_t from, int64_t to, struct kafka_entry *ret,
                  enum side *ret_side, struct err *err)
{
    bool there;
    *ret_side = UNTOLD;
    if (!kafka_commits_seek(c, from, err))
        return false;
    do {
        arena_reset(&c->arena);
        if (!kafka_commits_next(c, to, &c->arena, ret, &there, err))
            return false;
        if (there)
            *ret_side = side_of(p, &ret->record);
    } while (there && *ret_side == UNTOLD);
    return true;
}

/* [lo, hi): before lo all are BEFORE, from hi on the first that tells is PAST. */
struct bracket {
    int64_t lo, hi;
    struct kafka_place place;
};

static bool narrow(struct kafka_commits *c, const struct point *p, int64_t at, struct bracket *b, struct err *err)
{
    struct kafka_entry e;
    enum side side;
    if (!probe(c, p, at, b->hi, &e, &side, err))
        return false;
    if (side != BEFORE) {
        b->hi = at;
        return true;
    }
    b->lo = e.offset + 1;
    b->place.time_ms = e.time_ms;
    if (e.record.kind == KAFKA_COMMIT) {
        b->place.lsn = e.record.lsn;
        b->place.durable_lsn = e.record.durable_lsn;
    }
    return true;
}

static bool find(struct kafka_commits *c, const struct point *p, int64_t low, int64_t high, struct kafka_place *ret,
                 struct err *err)
{
    struct bracket b = {.lo = low, .hi = high};
    for (int64_t step = GALLOP_START; b.lo == low && b.hi > low; step *= GALLOP_FACTOR) /* most want the end */
        if (!narrow(c, p, b.hi - low > step ? b.hi - step : low, &b, err))
            return false;
    while (b.lo < b.hi)
        if (!narrow(c, p, b.lo + (b.hi - b.lo) / 2, &b, err))
            return false;
    b.place.offset = b.lo;
    *ret = b.place;
    return true;
}

/* In ordered delivery a writer that opens may repeat what follows the durable LSN of its records, and so may one that
 * was replaced and has not noticed: about that LSN the order of records holds. */
bool kafka_commits_find(struct kafka_commits *c, uint64_t lsn, struct kafka_place *ret, struct err *err)
{
    struct point p = {.lsn = lsn};
    if (!find(c, &p, c->low, c->high, ret, err))
        return false;
    if (!c->ordered || ret->lsn == 0 || ret->durable_lsn >= lsn)
        return true;
    p.lsn = ret->durable_lsn;
    return find(c, &p, c->low, c->high, ret, err);
}

bool kafka_commits_find_time(struct kafka_commits *c, int64_t time_us, struct kafka_place *ret, struct err *err)
{
    struct point p = {.by_time = true, .time_us = time_us};
    return find(c, &p, c->low, c->high, ret, err);
}

/* The first records before any transaction: the LSN of the first that has one. When records before them are gone, a
 * transaction that comes first stands for itself: whoever had it can go on. */
bool kafka_commits_floor(struct kafka_commits *c, uint64_t *ret_lsn, struct err *err)
{
    struct kafka_entry e;
    bool there;
    *ret_lsn = 0;
    if (!kafka_commits_seek(c, c->low, err))
        return false;
    for (;;) {
        arena_reset(&c->arena);
        if (!kafka_commits_next(c, c->high, &c->arena, &e, &there, err))
            return false;
        if (there && is_txn(&e.record) && c->low > 0)
            *ret_lsn = e.record.lsn;
        if (!there || is_txn(&e.record))
            return true;
        *ret_lsn = e.record.lsn;
        if (*ret_lsn > 0)
            return true;
    }
}
