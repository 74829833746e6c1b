// SPDX-License-Identifier: Apache-2.0
/*
 * The writer of the postgres driver.
 *
 * Events gather in a block. A block that is full opens a bus transaction with COPY and goes down it, so a source
 * transaction of any size streams through. flush() has two ways: nothing was streamed yet: one statement stores the
 * block, moves the progress and notifies, one round trip; otherwise the COPY ends, the same statement moves the
 * progress, and COMMIT. Either way progress moves only `WHERE epoch = mine`: no row moved means fenced.
 *
 *   idle --full block--> copying --flush--> idle
 *   any  --error-------> dead: everything not flushed is gone with the connection
 *
 * A second connection registers topics and schemas, which are durable at once, while the first is in COPY.
 */
#include <stdio.h>

#include "base/bytes.h"
#include "base/log.h"
#include "bus/block.h"
#include "bus/postgres.h"
#include "codec/murmur2.h"

struct topic {
    char *name;
    size_t len;
    uint32_t id;
    int32_t partitions;
    uint64_t bit;
    int64_t flushed, pending; /* events */
};

struct pg_writer {
    struct bus_writer base;
    struct pg main, aux;
    struct pg_idle idle;
    char *source;
    int32_t partitions, id;
    int64_t epoch, retention_days;

    int32_t day;        /* segment of the bus transaction in hand */
    int64_t day_due_us; /* when to look at the calendar again, monotonic */
    bool copying, dead;

    struct block block;
    uint64_t block_topics;
    struct position block_end; /* of the last event in it */
    uint64_t bytes;            /* put since the last flush */
    struct buf frame;          /* a COPY row */

    bool in_txn;
    struct event_txn txn;
    uint64_t lsn_max; /* nothing at or below it may come any more */

    struct bus_progress done, next; /* durable; what the next flush makes durable */
    int64_t txns, events, done_txns, done_events;

    struct topic *topics;
    size_t topic_count, topic_capacity, topic_last;
};

static struct pg_writer *self(struct bus_writer *w) { return (struct pg_writer *)w; }

static bool die(struct pg_writer *w)
{
    w->dead = true;
    return false;
}

static bool check_alive(const struct pg_writer *w, struct err *err)
{
    return !w->dead || err_set(err, ERR_INTERNAL, "bus: the writer is used after an error");
}

/* ---- opening ---- */

static bool writer_session(struct pg_writer *w, const char *dsn, struct err *err)
{
    static const char settings[] = "SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0;"
                                   "SET default_transaction_isolation = 'read committed';"
                                   "SELECT set_config('synchronous_commit', 'on', false)"
                                   " WHERE current_setting('synchronous_commit') = 'off'";
    if (!pg_open(&w->main, PG_TARGET, "bus", dsn, false, err) || !pg_open(&w->aux, PG_TARGET, "bus", dsn, false, err))
        return false;
    PQsetnonblocking(w->main.conn, 1);
    PQsetnonblocking(w->aux.conn, 1);
    return pg_run_wait(&w->main, &w->idle, "cannot set up the session", settings, err) &&
           pg_run_wait(&w->aux, &w->idle, "cannot set up the session", settings, err);
}

/* The source's row is there, and its epoch is ours: an older writer's next flush moves nothing. */
static bool take_epoch(struct pg_writer *w, const struct lineage *lineage, struct bus_source *ret, struct err *err)
{
    PG_RESULT inserted = NULL;
    PG_RESULT taken = NULL;
    char system_id[24], timeline[12], day[12];
    snprintf(system_id, sizeof system_id, "%llu", (unsigned long long)lineage->system_id);
    snprintf(timeline, sizeof timeline, "%u", lineage->timeline);
    snprintf(day, sizeof day, "%d", bus_day(0));
    const char *values[] = {w->source, system_id, timeline, lineage->database, lineage->slot, day};
    if (!pg_ask_wait(&w->main, &w->idle, "cannot add the source",
                     "INSERT INTO undam_bus.source (name, system_id, timeline, database, slot, day)"
                     " VALUES ($1, $2, $3::int4, $4, $5, $6::int4) ON CONFLICT DO NOTHING",
                     6, values, &inserted, err) ||
        !pg_ask_wait(&w->main, &w->idle, "cannot take over from an earlier writer",
                     "UPDATE undam_bus.source SET epoch = epoch + 1, day = greatest(day, $6::int4) WHERE name = $1"
                     " AND system_id = $2 AND timeline = $3::int4 AND database = $4 AND slot = $5 RETURNING 1",
                     6, values, &taken, err) ||
        !bus_source_get(&w->main, &w->idle, w->source, ret, err))
        return false;
    if (PQntuples(taken) == 0)
        return bus_lineage_refuse(w->source, &ret->progress.lineage, lineage, err);
    return true;
}

static bool refuse_pin(const struct pg_writer *w, const char *topic, int32_t pinned, struct err *err)
{
    err_set(err, ERR_CONFIG, "bus.partitions: topic %s was first used with %d partitions, the configuration has %d",
            topic, pinned, w->partitions);
    return err_hint(err, "set bus.partitions: %d; another count would move keys between partitions", pinned);
}

/* Topics of our prefix must have the partition count of the configuration, before anything is written. */
static bool check_pins(struct pg_writer *w, const char *prefix, struct err *err)
{
    PG_RESULT r = NULL;
    char count[12];
    snprintf(count, sizeof count, "%d", w->partitions);
    const char *values[] = {prefix, count};
    if (!pg_ask_wait(&w->main, &w->idle, "cannot read its topics",
                     "SELECT name, partitions FROM undam_bus.topic WHERE partitions <> $2::int4"
                     " AND left(name, length($1) + 1) = $1 || '.' ORDER BY name LIMIT 1",
                     2, values, &r, err))
        return false;
    return PQntuples(r) == 0 || refuse_pin(w, PQgetvalue(r, 0, 0), (int32_t)pg_cell_i64(r, 0, 1), err);
}

static bool load_counts(struct pg_writer *w, struct err *err)
{
    PG_RESULT r = NULL;
    const char *values[] = {w->source};
    if (!pg_ask_wait(&w->main, &w->idle, "cannot read its counts",
                     "SELECT t.id, t.name, t.partitions, coalesce(s.topic_events[t.id], 0), s.events,"
                     " s.transactions"
                     " FROM undam_bus.source s LEFT JOIN undam_bus.topic t ON true WHERE s.name = $1 ORDER BY t.id",
                     1, values, &r, err))
        return false;
    w->done_events = pg_cell_i64(r, 0, 4);
    w->done_txns = pg_cell_i64(r, 0, 5);
    for (int i = 0; i < PQntuples(r) && !PQgetisnull(r, i, 0); i++) {
        struct str name = str_n(PQgetvalue(r, i, 1), (size_t)PQgetlength(r, i, 1));
        GROW(w->topics, w->topic_count, w->topic_capacity);
        w->topics[w->topic_count++] = (struct topic){.name = xstrdup(name.data),
                                                     .len = name.len,
                                                     .id = (uint32_t)pg_cell_i64(r, i, 0),
                                                     .partitions = (int32_t)pg_cell_i64(r, i, 2),
                                                     .bit = bus_topic_bit(name),
                                                     .flushed = pg_cell_i64(r, i, 3)};
    }
    return true;
}

void pg_writer_close(struct bus_writer *base)
{
    struct pg_writer *w = self(base);
    pg_close(&w->main);
    pg_close(&w->aux);
    for (size_t i = 0; i < w->topic_count; i++)
        free(w->topics[i].name);
    free(w->topics);
    block_free(&w->block);
    buf_free(&w->frame);
    free(w->source);
    free(w);
}

static bool segment_use(struct pg_writer *w, struct err *err);

static bool writer_start(struct pg_writer *w, const struct bus_config *config, const struct lineage *lineage,
                         struct err *err)
{
    struct bus_source source;
    if (!writer_session(w, config->dsn, err) || !bus_tables_create(&w->main, &w->idle, err) ||
        !check_pins(w, config->prefix ? config->prefix : "", err) || !take_epoch(w, lineage, &source, err) ||
        !load_counts(w, err))
        return false;
    w->id = source.id;
    w->epoch = source.epoch;
    w->day = source.day;
    w->done = w->next = source.progress;
    w->lsn_max = source.progress.lsn;
    return segment_use(w, err);
}

bool pg_writer_open(const struct bus_config *config, const struct lineage *lineage, bus_idle_fn *idle, void *idle_arg,
                    struct bus_writer **ret, struct bus_progress *ret_progress, struct err *err)
{
    struct pg_writer *w = xcalloc(1, sizeof *w);
    w->base.driver = &bus_postgres;
    w->idle = (struct pg_idle){idle, idle_arg};
    w->source = xstrdup(config->source);
    w->partitions = config->partitions;
    w->retention_days = config->retention_days;
    block_init(&w->block);
    buf_init(&w->frame, 0);
    if (!writer_start(w, config, lineage, err)) {
        pg_writer_close(&w->base);
        return false;
    }
    *ret = &w->base;
    *ret_progress = w->done;
    ret_progress->found = w->done.lsn > 0;
    return true;
}

/* ---- segments ---- */

static const char move_sql[] =
    "WITH p AS (UPDATE undam_bus.source SET lsn = $3, commit_time = $4, watermark = $5, day = $6, transactions = $7,"
    " events = $8, topic_events = $9, floor_lsn = greatest(floor_lsn, $10) WHERE id = $1 AND epoch = $2"
    " RETURNING id), b AS (INSERT INTO undam_bus.block_%d (end_lsn, topics, source, end_seq, bytes, data)"
    " SELECT $11, $12, p.id, $13, length($14), $14 FROM p WHERE $14 IS NOT NULL)"
    " SELECT pg_notify('undam_bus', p.id::text) FROM p";

static bool prepare_move(struct pg_writer *w, struct err *err)
{
    static const Oid types[] = {23, 20, 3220, 20, 20, 23, 20, 20, 1016, 3220, 3220, 20, 23, 17};
    PG_RESULT r = NULL;
    CLEANUP(free_ptr)
    char *sql = xasprintf(move_sql, w->day);
    if (!pg_run_wait(&w->main, &w->idle, "cannot prepare", "DEALLOCATE ALL", err))
        return false;
    if (!PQsendPrepare(w->main.conn, "move", sql, COUNT(types), types))
        return pg_fail(&w->main, NULL, "cannot prepare", err);
    return pg_result_wait(&w->main, &w->idle, "cannot prepare", &r, err);
}

/* Makes today's segment the one to write to and drops what is past retention. Never between blocks of one flush. */
static bool segment_use(struct pg_writer *w, struct err *err)
{
    int32_t today = bus_day(0);
    w->day = today > w->day ? today : w->day;
    if (!bus_segments_create(&w->aux, &w->idle, w->day, err) || !prepare_move(w, err))
        return false;
    w->day_due_us = mono_us() + 60 * 1000000;
    /* A reader that holds the old segment only delays this to the next time. */
    struct err ignored;
    if (w->retention_days > 0)
        (void)!bus_segments_drop(&w->aux, &w->idle, bus_day(-(int)w->retention_days), &ignored);
    return PQstatus(w->aux.conn) == CONNECTION_OK || pg_fail(&w->aux, NULL, "connection lost", err);
}

static bool segment_check(struct pg_writer *w, struct err *err)
{
    if (mono_us() < w->day_due_us)
        return true;
    w->day_due_us = mono_us() + 60 * 1000000;
    return bus_day(0) <= w->day || segment_use(w, err);
}

/* ---- blocks ---- */

static bool copy_open(struct pg_writer *w, struct err *err)
{
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    char sql[128];
    if (!segment_check(w, err))
        return false;
    snprintf(sql, sizeof sql, "BEGIN; COPY undam_bus.block_%d FROM STDIN (FORMAT binary)", w->day);
    if (!pg_run_wait(&w->main, &w->idle, "cannot begin to write", sql, err))
        return false;
    w->copying = true;
    return PQputCopyData(w->main.conn, header, sizeof header - 1) == 1 || pg_fail(&w->main, NULL, "cannot write", err);
}

/* The columns of a COPY row before the data, each with its length in front. */
static size_t frame_row(const struct pg_writer *w, char *p)
{
    const char *start = p;
    put_be16(p, 6);
    put_be32(p += 2, 8);
    put_be64(p += 4, w->block_end.lsn);
    put_be32(p += 8, 8);
    put_be64(p += 4, w->block_topics);
    put_be32(p += 8, 4);
    put_be32(p += 4, (uint32_t)w->id);
    put_be32(p += 4, 4);
    put_be32(p += 4, w->block_end.seq);
    put_be32(p += 4, 4);
    put_be32(p += 4, (uint32_t)w->block.data.len);
    put_be32(p += 4, (uint32_t)w->block.data.len);
    return (size_t)(p + 4 - start);
}

static void block_restart(struct pg_writer *w)
{
    block_clear(&w->block);
    w->block_topics = 0;
}

/* Sends the block down the COPY. Waits until the socket has taken it: what libpq holds stays one block. */
static bool block_send(struct pg_writer *w, struct err *err)
{
    if (!w->copying && !copy_open(w, err))
        return false;
    buf_clear(&w->frame);
    char *row = buf_reserve(&w->frame, 64 + w->block.data.len);
    if (!row)
        return err_set(err, ERR_DATA, "bus: a block of %zu bytes is too large", w->block.data.len);
    size_t head = frame_row(w, row);
    memcpy(row + head, w->block.data.data, w->block.data.len);
    if (PQputCopyData(w->main.conn, row, (int)(head + w->block.data.len)) != 1)
        return pg_fail(&w->main, NULL, "cannot write", err);
    if (!pg_flush_wait(&w->main, &w->idle, "cannot write", err))
        return false;
    block_restart(w);
    return true;
}

/* ---- topics ---- */

static bool topic_register(struct pg_writer *w, struct str name, struct err *err)
{
    PG_RESULT r = NULL;
    PG_RESULT got = NULL;
    CLEANUP(free_ptr)
    char *copy = xasprintf(STR_FMT, STR_ARG(name));
    char count[12];
    snprintf(count, sizeof count, "%d", w->partitions);
    const char *values[] = {copy, count};
    if (!pg_ask_wait(&w->aux, &w->idle, "cannot add a topic",
                     "INSERT INTO undam_bus.topic (name, partitions) VALUES ($1, $2::int4) ON CONFLICT DO NOTHING", 2,
                     values, &r, err) ||
        !pg_ask_wait(&w->aux, &w->idle, "cannot read a topic",
                     "SELECT id, partitions FROM undam_bus.topic WHERE name = $1", 1, values, &got, err))
        return false;
    GROW(w->topics, w->topic_count, w->topic_capacity);
    w->topics[w->topic_count++] = (struct topic){.name = TAKE(copy),
                                                 .len = name.len,
                                                 .id = (uint32_t)pg_cell_i64(got, 0, 0),
                                                 .partitions = (int32_t)pg_cell_i64(got, 0, 1),
                                                 .bit = bus_topic_bit(name)};
    return true;
}

static bool topic_is(const struct topic *t, struct str name)
{
    return t->len == name.len && memcmp(t->name, name.data, name.len) == 0;
}

static bool topic_find(struct pg_writer *w, struct str name, struct topic **ret, struct err *err)
{
    size_t i = w->topic_last;
    if (name.len == 0 || memchr(name.data, 0, name.len))
        return err_set(err, ERR_INTERNAL, "bus: an event without a proper topic");
    if (i >= w->topic_count || !topic_is(&w->topics[i], name))
        for (i = 0; i < w->topic_count && !topic_is(&w->topics[i], name);)
            i++;
    if (i == w->topic_count && !topic_register(w, name, err))
        return false;
    if (w->topics[i].partitions != w->partitions)
        return refuse_pin(w, w->topics[i].name, w->topics[i].partitions, err);
    w->topic_last = i;
    *ret = &w->topics[i];
    return true;
}

/* ---- begin, put, end ---- */

bool pg_writer_begin(struct bus_writer *base, const struct event_txn *txn, struct err *err)
{
    struct pg_writer *w = self(base);
    if (!check_alive(w, err))
        return false;
    if (w->in_txn || txn->lsn <= w->lsn_max) {
        char a[LSN_TEXT_SIZE], b[LSN_TEXT_SIZE];
        err_set(err, ERR_INTERNAL, "bus: transaction %s comes after %s", lsn_format(txn->lsn, a),
                lsn_format(w->lsn_max, b));
        return die(w);
    }
    w->txn = *txn;
    w->txn.events = 0;
    w->lsn_max = txn->lsn;
    w->in_txn = true;
    return true;
}

/* The block has room for the event and says which transaction it is of. */
static bool block_ready(struct pg_writer *w, const struct event *event, struct err *err)
{
    bool fresh_txn = w->txn.events == 0;
    if (!block_empty(&w->block) && !block_fits(&w->block, event) && !block_send(w, err))
        return false;
    if (fresh_txn || block_empty(&w->block))
        block_txn(&w->block, &w->txn, fresh_txn);
    return true;
}

bool pg_writer_put(struct bus_writer *base, const struct event *event, struct err *err)
{
    struct pg_writer *w = self(base);
    struct topic *topic;
    if (!check_alive(w, err))
        return false;
    if (!w->in_txn || event->pos.lsn != w->txn.lsn || event->pos.seq != w->txn.events + 1) {
        err_set(err, ERR_INTERNAL, "bus: event %u does not follow event %u of its transaction", event->pos.seq,
                w->txn.events);
        return die(w);
    }
    if (!topic_find(w, event->topic, &topic, err) || !block_ready(w, event, err))
        return die(w);
    struct event placed = *event;
    if (event->partition != EVENT_ALL_PARTITIONS)
        placed.partition = event->key_null ? 0 : murmur2_partition(event->key, w->partitions);
    size_t before = w->block.data.len;
    block_event(&w->block, &placed, topic->id);
    if (w->block.data.overflow) {
        err_set(err, ERR_DATA, "bus: an event of " STR_FMT " is larger than 1 GB", STR_ARG(event->entity));
        return die(w);
    }
    w->bytes += w->block.data.len - before;
    w->block_topics |= topic->bit;
    w->block_end = event->pos;
    w->txn.events++;
    w->events++;
    topic->pending++;
    return true;
}

bool pg_writer_end(struct bus_writer *base, struct err *err)
{
    struct pg_writer *w = self(base);
    if (!check_alive(w, err))
        return false;
    if (!w->in_txn) {
        err_set(err, ERR_INTERNAL, "bus: end without begin");
        return die(w);
    }
    if (w->txn.events)
        block_end(&w->block, w->txn.events);
    w->in_txn = false;
    w->txns += w->txn.events > 0;
    if (w->txn.lsn > w->next.lsn)
        w->next.lsn = w->txn.lsn;
    w->next.commit_time_us = w->txn.commit_time_us;
    return true;
}

void pg_writer_quiet(struct bus_writer *base, uint64_t lsn, int64_t watermark_us)
{
    struct pg_writer *w = self(base);
    if (lsn > w->next.lsn)
        w->next.lsn = lsn;
    if (lsn > w->lsn_max)
        w->lsn_max = lsn;
    if (watermark_us > w->next.watermark_us)
        w->next.watermark_us = watermark_us;
}

void pg_writer_pending(const struct bus_writer *base, uint64_t *ret_events, uint64_t *ret_bytes)
{
    const struct pg_writer *w = (const struct pg_writer *)base;
    *ret_events = (uint64_t)w->events;
    *ret_bytes = w->bytes;
}

/* ---- flush ---- */

/* {12,0,7}: events since the log began, by topic id. */
static void topic_counts(const struct pg_writer *w, struct buf *out)
{
    uint32_t max = 0;
    for (size_t i = 0; i < w->topic_count; i++)
        max = w->topics[i].id > max ? w->topics[i].id : max;
    buf_addc(out, '{');
    for (uint32_t id = 1; id <= max; id++) {
        int64_t n = 0;
        for (size_t i = 0; i < w->topic_count; i++)
            if (w->topics[i].id == id)
                n = w->topics[i].flushed + w->topics[i].pending;
        buf_printf(out, "%s%lld", id > 1 ? "," : "", (long long)n);
    }
    buf_addc(out, '}');
}

/* The statement "move": progress, the block at hand if there is one, and the wake-up. */
static bool move(struct pg_writer *w, struct err *err)
{
    PG_RESULT r = NULL;
    char text[10][24], topics[24], seq[16], end[LSN_TEXT_SIZE], lsn[LSN_TEXT_SIZE], floor[LSN_TEXT_SIZE];
    struct buf counts;
    bool first = w->done.lsn == 0 && w->txns == 0; /* said quiet before its first transaction: the log begins there */
    snprintf(text[0], sizeof text[0], "%d", w->id);
    snprintf(text[1], sizeof text[1], "%lld", (long long)w->epoch);
    snprintf(text[2], sizeof text[2], "%lld", (long long)w->next.commit_time_us);
    snprintf(text[3], sizeof text[3], "%lld", (long long)w->next.watermark_us);
    snprintf(text[4], sizeof text[4], "%d", w->day);
    snprintf(text[5], sizeof text[5], "%lld", (long long)(w->done_txns + w->txns));
    snprintf(text[6], sizeof text[6], "%lld", (long long)(w->done_events + w->events));
    snprintf(topics, sizeof topics, "%lld", (long long)w->block_topics);
    snprintf(seq, sizeof seq, "%u", w->block_end.seq);
    buf_init(&counts, 0);
    topic_counts(w, &counts);
    bool with_block = !block_empty(&w->block);
    const char *values[14] = {text[0],
                              text[1],
                              lsn_format(w->next.lsn, lsn),
                              text[2],
                              text[3],
                              text[4],
                              text[5],
                              text[6],
                              counts.data,
                              lsn_format(first ? w->next.lsn : 0, floor),
                              lsn_format(w->block_end.lsn, end),
                              topics,
                              seq,
                              with_block ? w->block.data.data : NULL};
    int lengths[14] = {[13] = (int)w->block.data.len}, formats[14] = {[13] = 1};
    bool good = PQsendQueryPrepared(w->main.conn, "move", 14, values, lengths, formats, 0)
                    ? pg_result_wait(&w->main, &w->idle, "cannot flush", &r, err)
                    : pg_fail(&w->main, NULL, "cannot flush", err);
    buf_free(&counts);
    if (!good)
        return false;
    if (PQntuples(r) == 1)
        return true;
    err_set(err, ERR_STATE, "bus: fenced: another relay writes the log of source %s now", w->source);
    return err_hint(err, "only one relay may run for a source; this one stored nothing since and can be stopped");
}

static bool copy_close(struct pg_writer *w, struct err *err)
{
    PG_RESULT r = NULL;
    static const char trailer[] = "\377\377";
    if (!block_empty(&w->block) && !block_send(w, err))
        return false;
    if (PQputCopyData(w->main.conn, trailer, 2) != 1 || PQputCopyEnd(w->main.conn, NULL) != 1)
        return pg_fail(&w->main, NULL, "cannot write", err);
    return pg_result_wait(&w->main, &w->idle, "cannot write", &r, err);
}

static bool flush_streamed(struct pg_writer *w, struct err *err)
{
    if (!copy_close(w, err) || !move(w, err))
        return false;
    w->copying = false;
    return pg_run_wait(&w->main, &w->idle, "cannot commit", "COMMIT", err);
}

static bool something_new(const struct pg_writer *w)
{
    return w->next.lsn != w->done.lsn || w->next.watermark_us != w->done.watermark_us;
}

bool pg_writer_flush(struct bus_writer *base, struct err *err)
{
    struct pg_writer *w = self(base);
    if (!check_alive(w, err))
        return false;
    if (w->in_txn) {
        err_set(err, ERR_INTERNAL, "bus: flush inside a transaction");
        return die(w);
    }
    if (!something_new(w))
        return true;
    if (!(w->copying ? flush_streamed(w, err) : segment_check(w, err) && move(w, err)))
        return die(w);
    block_restart(w);
    w->done = w->next;
    w->done_txns += w->txns;
    w->done_events += w->events;
    w->txns = w->events = 0;
    w->bytes = 0;
    for (size_t i = 0; i < w->topic_count; i++) {
        w->topics[i].flushed += w->topics[i].pending;
        w->topics[i].pending = 0;
    }
    return true;
}

/* ---- schemas ---- */

bool pg_schema_register(struct bus_writer *base, struct str subject, struct str schema_json, int32_t *ret_id,
                        struct err *err)
{
    struct pg_writer *w = self(base);
    PG_RESULT inserted = NULL;
    PG_RESULT found = NULL;
    if (!check_alive(w, err))
        return false;
    CLEANUP(free_ptr)
    char *subject_text = xasprintf(STR_FMT, STR_ARG(subject));
    CLEANUP(free_ptr)
    char *json_text = xasprintf(STR_FMT, STR_ARG(schema_json));
    const char *values[] = {subject_text, json_text};
    static const char find[] = "SELECT id FROM undam_bus.schema WHERE subject = $1 AND md5(definition) = md5($2)"
                               " AND definition = $2";
    static const char insert[] = "INSERT INTO undam_bus.schema (subject, definition) VALUES ($1, $2)"
                                 " ON CONFLICT (subject, md5(definition)) DO NOTHING";
    if (!pg_ask_wait(&w->aux, &w->idle, "cannot read a schema", find, 2, values, &found, err))
        return die(w);
    if (PQntuples(found) == 0) {
        PQclear(found);
        found = NULL;
        if (!pg_ask_wait(&w->aux, &w->idle, "cannot store a schema", insert, 2, values, &inserted, err) ||
            !pg_ask_wait(&w->aux, &w->idle, "cannot read a schema", find, 2, values, &found, err))
            return die(w);
    }
    if (PQntuples(found) == 0) {
        err_set(err, ERR_INTERNAL, "bus: schema of %s is not there after it was stored", subject_text);
        return die(w);
    }
    *ret_id = (int32_t)pg_cell_i64(found, 0, 0);
    return true;
}
