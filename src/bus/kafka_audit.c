// SPDX-License-Identifier: Apache-2.0
/*
 * The raw topics against the commits topic, without what readers do to hide faults: every message read once, every
 * count and hash met, nothing beside them. Commit records and partitions are read side by side, so a log of any size
 * takes the memory of the queues.
 *
 * Where it goes: commit records in their order; for each, the next so many messages of each partition it names. What a
 * partition holds before its first counted message may be older than the records (retention cuts each topic at its own
 * time), and the other way round; behind its first counted message nothing may be missing or too much.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "bus/kafka.h"
#include "bus/kafka_commits.h"
#include "bus/kafka_tail.h"
#include "codec/murmur2.h"

enum {
    QUEUES_BYTES = 32 << 20,
    QUEUE_BYTES_MIN = 512 << 10,
    LATE_US = 15 * 1000 * 1000,  /* how long brokers may be away, and records behind their events */
    MARKER_US = 5 * 1000 * 1000, /* how long an event may be readable later than its record */
    PROGRESS_EVERY = 1000,
};

struct audit_partition {
    struct kafka_stream *stream;
    int64_t low, high;    /* when the audit began */
    struct position last; /* of the messages read, without repeats */
    bool counted;         /* a record's message was met */
    bool lacking;         /* it was waited for what a record counts, in vain */
};

struct audit_topic {
    struct str name;
    int32_t count;
    struct audit_partition *partitions;
};

struct audit {
    const struct bus_config *config;
    const struct bus_audit_watch *watch;
    struct bus_audit result;
    struct kafka_tail tail; /* when the audit began */
    struct kafka_consumer consumer;
    struct kafka_commits commits;
    struct arena record_arena, event_arena;
    bool ordered;

    struct audit_topic *topics;
    size_t topic_count;

    const struct kafka_entry *entry; /* being met */
    struct kafka_entry past;         /* stands for the record that leftovers do not have */
    uint64_t lsn;                    /* of the last COMMIT, or the PART of an open transaction */
    bool any, inside;                /* a COMMIT was met; PARTs without their COMMIT were met */
    int64_t time_ms, before_ms;      /* of that record, and of the one before it */
    int64_t epoch;
    uint64_t transactions, events; /* totals as the last COMMIT has them */
    uint32_t distinct;             /* of the transaction in hand */

    struct kafka_header headers[KAFKA_STREAM_HEADERS_MAX];
};

static void wrong(struct audit *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct audit *a, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    a->result.wrong++;
    if (a->watch->wrong)
        a->watch->wrong(a->watch->arg, text);
}

static void message_counted(struct audit *a)
{
    if (++a->result.messages % PROGRESS_EVERY == 0 && a->watch->progress)
        a->watch->progress(a->watch->arg, a->result.messages);
}

/* ---- opening ---- */

static bool partition_open(struct audit *a, const char *topic, int32_t number, struct audit_partition *p,
                           struct err *err)
{
    return kafka_watermarks(&a->consumer.client, topic, number, NULL, &p->low, &p->high, err) &&
           kafka_stream_open(&a->consumer, topic, number, p->low, &p->stream, err);
}

static bool topic_open(struct audit *a, const struct kafka_topic_total *total, struct audit_topic *t, struct err *err)
{
    struct kafka_topic_meta meta;
    const char *name = arena_memdup(&a->tail.arena, total->topic.data, total->topic.len);
    if (!kafka_topic_meta(&a->consumer.client, name, NULL, &meta, err))
        return false;
    t->name = str_of(name);
    t->count = meta.found ? meta.partitions : 0;
    if (t->count != total->partitions)
        wrong(a, "topic %s has %d partitions, the log was written to %d", name, t->count, total->partitions);
    t->partitions = arena_calloc(&a->tail.arena, (size_t)t->count + 1, sizeof *t->partitions);
    for (int32_t i = 0; i < t->count; i++)
        if (!partition_open(a, name, i, &t->partitions[i], err))
            return false;
    return true;
}

/* Partitions' ends are asked for before that of the records: what is read of partitions up to there is then counted by
 * records up to there, or by ones that are about to be readable. */
static bool topics_open(struct audit *a, struct err *err)
{
    a->topics = arena_calloc(&a->tail.arena, a->tail.total_count + 1, sizeof *a->topics);
    for (size_t i = 0; i < a->tail.total_count; i++, a->topic_count++)
        if (!topic_open(a, &a->tail.totals[i], &a->topics[i], err))
            return false;
    return true;
}

static bool audit_open(struct audit *a, struct err *err)
{
    struct kafka_consumer_config settings = {.kafka = kafka_config_of(a->config)};
    int64_t partitions = 1;
    for (size_t i = 0; i < a->tail.total_count; i++)
        partitions += a->tail.totals[i].partitions;
    settings.queue_bytes = QUEUES_BYTES / partitions > QUEUE_BYTES_MIN ? QUEUES_BYTES / partitions : QUEUE_BYTES_MIN;
    return kafka_consumer_open(&a->consumer, &settings, err) &&
           kafka_commits_open(&a->commits, &a->consumer, a->config, NULL, err) && topics_open(a, err) &&
           kafka_commits_bounds(&a->commits, err) && kafka_commits_seek(&a->commits, a->commits.low, err);
}

static struct audit_partition *partition_of(struct audit *a, struct str topic, int32_t number)
{
    for (size_t i = 0; i < a->topic_count; i++)
        if (str_eq(a->topics[i].name, topic))
            return number < a->topics[i].count ? &a->topics[i].partitions[number] : NULL;
    return NULL;
}

/* ---- messages ---- */

struct message {
    struct kafka_received raw;
    size_t header_count;
    struct event event;
};

/* The partition's next message; *ret_there false: there is none. It is waited for while its offset is known to be
 * there. `counted`: a record says so, and a transaction becomes readable in one partition before the other. */
static bool message_next(struct audit *a, struct audit_partition *p, bool counted, struct message *m, bool *ret_there,
                         struct err *err)
{
    struct kafka_stream *s = p->stream;
    int64_t start = mono_us(), deadline = start + LATE_US;
    int64_t until = counted && !p->lacking ? start + MARKER_US : start;
    for (;;) {
        if (!kafka_stream_peek(s, &m->raw, ret_there, err))
            return false;
        if (*ret_there)
            break;
        if (s->end >= p->high || s->next >= p->high) {
            int64_t low;
            if (!kafka_watermarks(&a->consumer.client, s->topic, s->partition, NULL, &low, &p->high, err))
                return false;
            if ((s->end >= p->high || s->next >= p->high) && mono_us() >= until) {
                p->lacking |= counted;
                return true;
            }
        }
        if (mono_us() > deadline)
            return kafka_fail(&a->consumer.client, "cannot read", RD_KAFKA_RESP_ERR__TIMED_OUT, s->topic, err);
        kafka_consumer_wait(&a->consumer, KAFKA_SLICE_MS);
    }
    arena_reset(&a->event_arena);
    if (!kafka_received_headers(&m->raw, a->headers, &m->header_count, err))
        return false;
    return true;
}

/* *ret_ours false: it is no event at all. */
static void message_read(struct audit *a, struct audit_partition *p, struct message *m, bool *ret_ours)
{
    struct err why;
    *ret_ours = kafka_event_read(str_of(p->stream->topic), p->stream->partition, m->raw.key, m->raw.key_null,
                                 m->raw.value, m->raw.value_null, a->headers, m->header_count, a->config->source,
                                 &a->tail.progress.lineage, &a->event_arena, &m->event, &why);
    if (!*ret_ours)
        wrong(a, "%s partition %d offset %lld: %s", p->stream->topic, p->stream->partition, (long long)m->raw.offset,
              why.text);
}

static void place_check(struct audit *a, const struct audit_partition *p, const struct message *m, int32_t partitions)
{
    const struct event *e = &m->event;
    char lsn[LSN_TEXT_SIZE];
    if (e->op == EVENT_TRUNCATED || e->debezium)
        return; /* in every partition; where the row says */
    int32_t want = e->key_null ? 0 : murmur2_partition(e->key, partitions);
    if (want != p->stream->partition)
        wrong(a, "%s: event %s, %u is in partition %d, its key's is %d", p->stream->topic, lsn_format(e->pos.lsn, lsn),
              e->pos.seq, p->stream->partition, want);
}

static void out_of_place(struct audit *a, struct audit_partition *p, const struct message *m)
{
    char lsn[LSN_TEXT_SIZE];
    if (a->ordered)
        a->result.repeats++;
    else
        wrong(a, "%s partition %d: event %s, %u comes twice, or after a later one", p->stream->topic,
              p->stream->partition, lsn_format(m->event.pos.lsn, lsn), m->event.pos.seq);
}

/* Before the first counted message: of a time whose records are gone. */
static void not_counted(struct audit *a, struct audit_partition *p, const struct message *m)
{
    char lsn[LSN_TEXT_SIZE];
    if (!p->counted && a->commits.low > 0)
        a->result.expired++;
    else
        wrong(a, "%s partition %d: event %s, %u is in no commit record", p->stream->topic, p->stream->partition,
              lsn_format(m->event.pos.lsn, lsn), m->event.pos.seq);
}

struct meeting {
    uint32_t got, last_seq;
    uint64_t hash;
};

/* One message against the record. *ret_stop: it is of a later transaction. */
static void meet_message(struct audit *a, struct audit_partition *p, struct message *m, int32_t partitions,
                         struct meeting *met, bool *ret_stop)
{
    bool ours;
    uint64_t lsn = a->entry->record.lsn;
    *ret_stop = false;
    message_read(a, p, m, &ours);
    if (ours && position_cmp(m->event.pos, p->last) <= 0) {
        out_of_place(a, p, m);
    } else if (ours) {
        *ret_stop = m->event.pos.lsn > lsn;
        if (*ret_stop)
            return;
        p->last = m->event.pos;
        place_check(a, p, m, partitions);
        if (m->event.pos.lsn < lsn) {
            not_counted(a, p, m);
        } else {
            met->got++;
            met->last_seq = m->event.pos.seq;
            met->hash += kafka_message_hash(m->raw.key, m->raw.key_null, m->raw.value, m->raw.value_null, a->headers,
                                            m->header_count);
            if (!a->ordered && (m->raw.time_ms < a->before_ms || m->raw.time_ms > a->entry->time_ms))
                wrong(a, "%s partition %d offset %lld: its time is not that of its transaction", p->stream->topic,
                      p->stream->partition, (long long)m->raw.offset);
        }
    }
    message_counted(a);
    kafka_stream_pop(p->stream);
}

static bool meet(struct audit *a, const struct kafka_count *c, struct err *err)
{
    struct audit_partition *p = partition_of(a, c->topic, c->partition);
    struct meeting met = {.got = 0};
    struct message m;
    char lsn[LSN_TEXT_SIZE];
    bool there = true, stop = false;
    if (!p) {
        wrong(a, "commit %s counts events in " STR_FMT " partition %d, which does not exist",
              lsn_format(a->entry->record.lsn, lsn), STR_ARG(c->topic), c->partition);
        return true;
    }
    int32_t partitions = 0;
    for (size_t i = 0; i < a->topic_count; i++)
        if (str_eq(a->topics[i].name, c->topic))
            partitions = a->topics[i].count;
    while (met.got < c->events && there && !stop) {
        if (!message_next(a, p, true, &m, &there, err))
            return false;
        if (there)
            meet_message(a, p, &m, partitions, &met, &stop);
    }
    lsn_format(a->entry->record.lsn, lsn);
    if (met.got < c->events && !p->counted && p->low > 0)
        a->result.expired += c->events - met.got; /* taken by retention, from the front */
    else if (met.got < c->events)
        wrong(a, "%s partition %d: %u events of transaction %s are missing", p->stream->topic, p->stream->partition,
              c->events - met.got, lsn);
    else if (met.hash != c->hash || met.last_seq != c->last_seq)
        wrong(a, "%s partition %d: the events of transaction %s are not those that were written", p->stream->topic,
              p->stream->partition, lsn);
    p->counted |= met.got > 0;
    return true;
}

/* ---- records ---- */

static uint32_t distinct_of(const struct kafka_record *r)
{
    uint32_t n = 0;
    for (size_t i = 0; i < r->count_count; i++) {
        uint32_t truncated = r->counts[i].truncated;
        for (size_t k = 0; k < i; k++)
            if (str_eq(r->counts[k].topic, r->counts[i].topic))
                truncated = 0;
        n += r->counts[i].events - r->counts[i].truncated + truncated;
    }
    return n;
}

static void check_totals(struct audit *a, const struct kafka_record *r)
{
    char lsn[LSN_TEXT_SIZE];
    lsn_format(r->lsn, lsn);
    if (a->distinct != r->txn.events && !(a->commits.low > 0 && !a->any)) /* its PARTs may be gone */
        wrong(a, "commit %s: %u events, its counts make %u", lsn, r->txn.events, a->distinct);
    if (a->any && (r->transactions != a->transactions + 1 || r->events != a->events + r->txn.events))
        wrong(a, "commit %s: totals of %llu transactions and %llu events do not follow %llu and %llu", lsn,
              (unsigned long long)r->transactions, (unsigned long long)r->events, (unsigned long long)a->transactions,
              (unsigned long long)a->events);
    a->transactions = r->transactions;
    a->events = r->events;
}

static bool meet_txn(struct audit *a, const struct kafka_entry *e, struct err *err)
{
    const struct kafka_record *r = &e->record;
    char lsn[LSN_TEXT_SIZE], last[LSN_TEXT_SIZE];
    bool goes_on = a->inside && r->lsn == a->lsn;
    if (r->lsn <= a->lsn && !goes_on) {
        if (!a->ordered)
            wrong(a, "the record of commit %s follows that of %s", lsn_format(r->lsn, lsn), lsn_format(a->lsn, last));
        return true;
    }
    if (a->inside && !goes_on)
        wrong(a, "transaction %s was begun and never ended, %s follows", lsn_format(a->lsn, last),
              lsn_format(r->lsn, lsn));
    a->entry = e;
    a->before_ms = a->time_ms;
    a->time_ms = e->time_ms;
    for (size_t i = 0; i < r->count_count; i++)
        if (!meet(a, &r->counts[i], err))
            return false;
    a->distinct = distinct_of(r) + (goes_on ? a->distinct : 0);
    a->lsn = r->lsn;
    a->inside = r->kind == KAFKA_PART;
    if (a->inside)
        return true;
    check_totals(a, r);
    a->any = true;
    a->result.transactions++;
    return true;
}

static bool meet_record(struct audit *a, const struct kafka_entry *e, struct err *err)
{
    const struct kafka_record *r = &e->record;
    if (r->kind == KAFKA_COMMIT || r->kind == KAFKA_PART) {
        if (!a->ordered && r->epoch < a->epoch)
            wrong(a, "commits offset %lld is of epoch %lld, after one of %lld: a fenced writer wrote",
                  (long long)e->offset, (long long)r->epoch, (long long)a->epoch);
        a->epoch = r->epoch > a->epoch ? r->epoch : a->epoch;
        return meet_txn(a, e, err);
    }
    if (!lineage_eq(&r->lineage, &a->tail.progress.lineage))
        wrong(a, "commits offset %lld is of another lineage", (long long)e->offset);
    return true;
}

static bool read_records(struct audit *a, struct err *err)
{
    struct kafka_entry e;
    bool there = true;
    while (there) {
        arena_reset(&a->record_arena);
        if (!kafka_commits_next(&a->commits, a->commits.high, &a->record_arena, &e, &there, err) ||
            (there && !meet_record(a, &e, err)))
            return false;
    }
    return true;
}

/* ---- what is left ---- */

/* *ret_later: there is a message of a transaction past the records that were read. */
static bool leftover(struct audit *a, struct audit_partition *p, int32_t partitions, bool *ret_later, struct err *err)
{
    struct message m;
    struct meeting met = {.got = 0};
    *ret_later = false;
    a->past = (struct kafka_entry){.record.lsn = a->lsn};
    a->entry = &a->past;
    while (p->stream->next < p->high && p->stream->end < p->high) {
        bool there;
        if (!message_next(a, p, false, &m, &there, err))
            return false;
        if (!there)
            return true;
        a->past.time_ms = m.raw.time_ms;
        a->before_ms = m.raw.time_ms;
        meet_message(a, p, &m, partitions, &met, ret_later);
        if (*ret_later)
            return true;
        if (met.got > 0) { /* of the last transaction, more than it counts */
            met.got = 0;
            not_counted(a, p, &m);
        }
    }
    return true;
}

/* Their record may be on its way; a relay that has stopped leaves some in ordered delivery, none otherwise. */
static bool read_leftovers(struct audit *a, struct err *err)
{
    int64_t deadline = mono_us() + LATE_US;
    for (;;) {
        struct audit_partition *first = NULL;
        for (size_t i = 0; i < a->topic_count; i++) {
            for (int32_t k = 0; k < a->topics[i].count; k++) {
                bool later;
                if (!leftover(a, &a->topics[i].partitions[k], a->topics[i].count, &later, err))
                    return false;
                if (later && !first)
                    first = &a->topics[i].partitions[k];
            }
        }
        if (!first)
            return true;
        if (mono_us() > deadline) {
            a->result.unfinished++;
            if (!a->ordered)
                wrong(a, "%s partition %d: events after the last commit record, which none counts",
                      first->stream->topic, first->stream->partition);
            return true;
        }
        kafka_consumer_wait(&a->consumer, KAFKA_SLICE_MS);
        if (!kafka_commits_bounds(&a->commits, err) || !read_records(a, err))
            return false;
    }
}

static void audit_close(struct audit *a)
{
    kafka_commits_free(&a->commits);
    kafka_consumer_close(&a->consumer);
    arena_free(&a->record_arena);
    arena_free(&a->event_arena);
    kafka_tail_free(&a->tail);
}

bool kafka_bus_audit(const struct bus_config *config, const struct bus_audit_watch *watch, struct bus_audit *ret,
                     struct err *err)
{
    struct audit *a = xcalloc(1, sizeof *a); /* headers would not fit a stack */
    a->config = config;
    a->watch = watch;
    a->ordered = kafka_ordered(config);
    a->result.done = true;
    bool good = kafka_tail_read(config, NULL, &a->tail, err);
    if (good && a->tail.found) {
        arena_init(&a->record_arena);
        arena_init(&a->event_arena);
        good = audit_open(a, err) && read_records(a, err) && read_leftovers(a, err);
    }
    if (good)
        *ret = a->result;
    audit_close(a);
    free(a);
    return good;
}
