// SPDX-License-Identifier: Apache-2.0
/* The last event of each partition; see kafka_lasts.h. */
#include "bus/kafka_lasts.h"

#include "base/log.h"
#include "bus/kafka.h"
#include "bus/kafka_record.h"
#include "link/kafka/admin.h"

enum { BACK_FACTOR = 8 };

struct reading {
    struct kafka_consumer *consumer;
    const char *source;
    const struct kafka_idle *idle;
};

static bool position_of(const struct reading *r, const struct kafka_received *m, struct position *ret, struct err *err)
{
    struct kafka_header headers[KAFKA_STREAM_HEADERS_MAX];
    struct str lsn = kafka_received_header(m, "undam_lsn");
    size_t count;
    uint64_t seq;
    *ret = (struct position){0, 0};
    if (!lsn.data)
        return true;
    if (!kafka_received_headers(m, headers, &count, err) || !kafka_source_check(r->source, headers, count, err))
        return false;
    if (!lsn_parse(lsn, &ret->lsn) || !str_to_u64(kafka_received_header(m, "undam_seq"), &seq) || seq > UINT32_MAX)
        return err_set(err, ERR_DATA, "a message without headers undam_lsn and undam_seq");
    ret->seq = (uint32_t)seq;
    return true;
}

/* The last message of [from, high). */
static bool last_message(const struct reading *r, struct kafka_stream *s, int64_t high, struct position *ret,
                         bool *ret_any, struct err *err)
{
    struct kafka_received m;
    bool there;
    int64_t deadline = mono_us() + (int64_t)KAFKA_ADMIN_MS * 1000;
    *ret_any = false;
    while (s->next < high) {
        if (!kafka_stream_peek(s, &m, &there, err))
            return false;
        if (there) {
            if (m.offset >= high)
                return true;
            if (!position_of(r, &m, ret, err))
                return err_wrap(err, "bus: topic %s partition %d offset %lld", s->topic, s->partition,
                                (long long)m.offset);
            *ret_any = true;
            kafka_stream_pop(s);
        } else if (s->end >= high) {
            return true;
        } else if (mono_us() > deadline) {
            return kafka_fail(&r->consumer->client, "cannot read what is on the bus", RD_KAFKA_RESP_ERR__TIMED_OUT,
                              s->topic, err);
        } else {
            kafka_consumer_wait(r->consumer, KAFKA_SLICE_MS);
            kafka_idle(r->idle);
        }
    }
    return true;
}

/* From further and further back, past markers and what was aborted. */
static bool look_back(const struct reading *r, struct kafka_last *last, struct err *err)
{
    struct kafka_consumer *c = r->consumer;
    struct kafka_stream *s = NULL;
    int64_t low, high;
    bool any = false;
    if (!kafka_watermarks(&c->client, last->topic, last->partition, r->idle, &low, &high, err))
        return false;
    for (int64_t back = 1; !any && low < high; back *= BACK_FACTOR) {
        int64_t from = high - low > back ? high - back : low;
        bool good =
            s ? kafka_stream_seek(s, from, err) : kafka_stream_open(c, last->topic, last->partition, from, &s, err);
        if (!good || !last_message(r, s, high, &last->pos, &any, err))
            return false;
        if (from == low)
            break;
    }
    if (s)
        kafka_stream_close(s);
    return true;
}

/* Partitions are asked for together: one after the other, each would wait out the fetch of the one before. */
struct ends {
    struct kafka_at *low, *high;
    const char **names; /* of the `open` ones that have something, and so on: */
    int32_t *numbers;
    int64_t *starts;
    struct kafka_stream **streams;
    size_t open;
};

static bool has_any(const struct ends *e, size_t i)
{
    return e->high[i].offset > 0 && e->high[i].offset > e->low[i].offset;
}

static bool ends_open(const struct reading *r, struct ends *e, const struct kafka_last *lasts, size_t count,
                      struct err *err)
{
    enum { LATEST = -1, EARLIEST = -2 };
    struct kafka_consumer *c = r->consumer;
    for (size_t i = 0; i < count; i++)
        e->low[i] = e->high[i] = (struct kafka_at){.topic = lasts[i].topic, .partition = lasts[i].partition};
    if (!kafka_offsets_for_time(&c->client, e->high, count, LATEST, r->idle, err) ||
        !kafka_offsets_for_time(&c->client, e->low, count, EARLIEST, r->idle, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!has_any(e, i))
            continue;
        e->names[e->open] = e->high[i].topic;
        e->numbers[e->open] = e->high[i].partition;
        int64_t back = e->high[i].offset - e->low[i].offset > 1 ? 2 : 1; /* a transaction ends in a marker */
        e->starts[e->open++] = e->high[i].offset - back;
    }
    return kafka_streams_open(c, e->names, e->numbers, e->starts, e->open, e->streams, err);
}

static bool ends_read(const struct reading *r, const struct ends *e, struct kafka_last *lasts, size_t count,
                      struct err *err)
{
    for (size_t i = 0, k = 0; i < count; i++) {
        bool any;
        if (!has_any(e, i))
            continue;
        struct kafka_stream *s = e->streams[k++];
        if (!last_message(r, s, e->high[i].offset, &lasts[i].pos, &any, err))
            return false;
        kafka_stream_close(s);
        if (!any && !look_back(r, &lasts[i], err))
            return false;
    }
    return true;
}

bool kafka_lasts_read(struct kafka_consumer *c, const char *source, const struct kafka_idle *idle,
                      struct kafka_last *lasts, size_t count, struct err *err)
{
    const struct reading r = {c, source, idle};
    struct arena a;
    if (count == 0)
        return true;
    arena_init(&a);
    struct ends e = {.low = arena_calloc(&a, count, sizeof *e.low),
                     .high = arena_calloc(&a, count, sizeof *e.high),
                     .names = arena_calloc(&a, count, sizeof *e.names),
                     .numbers = arena_calloc(&a, count, sizeof *e.numbers),
                     .starts = arena_calloc(&a, count, sizeof *e.starts),
                     .streams = arena_calloc(&a, count, sizeof(struct kafka_stream *))};
    bool good = ends_open(&r, &e, lasts, count, err) && ends_read(&r, &e, lasts, count, err);
    arena_free(&a);
    return good;
}

/* Of whom an event is shows whether or not it is committed. */
bool kafka_topic_owned(const struct bus_config *config, const struct kafka_idle *idle, const char *topic,
                       int32_t partitions, struct err *err)
{
    struct kafka_consumer consumer;
    const struct kafka_consumer_config settings = {.kafka = kafka_config_of(config), .uncommitted = true};
    if (!kafka_consumer_open(&consumer, &settings, err))
        return false;
    struct kafka_last *lasts = xcalloc((size_t)partitions, sizeof *lasts);
    for (int32_t p = 0; p < partitions; p++)
        lasts[p] = (struct kafka_last){.topic = topic, .partition = p};
    bool good = kafka_lasts_read(&consumer, config->source, idle, lasts, (size_t)partitions, err);
    free(lasts);
    kafka_consumer_close(&consumer);
    return good;
}
