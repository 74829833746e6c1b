// SPDX-License-Identifier: Apache-2.0
/* The postgres driver's reader: opening, segments, queries, progress and waiting; see postgres_reader.h. */
#include "bus/postgres_reader.h"

#include <poll.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/log.h"

/* What one query brings at most: rows, and bytes past which it takes no more. */
enum { QUERY_ROWS = 128, QUERY_BYTES = 1 << 20 };
/* A lost notification costs at most this. */
enum { RECHECK_MS = 1000 };

static struct pg_reader *self(struct bus_reader *r) { return (struct pg_reader *)r; }
static const struct pg_idle no_idle = {NULL, NULL};

static bool die(struct pg_reader *r)
{
    r->dead = true;
    return false;
}

/* ---- segments ---- */

static const char fetch_sql[] =
    "SELECT p.lsn, p.commit_time, p.watermark, p.day, p.floor_lsn, b.end_lsn, b.end_seq, b.total, b.data"
    " FROM undam_bus.source p LEFT JOIN LATERAL (SELECT * FROM"
    " (SELECT x.*, sum(bytes) OVER (ORDER BY end_lsn, end_seq ROWS UNBOUNDED PRECEDING)::int8 AS total FROM"
    " (SELECT end_lsn, end_seq, bytes, data FROM undam_bus.block_%d WHERE source = $1"
    " AND (end_lsn, end_seq) > ($2, $3) AND topics & $4 <> 0 ORDER BY source, end_lsn, end_seq LIMIT %d) x) y"
    " WHERE total - bytes < %d) b ON true WHERE p.id = $1";

static bool prepare(struct pg_reader *r, struct err *err)
{
    static const Oid types[] = {23, 3220, 23, 20};
    PG_RESULT done = NULL;
    CLEANUP(free_ptr)
    char *sql = xasprintf(fetch_sql, r->day, QUERY_ROWS, QUERY_BYTES);
    if (!pg_run_wait(&r->pg, &no_idle, "cannot prepare", "DEALLOCATE ALL", err))
        return false;
    if (!PQsendPrepare(r->pg.conn, "fetch", sql, COUNT(types), types))
        return pg_fail(&r->pg, NULL, "cannot prepare", err);
    return pg_result_wait(&r->pg, &no_idle, "cannot prepare", &done, err);
}

/* Goes on to the first segment after the current one; stays where there is none. Retention may drop it in between. */
static bool next_segment(struct pg_reader *r, bool *ret_moved, struct err *err)
{
    PG_RESULT rows = NULL;
    char day[16];
    const char *values[] = {day};
    snprintf(day, sizeof day, "%d", r->day);
    if (!pg_ask_wait(&r->pg, &no_idle, "cannot list segments",
                     "SELECT coalesce(min(day), 0) FROM undam_bus.segment WHERE day > $1::int4", 1, values, &rows, err))
        return false;
    int32_t next = (int32_t)pg_cell_i64(rows, 0, 0);
    *ret_moved = next > 0;
    if (next == 0)
        return true;
    r->day = next;
    return prepare(r, err);
}

static bool check_floor(struct pg_reader *r, uint64_t floor_lsn, struct err *err)
{
    return r->position >= floor_lsn || bus_floor_refuse(r->source, r->position, floor_lsn, err);
}

/* The segment we read is gone: fine when we were through with it. */
static bool segment_lost(struct pg_reader *r, bool *ret_moved, struct err *err)
{
    struct bus_source s;
    return bus_source_get(&r->pg, NULL, r->source, &s, err) && check_floor(r, s.floor_lsn, err) &&
           next_segment(r, ret_moved, err);
}

/* ---- topics ---- */

static void topics_forget(struct pg_reader *r)
{
    for (size_t i = 0; i < r->topic_count; i++)
        free(r->topics[i].name);
    r->topic_count = 0;
}

static bool is_wanted(const struct pg_reader *r, struct str name)
{
    bool hit = r->wanted_count == 0;
    for (size_t i = 0; i < r->wanted_count; i++)
        hit |= str_eq(r->wanted[i], name);
    return hit;
}

/* All of them anew: ids may become visible out of order when two relays register at once. */
static bool topics_load(struct pg_reader *r, struct err *err)
{
    PG_RESULT rows = NULL;
    if (!pg_ask_wait(&r->pg, &no_idle, "cannot read its topics", "SELECT id, name FROM undam_bus.topic", 0, NULL, &rows,
                     err))
        return false;
    topics_forget(r);
    for (int i = 0; i < PQntuples(rows); i++) {
        GROW(r->topics, r->topic_count, r->topic_capacity);
        struct reader_topic *t = &r->topics[r->topic_count++];
        *t = (struct reader_topic){.id = (uint32_t)pg_cell_i64(rows, i, 0), .name = xstrdup(PQgetvalue(rows, i, 1))};
        t->wanted = is_wanted(r, str_of(t->name));
    }
    return true;
}

static struct reader_topic *topic_known(struct pg_reader *r, uint32_t id)
{
    for (size_t i = 0; i < r->topic_count; i++)
        if (r->topics[i].id == id)
            return &r->topics[i];
    return NULL;
}

bool pg_reader_topic(struct pg_reader *r, uint32_t id, struct reader_topic **ret, struct err *err)
{
    *ret = topic_known(r, id);
    if (!*ret) {
        if (!topics_load(r, err))
            return false;
        *ret = topic_known(r, id);
    }
    return *ret || err_set(err, ERR_DATA, "bus: an event of topic number %u, which is not registered", id);
}

/* ---- opening ---- */

static void wanted_add(struct pg_reader *r, const char *topic)
{
    struct str name = str_of(arena_strdup(&r->arena, topic));
    r->wanted[r->wanted_count++] = name;
    r->wanted_bits |= bus_topic_bit(name);
}

static bool not_there(const char *source, struct err *err)
{
    err_again(err, ERR_TARGET, "bus: there is no log of source %s yet", source);
    return err_hint(err, "start undam relay, which creates it");
}

static bool reader_start(struct pg_reader *r, const struct bus_config *config, const struct lineage *lineage,
                         struct err *err)
{
    /* A fresh table has no statistics; the index is right always. */
    static const char settings[] = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off;"
                                   "SET plan_cache_mode = force_generic_plan; SET statement_timeout = 0;"
                                   "SET default_transaction_isolation = 'read committed'; LISTEN undam_bus";
    bool there, moved;
    struct bus_source s;
    if (!pg_open(&r->pg, PG_TARGET, "bus", config->dsn, false, err) || !bus_tables_check(&r->pg, NULL, &there, err))
        return false;
    if (!there)
        return not_there(r->source, err);
    if (!pg_run_wait(&r->pg, &no_idle, "cannot set up the session", settings, err) ||
        !bus_source_get(&r->pg, NULL, r->source, &s, err))
        return false;
    if (!s.progress.found)
        return not_there(r->source, err);
    if (lineage && !lineage_eq(lineage, &s.progress.lineage))
        return bus_lineage_refuse(r->source, &s.progress.lineage, lineage, err);
    r->id = s.id;
    snprintf(r->id_text, sizeof r->id_text, "%d", s.id);
    r->snapshot.lineage = s.progress.lineage;
    return check_floor(r, s.floor_lsn, err) && next_segment(r, &moved, err);
}

bool pg_reader_open(const struct bus_config *config, const struct lineage *lineage, const char *const *topics,
                    size_t topic_count, uint64_t after, struct bus_reader **ret, struct err *err)
{
    struct pg_reader *r = xcalloc(1, sizeof *r);
    r->base.driver = &bus_postgres;
    arena_init(&r->arena);
    r->source = xstrdup(config->source);
    r->position = after;
    r->last = (struct position){after, INT32_MAX};
    r->wanted = arena_calloc(&r->arena, topic_count + 1, sizeof *r->wanted);
    for (size_t i = 0; i < topic_count; i++)
        wanted_add(r, topics[i]);
    if (topic_count == 0)
        r->wanted_bits = UINT64_MAX;
    if (!reader_start(r, config, lineage, err)) {
        pg_reader_close(&r->base);
        return false;
    }
    *ret = &r->base;
    return true;
}

void pg_reader_close(struct bus_reader *base)
{
    struct pg_reader *r = self(base);
    pg_close(&r->pg);
    PQclear(r->rows);
    topics_forget(r);
    free(r->topics);
    arena_free(&r->arena);
    free(r->source);
    free(r);
}

int pg_reader_fd(const struct bus_reader *base) { return PQsocket(((const struct pg_reader *)base)->pg.conn); }

/* ---- one query ---- */

static uint64_t cell_u64(const PGresult *rows, int row, int column) { return get_be64(PQgetvalue(rows, row, column)); }

static bool query_send(struct pg_reader *r, struct err *err)
{
    char id[4], lsn[8], seq[4], bits[8];
    const char *values[] = {id, lsn, seq, bits};
    static const int lengths[] = {4, 8, 4, 8}, formats[] = {1, 1, 1, 1};
    put_be32(id, (uint32_t)r->id);
    put_be64(lsn, r->last.lsn);
    put_be32(seq, r->last.seq);
    put_be64(bits, r->wanted_bits);
    return PQsendQueryPrepared(r->pg.conn, "fetch", 4, values, lengths, formats, 1) ||
           pg_fail(&r->pg, NULL, "cannot read", err);
}

static bool query_take(struct pg_reader *r, PGresult *rows, struct err *err)
{
    PQclear(r->rows);
    r->rows = rows;
    r->row = 0;
    r->row_count = PQntuples(rows);
    r->block_open = false;
    if (r->row_count == 0)
        return err_set(err, ERR_STATE, "bus: the log of source %s was dropped", r->source);
    r->snapshot.found = true;
    r->snapshot.lsn = cell_u64(rows, 0, 0);
    r->snapshot.commit_time_us = (int64_t)cell_u64(rows, 0, 1);
    r->snapshot.watermark_us = (int64_t)cell_u64(rows, 0, 2);
    r->snapshot_day = (int32_t)get_be32(PQgetvalue(rows, 0, 3));
    if (!check_floor(r, cell_u64(rows, 0, 4), err))
        return false;
    if (PQgetisnull(rows, 0, 5)) {
        r->row_count = 0;
        r->drained = true;
        return true;
    }
    int end = r->row_count - 1;
    for (int i = 0; i <= end; i++) { /* the index's order; SQL promises none without a sort */
        struct position next = {cell_u64(rows, i, 5), get_be32(PQgetvalue(rows, i, 6))};
        if (position_cmp(next, r->last) <= 0)
            return err_set(err, ERR_INTERNAL, "bus: blocks of source %s came out of order", r->source);
        r->last = next;
    }
    r->drained = r->row_count < QUERY_ROWS && cell_u64(rows, end, 7) < QUERY_BYTES;
    return true;
}

static bool query(struct pg_reader *r, struct err *err)
{
    PGresult *rows;
    struct err why;
    bool moved;
    while (query_send(r, err)) {
        if (pg_result_wait(&r->pg, &no_idle, "cannot read", &rows, &why))
            return query_take(r, rows, err);
        bool dropped = strstr(why.text, "(SQLSTATE 42P01)") != NULL;
        if (!dropped || !segment_lost(r, &moved, dropped ? err : NULL)) {
            if (!dropped && err)
                *err = why;
            return false;
        }
        if (!moved) {
            r->day = 0;
            r->row_count = 0;
            return true;
        }
    }
    return false;
}

/* ---- progress ---- */

/* All blocks of the last query are handed out and it saw the end of the log. */
static bool at_end(const struct pg_reader *r)
{
    return r->row == r->row_count && r->drained && r->day >= r->snapshot_day;
}

/* An older watermark holds for every later position, so the newest one passed is told. */
static void tell_progress(struct pg_reader *r, struct bus_batch *batch)
{
    if (at_end(r)) {
        if (r->snapshot.lsn > r->position)
            r->position = r->snapshot.lsn;
        if (r->snapshot.lsn >= r->position)
            r->commit_time_us = r->snapshot.commit_time_us;
    }
    if (r->snapshot.lsn <= r->position)
        r->mark.watermark_us = r->snapshot.watermark_us;
    batch->progress = (struct bus_progress){.found = true,
                                            .lineage = r->snapshot.lineage,
                                            .lsn = r->position,
                                            .commit_time_us = r->commit_time_us,
                                            .watermark_us = r->mark.watermark_us};
}

static bool is_news(struct pg_reader *r, const struct bus_batch *batch)
{
    bool news = batch->part_count > 0 || batch->progress.lsn != r->shown.lsn ||
                batch->progress.watermark_us != r->shown.watermark_us;
    r->shown = batch->progress;
    return news;
}

/* ---- waiting ---- */

/* Takes in what has come; *ret_ours: a notification of our source was in it. A connection that has gone is noticed
 * here, before the caller waits for its descriptor. */
static bool woken(struct pg_reader *r, bool *ret_ours, struct err *err)
{
    PGnotify *n;
    if (!PQconsumeInput(r->pg.conn) || PQsocket(r->pg.conn) < 0)
        return pg_fail(&r->pg, NULL, "connection lost", err);
    while ((n = PQnotifies(r->pg.conn))) {
        *ret_ours |= str_is(str_of(n->extra), r->id_text);
        PQfreemem(n);
    }
    return true;
}

/* *ret_again false: the time is over. A spurious return is fine. */
static bool wait_more(struct pg_reader *r, int64_t deadline_us, bool *ret_again, struct err *err)
{
    int64_t left = deadline_us - mono_us();
    *ret_again = false;
    if (!woken(r, ret_again, err))
        return false;
    if (*ret_again || left <= 0)
        return true;
    struct pollfd fd = {.fd = PQsocket(r->pg.conn), .events = POLLIN};
    int64_t ms = (left + 999) / 1000;
    poll(&fd, 1, ms > RECHECK_MS ? RECHECK_MS : (int)ms);
    *ret_again = true;
    return !fd.revents || woken(r, ret_again, err);
}

/* More blocks, in this segment or the next. */
static bool refill(struct pg_reader *r, struct err *err)
{
    bool moved = true;
    if (r->day == 0 && !next_segment(r, &moved, err))
        return false;
    if (!moved)
        return true;
    for (;;) {
        if (!query(r, err))
            return false;
        if (r->row_count > 0 || !r->drained || r->day >= r->snapshot_day || r->day == 0)
            return true;
        if (!next_segment(r, &moved, err))
            return false;
        if (!moved)
            return true;
    }
}

bool pg_reader_fetch(struct bus_reader *base, const struct bus_read_limits *limits, struct bus_batch *batch,
                     struct err *err)
{
    struct pg_reader *r = self(base);
    int64_t deadline = mono_us() + (int64_t)limits->wait_ms * 1000;
    if (r->dead)
        return err_set(err, ERR_INTERNAL, "bus: the reader is used after an error");
    for (;;) {
        if (!pg_reader_fill(r, limits, batch, err))
            return die(r);
        if (batch->part_count == 0) {
            if (!refill(r, err))
                return die(r);
            if (r->row < r->row_count)
                continue;
        }
        tell_progress(r, batch);
        if (is_news(r, batch))
            return true;
        bool again;
        if (!wait_more(r, deadline, &again, err))
            return die(r);
        if (!again)
            return true;
    }
}
