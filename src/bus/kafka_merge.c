// SPDX-License-Identifier: Apache-2.0
/* The kafka driver's reader: records become entries, messages become batches; see kafka_reader.h. */
#include <assert.h>
#include <stdio.h>

#include "bus/kafka_reader.h"

/* ---- topics ---- */

static struct reader_topic *topic_of(struct kafka_reader *r, struct str name)
{
    for (size_t i = 0; i < r->topic_count; i++)
        if (str_eq(r->topics[i]->name, name))
            return r->topics[i];
    struct reader_topic *t = arena_calloc(&r->arena, 1, sizeof *t);
    t->name = str_n(arena_memdup(&r->arena, name.data, name.len), name.len);
    t->wanted = r->asked_count == 0;
    for (size_t i = 0; i < r->asked_count; i++)
        t->wanted |= str_eq(r->asked[i], name);
    GROW(r->topics, r->topic_count, r->topic_capacity);
    r->topics[r->topic_count++] = t;
    return t;
}

static bool topic_gone(const struct reader_topic *t, struct err *err)
{
    err_set(err, ERR_STATE, "bus: topic " STR_FMT " is gone, though the log has events in it", STR_ARG(t->name));
    return err_hint(err, "somebody deleted it: rebuild the read models that need it");
}

static bool counts_differ(const struct reader_topic *t, int32_t has, int32_t pinned, struct err *err)
{
    err_set(err, ERR_CONFIG, "bus: topic " STR_FMT " has %d partitions, the log was written to %d", STR_ARG(t->name),
            has, pinned);
    return err_hint(err, "somebody changed the topic: keys are in other partitions now than before, so their order is "
                         "lost. Take another bus.prefix and rebuild the read models");
}

/* Where each partition begins: the first message that may be of a wanted transaction. What is appended between the two
 * questions is past the end that was asked for first. */
static bool starts_of(struct kafka_reader *r, const char *name, int32_t count, int64_t time_ms, int64_t *ret,
                      struct err *err)
{
    enum { LATEST = -1, EARLIEST = -2 };
    struct kafka *k = &r->consumer.client;
    size_t n = (size_t)count;
    struct kafka_at *end = xcalloc(n, sizeof *end), *at = xcalloc(n, sizeof *at);
    for (size_t i = 0; i < n; i++)
        end[i] = at[i] = (struct kafka_at){.topic = name, .partition = (int32_t)i};
    bool good = kafka_offsets_for_time(k, end, n, LATEST, NULL, err) &&
                kafka_offsets_for_time(k, at, n, time_ms > 0 ? time_ms : EARLIEST, NULL, err);
    for (size_t i = 0; good && i < n; i++)
        ret[i] = at[i].offset >= 0 ? at[i].offset : end[i].offset >= 0 ? end[i].offset : 0;
    free(end);
    free(at);
    return good;
}

static bool topic_streams(struct kafka_reader *r, struct reader_topic *t, const char *name, int64_t time_ms,
                          struct err *err)
{
    size_t n = (size_t)t->partition_count;
    const char **names = xcalloc(n, sizeof *names);
    int32_t *numbers = xcalloc(n, sizeof *numbers);
    int64_t *offsets = xcalloc(n, sizeof *offsets);
    struct kafka_stream **streams = xcalloc(n, sizeof *streams);
    for (size_t i = 0; i < n; i++) {
        names[i] = name;
        numbers[i] = (int32_t)i;
    }
    bool good = starts_of(r, name, t->partition_count, time_ms, offsets, err) &&
                kafka_streams_open(&r->consumer, names, numbers, offsets, n, streams, err);
    t->partitions = arena_calloc(&r->arena, n, sizeof *t->partitions);
    for (size_t i = 0; good && i < n; i++) {
        t->partitions[i].stream = streams[i];
        arena_init(&t->partitions[i].arena);
    }
    t->open = good;
    free(names);
    free(numbers);
    free(offsets);
    free(streams);
    return good;
}

/* pinned 0: not known; time_ms: none of the topic's wanted messages is older. */
static bool topic_open(struct kafka_reader *r, struct reader_topic *t, int32_t pinned, int64_t time_ms, struct err *err)
{
    struct kafka_topic_meta meta;
    const char *name = arena_memdup(&r->record_arena, t->name.data, t->name.len);
    if (!kafka_topic_await(&r->consumer.client, name, NULL, &meta, err))
        return false;
    if (!meta.found || meta.partitions < 1)
        return topic_gone(t, err);
    if (pinned > 0 && pinned != meta.partitions)
        return counts_differ(t, meta.partitions, pinned, err);
    t->partition_count = meta.partitions;
    return topic_streams(r, t, name, time_ms, err);
}

bool kafka_reader_assign(struct kafka_reader *r, const struct kafka_topic_total *totals, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct reader_topic *t = topic_of(r, totals[i].topic);
        if (t->wanted && !t->open && !topic_open(r, t, totals[i].partitions, r->place.time_ms, err))
            return false;
    }
    return true;
}

/* ---- records become entries ---- */

static bool add_need(struct kafka_reader *r, const struct kafka_entry *e, const struct kafka_count *c, bool *ret_added,
                     struct err *err)
{
    struct reader_topic *t = topic_of(r, c->topic);
    *ret_added = t->wanted && c->events > 0;
    if (!*ret_added)
        return true;
    /* The first record past our position that names the topic: no wanted event of it is older. */
    if (!t->open && !topic_open(r, t, 0, e->time_ms, err))
        return false;
    if (c->partition >= t->partition_count)
        return counts_differ(t, c->partition + 1, t->partition_count, err);
    GROW(r->needs, r->need_count, r->need_capacity);
    r->needs[r->need_count++] = (struct reader_need){t, &t->partitions[c->partition], c->events};
    return true;
}

/* True: all that this QUIET speaks of was handed out, or will never come to us. */
static bool is_past(const struct kafka_reader *r, uint64_t lsn)
{
    return r->entry_at == r->entry_count || lsn < r->entries[r->entry_at].txn.lsn;
}

static void pass_quiet(struct kafka_reader *r, uint64_t lsn, int64_t commit_time_us, int64_t watermark_us)
{
    if (lsn > r->position) {
        r->position = lsn;
        r->commit_time_us = commit_time_us;
    }
    if (watermark_us > r->watermark_us)
        r->watermark_us = watermark_us;
}

static bool take_quiet(struct kafka_reader *r, const struct kafka_record *q, struct err *err)
{
    if (!lineage_eq(&q->lineage, &r->lineage))
        return bus_lineage_refuse(r->config.source, &q->lineage, &r->lineage, err);
    if (is_past(r, q->lsn)) {
        pass_quiet(r, q->lsn, q->commit_time_us, q->watermark_us);
        return true;
    }
    struct reader_entry *last = &r->entries[r->entry_count - 1];
    if (last->kind == KAFKA_QUIET) { /* nothing between the two: the later one says it all */
        if (q->lsn >= last->txn.lsn) {
            last->txn.lsn = q->lsn;
            last->txn.commit_time_us = q->commit_time_us;
        }
        if (q->watermark_us > last->watermark_us)
            last->watermark_us = q->watermark_us;
        return true;
    }
    GROW(r->entries, r->entry_count, r->entry_capacity);
    r->entries[r->entry_count++] = (struct reader_entry){.kind = KAFKA_QUIET,
                                                         .txn = {.lsn = q->lsn, .commit_time_us = q->commit_time_us},
                                                         .watermark_us = q->watermark_us};
    return true;
}

static bool take_txn(struct kafka_reader *r, const struct kafka_entry *e, struct err *err)
{
    const struct kafka_record *record = &e->record;
    struct reader_entry entry = {.kind = record->kind, .txn = record->txn};
    char a[LSN_TEXT_SIZE], b[LSN_TEXT_SIZE];
    if (record->lsn <= r->after || (r->commits.ordered && record->lsn <= r->commit_lsn))
        return true; /* known, or repeated by a writer that went on after another */
    if (record->lsn <= r->commit_lsn)
        return err_set(err, ERR_DATA, "bus: the record of commit %s follows that of %s", lsn_format(record->lsn, a),
                       lsn_format(r->commit_lsn, b));
    for (size_t i = 0; i < record->count_count; i++) {
        bool added;
        if (!add_need(r, e, &record->counts[i], &added, err))
            return false;
        entry.need_count += added;
    }
    GROW(r->entries, r->entry_count, r->entry_capacity);
    r->entries[r->entry_count++] = entry;
    if (record->kind == KAFKA_COMMIT)
        r->commit_lsn = record->lsn;
    return true;
}

/* Room is made by moving what is left to the front: less than what was taken since the last time. */
static void compact(struct kafka_reader *r)
{
    if (r->entry_at == 0)
        return;
    r->entry_count -= r->entry_at;
    r->need_count -= r->need_at;
    if (r->entry_count)
        memmove(r->entries, r->entries + r->entry_at, r->entry_count * sizeof *r->entries);
    if (r->need_count)
        memmove(r->needs, r->needs + r->need_at, r->need_count * sizeof *r->needs);
    r->entry_at = r->need_at = 0;
}

bool kafka_reader_ready(const struct kafka_reader *r)
{
    return r->entry_at < r->entry_count && r->entries[r->entry_at].txn.lsn <= r->commit_lsn;
}

bool kafka_reader_pull(struct kafka_reader *r, struct err *err)
{
    struct kafka_received m;
    struct kafka_entry e;
    bool there;
    if (r->entry_count - r->entry_at >= ENTRIES_MAX / 2 && kafka_reader_ready(r))
        return true;
    compact(r);
    while (r->entry_count < ENTRIES_MAX || !kafka_reader_ready(r)) {
        if (!kafka_stream_peek(r->commits.stream, &m, &there, err))
            return r->consumer.gone ? kafka_reader_lost(r, err) : false;
        if (!there)
            return true;
        arena_reset(&r->record_arena);
        if (!kafka_commits_parse(&m, r->config.source, &r->record_arena, &e, err))
            return false;
        bool txn = e.record.kind == KAFKA_COMMIT || e.record.kind == KAFKA_PART;
        if (!(txn ? take_txn(r, &e, err) : take_quiet(r, &e.record, err)))
            return false;
        kafka_stream_pop(r->commits.stream);
    }
    return true;
}

/* ---- messages become events ---- */

static bool at_message(const struct reader_topic *t, const struct reader_partition *p, int64_t offset, struct err *err)
{
    if (err && !err->hint[0])
        err_hint(err,
                 "something other than undam relay writes to the topic: take its right to, then go past the message "
                 "with `undam view rebuild`");
    return err_wrap(err, "bus: topic " STR_FMT " partition %d offset %lld", STR_ARG(t->name), p->stream->partition,
                    (long long)offset);
}

static bool missing(struct kafka_reader *r, const struct reader_need *need, struct position got, uint64_t lsn,
                    struct err *err)
{
    char a[LSN_TEXT_SIZE], b[LSN_TEXT_SIZE];
    (void)r;
    err_set(err, ERR_STATE, "bus: topic " STR_FMT " partition %d lacks %u events of transaction %s: %s follows",
            STR_ARG(need->topic->name), need->partition->stream->partition, need->events, lsn_format(lsn, a),
            lsn_format(got.lsn, b));
    return err_hint(err, "retention or somebody's deletion took them: rebuild the read model");
}

static bool uncounted(const struct reader_need *need, struct position got, struct err *err)
{
    char a[LSN_TEXT_SIZE];
    err_set(err, ERR_DATA,
            "bus: topic " STR_FMT " partition %d has an event of transaction %s, %u that no commit "
            "record counts",
            STR_ARG(need->topic->name), need->partition->stream->partition, lsn_format(got.lsn, a), got.seq);
    return err_hint(err, "something other than undam relay writes to the topic; `undam bus check` tells more");
}

/* The next message of the partition that is past what was taken: *ret_there. */
static bool head_load(struct kafka_reader *r, const struct reader_need *need, uint64_t lsn, bool *ret_there,
                      struct err *err)
{
    struct reader_partition *p = need->partition;
    struct kafka_received m;
    size_t count;
    while (!p->head) {
        if (!kafka_stream_peek(p->stream, &m, ret_there, err))
            return r->consumer.gone ? kafka_reader_lost(r, err) : false;
        if (!*ret_there)
            return true;
        arena_reset(&p->arena);
        if (!kafka_received_headers(&m, r->headers, &count, err) ||
            !kafka_event_read(need->topic->name, p->stream->partition, m.key, m.key_null, m.value, m.value_null,
                              r->headers, count, r->config.source, &r->lineage, &p->arena, &p->event, err))
            return at_message(need->topic, p, m.offset, err);
        p->head = p->event.pos.lsn > r->after && position_cmp(p->event.pos, p->last) > 0;
        if (!p->head) {
            r->repeats += p->event.pos.lsn > r->after;
            kafka_stream_pop(p->stream);
        }
    }
    *ret_there = true;
    if (p->event.pos.lsn > lsn)
        return missing(r, need, p->event.pos, lsn, err);
    return p->event.pos.lsn == lsn || uncounted(need, p->event.pos, err);
}

static void head_done(struct reader_need *need)
{
    need->partition->last = need->partition->event.pos;
    need->partition->head = false;
    need->events--;
    kafka_stream_pop(need->partition->stream);
}

static struct bus_part *part_open(struct kafka_fill *f, const struct event_txn *txn)
{
    struct bus_part *part = bus_fill_part(&f->out, txn, !f->r->open);
    f->r->open = true;
    return part;
}

static struct str copy(char **at, struct str s)
{
    struct str kept = {s.data ? *at : NULL, s.len};
    if (s.len)
        memcpy(*at, s.data, s.len);
    *at += s.len;
    return kept;
}

/* The batch owns its events: the message's buffer, with a thousand others in it, goes free. */
static void give(struct kafka_fill *f, const struct event_txn *txn, struct reader_topic *t, const struct event *e)
{
    struct arena *arena = &f->out.batch->arena;
    size_t size = e->entity.len + e->type.len + e->id.len + e->subject.len + e->key.len + e->value.len +
                  e->missing.len + e->oldkey.len + e->headers.len;
    char *at = arena_alloc(arena, size + 1);
    if (!t->batch.data)
        t->batch = str_n(arena_memdup(arena, t->name.data, t->name.len), t->name.len);
    (void)part_open(f, txn);
    struct event *to = bus_fill_event(&f->out, e);
    to->topic = t->batch;
    to->entity = copy(&at, e->entity);
    to->type = copy(&at, e->type);
    to->id = copy(&at, e->id);
    to->subject = copy(&at, e->subject);
    to->key = copy(&at, e->key);
    to->value = copy(&at, e->value);
    to->missing = copy(&at, e->missing);
    to->oldkey = copy(&at, e->oldkey);
    to->headers = copy(&at, e->headers);
}

/* The need whose next event has the smallest number; NULL: none is left, or (blocked) one is not there yet. */
static bool next_need(struct kafka_reader *r, const struct reader_entry *entry, struct reader_need **ret,
                      struct err *err)
{
    *ret = NULL;
    r->blocked = false;
    for (size_t i = 0; i < entry->need_count; i++) {
        struct reader_need *need = &r->needs[r->need_at + i];
        bool there;
        if (need->events == 0)
            continue;
        if (!head_load(r, need, entry->txn.lsn, &there, err))
            return false;
        if (!there) {
            r->blocked = true;
            r->blocked_on = need->partition ? need->partition->stream : NULL;
        }
        if (there && (!*ret || need->partition->event.pos.seq < (*ret)->partition->event.pos.seq))
            *ret = need;
    }
    if (r->blocked)
        *ret = NULL;
    return true;
}

static bool order_broken(const struct reader_need *need, struct err *err)
{
    char a[LSN_TEXT_SIZE];
    const struct position *pos = &need->partition->event.pos;
    return err_set(err, ERR_DATA, "bus: topic " STR_FMT " partition %d: event %s, %u came twice or too late",
                   STR_ARG(need->topic->name), need->partition->stream->partition, lsn_format(pos->lsn, a), pos->seq);
}

/* *ret_done: all of the entry's events were given. */
static bool merge(struct kafka_fill *f, const struct reader_entry *entry, bool *ret_done, struct err *err)
{
    struct kafka_reader *r = f->r;
    struct reader_need *need;
    for (;;) {
        if (!next_need(r, entry, &need, err))
            return false;
        *ret_done = !need && !r->blocked;
        if (!need)
            return true;
        const struct event *e = &need->partition->event;
        bool again = e->op == EVENT_TRUNCATED && e->pos.seq == r->last_seq; /* one copy a partition */
        if (bus_fill_full(&f->out) && !again)
            return true;
        if (e->pos.seq <= r->last_seq && !again)
            return order_broken(need, err);
        if (!again) {
            give(f, &entry->txn, need->topic, e);
            r->given++;
            r->last_seq = e->pos.seq;
        }
        head_done(need);
    }
}

static bool end_txn(struct kafka_fill *f, const struct reader_entry *entry, struct err *err)
{
    struct kafka_reader *r = f->r;
    char lsn[LSN_TEXT_SIZE];
    if (r->asked_count == 0 && r->given != entry->txn.events)
        return err_set(err, ERR_DATA, "bus: transaction %s has %u events, its commit record says %u",
                       lsn_format(entry->txn.lsn, lsn), r->given, entry->txn.events);
    if (r->open) {
        struct bus_part *part = part_open(f, &entry->txn);
        part->ends = true;
        part->txn.events = entry->txn.events;
        bus_fill_close(&f->out);
    }
    r->open = false;
    r->given = r->last_seq = 0;
    if (entry->txn.lsn > r->position)
        r->position = entry->txn.lsn;
    r->commit_time_us = entry->txn.commit_time_us;
    return true;
}

static bool fill_entries(struct kafka_fill *f, struct err *err)
{
    struct kafka_reader *r = f->r;
    while (r->entry_at < r->entry_count) {
        const struct reader_entry *entry = &r->entries[r->entry_at];
        if (entry->kind == KAFKA_QUIET) {
            pass_quiet(r, entry->txn.lsn, entry->txn.commit_time_us, entry->watermark_us);
            r->entry_at++;
            continue;
        }
        bool done;
        if (!kafka_reader_ready(r) || (bus_fill_full(&f->out) && entry->need_count > 0 && !r->open))
            return true;
        if (!merge(f, entry, &done, err))
            return false;
        if (!done)
            return true;
        if (entry->kind == KAFKA_COMMIT && !end_txn(f, entry, err))
            return false;
        r->need_at += entry->need_count;
        r->entry_at++;
    }
    return true;
}

void kafka_fill_begin(struct kafka_fill *f, struct kafka_reader *r, const struct bus_read_limits *limits,
                      struct bus_batch *batch)
{
    *f = (struct kafka_fill){.r = r, .out = bus_fill_begin(batch, limits)};
    for (size_t i = 0; i < r->topic_count; i++)
        r->topics[i]->batch = (struct str){NULL, 0};
}

bool kafka_fill_more(struct kafka_fill *f, struct err *err)
{
    f->r->blocked = false;
    return fill_entries(f, err);
}

void kafka_fill_end(struct kafka_fill *f) { bus_fill_free(&f->out); }
