// SPDX-License-Identifier: Apache-2.0
/*
 * Opening a session. The order is the safety (session.h, 2 and 3):
 *   catalog checks -> identify -> bus progress (read only) -> slot: create, or refuse -> take the slot
 *   -> slot position (nobody else moves it now) -> bus writer (fences older ones) -> compare -> skip what the bus has
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "relay/session.h"

/* The bus makes us wait: the server must go on hearing from us, and its slot being watched. Errors show at the next
 * read. */
static void bus_idle(void *arg)
{
    struct session *s = arg;
    struct err ignored;
    if (relay_confirm(s, false, &ignored))
        daemon_alive(s->daemon);
    if (s->watch.pg.conn && watch_tick(&s->watch, &ignored) && s->watch.health.fresh && s->watch.health.slot.found)
        session_retained(s, &s->watch.health.slot); /* still fresh: the tick looks at the rest */
    if (loop_once(s->daemon->loop, 0, &ignored) && s->daemon->stop == DAEMON_STOP_FAST) {
        /* There is no way out of a call that waits for a bus that hangs, and none is needed: both servers see what they
         * would see after SIGKILL. */
        log_event(LOG_INFO, "stopped", "signal=%s", "fast");
        _exit(ERR_NONE);
    }
}

static bool lost_slot(const struct session *s, const char *what, struct err *err)
{
    err_set(err, ERR_STATE, "slot \"%s\" %s", s->config->source.slot, what);
    return err_hint(err,
                    "changes since the bus's position may be gone, so the stream cannot be continued: drop the slot, "
                    "give the source another source.name (or empty the bus) and load the read models anew");
}

static bool check_slot(const struct session *s, const struct source_slot *slot, const struct bus_progress *progress,
                       struct err *err)
{
    if (!slot->found)
        return !progress->found || lost_slot(s, "does not exist any more, but the bus has events of it", err);
    if (!slot->ours) {
        err_set(err, ERR_STATE, "slot \"%s\" is not a permanent logical slot with pgoutput in this database",
                s->config->source.slot);
        return err_hint(err, "it belongs to something else; choose another source.slot");
    }
    return !slot->lost || lost_slot(s, "has lost its WAL (wal_status lost)", err);
}

/* A role without REPLICATION fails in the connection itself; the catalog says so in our words. */
static bool replication_connection(struct session *s, struct pg *side, struct pg *ret, struct err *err)
{
    if (pg_open(ret, PG_SOURCE, "source (replication)", s->config->source.dsn, true, err))
        return true;
    struct err role;
    if (!source_check_role(side, &role))
        *err = role;
    return false;
}

static bool identify(struct session *s, struct pg *replication, struct err *err)
{
    struct pg_system system;
    if (!pg_identify(replication, &system, err))
        return false;
    s->lineage = (struct lineage){.system_id = system.system_id, .timeline = system.timeline};
    snprintf(s->lineage.database, sizeof s->lineage.database, "%s", system.database);
    snprintf(s->lineage.slot, sizeof s->lineage.slot, "%s", s->config->source.slot);
    return true;
}

static bool take_slot(struct session *s, struct pg *side, struct pg *replication, struct source_slot *ret,
                      struct err *err)
{
    struct bus_progress progress;
    uint64_t lsn;
    if (!source_slot(side, s->config->source.slot, ret, err))
        return false;
    if (ret->found)
        session_retained(s, ret); /* also when the bus cannot be reached, which is when it grows */
    if (!bus_progress_get(&s->bus_config, &progress, err) || !check_slot(s, ret, &progress, err))
        return false;
    if (!ret->found) {
        if (!pg_slot_create(replication, s->config->source.slot, PG_SLOT_PERMANENT, &lsn, NULL, err))
            return false;
        char text[LSN_TEXT_SIZE];
        log_event(LOG_INFO, "slot_created", "slot=%s lsn=%s", s->config->source.slot, lsn_format(lsn, text));
    }
    return capture_connect(s->capture, replication, err) && source_slot(side, s->config->source.slot, ret, err) &&
           check_slot(s, ret, &progress, err);
}

static bool compare(struct session *s, const struct source_slot *slot, const struct bus_progress *progress,
                    struct err *err)
{
    char bus[LSN_TEXT_SIZE], server[LSN_TEXT_SIZE];
    if (!progress->found || slot->confirmed <= progress->lsn)
        return true;
    err_set(err, ERR_STATE,
            "slot \"%s\" is at %s, ahead of the bus at %s: what lies between was confirmed by somebody else",
            s->config->source.slot, lsn_format(slot->confirmed, server), lsn_format(progress->lsn, bus));
    return err_hint(err, "the slot was recreated, used by another consumer, or the bus was restored from a backup; the "
                         "events between cannot be had again: start with a new slot and load the read models anew");
}

/* The first position goes to the bus before the server hears any: from here on the two belong together. */
static bool first_position(struct session *s, struct err *err)
{
    bus_writer_quiet(s->writer, s->durable, 0);
    return bus_writer_flush(s->writer, err);
}

static bool open_bus(struct session *s, const struct source_slot *slot, struct err *err)
{
    struct bus_progress progress;
    if (!bus_writer_open(&s->bus_config, &s->lineage, bus_idle, s, &s->writer, &progress, err) ||
        !compare(s, slot, &progress, err))
        return false;
    if (!registry_open(&s->registry_config, bus_idle, s, &s->registry, err))
        return false;
    s->events.writer = s->writer;
    s->events.registry = s->registry;
    s->durable = s->ended = progress.found ? progress.lsn : slot->confirmed;
    capture_skip(s->capture, s->durable);
    if (!progress.found && !first_position(s, err))
        return false;
    char text[LSN_TEXT_SIZE];
    log_event(LOG_INFO, "streaming", "slot=%s publication=%s lsn=%s server=%d system=%llu timeline=%u",
              s->config->source.slot, s->config->source.publication, lsn_format(s->durable, text),
              s->facts.version / 10000, (unsigned long long)s->lineage.system_id, s->lineage.timeline);
    return true;
}

static bool open_all(struct session *s, struct pg *side, struct pg *replication, struct err *err)
{
    struct source_slot slot;
    if (!pg_open(side, PG_SOURCE, "source", s->config->source.dsn, false, err) ||
        !pg_exec(side, "SET search_path = ''; SET default_transaction_read_only = on", err) ||
        !source_check(side, s->config, &s->facts, err) || !replication_connection(s, side, replication, err) ||
        !identify(s, replication, err) || !take_slot(s, side, replication, &slot, err) || !open_bus(s, &slot, err))
        return false;
    s->events.router.strict = s->facts.leaf_routing;
    return watch_start(&s->watch, side, s->config, &s->facts, err);
}

bool session_open(struct session *s, struct err *err)
{
    struct pg side = {.conn = NULL}, replication = {.conn = NULL};
    bool ok = open_all(s, &side, &replication, err);
    pg_close(&side); /* those that were not handed on */
    pg_close(&replication);
    if (!ok)
        session_close(s, false);
    return ok;
}
