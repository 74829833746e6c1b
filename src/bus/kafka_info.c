// SPDX-License-Identifier: Apache-2.0
/* What operators are told of a log on Kafka: progress, floor, totals, and a position by time. */
#include <stdio.h>

#include "base/log.h"
#include "bus/kafka.h"
#include "bus/kafka_commits.h"
#include "bus/kafka_tail.h"

bool kafka_bus_progress(const struct bus_config *config, struct bus_progress *ret, struct err *err)
{
    struct kafka_tail tail;
    if (!kafka_tail_read(config, NULL, &tail, err))
        return false;
    *ret = tail.progress;
    ret->found = tail.found;
    kafka_tail_free(&tail);
    return true;
}

/* ---- the floor ---- */

/* An open log, for questions. */
struct asking {
    struct kafka_consumer consumer;
    struct kafka_commits commits;
};

static bool asking_open(struct asking *a, const struct bus_config *config, struct err *err)
{
    const struct kafka_consumer_config settings = {.kafka = kafka_config_of(config)};
    a->commits.topic[0] = '\0';
    return kafka_consumer_open(&a->consumer, &settings, err) &&
           kafka_commits_open(&a->commits, &a->consumer, config, NULL, err);
}

static void asking_close(struct asking *a)
{
    if (a->commits.topic[0])
        kafka_commits_free(&a->commits);
    kafka_consumer_close(&a->consumer);
}

/* What a partition whose front is gone begins with. */
struct front {
    uint64_t lsn;    /* of its first event; 0: it holds none */
    uint64_t events; /* of that transaction in a row */
};

static bool front_message(struct kafka_stream *s, const struct kafka_received *m, struct front *f, bool *ret_more,
                          struct err *err)
{
    uint64_t lsn;
    if (!lsn_parse(kafka_received_header(m, "undam_lsn"), &lsn))
        return err_set(err, ERR_DATA, "topic %s partition %d: a message without header undam_lsn", s->topic,
                       s->partition);
    if (f->lsn == 0)
        f->lsn = lsn;
    *ret_more = lsn == f->lsn;
    f->events += *ret_more;
    return true;
}

static bool read_front(struct asking *a, const char *topic, int32_t partition, int64_t low, int64_t high,
                       struct front *ret, struct err *err)
{
    struct kafka_stream *s;
    struct kafka_received m;
    bool there, more = true;
    int64_t deadline = mono_us() + (int64_t)KAFKA_ADMIN_MS * 1000;
    *ret = (struct front){.lsn = 0};
    bool good = kafka_stream_open(&a->consumer, topic, partition, low, &s, err);
    if (!good)
        return false;
    while (good && more && s->next < high && s->end < high) {
        good = kafka_stream_peek(s, &m, &there, err);
        if (good && there) {
            good = front_message(s, &m, ret, &more, err);
            kafka_stream_pop(s);
        } else if (good && mono_us() > deadline) {
            good = kafka_fail(&a->consumer.client, "cannot read", RD_KAFKA_RESP_ERR__TIMED_OUT, topic, err);
        } else if (good && s->end < high) {
            kafka_consumer_wait(&a->consumer, KAFKA_SLICE_MS);
        }
    }
    kafka_stream_close(s);
    return good;
}

/* How many events of the transaction its records count in the partition; from where the records were found. */
static bool counted_events(struct asking *a, const struct kafka_place *place, uint64_t lsn, const char *topic,
                           int32_t partition, uint64_t *ret, struct err *err)
{
    struct arena arena;
    struct kafka_entry e;
    bool there = true, good = kafka_commits_seek(&a->commits, place->offset, err);
    arena_init(&arena);
    *ret = 0;
    while (good && there) {
        arena_reset(&arena);
        good = kafka_commits_next(&a->commits, a->commits.high, &arena, &e, &there, err);
        if (!good || !there || e.record.lsn > lsn)
            break;
        for (size_t i = 0; e.record.lsn == lsn && i < e.record.count_count; i++)
            if (e.record.counts[i].partition == partition && str_is(e.record.counts[i].topic, topic))
                *ret += e.record.counts[i].events;
        if (e.record.kind == KAFKA_COMMIT && e.record.lsn == lsn)
            break;
    }
    arena_free(&arena);
    return good;
}

/* Retention has taken events of this partition: up to which transaction? Where nothing is left to tell, up to
 * retention's own time. */
static bool partition_floor(struct asking *a, const struct bus_config *config, const char *topic, int32_t partition,
                            uint64_t *floor, struct err *err)
{
    int64_t low, high;
    struct front front;
    struct kafka_place place;
    uint64_t counted = 0;
    if (!kafka_watermarks(&a->consumer.client, topic, partition, NULL, &low, &high, err))
        return false;
    if (low == 0)
        return true;
    if (!read_front(a, topic, partition, low, high, &front, err))
        return false;
    bool good =
        front.lsn > 0
            ? kafka_commits_find(&a->commits, front.lsn - 1, &place, err) &&
                  counted_events(a, &place, front.lsn, topic, partition, &counted, err)
            : kafka_commits_find_time(&a->commits, now_us() - config->retention_days * 86400 * 1000000, &place, err);
    if (!good)
        return false;
    uint64_t lsn = front.events < counted ? front.lsn : place.lsn; /* cut in the middle of it */
    if (lsn > *floor)
        *floor = lsn;
    return true;
}

static bool find_floor(struct asking *a, const struct bus_config *config, const struct kafka_tail *tail, uint64_t *ret,
                       struct err *err)
{
    uint64_t floor;
    if (!kafka_commits_floor(&a->commits, &floor, err))
        return false;
    for (size_t i = 0; i < tail->total_count; i++) {
        CLEANUP(free_ptr)
        char *topic = xasprintf(STR_FMT, STR_ARG(tail->totals[i].topic));
        for (int32_t p = 0; p < tail->totals[i].partitions; p++)
            if (!partition_floor(a, config, topic, p, &floor, err))
                return false;
    }
    *ret = floor;
    return true;
}

/* ---- info ---- */

static void take_totals(struct bus_info *info, const struct kafka_tail *tail)
{
    info->topics = arena_calloc(&info->arena, tail->total_count + 1, sizeof *info->topics);
    info->topic_count = tail->total_count;
    for (size_t i = 0; i < tail->total_count; i++) {
        const struct kafka_topic_total *t = &tail->totals[i];
        info->topics[i] = (struct bus_topic_info){
            .name = str_n(arena_memdup(&info->arena, t->topic.data, t->topic.len), t->topic.len),
            .partitions = t->partitions,
            .events = t->events,
        };
    }
}

/* bytes stays 0: what topics take on disk is not among the questions that librdkafka can ask. */
bool kafka_bus_info(const struct bus_config *config, struct bus_info *ret, struct err *err)
{
    struct kafka_tail tail;
    struct asking a;
    struct bus_info info = {.floor_lsn = 0};
    if (!kafka_tail_read(config, NULL, &tail, err))
        return false;
    bool good = true;
    if (tail.found) {
        good = asking_open(&a, config, err) && find_floor(&a, config, &tail, &info.floor_lsn, err);
        asking_close(&a);
    }
    if (good) {
        info.progress = tail.progress;
        info.progress.found = tail.found;
        info.epoch = tail.epoch;
        info.events = tail.events;
        info.transactions = tail.transactions;
        arena_init(&info.arena);
        take_totals(&info, &tail);
        *ret = info;
    }
    kafka_tail_free(&tail);
    return good;
}

bool kafka_position_at(const struct bus_config *config, int64_t before_us, uint64_t *ret_lsn, struct err *err)
{
    struct asking a;
    struct kafka_place place = {.lsn = 0};
    uint64_t floor = 0;
    bool good = asking_open(&a, config, err);
    if (good && a.commits.found)
        good =
            kafka_commits_floor(&a.commits, &floor, err) && kafka_commits_find_time(&a.commits, before_us, &place, err);
    asking_close(&a);
    if (good)
        *ret_lsn = place.lsn > floor ? place.lsn : floor;
    return good;
}
