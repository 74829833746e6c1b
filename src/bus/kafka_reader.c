// SPDX-License-Identifier: Apache-2.0
/* The kafka driver's reader: opening, fetching, progress and waiting; see kafka_reader.h. */
#include "bus/kafka_reader.h"

#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "bus/kafka_tail.h"

enum {
    QUEUES_BYTES = 32 << 20, /* of all partitions together, about */
    QUEUE_BYTES_MIN = 512 << 10,
    QUEUE_BYTES_MAX = 8 << 20,
    HINT_US = 1000 * 1000, /* how often the group is told */
    LOOK_US = 2 * 1000 * 1000,
    SYNC_US = 15 * 1000 * 1000, /* how long what is known to be there may take to come */
    SLICE_MS = 500,
    SETTLE_US =
        200 * 1000, /* how long the rest of a begun transaction is waited for before a part of it is handed out */
};

static struct kafka_reader *self(struct bus_reader *r) { return (struct kafka_reader *)r; }

static bool die(struct kafka_reader *r)
{
    r->dead = true;
    return false;
}

bool kafka_reader_lost(struct kafka_reader *r, struct err *err)
{
    char lsn[LSN_TEXT_SIZE];
    err_set(err, ERR_STATE, "bus: the log of source %s does not hold all that follows %s any more", r->config.source,
            lsn_format(r->position, lsn));
    return err_hint(err,
                    "what lies between is gone (bus.retention_days, or somebody deleted records): rebuild the read "
                    "model");
}

/* ---- opening ---- */

static bool not_there(const char *source, struct err *err)
{
    err_again(err, ERR_TARGET, "bus: there is no log of source %s yet", source);
    return err_hint(err, "start undam relay, which creates it");
}

static const char *keep(struct kafka_reader *r, const char *s) { return s ? arena_strdup(&r->arena, s) : NULL; }

static void keep_config(struct kafka_reader *r, const struct bus_config *config)
{
    r->config = *config;
    r->config.dsn = keep(r, config->dsn);
    r->config.source = keep(r, config->source);
    r->config.prefix = keep(r, config->prefix);
    r->config.delivery = keep(r, config->delivery);
    r->config.properties = keep(r, config->properties);
    r->config.reader = keep(r, config->reader);
}

/* A share of QUEUES_BYTES for each partition that will be read. */
static int64_t queue_bytes(const struct kafka_reader *r, const struct kafka_tail *tail)
{
    int64_t n = 1;
    for (size_t i = 0; i < tail->total_count; i++) {
        bool wanted = r->asked_count == 0;
        for (size_t k = 0; k < r->asked_count; k++)
            wanted |= str_eq(r->asked[k], tail->totals[i].topic);
        n += wanted ? tail->totals[i].partitions : 0;
    }
    int64_t share = QUEUES_BYTES / n;
    if (share < QUEUE_BYTES_MIN)
        return QUEUE_BYTES_MIN;
    return share > QUEUE_BYTES_MAX ? QUEUE_BYTES_MAX : share;
}

static bool consumer_start(struct kafka_reader *r, const struct kafka_tail *tail, struct err *err)
{
    const struct bus_config *c = &r->config;
    struct kafka_consumer_config settings = {.kafka = kafka_config_of(c), .queue_bytes = queue_bytes(r, tail)};
    if (c->reader && *c->reader)
        settings.group = arena_printf(&r->arena, "%s.%s", c->prefix, c->reader);
    return kafka_consumer_open(&r->consumer, &settings, err) &&
           kafka_commits_open(&r->commits, &r->consumer, c, NULL, err) &&
           (r->commits.found || not_there(c->source, err));
}

static bool start(struct kafka_reader *r, const struct lineage *lineage, const struct kafka_tail *tail, struct err *err)
{
    uint64_t floor;
    if (!tail->found)
        return not_there(r->config.source, err);
    r->lineage = tail->progress.lineage;
    if (lineage && !lineage_eq(lineage, &r->lineage))
        return bus_lineage_refuse(r->config.source, &r->lineage, lineage, err);
    if (!consumer_start(r, tail, err) || !kafka_commits_floor(&r->commits, &floor, err))
        return false;
    if (r->after < floor)
        return bus_floor_refuse(r->config.source, r->after, floor, err);
    /* An older watermark holds for every later position. */
    if (tail->progress.lsn <= r->after)
        r->watermark_us = tail->progress.watermark_us;
    return kafka_commits_find(&r->commits, r->after, &r->place, err);
}

/* Lineage, topics and watermark are all that is wanted here: not where each partition ends in ordered delivery. */
static bool tail_of(const struct bus_config *config, struct kafka_tail *ret, struct err *err)
{
    struct bus_config plain = *config;
    plain.delivery = NULL;
    return kafka_tail_read(&plain, NULL, ret, err);
}

/* Known topics are assigned at once, so that their first events do not wait for it. Not before the first fetch: what
 * librdkafka had fetched then would hide that retention has taken it meanwhile. */
static bool assign(struct kafka_reader *r, struct err *err)
{
    struct kafka_tail tail;
    if (!tail_of(&r->config, &tail, err))
        return false;
    bool good = kafka_commits_seek(&r->commits, r->place.offset, err) &&
                kafka_reader_assign(r, tail.totals, tail.total_count, err);
    kafka_tail_free(&tail);
    r->assigned = good;
    return good;
}

bool kafka_reader_open(const struct bus_config *config, const struct lineage *lineage, const char *const *topics,
                       size_t topic_count, uint64_t after, struct bus_reader **ret, struct err *err)
{
    struct kafka_reader *r = xcalloc(1, sizeof *r);
    struct kafka_tail tail;
    r->base.driver = &bus_kafka;
    arena_init(&r->arena);
    arena_init(&r->record_arena);
    keep_config(r, config);
    r->after = r->position = r->commit_lsn = after;
    r->asked = arena_calloc(&r->arena, topic_count + 1, sizeof *r->asked);
    for (size_t i = 0; i < topic_count; i++)
        r->asked[r->asked_count++] = str_of(arena_strdup(&r->arena, topics[i]));
    bool good = tail_of(config, &tail, err);
    if (good) {
        good = start(r, lineage, &tail, err);
        kafka_tail_free(&tail);
    }
    if (!good) {
        kafka_reader_close(&r->base);
        return false;
    }
    *ret = &r->base;
    return true;
}

void kafka_reader_close(struct bus_reader *base)
{
    struct kafka_reader *r = self(base);
    for (size_t i = 0; i < r->topic_count; i++)
        for (int32_t p = 0; r->topics[i]->open && p < r->topics[i]->partition_count; p++)
            arena_free(&r->topics[i]->partitions[p].arena);
    kafka_commits_free(&r->commits);
    kafka_consumer_close(&r->consumer);
    free(r->topics);
    free(r->entries);
    free(r->needs);
    arena_free(&r->record_arena);
    arena_free(&r->arena);
    free(r);
}

int kafka_reader_fd(const struct bus_reader *base) { return ((const struct kafka_reader *)base)->consumer.fd; }

/* ---- progress ---- */

static void tell_progress(struct kafka_reader *r, struct bus_batch *batch)
{
    batch->progress = (struct bus_progress){.found = true,
                                            .lineage = r->lineage,
                                            .lsn = r->position,
                                            .commit_time_us = r->commit_time_us,
                                            .watermark_us = r->watermark_us};
}

static bool is_news(struct kafka_reader *r, const struct bus_batch *batch)
{
    bool news = batch->part_count > 0 || batch->progress.lsn != r->shown.lsn ||
                batch->progress.watermark_us != r->shown.watermark_us;
    r->shown = batch->progress;
    return news;
}

/* For lag tools; our own position is in the read model. */
static void hint(struct kafka_reader *r)
{
    struct kafka_consumer *c = &r->consumer;
    int64_t now = mono_us();
    if (!r->config.reader || !*r->config.reader || now - r->hinted_us < HINT_US)
        return;
    r->hinted_us = now;
    int64_t *offsets = xcalloc(c->stream_count + 1, sizeof *offsets);
    for (size_t i = 0; i < c->stream_count; i++)
        offsets[i] = c->streams[i]->next;
    kafka_consumer_hint(c, c->streams, offsets, c->stream_count);
    free(offsets);
}

/* ---- fetching ---- */

enum { LATEST = -1 };

struct fetching {
    struct kafka_fill fill;
    int64_t deadline_us;
    bool sync;      /* all that was there when the call began must be found: */
    int64_t target; /* the commits topic's end then */
    int64_t patience_us;
    const struct kafka_stream *asked; /* delivery ordered: of this one, the end was asked for since: */
    int64_t asked_end;
};

static bool sync_begin(struct kafka_reader *r, struct fetching *f, int wait_ms, struct err *err)
{
    f->sync = wait_ms == 0;
    f->patience_us = mono_us() + (f->sync ? SYNC_US : SETTLE_US);
    if (!f->sync || kafka_reader_ready(r))
        return true;
    struct kafka_at end = {.topic = r->commits.topic};
    if (!kafka_offsets_for_time(&r->consumer.client, &end, 1, LATEST, NULL, err))
        return false;
    f->target = end.offset;
    return true;
}

/* Delivery ordered: a commit record may be there without its events, and whoever wrote it be dead. What is not there at
 * the end of the partition, asked for after the call began, was not durable then. */
static bool unwritten(struct kafka_reader *r, struct fetching *f, bool *ret, struct err *err)
{
    const struct kafka_stream *s = r->blocked_on;
    int64_t low;
    *ret = false;
    if (!r->commits.ordered)
        return true;
    if (s && s != f->asked) {
        if (!kafka_watermarks(&r->consumer.client, s->topic, s->partition, NULL, &low, &f->asked_end, err))
            return false;
        f->asked = s;
    }
    *ret = !s || s->next >= f->asked_end || s->end >= f->asked_end;
    return true;
}

/* Delivery exactly-once: what a commit record counts was there before it. A partition that has nothing left has lost it
 * to retention, and waiting would not end. */
static bool look_lost(struct kafka_reader *r, struct err *err)
{
    const struct kafka_stream *s = r->blocked_on;
    int64_t low, high, now = mono_us();
    if (!r->blocked || r->commits.ordered || !s) {
        r->look_us = 0;
        return true;
    }
    if (r->look_us == 0)
        r->look_us = now + LOOK_US / 10;
    if (now < r->look_us)
        return true;
    r->look_us = now + LOOK_US;
    if (!kafka_watermarks(&r->consumer.client, s->topic, s->partition, NULL, &low, &high, err))
        return false;
    return low == 0 || low < high || kafka_reader_lost(r, err);
}

static bool synced(struct kafka_reader *r, struct fetching *f, bool *ret, struct err *err)
{
    const struct kafka_stream *s = r->commits.stream;
    if (r->blocked)
        return unwritten(r, f, ret, err);
    *ret = s->next >= f->target || s->end >= f->target;
    return true;
}

/* With what was waited for: a partition whose leader is away, most likely. */
static bool sync_late(struct kafka_reader *r, struct err *err)
{
    const struct kafka_stream *s = r->blocked && r->blocked_on ? r->blocked_on : r->commits.stream;
    char doing[400];
    snprintf(doing, sizeof doing, "cannot read topic %s partition %d from offset %lld", s->topic, s->partition,
             (long long)s->next);
    return kafka_fail(&r->consumer.client, doing, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, err);
}

/* What the batch has is to be handed out as it is. The rest of a transaction that was begun in it is on its way: it is
 * waited for a little, for parts are dear to whoever applies them. */
static bool presentable(const struct kafka_reader *r, const struct fetching *f)
{
    return f->fill.out.batch->part_count > 0 && !(r->open && r->blocked && mono_us() < f->patience_us);
}

static bool fetch_loop(struct kafka_reader *r, struct fetching *f, struct err *err)
{
    struct bus_batch *batch = f->fill.out.batch;
    for (;;) {
        kafka_consumer_serve(&r->consumer);
        if (!kafka_reader_pull(r, err) || !kafka_fill_more(&f->fill, err))
            return false;
        tell_progress(r, batch);
        bool done = true;
        if (!look_lost(r, err) || (f->sync && !synced(r, f, &done, err)))
            return false;
        int64_t now = mono_us(), until = f->deadline_us;
        bool settling = batch->part_count > 0, waits = settling || !done;
        if (presentable(r, f) || (!waits && is_news(r, batch)))
            return true;
        if (waits)
            until = f->patience_us;
        if (now >= until)
            return !(waits && !settling) || sync_late(r, err);
        int64_t ms = (until - now + 999) / 1000;
        kafka_consumer_wait(&r->consumer, ms > SLICE_MS ? SLICE_MS : (int)ms);
    }
}

bool kafka_reader_fetch(struct bus_reader *base, const struct bus_read_limits *limits, struct bus_batch *batch,
                        struct err *err)
{
    struct kafka_reader *r = self(base);
    struct fetching f = {.deadline_us = mono_us() + (int64_t)limits->wait_ms * 1000};
    if (r->dead)
        return err_set(err, ERR_INTERNAL, "bus: the reader is used after an error");
    if (!r->assigned && !assign(r, err))
        return die(r);
    kafka_fill_begin(&f.fill, r, limits, batch);
    bool good = sync_begin(r, &f, limits->wait_ms, err) && fetch_loop(r, &f, err);
    kafka_fill_end(&f.fill);
    if (!good) /* brokers that are away for longer leave the reader as it was */
        return err && err->retriable && batch->part_count == 0 ? false : die(r);
    tell_progress(r, batch);
    (void)is_news(r, batch);
    hint(r);
    return true;
}
