// SPDX-License-Identifier: Apache-2.0
/*
 * The projector as a daemon. The loop is one line a state:
 *   open ──▶ step ──▶ step ...        nothing to do: wait for the bus
 *    ▲          │ error
 *    └─ pause ◀─┴─ recoverable?       no: the service stops with the reason
 */
#include "project/project.h"

#include <stdio.h>

#include "base/daemon.h"
#include "base/log.h"
#include "project/projector.h"

enum {
    PAUSE_MIN_MS = 100,
    PAUSE_MAX_MS = 5000,
    IDLE_MS = 100,         /* a NOTIFY ends it; this is for the rare one that got lost */
    UNREGISTERED_MS = 500, /* how often a read model without views is looked at */
    REPORT_EVERY_US = 100 * 1000,
    BEHIND_US = 30 * 1000 * 1000,
};

enum metric_row {
    M_BATCHES,
    M_TRANSACTIONS,
    M_EVENTS,
    M_ROWS,
    M_RETRIES,
    M_VISIBLE,
    M_LAG,
    M_POSITION,
    M_EPOCH,
    M_FIXED,
};

static const struct metric fixed_metrics[M_FIXED] = {
    [M_BATCHES] = {"undam_project_batches_total", "PostgreSQL transactions that stored rows.", METRIC_COUNTER, NULL, 0,
                   NULL},
    [M_TRANSACTIONS] = {"undam_project_transactions_total", "Source transactions applied.", METRIC_COUNTER, NULL, 0,
                        NULL},
    [M_EVENTS] = {"undam_project_events_total", "Events applied.", METRIC_COUNTER, NULL, 0, NULL},
    [M_ROWS] = {"undam_project_rows_total", "Mirror rows written or deleted, after netting.", METRIC_COUNTER, NULL, 0,
                NULL},
    [M_RETRIES] = {"undam_project_retries_total", "Batches that were tried again.", METRIC_COUNTER, NULL, 0, NULL},
    [M_VISIBLE] = {"undam_project_visible_seconds", "From commit in the source to commit in the read model.",
                   METRIC_HISTOGRAM, NULL, 0, NULL},
    [M_LAG] = {"undam_project_lag_seconds", "Age of the state that the read model is known to be complete up to.",
               METRIC_GAUGE, NULL, 0, NULL},
    [M_POSITION] = {"undam_project_position", "Applied source LSN as a number.", METRIC_GAUGE, NULL, 0, NULL},
    [M_EPOCH] = {"undam_project_epoch", "Epoch of this projector.", METRIC_GAUGE, NULL, 0, NULL},
};

enum { VIEW_METRICS = 4, VIEWS_MAX = 256 }; /* more views than that are kept, only not counted one by one */

struct service {
    struct daemon daemon;
    struct projector projector;
    struct hist visible;
    struct metric metrics[M_FIXED + VIEW_METRICS * VIEWS_MAX];
    struct arena labels;
    char base_labels[128];
    bool bus_ready; /* the bus's fd has been readable */
    int pause_ms;
    int64_t reported_us;
    struct wait {
        bool ready;
    } wait;
};

static void on_ready(void *arg, unsigned events)
{
    (void)events;
    *(bool *)arg = true;
}

/* PostgreSQL is waited for in the loop, so that health, metrics and signals are served meanwhile. */
static bool wait_in_loop(void *arg, int fd, bool write, struct err *err)
{
    struct service *s = arg;
    s->wait.ready = false;
    if (!loop_fd(s->daemon.loop, fd, LOOP_READ | (write ? LOOP_WRITE : 0u), on_ready, &s->wait.ready, err))
        return false;
    bool ok = true;
    while (ok && !s->wait.ready && s->daemon.stop != DAEMON_STOP_FAST) {
        ok = loop_once(s->daemon.loop, 500, err);
        daemon_alive(&s->daemon);
    }
    loop_fd_remove(s->daemon.loop, fd);
    if (ok && !s->wait.ready)
        return err_again(err, ERR_TARGET, "stopped");
    return ok;
}

/* So is the registry, which may take its time. */
static void registry_idle(void *arg)
{
    struct service *s = arg;
    struct err ignored;
    daemon_alive(&s->daemon);
    (void)!loop_once(s->daemon.loop, 0, &ignored);
}

/* ---- metrics ---- */

static void describe_metrics(struct service *s)
{
    const struct readmodel *g = &s->projector.readmodel;
    arena_reset(&s->labels);
    memcpy(s->metrics, fixed_metrics, sizeof fixed_metrics);
    for (unsigned i = 0; i < M_FIXED; i++)
        s->metrics[i].labels = s->base_labels;
    s->metrics[M_VISIBLE].hist = &s->visible;
    size_t views = g->view_count < VIEWS_MAX ? g->view_count : VIEWS_MAX;
    for (size_t i = 0; i < views; i++) {
        struct metric *m = &s->metrics[M_FIXED + VIEW_METRICS * i];
        const char *labels = arena_printf(&s->labels, "%s,view=\"%s\"", s->base_labels, g->views[i].name);
        m[0] = (struct metric){"undam_project_view_keys_total", "Slices recomputed.", METRIC_COUNTER, labels, 0, NULL};
        m[1] = (struct metric){
            "undam_project_view_rows_total", "View rows that changed.", METRIC_COUNTER, labels, 0, NULL};
        m[2] = (struct metric){
            "undam_project_view_seconds_total", "Time spent on the view.", METRIC_COUNTER, labels, 0, NULL};
        m[3] = (struct metric){
            "undam_project_view_whole_total", "Times the view was recomputed whole.", METRIC_COUNTER, labels, 0, NULL};
    }
    s->daemon.metrics = s->metrics;
    s->daemon.metric_count = (unsigned)(M_FIXED + VIEW_METRICS * views);
}

static void update_metrics(struct service *s)
{
    const struct projector *p = &s->projector;
    const struct place *place = &p->fence.place;
    struct metric *m = s->metrics;
    m[M_BATCHES].value = (double)p->stats.batches;
    m[M_TRANSACTIONS].value = (double)p->stats.transactions;
    m[M_EVENTS].value = (double)p->stats.events;
    m[M_ROWS].value = (double)p->applier.rows_applied;
    m[M_RETRIES].value = (double)p->stats.retries;
    m[M_LAG].value = place->watermark_us ? (double)(now_us() - place->watermark_us) / 1e6 : 0;
    m[M_POSITION].value = (double)place->lsn;
    m[M_EPOCH].value = (double)place->epoch;
    size_t views = (s->daemon.metric_count - M_FIXED) / VIEW_METRICS;
    for (size_t i = 0; i < views && i < p->readmodel.view_count; i++) {
        const struct recompute_view *v = &p->applier.recompute.views[i];
        struct metric *vm = &m[M_FIXED + VIEW_METRICS * i];
        vm[0].value = (double)v->keys_done;
        vm[1].value = (double)(v->rows_deleted + v->rows_written);
        vm[2].value = (double)v->time_us / 1e6;
        vm[3].value = (double)v->whole_runs;
    }
}

/* ---- the loop ---- */

static void log_opened(const struct projector *p)
{
    char lsn[LSN_TEXT_SIZE];
    log_event(LOG_INFO, "opened", "service=%s position=%s epoch=%lld mirrors=%zu views=%zu", p->service->name,
              lsn_format(p->fence.place.lsn, lsn), (long long)p->fence.place.epoch, p->readmodel.mirror_count,
              p->readmodel.view_count);
}

/* The bus's descriptor lives as long as its reader. */
static bool watch_bus(struct service *s, struct err *err)
{
    return loop_fd(s->daemon.loop, bus_reader_fd(s->projector.reader), LOOP_READ, on_ready, &s->bus_ready, err);
}

static bool open_service(struct service *s, struct err *err)
{
    if (!projector_open(&s->projector, err))
        return false;
    describe_metrics(s);
    update_metrics(s);
    log_opened(&s->projector);
    s->pause_ms = PAUSE_MIN_MS;
    return true;
}

static void report(struct service *s)
{
    const struct place *place = &s->projector.fence.place;
    char lsn[LSN_TEXT_SIZE];
    int64_t lag_us = place->watermark_us ? now_us() - place->watermark_us : 0;
    s->reported_us = mono_us();
    update_metrics(s);
    daemon_alive(&s->daemon);
    daemon_status(&s->daemon, "%s at %s, lag %.3f s", s->projector.service->name, lsn_format(place->lsn, lsn),
                  (double)lag_us / 1e6);
    daemon_ready(&s->daemon, lag_us > BEHIND_US ? "the read model is more than 30 s behind the source" : NULL);
}

/* Until there is something on the bus, or a while has passed. */
static bool wait_for_bus(struct service *s, struct err *err)
{
    s->bus_ready = false;
    if (!watch_bus(s, err))
        return false;
    bool ok = loop_once(s->daemon.loop, IDLE_MS, err);
    loop_fd_remove(s->daemon.loop, bus_reader_fd(s->projector.reader));
    return ok;
}

static bool step(struct service *s, struct err *err)
{
    bool worked;
    if (!projector_step(&s->projector, BUS_AT_HAND, &worked, err))
        return false;
    if (mono_us() - s->reported_us > REPORT_EVERY_US)
        report(s);
    if (!worked)
        return s->projector.open ? loop_once(s->daemon.loop, 1, err) : wait_for_bus(s, err);
    return loop_once(s->daemon.loop, 0, err);
}

static bool pause_and_back_off(struct service *s, const struct err *err)
{
    log_err(LOG_WARN, "retrying", err);
    daemon_ready(&s->daemon, err->text);
    bool go_on = daemon_pause(&s->daemon, s->pause_ms);
    s->pause_ms = s->pause_ms * 2 < PAUSE_MAX_MS ? s->pause_ms * 2 : PAUSE_MAX_MS;
    return go_on;
}

/* What to do about a failed open or step. false: stop, with err if it is a failure. */
static bool handle(struct service *s, struct err *err)
{
    bool pause;
    if (s->daemon.stop)
        return false;
    if (!projector_recover(&s->projector, err, &pause))
        return false;
    if (pause) {
        if (!pause_and_back_off(s, err))
            return false;
        projector_disconnect(&s->projector);
        return true;
    }
    log_event(LOG_INFO, s->projector.careful ? "one_by_one" : "views_changed", "reason=%s", err->text);
    describe_metrics(s);
    log_opened(&s->projector);
    return true;
}

/* Before the first view is registered there is nothing to project, which is no failure. */
static bool wait_for_views(struct service *s, struct err *err)
{
    bool said = false;
    while (!s->daemon.stop) {
        if (open_service(s, err))
            return true;
        bool empty = s->projector.unregistered;
        if (!empty && !err->retriable)
            return false;
        if (!empty) {
            if (!pause_and_back_off(s, err))
                return false;
            continue;
        }
        if (!said)
            log_err(LOG_INFO, "waiting_for_views", err);
        said = true;
        projector_disconnect(&s->projector);
        daemon_ready(&s->daemon, "no view is registered");
        if (!daemon_pause(&s->daemon, UNREGISTERED_MS))
            return false;
    }
    return false;
}

static bool serve(struct service *s, struct err *err)
{
    if (!wait_for_views(s, err))
        return s->daemon.stop != DAEMON_RUN;
    /* A stop finishes the batch: a transaction half-fetched is rolled back and applied again by the next start. */
    while (!s->daemon.stop) {
        bool ok = s->projector.reader ? step(s, err) : open_service(s, err);
        if (!ok && !handle(s, err))
            return s->daemon.stop != DAEMON_RUN;
    }
    return true;
}

bool project_run(const struct config *config, const struct config_service *service,
                 const struct project_options *options, struct err *err)
{
    struct service *s = xcalloc(1, sizeof *s);
    char lsn[LSN_TEXT_SIZE];
    arena_init(&s->labels);
    s->pause_ms = PAUSE_MIN_MS;
    snprintf(s->base_labels, sizeof s->base_labels, "service=\"%s\"", service->name);
    projector_init(&s->projector, config, service, wait_in_loop, s);
    s->projector.idle = registry_idle;
    s->projector.idle_arg = s;
    s->projector.stats.visible_us = &s->visible;
    describe_metrics(s);
    bool ok = daemon_init(&s->daemon, options->listen ? options->listen : service->listen, s->metrics, M_FIXED, err);
    if (ok) {
        ok = serve(s, err);
        log_event(LOG_INFO, "stopped", "service=%s position=%s", service->name,
                  lsn_format(s->projector.fence.place.lsn, lsn));
        projector_free(&s->projector);
        daemon_free(&s->daemon);
    } else {
        projector_free(&s->projector);
    }
    arena_free(&s->labels);
    free(s);
    return ok;
}
