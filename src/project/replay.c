// SPDX-License-Identifier: Apache-2.0
/* A service's events projected into a side read model; see replay.h. */
#include "project/replay.h"

#include <stdio.h>

#include "base/log.h"
#include "project/projector.h"
#include "project/register.h"

enum { STEP_MS = 200, STILL_US = 60 * 1000 * 1000 };

static const char create_sql[] =
    "BEGIN; CREATE SCHEMA undam_replay;"
    "CREATE TABLE undam_replay.run (service text NOT NULL, source text NOT NULL, base text NOT NULL,"
    " from_lsn pg_lsn NOT NULL, began_at timestamptz NOT NULL DEFAULT now());"
    "CREATE TABLE undam_replay.unknown (mirror text, key text, PRIMARY KEY (mirror, key));";

/* ---- what is there ---- */

static bool open_live(struct replay *r, struct err *err)
{
    bool exists;
    const struct config_service *s = r->service;
    const char *what = arena_printf(&r->arena, "read model %s", s->name);
    if (!*s->dsn) {
        err_set(err, ERR_CONFIG, "service %s has no read model", s->name);
        return err_hint(err, "set services.%s.dsn in %s", s->name, r->config->path);
    }
    if (!pg_open(&r->live, PG_TARGET, what, s->dsn, false, err) || !readmodel_session(&r->live, err) ||
        !readmodel_exists(&r->live, &exists, err))
        return false;
    if (!exists) {
        err_set(err, ERR_STATE, "%s: no view was ever registered", what);
        return err_hint(err, "a replay takes its views from there: register them with undam view add FILE...");
    }
    if (!readmodel_load(&r->live, &r->definitions, err))
        return false;
    if (r->definitions.view_count == 0)
        return err_set(err, ERR_STATE, "%s: no view is ready", what);
    return true;
}

/* An advisory lock taken by one session is seen by the other only in the same database of the same server. */
static bool same_database(struct replay *r, bool *ret, struct err *err)
{
    PG_RESULT lock = NULL;
    PG_RESULT seen = NULL;
    char key[24];
    const char *values[] = {key};
    snprintf(key, sizeof key, "%lld", (long long)(now_us() ^ (int64_t)(uintptr_t)r));
    if (!pg_query_params(&r->live, "SELECT pg_advisory_lock($1::bigint)", 1, values, &lock, err) ||
        !pg_query_params(&r->side,
                         "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND database ="
                         " (SELECT oid FROM pg_database WHERE datname = current_database())"
                         " AND (classid::bigint << 32 | objid::bigint) = $1::bigint",
                         1, values, &seen, err))
        return false;
    *ret = strcmp(PQgetvalue(seen, 0, 0), "0") != 0;
    PQclear(TAKE(lock));
    return pg_query_params(&r->live, "SELECT pg_advisory_unlock($1::bigint)", 1, values, &lock, err);
}

static bool refuse_side(const char *why, struct err *err)
{
    err_set(err, ERR_STATE, "--into: %s", why);
    return err_hint(err, "give an empty database: a replay never writes into one that it did not make");
}

/* What an earlier replay left; nothing found is fine as long as nothing else is there. */
static bool read_run(struct replay *r, struct err *err)
{
    PG_RESULT there = NULL;
    PG_RESULT run = NULL;
    if (!pg_query(
            &r->side,
            "SELECT to_regclass('undam_replay.run') IS NOT NULL, EXISTS (SELECT FROM pg_namespace WHERE nspname IN"
            " ('undam', 'undam_replay', 'undam_load', 'mirror', 'def', 'api', 'undam_bus', 'undam_flags',"
            " 'undam_registry'))",
            &there, err))
        return false;
    r->resumed = *PQgetvalue(there, 0, 0) == 't';
    if (!r->resumed)
        return *PQgetvalue(there, 0, 1) == 'f' || refuse_side("that database is in use", err);
    if (!pg_query(&r->side, "SELECT service, source, base, from_lsn FROM undam_replay.run", &run, err))
        return false;
    if (PQntuples(run) != 1 || strcmp(PQgetvalue(run, 0, 0), r->service->name) != 0 ||
        strcmp(PQgetvalue(run, 0, 1), r->config->source.name) != 0)
        return refuse_side("that is the replay of another service", err);
    r->base = strcmp(PQgetvalue(run, 0, 2), "source") == 0 ? REPLAY_SOURCE : REPLAY_EMPTY;
    return lsn_parse(str_of(PQgetvalue(run, 0, 3)), &r->from_lsn) || refuse_side("its undam_replay.run is broken", err);
}

/* Definitions may be there without a position: killed between the two. */
static bool read_place(struct replay *r, struct err *err)
{
    PG_RESULT there = NULL;
    r->place.found = false;
    if (!pg_query(&r->side, "SELECT to_regclass('undam.position') IS NOT NULL", &there, err))
        return false;
    return *PQgetvalue(there, 0, 0) == 'f' || place_get(&r->side, r->config->source.name, false, &r->place, err);
}

bool replay_open(struct replay *r, struct err *err)
{
    struct bus_config bus = bus_config_of(r->config);
    bool same;
    arena_init(&r->arena);
    r->side_service = *r->service;
    r->side_service.dsn = r->into;
    if (!open_live(r, err) || !pg_open(&r->side, PG_TARGET, "side read model", r->into, false, err) ||
        !readmodel_session(&r->side, err) || !same_database(r, &same, err))
        return false;
    if (same)
        return refuse_side("that is the live read model", err);
    if (!read_run(r, err) || !read_place(r, err) || !bus_progress_get(&bus, &r->log, err))
        return false;
    if (r->log.found)
        return true;
    err_set(err, ERR_STATE, "the bus holds nothing of source %s", r->config->source.name);
    return err_hint(err, "start `undam relay` first");
}

void replay_close(struct replay *r)
{
    readmodel_free(&r->definitions);
    pg_close(&r->live);
    pg_close(&r->side);
    arena_free(&r->arena);
}

/* ---- making the side model ---- */

static bool mark(struct replay *r, struct err *err)
{
    struct buf b;
    char lsn[LSN_TEXT_SIZE];
    buf_init(&b, 0);
    buf_adds(&b, create_sql);
    buf_adds(&b, "INSERT INTO undam_replay.run (service, source, base, from_lsn) VALUES (");
    buf_add_literal(&b, str_of(r->service->name));
    buf_addc(&b, ',');
    buf_add_literal(&b, str_of(r->config->source.name));
    buf_printf(&b, ",'%s','%s'); COMMIT", r->base == REPLAY_SOURCE ? "source" : "empty", lsn_format(r->from_lsn, lsn));
    bool ok = pg_exec(&r->side, b.data, err);
    buf_free(&b);
    return ok;
}

bool replay_prepare(struct replay *r, struct err *err)
{
    struct registration registration = {.config = r->config,
                                        .service = &r->side_service,
                                        .like = &r->definitions,
                                        .empty = r->base == REPLAY_EMPTY,
                                        .empty_lsn = r->from_lsn,
                                        .allow_scans = true, /* as the live one was registered */
                                        .quiet = r->quiet};
    struct buf plan; /* nobody reads it */
    if (!r->resumed && !mark(r, err))
        return false;
    if (r->place.found)
        return true;
    buf_init(&plan, 0);
    bool ok = registration_run(&registration, &plan, err);
    buf_free(&plan);
    return ok && read_place(r, err);
}

/* ---- running it ---- */

static bool is_stopped(const struct replay *r) { return r->stopped && r->stopped(r->arg); }

static bool out_of_log(const struct replay *r, struct err *err)
{
    return err_hint(err,
                    "begin another replay, in another database, from where the log begins (--from begin), or load "
                    "the tables from the source: --base source (service %s)",
                    r->service->name);
}

static bool go_on(struct replay *r, struct projector *p, uint64_t until, struct progress *progress, struct err *err)
{
    int64_t moved_us = mono_us();
    uint64_t from = p->fence.place.lsn;
    while (!is_stopped(r) && (p->open || until == 0 || p->fence.place.lsn < until)) {
        bool worked = false, pause;
        uint64_t before = p->fence.place.lsn;
        if (!projector_step(p, STEP_MS, &worked, err) &&
            !(projector_recover(p, err, &pause) && (!pause || projector_open(p, err))))
            return false;
        if (worked || p->fence.place.lsn != before)
            moved_us = mono_us();
        progress_set(progress, p->fence.place.lsn - from);
        if (until && mono_us() - moved_us > STILL_US) {
            char at[LSN_TEXT_SIZE], to[LSN_TEXT_SIZE];
            err_again(err, ERR_STATE, "the bus stays at %s, the replay is to go to %s", lsn_format(p->log.lsn, at),
                      lsn_format(until, to));
            return err_hint(err, "is `undam relay` running?");
        }
    }
    return true;
}

bool replay_run(struct replay *r, uint64_t until, struct err *err)
{
    struct projector p;
    struct progress progress;
    projector_init(&p, r->config, &r->side_service, NULL, NULL);
    snprintf(p.what, sizeof p.what, "side read model of %s", r->service->name);
    p.bus.reader = NULL; /* the group is the live projector's */
    p.until = until;
    p.tolerant = r->base == REPLAY_EMPTY;
    uint64_t way = until > r->place.lsn ? until - r->place.lsn : 0;
    progress_begin(&progress, "replaying", "bytes of log", way, r->quiet);
    bool ok = projector_open(&p, err) || (err->class == ERR_STATE && out_of_log(r, err));
    ok = ok && go_on(r, &p, until, &progress, err);
    progress_end(&progress);
    r->events += p.stats.events;
    r->transactions += p.stats.transactions;
    if (ok)
        r->place = p.fence.place;
    projector_free(&p);
    return ok;
}

bool replay_unknown_count(struct replay *r, struct err *err)
{
    PG_RESULT rows = NULL;
    if (!pg_query(&r->side, "SELECT mirror, count(*) FROM undam_replay.unknown GROUP BY 1 ORDER BY 1", &rows, err))
        return false;
    r->unknown_count = (size_t)PQntuples(rows);
    r->unknown = arena_calloc(&r->arena, r->unknown_count + 1, sizeof *r->unknown);
    for (int i = 0; i < PQntuples(rows); i++)
        r->unknown[i] =
            (struct replay_unknown){arena_strdup(&r->arena, PQgetvalue(rows, i, 0)), (uint64_t)pg_cell_i64(rows, i, 1)};
    return true;
}
