// SPDX-License-Identifier: Apache-2.0
/* Tables of the postgres driver; see postgres.h. */
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "bus/postgres.h"
#include "codec/murmur2.h"

/* Any number will do, as long as it is only ours: "undambus" in ASCII. */
#define LOCK "SELECT pg_advisory_xact_lock(x'756e64616d627573'::bigint);"

static const char create_sql[] =
    "BEGIN;" LOCK "CREATE SCHEMA IF NOT EXISTS undam_bus;"
    "CREATE TABLE IF NOT EXISTS undam_bus.layout (version int4 PRIMARY KEY);"
    "INSERT INTO undam_bus.layout VALUES (1) ON CONFLICT DO NOTHING;"
    "CREATE TABLE IF NOT EXISTS undam_bus.source ("
    " id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE,"
    " system_id text NOT NULL, timeline int4 NOT NULL, database text NOT NULL, slot text NOT NULL,"
    " epoch int8 NOT NULL DEFAULT 0, day int4 NOT NULL,"
    " lsn pg_lsn NOT NULL DEFAULT '0/0', floor_lsn pg_lsn NOT NULL DEFAULT '0/0',"
    " commit_time int8 NOT NULL DEFAULT 0, watermark int8 NOT NULL DEFAULT 0,"
    " transactions int8 NOT NULL DEFAULT 0, events int8 NOT NULL DEFAULT 0,"
    " topic_events int8[] NOT NULL DEFAULT '{}') WITH (fillfactor = 20);"
    "CREATE TABLE IF NOT EXISTS undam_bus.topic ("
    " id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, partitions int4 NOT NULL);"
    "CREATE TABLE IF NOT EXISTS undam_bus.segment (day int4 PRIMARY KEY);"
    "COMMIT";
_Static_assert(BUS_LAYOUT == 1, "the layout is written in create_sql");

static const struct pg_idle no_idle = {NULL, NULL};

bool bus_tables_check(struct pg *pg, const struct pg_idle *idle, bool *ret_there, struct err *err)
{
    PG_RESULT r = NULL;
    PG_RESULT version = NULL;
    idle = idle ? idle : &no_idle;
    if (!pg_ask_wait(pg, idle, "cannot look for its tables", "SELECT to_regclass('undam_bus.segment') IS NOT NULL", 0,
                     NULL, &r, err))
        return false;
    bool there = PQgetvalue(r, 0, 0)[0] == 't';
    if (there) {
        if (!pg_ask_wait(pg, idle, "cannot read its layout", "SELECT max(version) FROM undam_bus.layout", 0, NULL,
                         &version, err))
            return false;
        if ((int32_t)pg_cell_i64(version, 0, 0) != BUS_LAYOUT) {
            err_set(err, ERR_STATE, "bus: schema undam_bus has layout %s, this program knows %d",
                    PQgetvalue(version, 0, 0), BUS_LAYOUT);
            return err_hint(err, "use the same version of undam everywhere");
        }
    }
    *ret_there = there;
    return true;
}

bool bus_tables_create(struct pg *pg, const struct pg_idle *idle, struct err *err)
{
    bool there;
    idle = idle ? idle : &no_idle;
    if (!bus_tables_check(pg, idle, &there, err))
        return false;
    if (there || pg_run_wait(pg, idle, "cannot create schema undam_bus", create_sql, err))
        return true;
    return err_hint(err, "the role needs CREATE on the control database");
}

int32_t bus_day(int plus)
{
    time_t t = (time_t)(now_us() / 1000000) + (time_t)plus * 86400;
    struct tm tm;
    gmtime_r(&t, &tm);
    return (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

static int32_t day_after(int32_t day)
{
    struct tm tm = {.tm_year = day / 10000 - 1900, .tm_mon = day / 100 % 100 - 1, .tm_mday = day % 100 + 1};
    timegm(&tm); /* carries over into months and years */
    return (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

static bool segment_create(struct pg *pg, const struct pg_idle *idle, int32_t day, struct err *err)
{
    PG_RESULT r = NULL;
    char text[16];
    const char *values[] = {text};
    snprintf(text, sizeof text, "%d", day);
    if (!pg_ask_wait(pg, idle, "cannot look for a segment", "SELECT 1 FROM undam_bus.segment WHERE day = $1::int4", 1,
                     values, &r, err))
        return false;
    if (PQntuples(r))
        return true;
    /* A page a block, see block.h; nothing is ever updated here, and all goes at once, so vacuum has no work. */
    CLEANUP(free_ptr)
    char *sql = xasprintf("BEGIN;" LOCK "CREATE TABLE IF NOT EXISTS undam_bus.block_%d ("
                          " end_lsn pg_lsn NOT NULL, topics int8 NOT NULL, source int4 NOT NULL,"
                          " end_seq int4 NOT NULL, bytes int4 NOT NULL, data bytea NOT NULL)"
                          " WITH (toast_tuple_target = 8160, autovacuum_enabled = off);"
                          "ALTER TABLE undam_bus.block_%d ALTER data SET STORAGE EXTERNAL;"
                          "CREATE INDEX IF NOT EXISTS block_%d_end ON undam_bus.block_%d (source, end_lsn, end_seq);"
                          "INSERT INTO undam_bus.segment VALUES (%d) ON CONFLICT DO NOTHING;"
                          "COMMIT",
                          day, day, day, day, day);
    return pg_run_wait(pg, idle, "cannot create a segment", sql, err);
}

bool bus_segments_create(struct pg *pg, const struct pg_idle *idle, int32_t day, struct err *err)
{
    return segment_create(pg, idle, day, err) && segment_create(pg, idle, day_after(day), err);
}

static bool segment_drop(struct pg *pg, const struct pg_idle *idle, const char *day, struct err *err)
{
    CLEANUP(free_ptr)
    char *sql =
        xasprintf("BEGIN; SET LOCAL lock_timeout = '2s';" LOCK "LOCK TABLE undam_bus.block_%s IN ACCESS EXCLUSIVE MODE;"
                  "UPDATE undam_bus.source s SET floor_lsn = greatest(s.floor_lsn, b.last) FROM"
                  " (SELECT source, max(end_lsn) AS last FROM undam_bus.block_%s GROUP BY source) b"
                  " WHERE s.id = b.source;"
                  "DROP TABLE undam_bus.block_%s;"
                  "DELETE FROM undam_bus.segment WHERE day = %s; COMMIT",
                  day, day, day, day);
    struct err ignored;
    if (pg_run_wait(pg, idle, "cannot drop an old segment", sql, err))
        return true;
    (void)!pg_run_wait(pg, idle, "rollback", "ROLLBACK", &ignored);
    return false;
}

bool bus_segments_drop(struct pg *pg, const struct pg_idle *idle, int32_t first_kept, struct err *err)
{
    PG_RESULT r = NULL;
    char text[16];
    const char *values[] = {text};
    snprintf(text, sizeof text, "%d", first_kept);
    if (!pg_ask_wait(pg, idle, "cannot list segments",
                     "SELECT day FROM undam_bus.segment WHERE day < $1::int4 ORDER BY day", 1, values, &r, err))
        return false;
    for (int i = 0; i < PQntuples(r); i++)
        if (!segment_drop(pg, idle, PQgetvalue(r, i, 0), err))
            return false;
    return true;
}

static void copy_name(char *to, size_t size, const char *from) { snprintf(to, size, "%s", from); }

bool bus_source_get(struct pg *pg, const struct pg_idle *idle, const char *name, struct bus_source *ret,
                    struct err *err)
{
    PG_RESULT r = NULL;
    const char *values[] = {name};
    struct bus_source s = {.id = 0};
    if (!pg_ask_wait(
            pg, idle ? idle : &no_idle, "cannot read the progress",
            "SELECT id, epoch, day, floor_lsn, lsn, commit_time, watermark, system_id, timeline, database, slot"
            " FROM undam_bus.source WHERE name = $1",
            1, values, &r, err))
        return false;
    if (PQntuples(r)) {
        struct bus_progress *p = &s.progress;
        s.id = (int32_t)pg_cell_i64(r, 0, 0);
        s.epoch = pg_cell_i64(r, 0, 1);
        s.day = (int32_t)pg_cell_i64(r, 0, 2);
        p->found =
            lsn_parse(str_of(PQgetvalue(r, 0, 3)), &s.floor_lsn) && lsn_parse(str_of(PQgetvalue(r, 0, 4)), &p->lsn);
        p->commit_time_us = pg_cell_i64(r, 0, 5);
        p->watermark_us = pg_cell_i64(r, 0, 6);
        p->lineage.system_id = strtoull(PQgetvalue(r, 0, 7), NULL, 10);
        p->lineage.timeline = (uint32_t)pg_cell_i64(r, 0, 8);
        copy_name(p->lineage.database, sizeof p->lineage.database, PQgetvalue(r, 0, 9));
        copy_name(p->lineage.slot, sizeof p->lineage.slot, PQgetvalue(r, 0, 10));
    }
    *ret = s;
    return true;
}

bool bus_lineage_refuse(const char *source, const struct lineage *have, const struct lineage *want, struct err *err)
{
    err_set(err, ERR_STATE,
            "bus: the log of source %s is of system %llu timeline %u database %s slot %s,"
            " not of system %llu timeline %u database %s slot %s",
            source, (unsigned long long)have->system_id, have->timeline, have->database, have->slot,
            (unsigned long long)want->system_id, want->timeline, want->database, want->slot);
    return err_hint(err, "positions of one do not continue in the other: take another source.name, or drop the log"
                         " and rebuild the read models");
}

bool bus_floor_refuse(const char *source, uint64_t after, uint64_t floor_lsn, struct err *err)
{
    char a[LSN_TEXT_SIZE], b[LSN_TEXT_SIZE];
    err_set(err, ERR_STATE, "bus: the log of source %s begins at %s, %s is asked for", source, lsn_format(floor_lsn, b),
            lsn_format(after, a));
    return err_hint(err,
                    "what lies between is gone (bus.retention_days) or was never captured: rebuild the read model");
}

uint64_t bus_topic_bit(struct str topic) { return (uint64_t)1 << (murmur2(topic) & 63); }
