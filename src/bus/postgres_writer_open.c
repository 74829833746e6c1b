// SPDX-License-Identifier: Apache-2.0
/* The postgres driver's writer: opening and fencing, segments, topics; see postgres_writer.h. */
#include "bus/postgres_writer.h"

#include <stdio.h>

#include "base/log.h"

bool pg_writer_die(struct pg_writer *w)
{
    w->dead = true;
    return false;
}

bool pg_writer_alive(const struct pg_writer *w, struct err *err)
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
        w->topics[w->topic_count++] = (struct writer_topic){.name = xstrdup(name.data),
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
    struct pg_writer *w = pg_writer_self(base);
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
    w->base.done = w->base.next = source.progress;
    w->base.lsn_max = source.progress.lsn;
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
    *ret_progress = w->base.done;
    ret_progress->found = w->base.done.lsn > 0;
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

bool pg_writer_today(struct pg_writer *w, struct err *err)
{
    if (mono_us() < w->day_due_us)
        return true;
    w->day_due_us = mono_us() + 60 * 1000000;
    return bus_day(0) <= w->day || segment_use(w, err);
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
    w->topics[w->topic_count++] = (struct writer_topic){.name = TAKE(copy),
                                                        .len = name.len,
                                                        .id = (uint32_t)pg_cell_i64(got, 0, 0),
                                                        .partitions = (int32_t)pg_cell_i64(got, 0, 1),
                                                        .bit = bus_topic_bit(name)};
    return true;
}

static bool topic_is(const struct writer_topic *t, struct str name)
{
    return t->len == name.len && memcmp(t->name, name.data, name.len) == 0;
}

bool pg_writer_topic(struct pg_writer *w, struct str name, struct writer_topic **ret, struct err *err)
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

/* ---- schemas ---- */
