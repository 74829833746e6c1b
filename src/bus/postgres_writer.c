// SPDX-License-Identifier: Apache-2.0
/* The postgres driver's writer: blocks, COPY and flush; see postgres_writer.h. */
#include "bus/postgres_writer.h"

#include <stdio.h>

#include "base/bytes.h"
#include "codec/murmur2.h"

/* ---- blocks ---- */

static bool copy_open(struct pg_writer *w, struct err *err)
{
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    char sql[128];
    if (!pg_writer_today(w, err))
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

/* ---- begin, put, end ---- */

bool pg_writer_begin(struct bus_writer *base, const struct event_txn *txn, struct err *err)
{
    struct pg_writer *w = pg_writer_self(base);
    if (!pg_writer_alive(w, err))
        return false;
    if (!bus_turn_begin(base, txn, err))
        return pg_writer_die(w);
    return true;
}

/* The block has room for the event and says which transaction it is of. */
static bool block_ready(struct pg_writer *w, const struct event *event, struct err *err)
{
    bool fresh_txn = w->base.txn.events == 0;
    if (!block_empty(&w->block) && !block_fits(&w->block, event) && !block_send(w, err))
        return false;
    if (fresh_txn || block_empty(&w->block))
        block_txn(&w->block, &w->base.txn, fresh_txn);
    return true;
}

bool pg_writer_put(struct bus_writer *base, const struct event *event, struct err *err)
{
    struct pg_writer *w = pg_writer_self(base);
    struct writer_topic *topic;
    if (!pg_writer_alive(w, err))
        return false;
    if (!bus_turn_put(base, event, err))
        return pg_writer_die(w);
    if (!pg_writer_topic(w, event->topic, &topic, err) || !block_ready(w, event, err))
        return pg_writer_die(w);
    struct event placed = *event;
    if (event->partition != EVENT_ALL_PARTITIONS && !event->placed)
        placed.partition = event->key_null ? 0 : murmur2_partition(event->key, w->partitions);
    size_t before = w->block.data.len;
    block_event(&w->block, &placed, topic->id);
    if (w->block.data.overflow) {
        err_set(err, ERR_DATA, "bus: an event of " STR_FMT " is larger than 1 GB", STR_ARG(event->entity));
        return pg_writer_die(w);
    }
    w->bytes += w->block.data.len - before;
    w->block_topics |= topic->bit;
    w->block_end = event->pos;
    w->base.txn.events++;
    w->events++;
    topic->pending++;
    return true;
}

bool pg_writer_end(struct bus_writer *base, struct err *err)
{
    struct pg_writer *w = pg_writer_self(base);
    if (!pg_writer_alive(w, err))
        return false;
    if (!bus_turn_end(base, err))
        return pg_writer_die(w);
    if (w->base.txn.events)
        block_end(&w->block, w->base.txn.events);
    w->txns += w->base.txn.events > 0;
    bus_turn_ended(base);
    return true;
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
    bool first =
        w->base.done.lsn == 0 && w->txns == 0; /* said quiet before its first transaction: the log begins there */
    snprintf(text[0], sizeof text[0], "%d", w->id);
    snprintf(text[1], sizeof text[1], "%lld", (long long)w->epoch);
    snprintf(text[2], sizeof text[2], "%lld", (long long)w->base.next.commit_time_us);
    snprintf(text[3], sizeof text[3], "%lld", (long long)w->base.next.watermark_us);
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
                              lsn_format(w->base.next.lsn, lsn),
                              text[2],
                              text[3],
                              text[4],
                              text[5],
                              text[6],
                              counts.data,
                              lsn_format(first ? w->base.next.lsn : 0, floor),
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

bool pg_writer_flush(struct bus_writer *base, struct err *err)
{
    struct pg_writer *w = pg_writer_self(base);
    if (!pg_writer_alive(w, err))
        return false;
    if (!bus_turn_flush(base, err))
        return pg_writer_die(w);
    if (!bus_turn_news(base))
        return true;
    if (!(w->copying ? flush_streamed(w, err) : pg_writer_today(w, err) && move(w, err)))
        return pg_writer_die(w);
    block_restart(w);
    w->base.done = w->base.next;
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
