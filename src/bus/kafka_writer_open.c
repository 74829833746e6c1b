// SPDX-License-Identifier: Apache-2.0
/*
 * The kafka driver's writer: opening, fencing, topics. The order is the safety:
 *   commits topic -> tail: lineage, pins (a stranger goes no further, and has fenced nobody)
 *   -> init: older writers are fenced, what they had begun is aborted or done -> tail again: this is where the log ends
 *   -> OPEN with the next epoch
 */
#include <stdio.h>

#include "base/log.h"
#include "bus/kafka_commits.h"
#include "bus/kafka_topics.h"
#include "bus/kafka_writer.h"

enum {
    INIT_PATIENCE_MS = 20 * 1000,
    QUEUE_BYTES = 32 << 20,              /* of messages that wait; an upper bound to the relay's memory */
    TRANSACTION_MS_MAX = 15 * 60 * 1000, /* brokers' default for transaction.max.timeout.ms */
    TRANSACTION_MS_WANTED = 60 * 60 * 1000,
    FENCED_LOOK_MS = 3000,
    LAST_WORDS_MS = 1000,
};

/* ---- failing ---- */

static bool newer_writer(struct kafka_writer *w)
{
    int64_t until_us = mono_us() + (int64_t)FENCED_LOOK_MS * 1000;
    struct kafka_tail tail;
    struct err ignored;
    do {
        if (kafka_tail_read(&w->config, &w->idle, &tail, &ignored)) {
            bool newer = tail.epoch > w->epoch;
            kafka_tail_free(&tail);
            if (newer)
                return true;
        }
        rd_kafka_poll(kafka_writer_admin(w)->rk, 100);
        kafka_idle(&w->idle);
    } while (mono_us() < until_us);
    return false;
}

/* The coordinator refuses us: a newer writer took our place, or it gave up a transaction that was open too long. */
static void fenced(struct kafka_writer *w, struct err *err)
{
    if (newer_writer(w)) {
        err_set(err, ERR_STATE, "bus: fenced: another relay writes the log of source %s now", w->config.source);
        err_hint(err, "only one relay may run for a source; this one stored nothing since and can be stopped");
        return;
    }
    err_again(err, ERR_TARGET, "kafka: the brokers ended the transaction in hand: it was open longer than they allow");
    err_hint(err, "it is written again; if this repeats, raise transaction.max.timeout.ms of the brokers");
}

/* Is there a record of a later epoch from the offset on? */
static bool later_epoch(struct kafka_writer *w, int64_t from, bool *ret, struct err *err)
{
    struct kafka_consumer consumer;
    struct kafka_commits commits = {.consumer = NULL};
    struct kafka_entry e;
    const struct kafka_consumer_config settings = {.kafka = kafka_config_of(&w->config)};
    bool there = true;
    *ret = false;
    if (!kafka_consumer_open(&consumer, &settings, err))
        return false;
    bool good = kafka_commits_open(&commits, &consumer, &w->config, &w->idle, err) &&
                kafka_commits_seek(&commits, from > commits.low ? from : commits.low, err);
    while (good && there && !*ret) {
        arena_reset(&commits.arena);
        good = kafka_commits_next(&commits, commits.high, &commits.arena, &e, &there, err);
        *ret = good && there && e.record.epoch > w->epoch;
    }
    kafka_commits_free(&commits);
    kafka_consumer_close(&consumer);
    return good;
}

bool kafka_writer_alone(struct kafka_writer *w, struct err *err)
{
    bool later;
    if (w->main.foreign_from < 0)
        return true;
    if (!later_epoch(w, w->main.foreign_from, &later, err))
        return false;
    w->main.foreign_from = -1; /* an older one, which will notice as we did */
    if (!later)
        return true;
    err_set(err, ERR_STATE, "bus: fenced: another relay writes the log of source %s now", w->config.source);
    return err_hint(err, "only one relay may run for a source; what this one has just written is there twice, Undam's "
                         "readers leave it out, and it can be stopped");
}

bool kafka_writer_die(struct kafka_writer *w, struct err *err)
{
    struct err cause;
    bool first = !w->dead;
    w->dead = true;
    if (first && !w->ordered && err && err->class == ERR_STATE && w->main.failed &&
        w->main.failure.class == ERR_STATE) {
        fenced(w, &cause);
        *err = cause;
    }
    return false;
}

/* ---- topics ---- */

static struct kafka_writer_topic *topic_add(struct kafka_writer *w, struct str name, int64_t message_max)
{
    struct kafka_writer_topic *t = xcalloc(1, sizeof *t);
    t->name = xasprintf(STR_FMT, STR_ARG(name));
    t->len = name.len;
    t->message_max = message_max;
    t->partitions = xcalloc((size_t)w->config.partitions, sizeof *t->partitions);
    t->handle = kafka_producer_topic(&w->main, t->name);
    GROW(w->topics, w->topic_count, w->topic_capacity);
    return w->topics[w->topic_count++] = t;
}

static bool batch_check(const struct kafka_writer *w, const char *name, int64_t message_max, struct err *err)
{
    if (message_max >= w->batch_bytes)
        return true;
    err_set(err, ERR_CONFIG,
            "kafka: topic %s accepts batches of %lld bytes (max.message.bytes), less than batch.size=%lld", name,
            (long long)message_max, (long long)w->batch_bytes);
    return err_hint(err,
                    "raise max.message.bytes of the topic, or write batch.size=%lld into the file that "
                    "bus.properties names",
                    (long long)message_max * 9 / 10);
}

static bool topic_ensure(struct kafka_writer *w, struct str name, struct kafka_ensured *ret, struct err *err)
{
    if (!kafka_topic_name_check(name, err))
        return false;
    CLEANUP(free_ptr)
    char *copy = xasprintf(STR_FMT, STR_ARG(name));
    if (strcmp(copy, w->commits_name) == 0) {
        err_set(err, ERR_DATA, "bus: events may not go to topic %s, which holds the commit records", copy);
        return err_hint(err, "rename the service, or the aggregatetype of outbox rows");
    }
    return kafka_topic_ensure(kafka_writer_admin(w), &w->config, copy, false, &w->idle, ret, err) &&
           batch_check(w, copy, ret->message_max, err);
}

static bool has_prefix(const struct kafka_writer *w, struct str name)
{
    size_t n = strlen(w->config.prefix);
    return name.len > n && memcmp(name.data, w->config.prefix, n) == 0 && name.data[n] == '.';
}

static bool topic_is(const struct kafka_writer_topic *t, struct str name)
{
    return t->len == name.len && memcmp(t->name, name.data, name.len) == 0;
}

bool kafka_writer_topic(struct kafka_writer *w, struct str name, struct kafka_writer_topic **ret, struct err *err)
{
    size_t i = w->topic_last;
    if (i >= w->topic_count || !topic_is(w->topics[i], name))
        for (i = 0; i < w->topic_count && !topic_is(w->topics[i], name);)
            i++;
    if (i == w->topic_count) {
        struct kafka_ensured is;
        if (!topic_ensure(w, name, &is, err))
            return false;
        /* New to this log: what it may hold is of a writer that died, of whoever had it before, or of another source.
         * The last cannot be where the prefix, which belongs to one source, is before it. */
        const struct kafka_writer_topic *t = topic_add(w, name, is.message_max);
        if (!is.created && !has_prefix(w, name) &&
            !kafka_topic_owned(&w->config, &w->idle, t->name, w->config.partitions, err))
            return false;
    }
    w->topic_last = i;
    *ret = w->topics[i];
    return true;
}

/* ---- opening ---- */

/* As long as brokers allow: a large source transaction is one Kafka transaction, if it may be. */
static int64_t transaction_timeout(struct kafka_writer *w)
{
    struct kafka *k = kafka_writer_admin(w);
    struct kafka_values values;
    struct arena arena;
    struct err ignored;
    int64_t ms = 0;
    int32_t broker;
    int count;
    arena_init(&arena);
    if (!kafka_brokers(k, &w->idle, &count, &broker, &ignored) ||
        !kafka_broker_settings(k, broker, &w->idle, &arena, &values, &ignored) ||
        !kafka_values_i64(&values, "transaction.max.timeout.ms", &ms) || ms <= 0)
        ms = TRANSACTION_MS_MAX; /* not allowed to ask: what brokers have unless somebody changed it */
    arena_free(&arena);
    return ms < TRANSACTION_MS_WANTED ? ms : TRANSACTION_MS_WANTED;
}

static bool open_aux(struct kafka_writer *w, struct err *err)
{
    const struct kafka_producer_config config = {
        .kafka = kafka_config_of(&w->config), .idle = w->idle, .queue_bytes = 1 << 20};
    if (!kafka_producer_open(&w->aux, &config, err))
        return false;
    w->commits_aux = kafka_producer_topic(&w->aux, w->commits_name);
    return true;
}

static bool open_main(struct kafka_writer *w, struct err *err)
{
    char size[24] = "";
    size_t len = sizeof size;
    int64_t timeout_ms = w->ordered ? 0 : transaction_timeout(w);
    CLEANUP(free_ptr)
    char *id = xasprintf("%s.%s", w->config.prefix, w->config.source);
    const struct kafka_producer_config config = {.kafka = kafka_config_of(&w->config),
                                                 .idle = w->idle,
                                                 .transactional_id = w->ordered ? NULL : id,
                                                 .transaction_timeout_ms = timeout_ms,
                                                 .queue_bytes = QUEUE_BYTES};
    if (!kafka_producer_open(&w->main, &config, err))
        return false;
    w->transaction_us = timeout_ms * 1000 / 2;
    if (rd_kafka_conf_get(rd_kafka_conf(w->main.client.rk), "batch.size", size, &len) != RD_KAFKA_CONF_OK ||
        !str_to_i64(str_of(size), &w->batch_bytes))
        return err_set(err, ERR_INTERNAL, "kafka: librdkafka does not say its batch.size");
    w->commits = kafka_producer_topic(&w->main, w->commits_name);
    if (w->ordered)
        kafka_producer_watch(&w->main, w->commits);
    return true;
}

static bool commits_ensure(struct kafka_writer *w, struct err *err)
{
    struct kafka_ensured is;
    return kafka_topic_ensure(kafka_writer_admin(w), &w->config, w->commits_name, true, &w->idle, &is, err);
}

/* Reads the end of the log and refuses what is not ours to go on with. */
static bool look(struct kafka_writer *w, struct err *err)
{
    struct kafka_tail tail;
    int64_t until_us = mono_us() + (int64_t)KAFKA_ADMIN_MS * 1000;
    if (!kafka_tail_read(&w->config, &w->idle, &tail, err))
        return false;
    while (!tail.topic) { /* a broker that has not heard of it would pass a long log off as an empty one */
        kafka_tail_free(&tail);
        if (mono_us() > until_us)
            return err_again(err, ERR_TARGET, "kafka: not every broker knows of topic %s yet", w->commits_name);
        rd_kafka_poll(kafka_writer_admin(w)->rk, 100);
        kafka_idle(&w->idle);
        if (!kafka_tail_read(&w->config, &w->idle, &tail, err))
            return false;
    }
    kafka_tail_free(&w->tail);
    w->tail = tail;
    if (tail.found && !lineage_eq(&tail.progress.lineage, &w->lineage))
        return bus_lineage_refuse(w->config.source, &tail.progress.lineage, &w->lineage, err);
    for (size_t i = 0; i < tail.total_count; i++) {
        CLEANUP(free_ptr)
        char *name = xasprintf(STR_FMT, STR_ARG(tail.totals[i].topic));
        if (tail.totals[i].partitions != w->config.partitions)
            return kafka_pin_refuse(name, tail.totals[i].partitions, &w->config, err);
    }
    return true;
}

static bool take_topics(struct kafka_writer *w, struct err *err)
{
    for (size_t i = 0; i < w->tail.total_count; i++) {
        struct kafka_ensured is;
        if (!topic_ensure(w, w->tail.totals[i].topic, &is, err))
            return false;
        topic_add(w, w->tail.totals[i].topic, is.message_max)->flushed = w->tail.totals[i].events;
    }
    for (size_t i = 0; i < w->tail.last_count; i++) {
        const struct kafka_last *last = &w->tail.lasts[i];
        struct kafka_writer_topic *t;
        if (!kafka_writer_topic(w, str_of(last->topic), &t, err))
            return false;
        if (last->partition < 0 || last->partition >= w->config.partitions)
            return err_set(err, ERR_INTERNAL, "bus: partition %d of topic %s", last->partition, t->name);
        t->partitions[last->partition].last = last->pos;
        if (last->pos.lsn > w->resumed_lsn)
            w->resumed_lsn = last->pos.lsn;
    }
    return true;
}

static void take_tail(struct kafka_writer *w)
{
    const struct kafka_tail *t = &w->tail;
    w->epoch = t->epoch + 1;
    w->base.done = w->base.next = t->progress;
    w->base.done.lineage = w->base.next.lineage = w->lineage;
    w->base.lsn_max = w->recorded_lsn = t->progress.lsn;
    w->done_txns = t->transactions;
    w->done_events = t->events;
    w->newest_ms = t->newest_ms;
    w->unfinished = t->unfinished;
    w->resumed_lsn = w->committed_lsn = w->ordered ? t->committed_lsn : 0;
}

static bool writer_start(struct kafka_writer *w, struct err *err)
{
    if (w->ordered ? !open_main(w, err) : !open_aux(w, err))
        return false;
    if (!commits_ensure(w, err) || !look(w, err))
        return false;
    if (!w->ordered && (!open_main(w, err) || !kafka_producer_init(&w->main, INIT_PATIENCE_MS, err) || !look(w, err)))
        return false;
    take_tail(w);
    if (!take_topics(w, err) || !kafka_writer_state(w, KAFKA_OPEN, false, err) ||
        !(w->ordered ? kafka_producer_flush(&w->main, err) : kafka_producer_commit(&w->main, err)))
        return false;
    w->stamped = false;
    return kafka_writer_trim(w, false, err);
}

static struct bus_config config_copy(const struct bus_config *c)
{
    struct bus_config copy = *c;
    copy.dsn = xstrdup(c->dsn ? c->dsn : "");
    copy.source = xstrdup(c->source);
    copy.prefix = xstrdup(c->prefix && *c->prefix ? c->prefix : c->source);
    copy.delivery = xstrdup(c->delivery ? c->delivery : "");
    copy.properties = xstrdup(c->properties ? c->properties : "");
    copy.driver = "kafka";
    copy.reader = NULL;
    return copy;
}

bool kafka_writer_open(const struct bus_config *config, const struct lineage *lineage, bus_idle_fn *idle,
                       void *idle_arg, struct bus_writer **ret, struct bus_progress *ret_progress, struct err *err)
{
    struct kafka_writer *w = xcalloc(1, sizeof *w);
    w->base.driver = &bus_kafka;
    w->config = config_copy(config);
    w->commits_name = kafka_commits_topic(&w->config);
    w->lineage = *lineage;
    w->ordered = kafka_ordered(config);
    w->idle = (struct kafka_idle){idle, idle_arg};
    buf_init(&w->scratch, 0);
    buf_init(&w->record, 0);
    if (!kafka_topic_name_check(str_of(w->commits_name), err) || !writer_start(w, err)) {
        (void)!kafka_writer_die(w, err);
        kafka_writer_close(&w->base);
        return false;
    }
    *ret = &w->base;
    *ret_progress = w->base.done;
    ret_progress->found = w->base.done.lsn > 0;
    return true;
}

/* Delivery ordered: what was flushed is said to be durable, so that it need not be found in partitions later, where
 * retention may have taken it. Worth a moment, not more: it is the usual case that is made quick. */
static void last_words(struct kafka_writer *w)
{
    struct err ignored;
    if (w->ordered && !w->dead && w->main.client.rk && !w->base.in_txn && w->unstated && !w->events &&
        kafka_writer_state(w, KAFKA_QUIET, false, &ignored))
        rd_kafka_flush(w->main.client.rk, LAST_WORDS_MS);
}

void kafka_writer_close(struct bus_writer *base)
{
    struct kafka_writer *w = kafka_writer_self(base);
    last_words(w);
    kafka_producer_topic_free(w->commits);
    kafka_producer_topic_free(w->commits_aux);
    for (size_t i = 0; i < w->topic_count; i++) {
        kafka_producer_topic_free(w->topics[i]->handle);
        free(w->topics[i]->name);
        free(w->topics[i]->partitions);
        free(w->topics[i]);
    }
    kafka_producer_close(&w->main);
    kafka_producer_close(&w->aux);
    kafka_tail_free(&w->tail);
    free(w->topics);
    free(w->counts);
    free(w->count_topics);
    free(w->commits_name);
    buf_free(&w->scratch);
    buf_free(&w->record);
    free((void *)(uintptr_t)w->config.dsn);
    free((void *)(uintptr_t)w->config.source);
    free((void *)(uintptr_t)w->config.prefix);
    free((void *)(uintptr_t)w->config.delivery);
    free((void *)(uintptr_t)w->config.properties);
    free(w);
}
