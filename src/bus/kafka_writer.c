// SPDX-License-Identifier: Apache-2.0
/* The kafka driver's writer: events, commit records and flush; see kafka_writer.h. */
#include "bus/kafka_writer.h"

#include <stdio.h>

#include "base/log.h"
#include "codec/murmur2.h"

enum {
    BATCH_OVERHEAD = 61 + 40, /* of a record batch, and of a record besides what is in it */
    HEADER_OVERHEAD = 10,
    STATE_EVERY = 1000, /* commit records without totals: whoever looks for the end of the log reads so many */
};
#define KNOWN_US (3600 * (int64_t)1000000) /* producer.id.expiration.ms is a day unless somebody changed it */

static bool alive(const struct kafka_writer *w, struct err *err)
{
    return !w->dead || err_set(err, ERR_INTERNAL, "bus: the writer is used after an error");
}

/* ---- the Kafka transaction ---- */

static bool transaction_open(struct kafka_writer *w, struct err *err)
{
    if (w->ordered || w->main.in_transaction)
        return true;
    if (!kafka_producer_begin(&w->main, err))
        return false;
    w->begun_us = mono_us();
    w->in_transaction = 0;
    return true;
}

int64_t kafka_writer_stamp(struct kafka_writer *w)
{
    if (!w->stamped) {
        int64_t now = now_us() / 1000;
        /* What an earlier writer left in partitions without a commit record must not be older than that record. */
        bool resuming =
            w->ordered && (w->base.in_txn ? w->base.txn.lsn <= w->resumed_lsn : w->base.next.lsn < w->resumed_lsn);
        w->stamp_ms = now > w->newest_ms && !resuming ? now : w->newest_ms;
        w->stamped = !resuming;
    }
    if (w->stamp_ms > w->newest_ms)
        w->newest_ms = w->stamp_ms;
    return w->stamp_ms;
}

static bool transaction_commit(struct kafka_writer *w, struct err *err)
{
    if (!kafka_producer_commit(&w->main, err))
        return false;
    w->stamped = false;
    return true;
}

/* ---- records ---- */

bool kafka_writer_record(struct kafka_writer *w, const struct kafka_record *record, bool aux, struct err *err)
{
    buf_clear(&w->record);
    kafka_record_print(record, &w->record);
    if (w->record.overflow)
        return err_set(err, ERR_DATA, "bus: a commit record of more than 1 GB");
    const struct kafka_message m = {.topic = aux ? w->commits_aux : w->commits,
                                    .key = str_of(w->config.source),
                                    .value = buf_str(&w->record),
                                    .timestamp_ms = kafka_writer_stamp(w)};
    return (aux || transaction_open(w, err)) && kafka_producer_send(aux ? &w->aux : &w->main, &m, err);
}

static void totals_of(const struct kafka_writer *w, struct kafka_record *r)
{
    r->totals = xcalloc(w->topic_count + 1, sizeof *r->totals);
    for (size_t i = 0; i < w->topic_count; i++)
        r->totals[r->total_count++] = (struct kafka_topic_total){
            .topic = {w->topics[i]->name, w->topics[i]->len},
            .partitions = w->config.partitions,
            .events = w->topics[i]->flushed + w->topics[i]->pending,
        };
}

bool kafka_writer_state(struct kafka_writer *w, enum kafka_record_kind kind, bool aux, struct err *err)
{
    struct kafka_record r = {.kind = kind,
                             .epoch = w->epoch,
                             .lineage = w->lineage,
                             .lsn = w->base.next.lsn,
                             .commit_time_us = w->base.next.commit_time_us,
                             .watermark_us = w->base.next.watermark_us,
                             .transactions = w->done_txns + w->txns,
                             .events = w->done_events + w->events};
    if (w->unfinished) {
        r.txn = w->tail.part;
        r.through_seq = w->tail.through_seq;
        r.counts = w->tail.counts;
        r.count_count = w->tail.count_count;
    }
    totals_of(w, &r);
    bool good = kafka_writer_record(w, &r, aux, err);
    free(r.totals);
    if (good && r.lsn > w->recorded_lsn)
        w->recorded_lsn = r.lsn;
    if (good)
        w->unstated = 0;
    return good;
}

/* ---- counts of the source transaction in hand ---- */

static void counts_clear(struct kafka_writer *w)
{
    for (size_t i = 0; i < w->count_count; i++)
        w->count_topics[i]->partitions[w->counts[i].partition].count = 0;
    w->count_count = 0;
}

static void count(struct kafka_writer *w, struct kafka_writer_topic *t, int32_t partition, const struct event *event,
                  uint64_t hash)
{
    struct kafka_writer_partition *p = &t->partitions[partition];
    if (!p->count) {
        if (w->count_count == w->count_capacity) {
            w->count_capacity = w->count_capacity ? w->count_capacity * 2 : 64;
            w->counts = xrealloc(w->counts, w->count_capacity * sizeof *w->counts);
            w->count_topics = xrealloc(w->count_topics, w->count_capacity * sizeof(struct kafka_writer_topic *));
        }
        w->count_topics[w->count_count] = t;
        w->counts[w->count_count++] = (struct kafka_count){.topic = {t->name, t->len}, .partition = partition};
        p->count = (uint32_t)w->count_count;
    }
    struct kafka_count *c = &w->counts[p->count - 1];
    c->events++;
    c->truncated += event->partition == EVENT_ALL_PARTITIONS;
    c->last_seq = event->pos.seq;
    c->hash += hash;
}

/* ---- a transaction that was begun by an earlier writer ---- */

static bool resume_refuse(const struct kafka_writer *w, const char *what, struct err *err)
{
    char lsn[LSN_TEXT_SIZE];
    err_set(err, ERR_STATE, "bus: the log holds %u events of transaction %s, begun by an earlier relay, and %s",
            w->tail.through_seq, lsn_format(w->tail.part.lsn, lsn), what);
    return err_hint(err,
                    "they cannot be completed: was the source, a schema or the configuration changed? Take another "
                    "source.name and bus.prefix, and rebuild the read models");
}

static const struct kafka_count *count_find(const struct kafka_writer *w, const struct kafka_count *c)
{
    for (size_t i = 0; i < w->count_count; i++)
        if (w->counts[i].partition == c->partition && str_eq(w->counts[i].topic, c->topic))
            return &w->counts[i];
    return NULL;
}

/* All that is on the bus has been passed over: is it what the source sent? */
static bool resume_verify(struct kafka_writer *w, struct err *err)
{
    for (size_t i = 0; i < w->tail.count_count; i++) {
        const struct kafka_count *want = &w->tail.counts[i], *got = count_find(w, want);
        if (!got || got->events != want->events || got->hash != want->hash || got->last_seq != want->last_seq)
            return resume_refuse(w, "the source now sends others", err);
    }
    if (w->count_count != w->tail.count_count)
        return resume_refuse(w, "the source now sends others", err);
    w->unfinished = false;
    counts_clear(w); /* they are in PARTs already */
    return true;
}

/* ---- begin, put, end ---- */

bool kafka_writer_begin(struct bus_writer *base, const struct event_txn *txn, struct err *err)
{
    struct kafka_writer *w = kafka_writer_self(base);
    if (!alive(w, err))
        return false;
    if (!bus_turn_begin(base, txn, err))
        return kafka_writer_die(w, err);
    if (w->unfinished && (txn->lsn != w->tail.part.lsn || txn->xid != w->tail.part.xid)) {
        resume_refuse(w, "the source sends another transaction", err);
        return kafka_writer_die(w, err);
    }
    /* Whole transactions that wait for their flush need not wait with a Kafka transaction that is getting old. */
    if (w->main.in_transaction && mono_us() - w->begun_us > w->transaction_us && !transaction_commit(w, err))
        return kafka_writer_die(w, err);
    return true;
}

static bool size_check(const struct kafka_writer *w, const struct kafka_writer_topic *t, const struct event *event,
                       const struct kafka_header *headers, size_t header_count, size_t *ret_size, struct err *err)
{
    size_t size = BATCH_OVERHEAD + event->key.len + event->value.len;
    for (size_t i = 0; i < header_count; i++)
        size += headers[i].name.len + headers[i].value.len + HEADER_OVERHEAD;
    *ret_size = size;
    if (size <= (size_t)t->message_max)
        return true;
    char lsn[LSN_TEXT_SIZE];
    err_set(err, ERR_DATA,
            "bus: event %s/%u of " STR_FMT " takes %zu bytes, more than topic %s accepts (max.message.bytes=%lld)",
            lsn_format(event->pos.lsn, lsn), event->pos.seq, STR_ARG(event->entity), size, t->name,
            (long long)t->message_max);
    (void)w;
    return err_hint(err,
                    "raise max.message.bytes of topic %s above %zu (and replica.fetch.max.bytes of the brokers, when "
                    "they have one that is smaller)",
                    t->name, size);
}

/* One message to one partition, unless it is there. */
static bool put_message(struct kafka_writer *w, struct kafka_writer_topic *t, int32_t partition,
                        const struct event *event, struct kafka_message *m, struct err *err)
{
    if (w->unfinished)
        return true;
    if (w->ordered && position_cmp(event->pos, t->partitions[partition].last) <= 0)
        return true;
    /* A partition that does not know the producer takes its first batch whatever sequence number it has. If that is the
     * second because the first was refused (a leader that moves, a topic just made), the first's retry counts as a
     * repeat and is lost, acknowledged. So the first message goes alone; a broker remembers it for a day. */
    struct kafka_writer_partition *p = &t->partitions[partition];
    int64_t now = mono_us();
    bool known = p->sent_us && now - p->sent_us < KNOWN_US;
    p->sent_us = now;
    m->partition = partition;
    return transaction_open(w, err) && kafka_producer_send(&w->main, m, err) &&
           (known || kafka_producer_flush(&w->main, err));
}

static bool put_messages(struct kafka_writer *w, struct kafka_writer_topic *t, const struct event *event,
                         struct err *err)
{
    struct kafka_header headers[KAFKA_HEADERS_MAX];
    size_t header_count, size;
    if (!kafka_event_headers(w->config.source, &w->lineage, event, w->base.txn.commit_time_us, &w->scratch, headers,
                             &header_count, err) ||
        !size_check(w, t, event, headers, header_count, &size, err))
        return false;
    uint64_t hash =
        kafka_message_hash(event->key, event->key_null, event->value, event->value_null, headers, header_count);
    struct kafka_message m = {
        .topic = t->handle, .timestamp_ms = kafka_writer_stamp(w), .headers = headers, .header_count = header_count};
    if (!event->key_null)
        m.key = str_n(event->key.data ? event->key.data : "", event->key.len);
    if (!event->value_null)
        m.value = str_n(event->value.data ? event->value.data : "", event->value.len);
    bool all = event->partition == EVENT_ALL_PARTITIONS;
    int32_t first = event->placed            ? event->partition
                    : all || event->key_null ? 0
                                             : murmur2_partition(event->key, w->config.partitions);
    int32_t last = all ? w->config.partitions - 1 : first;
    for (int32_t p = first; p <= last; p++) {
        if (!put_message(w, t, p, event, &m, err))
            return false;
        count(w, t, p, event, hash);
    }
    w->bytes += size;
    return true;
}

static bool part_due(const struct kafka_writer *w)
{
    if (w->ordered || !w->main.in_transaction)
        return false;
    if (w->config.transaction_max_events > 0 && w->in_transaction >= (uint64_t)w->config.transaction_max_events)
        return true;
    return w->in_transaction % 256 == 0 && mono_us() - w->begun_us > w->transaction_us;
}

/* The Kafka transaction ends in the middle of the source's. */
static bool part(struct kafka_writer *w, struct err *err)
{
    const struct kafka_record r = {.kind = KAFKA_PART,
                                   .epoch = w->epoch,
                                   .txn = w->base.txn,
                                   .lsn = w->base.txn.lsn,
                                   .through_seq = w->base.txn.events,
                                   .counts = w->counts,
                                   .count_count = w->count_count,
                                   .transactions = w->done_txns + w->txns,
                                   .events = w->done_events + w->events};
    if (!kafka_writer_record(w, &r, false, err) || !transaction_commit(w, err))
        return false;
    counts_clear(w);
    return true;
}

bool kafka_writer_put(struct bus_writer *base, const struct event *event, struct err *err)
{
    struct kafka_writer *w = kafka_writer_self(base);
    struct kafka_writer_topic *topic;
    if (!alive(w, err))
        return false;
    if (!bus_turn_put(base, event, err))
        return kafka_writer_die(w, err);
    /* Before the event, not after: the transaction's end should not need a Kafka transaction of its own. */
    if ((part_due(w) && !part(w, err)) || !kafka_writer_topic(w, event->topic, &topic, err) ||
        !put_messages(w, topic, event, err))
        return kafka_writer_die(w, err);
    w->base.txn.events++;
    w->events++;
    w->in_transaction++;
    topic->pending++;
    if (w->unfinished && w->base.txn.events == w->tail.through_seq && !resume_verify(w, err))
        return kafka_writer_die(w, err);
    return true;
}

static bool commit_record(struct kafka_writer *w, struct err *err)
{
    struct kafka_record r = {.kind = KAFKA_COMMIT,
                             .epoch = w->epoch,
                             .txn = w->base.txn,
                             .lsn = w->base.txn.lsn,
                             .durable_lsn = w->ordered ? w->base.done.lsn : 0,
                             .counts = w->counts,
                             .count_count = w->count_count,
                             .transactions = w->done_txns + w->txns + 1,
                             .events = w->done_events + w->events};
    if (w->ordered && w->base.txn.lsn <= w->committed_lsn)
        return true;
    return kafka_writer_record(w, &r, false, err);
}

bool kafka_writer_end(struct bus_writer *base, struct err *err)
{
    struct kafka_writer *w = kafka_writer_self(base);
    if (!alive(w, err))
        return false;
    if (!bus_turn_end(base, err))
        return kafka_writer_die(w, err);
    if (w->unfinished) {
        resume_refuse(w, "the source now sends fewer", err);
        return kafka_writer_die(w, err);
    }
    if (w->base.txn.events) {
        if (!commit_record(w, err))
            return kafka_writer_die(w, err);
        w->recorded_lsn = w->base.txn.lsn;
        w->txns++;
        w->unstated++;
    }
    counts_clear(w);
    bus_turn_ended(base);
    return true;
}

void kafka_writer_pending(const struct bus_writer *base, uint64_t *ret_events, uint64_t *ret_bytes)
{
    const struct kafka_writer *w = (const struct kafka_writer *)base;
    *ret_events = w->events;
    *ret_bytes = w->bytes;
}

/* ---- flush ---- */

/* A commit record says how far the log is; what goes further, or is a watermark, needs a record of its own. */
static bool quiet_due(const struct kafka_writer *w)
{
    return w->base.next.lsn > w->recorded_lsn || w->base.next.watermark_us != w->base.done.watermark_us ||
           w->unstated >= STATE_EVERY;
}

static bool flush_exactly_once(struct kafka_writer *w, struct err *err)
{
    bool quiet = quiet_due(w);
    if (w->main.in_transaction)
        return (!quiet || kafka_writer_state(w, KAFKA_QUIET, false, err)) && transaction_commit(w, err);
    return !quiet || (kafka_writer_state(w, KAFKA_QUIET, true, err) && kafka_producer_flush(&w->aux, err));
}

/* What is quiet is said when all before it is stored: it has no counts by which a reader could tell. */
static bool flush_ordered(struct kafka_writer *w, struct err *err)
{
    if (!kafka_producer_flush(&w->main, err) || !kafka_writer_alone(w, err))
        return false;
    return !quiet_due(w) || (kafka_writer_state(w, KAFKA_QUIET, false, err) && kafka_producer_flush(&w->main, err));
}

static void flushed(struct kafka_writer *w)
{
    w->base.done = w->base.next;
    w->done_txns += w->txns;
    w->done_events += w->events;
    w->txns = w->events = 0;
    w->bytes = 0;
    w->stamped = false;
    for (size_t i = 0; i < w->topic_count; i++) {
        w->topics[i]->flushed += w->topics[i]->pending;
        w->topics[i]->pending = 0;
    }
}

bool kafka_writer_flush(struct bus_writer *base, struct err *err)
{
    struct kafka_writer *w = kafka_writer_self(base);
    if (!alive(w, err))
        return false;
    if (!bus_turn_flush(base, err))
        return kafka_writer_die(w, err);
    if (w->unfinished && w->base.next.lsn >= w->tail.part.lsn) {
        resume_refuse(w, "the source passes over it", err);
        return kafka_writer_die(w, err);
    }
    if (!bus_turn_news(base))
        return true;
    if (!(w->ordered ? flush_ordered(w, err) : flush_exactly_once(w, err)))
        return kafka_writer_die(w, err);
    flushed(w);
    if (mono_us() < w->trim_due_us)
        return true;
    return kafka_writer_trim(w, true, err) || kafka_writer_die(w, err);
}
