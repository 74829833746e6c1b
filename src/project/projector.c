// SPDX-License-Identifier: Apache-2.0
/* The projector's steps; see projector.h. */
#include "project/projector.h"

#include <assert.h>
#include <stdio.h>

#include "base/hist.h"
#include "base/log.h"
#include "project/source.h"
#include "project/sqlstate.h"

enum {
    PROGRESS_EVERY_US = 100 * 1000, /* a position that moves without rows is worth a transaction this often */
    CAREFUL_BATCHES = 1000,
};

void projector_init(struct projector *p, const struct config *config, const struct config_service *service,
                    pg_wait_fn *wait, void *wait_arg)
{
    *p = (struct projector){.config = config, .service = service};
    p->pipe.wait = wait;
    p->pipe.wait_arg = wait_arg;
    p->bus = bus_config_of(config);
    p->bus.reader = service->name;
    snprintf(p->what, sizeof p->what, "read model %s", service->name);
    bus_batch_init(&p->batch);
}

static void drop_readmodel(struct projector *p)
{
    applier_free(&p->applier);
    readmodel_free(&p->readmodel);
    bus_reader_close(p->reader);
    p->reader = NULL;
}

void projector_disconnect(struct projector *p)
{
    drop_readmodel(p);
    registry_close(TAKE(p->registry));
    if (p->model.conn)
        pg_close(&p->model);
    p->open = false;
}

void projector_free(struct projector *p)
{
    projector_disconnect(p);
    bus_batch_free(&p->batch);
    pg_pipe_free(&p->pipe);
    free(p->pending);
    p->pending = NULL;
}

static bool open_model(struct projector *p, struct err *err)
{
    bool exists;
    p->unregistered = false;
    if (!*p->service->dsn) {
        err_set(err, ERR_CONFIG, "service %s has no read model", p->service->name);
        return err_hint(err, "set services.%s.dsn in %s", p->service->name, p->config->path);
    }
    if (!pg_open(&p->model, PG_TARGET, p->what, p->service->dsn, false, err) || !readmodel_session(&p->model, err) ||
        !pg_exec(&p->model, "SET application_name = 'undam project'; SET synchronous_commit = off", err) ||
        !readmodel_exists(&p->model, &exists, err))
        return false;
    p->unregistered = !exists;
    if (!exists) {
        err_set(err, ERR_STATE, "%s: no view was ever registered", p->what);
        return err_hint(err, "register views first: undam view add FILE...");
    }
    pg_pipe_init(&p->pipe, &p->model);
    if (p->taken)
        return fence_resume(&p->fence, &p->model, err);
    bool ok = fence_take(&p->fence, &p->model, p->config->source.name, err);
    p->unregistered = !ok && p->fence.absent;
    return ok;
}

static bool open_reader(struct projector *p, struct err *err)
{
    size_t count;
    const char **topics = readmodel_topics(&p->readmodel, &count);
    const struct place *place = &p->fence.place;
    bus_reader_close(TAKE(p->reader));
    struct registry_config registry = registry_config_of(p->config);
    if (!p->registry && !registry_open(&registry, p->idle, p->idle_arg, &p->registry, err))
        return false;
    if (bus_reader_open(&p->bus, &place->lineage, topics, count, place->lsn, &p->reader, err))
        return true;
    if (err && err->class == ERR_STATE)
        err_hint(err, "the read model cannot be continued from there: load it again with `undam view rebuild %s`",
                 p->service->name);
    return false;
}

static bool load_readmodel(struct projector *p, struct err *err)
{
    drop_readmodel(p);
    if (!readmodel_load(&p->model, &p->readmodel, err))
        return false;
    applier_init(&p->applier, &p->readmodel, &p->pipe);
    if (p->tolerant)
        applier_tolerate(&p->applier);
    return open_reader(p, err);
}

bool projector_open(struct projector *p, struct err *err)
{
    projector_disconnect(p);
    if (!open_model(p, err))
        return false;
    p->taken = true;
    return load_readmodel(p, err);
}

/* ---- one step ---- */

static bool add_events(struct projector *p, const struct bus_part *part, struct err *err)
{
    for (size_t i = 0; i < part->event_count; i++) {
        p->at = part->events[i].pos;
        if (!applier_add(&p->applier, p->registry, &part->events[i], err))
            return false;
        bool last = part->ends && i + 1 == part->event_count;
        if (p->careful && !last && !applier_chunk(&p->applier, true, err))
            return false;
        p->stats.events++;
    }
    return true;
}

/* The source transactions that the commit just made visible. */
static void count_visible(struct projector *p)
{
    int64_t now = now_us();
    p->stats.batches++;
    p->stats.transactions += p->pending_count;
    for (size_t i = 0; p->stats.visible_us && i < p->pending_count; i++)
        hist_add(p->stats.visible_us, (uint64_t)(now > p->pending[i] ? now - p->pending[i] : 0));
    p->pending_count = 0;
    p->pending_events = 0;
}

/* Ends the PostgreSQL transaction; the newest source transaction in it is parts[at]. */
static bool commit(struct projector *p, size_t at, struct err *err)
{
    const struct event_txn *last = &p->batch.parts[at].txn;
    const struct bus_progress *log = &p->batch.progress;
    struct position pos = {last->lsn, p->at.seq};
    /* The log's own progress is past the last transaction of the batch, not of one before it. */
    bool through = at + 1 == p->batch.part_count && log->lsn >= pos.lsn;
    uint64_t lsn = through ? log->lsn : pos.lsn;
    int64_t watermark = through ? log->watermark_us : 0;
    if (!applier_chunk(&p->applier, false, err) || !recompute_queue_writes(&p->applier.recompute, pos, err) ||
        !fence_queue_commit(&p->fence, &p->pipe, lsn, last->commit_time_us, watermark, err) ||
        !pg_pipe_flush(&p->pipe, err))
        return false;
    fence_moved(&p->fence, lsn, last->commit_time_us, watermark);
    p->open = false;
    recompute_clear(&p->applier.recompute);
    p->progress_us = mono_us();
    count_visible(p);
    return true;
}

static bool begin(struct projector *p, struct err *err)
{
    if (p->open)
        return true;
    p->pending_count = 0;
    p->pending_events = 0;
    p->open = true;
    return fence_queue_begin(&p->fence, &p->pipe, err);
}

static bool apply_part(struct projector *p, size_t at, struct err *err)
{
    const struct bus_part *part = &p->batch.parts[at];
    bool last = at + 1 == p->batch.part_count;
    if (!begin(p, err) || !add_events(p, part, err))
        return false;
    p->pending_events += part->event_count;
    if (!part->ends)
        return applier_chunk(&p->applier, true, err);
    GROW(p->pending, p->pending_count, p->pending_capacity);
    p->pending[p->pending_count++] = part->txn.commit_time_us;
    /* Source transactions are never split, PostgreSQL's are kept short: one ends when enough has come together. */
    bool enough = p->careful || p->pending_events >= (uint64_t)p->config->project.batch_max_events;
    return !(last || enough) || commit(p, at, err);
}

static bool apply_batch(struct projector *p, struct err *err)
{
    for (size_t i = 0; i < p->batch.part_count; i++) {
        /* The bus promises that nothing comes twice; if it did it would change nothing. */
        if (p->batch.parts[i].txn.lsn > p->fence.place.lsn && !apply_part(p, i, err))
            return false;
    }
    return true;
}

/* Nothing to apply: only what is known of the source's quiet moves on. */
static bool move_progress(struct projector *p, struct err *err)
{
    const struct bus_progress *log = &p->batch.progress;
    const struct place *place = &p->fence.place;
    int64_t now = mono_us();
    bool news =
        log->found && log->lsn >= place->lsn && (log->lsn > place->lsn || log->watermark_us > place->watermark_us);
    if (now - p->progress_us < PROGRESS_EVERY_US || (!news && now - p->progress_us < 10 * PROGRESS_EVERY_US))
        return true;
    p->progress_us = now; /* now and then without news too: that is how a registration or a twin is noticed */
    return news ? fence_progress(&p->fence, &p->pipe, log->lsn, log->watermark_us, err)
                : fence_check(&p->fence, &p->pipe, err);
}

/* Nothing after `until`: later transactions are cut off the batch, and what is left of it is complete through there. */
static void cut_batch(struct projector *p)
{
    struct bus_batch *b = &p->batch;
    size_t keep = b->part_count;
    while (keep > 0 && b->parts[keep - 1].txn.lsn > p->until)
        keep--;
    if (keep == b->part_count && (b->progress.lsn <= p->until || (keep && !b->parts[keep - 1].ends)))
        return;
    b->part_count = keep;
    b->progress.lsn = p->until;
    b->progress.watermark_us = 0; /* it was true of the later position */
}

bool projector_step(struct projector *p, int wait_ms, bool *ret_worked, struct err *err)
{
    struct bus_read_limits limits = {(uint64_t)p->config->project.batch_max_events,
                                     (uint64_t)p->config->project.batch_max_bytes, wait_ms};
    if (p->careful)
        limits.events_max = 1;
    if (!bus_reader_fetch(p->reader, &limits, &p->batch, err))
        return false;
    if (p->until)
        cut_batch(p);
    p->log = p->batch.progress;
    *ret_worked = p->batch.part_count > 0;
    if (p->batch.part_count == 0)
        return p->open || move_progress(p, err);
    if (!apply_batch(p, err))
        return false;
    if (p->careful > 0)
        p->careful--;
    return true;
}

/* ---- when a step fails ---- */

/* The server's message may hold row values: what is printed is the state, its meaning, and where. */
static void explain(struct projector *p, struct err *err)
{
    char lsn[LSN_TEXT_SIZE];
    const struct view *view = recompute_failed(&p->applier.recompute, p->pipe.failed);
    const struct mirror *mirror = p->applier.failed_mirror;
    lsn_format(p->at.lsn, lsn);
    if (!*p->pipe.sqlstate || (!view && !mirror))
        return;
    if (view)
        err_set(err, ERR_DATA, "view %s cannot be computed at %s, %u: %s (SQLSTATE %s)", view->name, lsn, p->at.seq,
                sqlstate_meaning(p->pipe.sqlstate), p->pipe.sqlstate);
    else
        err_set(err, ERR_DATA, "table %s: the event at %s, %u cannot be applied: %s (SQLSTATE %s)", mirror->entity, lsn,
                p->at.seq, sqlstate_meaning(p->pipe.sqlstate), p->pipe.sqlstate);
    err_hint(err,
             view ? "nothing was skipped; change the view so that it holds for such rows (`undam view add`), or "
                    "drop it (`undam view drop`)"
                  : "nothing was skipped; if the source's table or type has changed, load it again with `undam view "
                    "rebuild`");
}

/* Enum labels that the source has got meanwhile: they come without an event of their own, so the first value with one
 * is what tells. When the source cannot be asked the value stays refused, and the service stops. */
static bool adopt_labels(struct projector *p)
{
    struct pg source;
    if (strcmp(p->pipe.sqlstate, "22P02") != 0 ||
        !pg_open(&source, PG_SOURCE, "source", p->config->source.dsn, false, NULL))
        return false;
    bool ok = pg_exec(&source, "SET search_path = pg_catalog", NULL);
    for (size_t i = 0; ok && i < p->readmodel.mirror_count; i++)
        for (size_t c = 0; ok && c < p->readmodel.mirrors[i].column_count; c++)
            ok = source_type_ensure(&source, &p->model, p->readmodel.mirrors[i].columns[c].type_oid, NULL);
    pg_close(&source);
    return ok;
}

bool projector_recover(struct projector *p, struct err *err, bool *ret_pause)
{
    bool connected = p->model.conn && PQstatus(p->model.conn) == CONNECTION_OK;
    *ret_pause = false;
    if (!connected || !p->reader) {
        *ret_pause = true;
        return err->retriable;
    }
    pg_rollback(&p->model);
    p->open = false;
    applier_reset(&p->applier);
    if (p->fence.catalogue_changed) {
        bool ok = fence_resume(&p->fence, &p->model, err) && load_readmodel(p, err);
        *ret_pause = !ok;
        return ok || err->retriable;
    }
    if (err->retriable) {
        *ret_pause = true;
        p->stats.retries++;
        return true;
    }
    bool about_data = err->class == ERR_DATA || *p->pipe.sqlstate;
    if (err->class == ERR_STATE || !about_data)
        return false;
    explain(p, err);
    if (p->careful)
        return false;
    p->careful = CAREFUL_BATCHES;
    (void)adopt_labels(p);
    *ret_pause = !open_reader(p, NULL); /* the bus is away too: everything is opened again, err stays what it is */
    return true;
}

bool projector_until(const struct config *config, const struct config_service *service, uint64_t lsn, struct err *err)
{
    struct projector p;
    bool worked, pause;
    projector_init(&p, config, service, NULL, NULL);
    bool ok = projector_open(&p, err);
    while (ok && (p.open || p.fence.place.lsn < lsn)) {
        ok = projector_step(&p, 100, &worked, err);
        if (!ok)
            ok = projector_recover(&p, err, &pause) && (!pause || projector_open(&p, err));
    }
    projector_free(&p);
    return ok;
}
