// SPDX-License-Identifier: Apache-2.0
/* Watermarks and health, asked without waiting; see watch.h. */
#include "relay/watch.h"

#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"

enum { HEALTH_US = 3 * 1000 * 1000, FLUSH_US = 1000 * 1000 };

/* The sub-select cannot be pulled up (it is volatile), so the clock is read before the position. */
static const char mark_sql[] =
    "SELECT floor(extract(epoch FROM t) * 1000000)::bigint, pg_catalog.pg_current_wal_insert_lsn(), "
    "pg_catalog.pg_current_wal_flush_lsn()"
    " FROM (SELECT pg_catalog.clock_timestamp() AS t OFFSET 0) s";

/* One row of the slot's columns, the publication's oid and the tables it lacks. */
static void health_query(struct watch *w)
{
    buf_adds(&w->health_sql, "SELECT s.*, (SELECT oid FROM pg_catalog.pg_publication WHERE pubname = ");
    buf_add_literal(&w->health_sql, str_of(w->config->source.publication));
    buf_adds(&w->health_sql, "), (");
    source_unpublished_query(w->config, &w->health_sql);
    buf_adds(&w->health_sql, ") FROM (SELECT) one LEFT JOIN (");
    source_slot_query(w->config->source.slot, &w->health_sql);
    buf_adds(&w->health_sql, ") s ON true");
}

bool watch_start(struct watch *w, struct pg *pg, const struct config *config, const struct source_facts *facts,
                 struct err *err)
{
    *w = (struct watch){.pg = *pg,
                        .config = config,
                        .wal_block_size = facts->wal_block_size,
                        .wal_segment_size = facts->wal_segment_size};
    pg->conn = NULL;
    buf_init(&w->health_sql, 0);
    health_query(w);
    w->health_due = mono_us() + HEALTH_US;
    if (PQsetnonblocking(w->pg.conn, 1) == 0)
        return true;
    pg_fail(&w->pg, NULL, "non-blocking mode", err);
    watch_stop(w);
    return false;
}

void watch_stop(struct watch *w)
{
    if (w->pg.conn)
        pg_close(&w->pg);
    buf_free(&w->health_sql);
    w->mark_count = 0;
    w->health.fresh = false;
}

int watch_fd(const struct watch *w) { return PQsocket(w->pg.conn); }

/* The insert position at the start of a page lies after the page's header (24 bytes, 40 in a segment's first page),
 * where no record ends: what the stream can reach is the end of the page before. */
static uint64_t reachable(const struct watch *w, uint64_t lsn)
{
    uint64_t header = lsn % w->wal_segment_size < w->wal_block_size ? 40 : 24;
    return lsn % w->wal_block_size == header ? lsn - header : lsn;
}

static void add_mark(struct watch *w, uint64_t lsn, int64_t time_us)
{
    if (w->mark_count == WATCH_PENDING_MAX) /* the newest gives way: the oldest are the ones about to be reached */
        w->mark_count--;
    w->marks[w->mark_count++] = (struct watch_mark){reachable(w, lsn), time_us, mono_us()};
}

static bool read_mark(struct watch *w, const PGresult *r, struct err *err)
{
    int64_t time_us;
    uint64_t lsn;
    if (PQntuples(r) != 1 || !str_to_i64(str_of(PQgetvalue(r, 0, 0)), &time_us) ||
        !lsn_parse(str_of(PQgetvalue(r, 0, 1)), &lsn) || !lsn_parse(str_of(PQgetvalue(r, 0, 2)), &w->flushed))
        return err_set(err, ERR_SOURCE, "%s: the watermark query gave an unexpected answer", w->pg.what);
    add_mark(w, lsn, time_us - 1); /* PostgreSQL 13 computes with doubles: a microsecond for rounding */
    return true;
}

static bool read_health(struct watch *w, const PGresult *r, struct err *err)
{
    uint64_t oid = 0;
    int n = PQnfields(r);
    if (PQntuples(r) != 1 || n < 3 || !source_slot_read(r, &w->health.slot))
        return err_set(err, ERR_SOURCE, "%s: the health query gave an unexpected answer", w->pg.what);
    w->health.slot.found = !PQgetisnull(r, 0, 0);
    (void)str_to_u64(str_of(PQgetvalue(r, 0, n - 2)), &oid);
    w->health.publication_oid = (uint32_t)oid;
    snprintf(w->health.unpublished, sizeof w->health.unpublished, "%s", PQgetvalue(r, 0, n - 1));
    w->health.fresh = true;
    return true;
}

static bool answers(struct watch *w, struct err *err)
{
    if (!PQconsumeInput(w->pg.conn))
        return pg_fail(&w->pg, NULL, "side connection", err);
    while (w->state != WATCH_IDLE && !PQisBusy(w->pg.conn)) {
        PG_RESULT r = PQgetResult(w->pg.conn);
        if (!r) {
            w->state = WATCH_IDLE;
            break;
        }
        if (PQresultStatus(r) != PGRES_TUPLES_OK)
            return pg_fail(&w->pg, r, "side query", err);
        if ((w->state == WATCH_ASKED_MARK && !read_mark(w, r, err)) ||
            (w->state == WATCH_ASKED_HEALTH && !read_health(w, r, err)))
            return false;
    }
    return true;
}

static bool ask(struct watch *w, const char *sql, struct err *err)
{
    if (!PQsendQuery(w->pg.conn, sql) || PQflush(w->pg.conn) < 0)
        return pg_fail(&w->pg, NULL, "side query", err);
    return true;
}

/* A watermark waits for WAL that the server has no reason to flush. */
static bool flush_stuck(const struct watch *w, int64_t now)
{
    return w->mark_count && w->flushed < w->marks[0].lsn && now - w->marks[0].asked_us >= FLUSH_US &&
           now >= w->flush_due;
}

bool watch_tick(struct watch *w, struct err *err)
{
    int64_t now = mono_us();
    if (w->state != WATCH_IDLE)
        return answers(w, err);
    if (now >= w->health_due) {
        w->health_due = now + HEALTH_US;
        w->state = WATCH_ASKED_HEALTH;
        return ask(w, w->health_sql.data, err);
    }
    if (flush_stuck(w, now)) {
        w->flush_due = now + FLUSH_US;
        w->state = WATCH_ASKED_FLUSH;
        return ask(w, "SELECT pg_catalog.pg_current_xact_id()", err);
    }
    if (now >= w->mark_due) {
        w->mark_due = now + w->config->relay.watermark_ms * 1000;
        w->state = WATCH_ASKED_MARK;
        return ask(w, mark_sql, err);
    }
    return true;
}

bool watch_reached(struct watch *w, uint64_t received, struct watch_mark *ret)
{
    unsigned n = 0;
    while (n < w->mark_count && w->marks[n].lsn <= received)
        n++;
    if (n == 0)
        return false;
    *ret = w->marks[n - 1];
    w->mark_count -= n;
    memmove(w->marks, w->marks + n, w->mark_count * sizeof *w->marks);
    return true;
}

uint64_t watch_wanted(const struct watch *w) { return w->mark_count ? w->marks[0].lsn : 0; }
