// SPDX-License-Identifier: Apache-2.0
/* Partitions as streams; see consumer.h. */
#include "link/kafka/consumer.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

/* How long a partition that is added or has room again may have to wait for a fetch that is already out. */
#define FETCH_WAIT_MS "20"
enum { SEEK_MS = 2 * 1000 };

bool kafka_consumer_open(struct kafka_consumer *c, const struct kafka_consumer_config *config, struct err *err)
{
    char queue[24];
    int64_t bytes = config->queue_bytes > 0 ? config->queue_bytes : 4 << 20;
    const struct kafka_setting settings[] = {
        {"group.id", config->group ? config->group : "undam", false},
        {"enable.auto.commit", "false", false},
        {"enable.auto.offset.store", "false", false},
        {"auto.offset.reset", "error", false},
        {"enable.partition.eof", "true", false},
        {"isolation.level", config->uncommitted ? "read_uncommitted" : "read_committed", false},
        {"check.crcs", "true", false},
        {"fetch.wait.max.ms", FETCH_WAIT_MS, true},
        {"fetch.error.backoff.ms", "2", true},
        {"fetch.message.max.bytes", "1048576", true},
        {"fetch.max.bytes", "8388608", true},
        {"queued.min.messages", "100000", true},
        {"queued.max.messages.kbytes", queue, true},
        {NULL, NULL, false},
    };
    snprintf(queue, sizeof queue, "%lld", (long long)(bytes + 1023) / 1024);
    *c = (struct kafka_consumer){.fd = -1};
    if (!kafka_open(&c->client, RD_KAFKA_CONSUMER, &config->kafka, settings, err))
        return false;
    c->opened = true;
    rd_kafka_poll_set_consumer(c->client.rk);
    c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (c->fd < 0) {
        (void)err_errno(err, "kafka: cannot make an event descriptor");
        kafka_consumer_close(c);
        return false;
    }
    return true;
}

static void batch_drop(struct kafka_stream *s)
{
    for (; s->at < s->count; s->at++)
        rd_kafka_message_destroy(s->batch[s->at]);
    s->at = s->count = 0;
}

static void stream_free(struct kafka_stream *s)
{
    batch_drop(s);
    if (s->queue) {
        rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(s->queue);
    }
    free(s->topic);
    free(s);
}

void kafka_consumer_close(struct kafka_consumer *c)
{
    if (!c->opened)
        return;
    for (size_t i = 0; i < c->stream_count; i++)
        stream_free(c->streams[i]);
    free(c->streams);
    kafka_close(&c->client);
    if (c->fd >= 0)
        close(c->fd);
    *c = (struct kafka_consumer){.fd = -1};
}

/* ---- streams ---- */

/* The partition's queue is taken out of the consumer's before it is assigned, so that nothing goes there first. */
static bool stream_new(struct kafka_consumer *c, const char *topic, int32_t partition, int64_t offset,
                       struct kafka_stream **ret, struct err *err)
{
    static const uint64_t one = 1;
    struct kafka_stream *s = xcalloc(1, sizeof *s);
    *s = (struct kafka_stream){
        .consumer = c, .topic = xstrdup(topic), .partition = partition, .next = offset, .end = -1};
    s->queue = rd_kafka_queue_get_partition(c->client.rk, topic, partition);
    if (!s->queue) {
        stream_free(s);
        return err_set(err, ERR_INTERNAL, "kafka: there is no queue for topic %s partition %d", topic, partition);
    }
    rd_kafka_queue_forward(s->queue, NULL);
    rd_kafka_queue_io_event_enable(s->queue, c->fd, &one, sizeof one);
    *ret = s;
    return true;
}

static bool assign(struct kafka_consumer *c, struct kafka_stream *const *streams, size_t count, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, streams[i]->topic, streams[i]->partition)->offset = streams[i]->next;
    rd_kafka_error_t *error = rd_kafka_incremental_assign(c->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return !error || kafka_fail_error(&c->client, "cannot read its topics", error, err);
}

bool kafka_streams_open(struct kafka_consumer *c, const char *const *topics, const int32_t *partitions,
                        const int64_t *offsets, size_t count, struct kafka_stream **ret, struct err *err)
{
    size_t made = 0;
    bool good = true;
    if (count == 0)
        return true;
    for (; good && made < count; made += good)
        good = stream_new(c, topics[made], partitions[made], offsets[made], &ret[made], err);
    if (!good || !assign(c, ret, count, err)) {
        while (made > 0)
            stream_free(ret[--made]);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        GROW(c->streams, c->stream_count, c->stream_capacity);
        c->streams[c->stream_count++] = ret[i];
    }
    return true;
}

bool kafka_stream_open(struct kafka_consumer *c, const char *topic, int32_t partition, int64_t offset,
                       struct kafka_stream **ret, struct err *err)
{
    return kafka_streams_open(c, &topic, &partition, &offset, 1, ret, err);
}

void kafka_stream_close(struct kafka_stream *s)
{
    struct kafka_consumer *c = s->consumer;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, s->topic, s->partition);
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(c->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error)
        rd_kafka_error_destroy(error); /* it was not assigned: fine */
    for (size_t i = 0; i < c->stream_count; i++)
        if (c->streams[i] == s)
            c->streams[i] = c->streams[--c->stream_count];
    stream_free(s);
}

/* Takes the partition anew. Its queue stays what it is. */
static bool reassign(struct kafka_stream *s, struct err *err)
{
    struct kafka_stream *const one[] = {s};
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, s->topic, s->partition);
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(s->consumer->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error)
        return kafka_fail_error(&s->consumer->client, "cannot seek", error, err);
    return assign(s->consumer, one, 1, err);
}

/* librdkafka drops a seek, and never answers it, when something of its own changes the partition's state meanwhile. */
bool kafka_stream_seek(struct kafka_stream *s, int64_t offset, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, s->topic, s->partition);
    p->offset = offset;
    batch_drop(s);
    s->next = offset;
    s->end = -1;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(s->consumer->client.rk, list, SEEK_MS);
    bool good = !error && p->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
    if (error)
        rd_kafka_error_destroy(error);
    return good || reassign(s, err);
}

/* ---- messages ---- */

static bool offset_gone(struct kafka_stream *s, struct err *err)
{
    s->consumer->gone = true;
    err_set(err, ERR_STATE, "kafka: topic %s partition %d does not hold offset %lld any more", s->topic, s->partition,
            (long long)s->next);
    return err_hint(err, "retention took it, or somebody deleted records or the topic: rebuild what reads from there");
}

/* What came instead of a message. True: it is of no concern, or will heal. */
static bool event_take(struct kafka_stream *s, const rd_kafka_message_t *m, struct err *err)
{
    char doing[320];
    bool retriable;
    snprintf(doing, sizeof doing, "cannot read topic %s partition %d", s->topic, s->partition);
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (m->offset >= s->next)
            s->end = m->offset;
        return true;
    }
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        return offset_gone(s, err);
    if (m->err == RD_KAFKA_RESP_ERR__BAD_MSG || m->err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION)
        return err_set(err, ERR_DATA, "kafka: %s: a batch after offset %lld is damaged (%s)", doing, (long long)s->next,
                       rd_kafka_err2name(m->err));
    if (m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || m->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
        m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        err_set(err, ERR_STATE, "kafka: %s: there is no such topic any more", doing);
        return err_hint(err, "somebody deleted it: what it held is lost to readers, so rebuild what reads from there");
    }
    (void)kafka_class(m->err, &retriable);
    return retriable || kafka_fail(&s->consumer->client, doing, m->err, NULL, err);
}

static bool refill(struct kafka_stream *s)
{
    s->at = 0;
    ssize_t n = rd_kafka_consume_batch_queue(s->queue, 0, s->batch, KAFKA_STREAM_BATCH);
    s->count = n > 0 ? (size_t)n : 0;
    return s->count > 0;
}

bool kafka_stream_peek(struct kafka_stream *s, struct kafka_received *ret, bool *ret_there, struct err *err)
{
    for (;; kafka_stream_pop(s)) {
        if (s->at == s->count && !refill(s)) {
            *ret_there = false;
            return true;
        }
        rd_kafka_message_t *m = s->batch[s->at];
        if (m->err) {
            if (!event_take(s, m, err))
                return false;
            continue;
        }
        if (m->offset < s->next) /* of before a seek */
            continue;
        rd_kafka_timestamp_type_t type;
        *ret = (struct kafka_received){.key = {m->key, m->key_len},
                                       .key_null = !m->key,
                                       .value = {m->payload, m->len},
                                       .value_null = !m->payload,
                                       .offset = m->offset,
                                       .time_ms = rd_kafka_message_timestamp(m, &type),
                                       .raw = m};
        *ret_there = true;
        return true;
    }
}

void kafka_stream_pop(struct kafka_stream *s)
{
    assert(s->at < s->count);
    rd_kafka_message_t *m = s->batch[s->at++];
    if (!m->err && m->offset >= s->next)
        s->next = m->offset + 1;
    rd_kafka_message_destroy(m);
}

bool kafka_received_headers(const struct kafka_received *m, struct kafka_header *headers, size_t *ret_count,
                            struct err *err)
{
    rd_kafka_headers_t *all;
    size_t n = 0, size;
    const char *name;
    const void *value;
    if (rd_kafka_message_headers(m->raw, &all) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (; rd_kafka_header_get_all(all, n, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; n++) {
            if (n == KAFKA_STREAM_HEADERS_MAX)
                return err_set(err, ERR_DATA, "a message of more than %d headers", KAFKA_STREAM_HEADERS_MAX);
            headers[n] = (struct kafka_header){str_of(name), {value, size}};
        }
    }
    *ret_count = n;
    return true;
}

struct str kafka_received_header(const struct kafka_received *m, const char *name)
{
    rd_kafka_headers_t *all;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(m->raw, &all) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_header_get(all, 0, name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR && value)
        return str_n(value, size);
    return (struct str){NULL, 0};
}

/* ---- the loop ---- */

void kafka_consumer_serve(struct kafka_consumer *c)
{
    uint64_t count;
    ssize_t n = read(c->fd, &count, sizeof count);
    (void)n; /* nothing to read is fine */
    rd_kafka_message_t *m;
    while ((m = rd_kafka_consumer_poll(c->client.rk, 0)))
        rd_kafka_message_destroy(m); /* the group's troubles: it is only told hints */
}

void kafka_consumer_wait(struct kafka_consumer *c, int ms)
{
    struct pollfd fd = {.fd = c->fd, .events = POLLIN};
    poll(&fd, 1, ms);
    kafka_consumer_serve(c);
}

void kafka_consumer_hint(struct kafka_consumer *c, struct kafka_stream *const *streams, const int64_t *offsets,
                         size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        if (offsets[i] > 0)
            rd_kafka_topic_partition_list_add(list, streams[i]->topic, streams[i]->partition)->offset = offsets[i];
    if (list->cnt > 0)
        (void)rd_kafka_commit(c->client.rk, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}
