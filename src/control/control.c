// SPDX-License-Identifier: Apache-2.0
/*
 * The control daemon, a single loop that never blocks on a server:
 *
 *   control database --LISTEN undam_flags, and once a second--> set of flags --> file (publish.c)
 *   read model of each service, every control.poll_ms --> watermark --> applied word of that service
 *   every second --> heartbeat word; a file that went away or was damaged is written again
 *   beside it, in threads of its own: the embedded registry for others (registry_http.h)
 *
 * What always holds: an applied word never passes the watermark that its read model reported, so a user who wrote is
 * never sent to a read model that may lack the write; a control that stops beating makes every flag stale, hence
 * legacy, after its validity. A database that is away stops nothing: the last published flags go on, applied words
 * stand still.
 */
#include "control/control.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "control/flag_store.h"
#include "control/publish.h"
#include "control/registry_http.h"
#include "flag/snapshot.h"
#include "link/pg/pg_poll.h"

enum { BEAT_MS = 1000, EMERGENCY_BEATS = 5 };

static const char position_sql[] =
    "SELECT (extract(epoch FROM watermark) * 1000000)::bigint - 1,"
    " (extract(epoch FROM clock_timestamp() - applied_at) * 1000000)::bigint FROM undam.position";

struct service_state {
    struct control *control;
    const char *name;
    struct pg_poll *poll;
    char *what;
    int64_t watermark_us; /* 0 unknown */
    struct metric *lag, *up;
};

struct control {
    const struct config *config;
    struct daemon daemon;
    struct pg_poll *store;
    struct service_state *services;
    const char **service_names;
    struct arena arena; /* of the set below; the other one is filled while this is in use */
    struct flag_set set;
    bool have_set;
    char version_text[24]; /* $1 of the load query */
    const char *params[1];
    uint64_t catalogue;
    struct timespec catalogue_time;
    struct flag_words *words;
    bool publish;        /* something changed */
    bool publish_failed; /* the next try is with the next beat */
    int emergency_beats;
    struct err store_err;
    struct registry_http *registry; /* NULL: not served */
    struct metric *metrics;
    unsigned metric_count;
    unsigned registry_metrics; /* where its rows begin */
};

enum { METRIC_VERSION, METRIC_PUBLISHED, METRIC_FAILED, METRIC_STORE_UP, METRIC_KILLED, METRIC_FIXED };
enum { REGISTRY_REQUESTS, REGISTRY_REFUSED, REGISTRY_FAILED, REGISTRY_CONNECTIONS, REGISTRY_UP, REGISTRY_METRICS };

static void registry_metrics_init(struct control *c)
{
    static const struct metric rows[REGISTRY_METRICS] = {
        [REGISTRY_REQUESTS] = {.name = "undam_registry_requests_total",
                               .help = "Requests answered under Confluent's paths",
                               .kind = METRIC_COUNTER},
        [REGISTRY_REFUSED] = {.name = "undam_registry_refused_total",
                              .help = "Requests answered with 4xx: unknown, wrong or incompatible",
                              .kind = METRIC_COUNTER},
        [REGISTRY_FAILED] = {.name = "undam_registry_failed_total",
                             .help = "Requests answered with 5xx: the database was away",
                             .kind = METRIC_COUNTER},
        [REGISTRY_CONNECTIONS] = {.name = "undam_registry_connections",
                                  .help = "Connections of registry clients",
                                  .kind = METRIC_GAUGE},
        [REGISTRY_UP] = {.name = "undam_registry_up",
                         .help = "1: the registry's database answered the last request",
                         .kind = METRIC_GAUGE},
    };
    c->registry_metrics = c->metric_count;
    if (!c->config->registry.listen[0])
        return;
    memcpy(c->metrics + c->metric_count, rows, sizeof rows);
    c->metric_count += REGISTRY_METRICS;
}

static void registry_beat(struct control *c)
{
    struct registry_http_counts counts;
    if (!c->registry)
        return;
    registry_http_beat(c->registry, &counts);
    struct metric *rows = c->metrics + c->registry_metrics;
    rows[REGISTRY_REQUESTS].value = (double)counts.requests;
    rows[REGISTRY_REFUSED].value = (double)counts.refused;
    rows[REGISTRY_FAILED].value = (double)counts.failed;
    rows[REGISTRY_CONNECTIONS].value = counts.connections;
    rows[REGISTRY_UP].value = counts.up;
}

static void metrics_init(struct control *c)
{
    size_t services = c->config->service_count;
    c->metrics = xcalloc(METRIC_FIXED + REGISTRY_METRICS + 2 * services, sizeof *c->metrics);
    c->metrics[METRIC_VERSION] = (struct metric){
        .name = "undam_control_flags_version", .help = "Version of the published flags", .kind = METRIC_GAUGE};
    c->metrics[METRIC_PUBLISHED] = (struct metric){
        .name = "undam_control_publications_total", .help = "Snapshots published", .kind = METRIC_COUNTER};
    c->metrics[METRIC_FAILED] = (struct metric){.name = "undam_control_publication_failures_total",
                                                .help = "Snapshots that could not be published",
                                                .kind = METRIC_COUNTER};
    c->metrics[METRIC_STORE_UP] = (struct metric){
        .name = "undam_control_database_up", .help = "1: the control database answers", .kind = METRIC_GAUGE};
    c->metrics[METRIC_KILLED] = (struct metric){
        .name = "undam_control_killed", .help = "1: the global kill switch is on", .kind = METRIC_GAUGE};
    c->metric_count = METRIC_FIXED;
    for (size_t i = 0; i < services; i++) {
        struct service_state *s = &c->services[i];
        if (!c->config->services[i].dsn[0])
            continue;
        char *labels = xasprintf("service=\"%s\"", s->name);
        s->lag = &c->metrics[c->metric_count++];
        *s->lag = (struct metric){.name = "undam_control_applied_lag_seconds",
                                  .help = "Wall clock minus the read model's watermark",
                                  .kind = METRIC_GAUGE,
                                  .labels = labels};
        s->up = &c->metrics[c->metric_count++];
        *s->up = (struct metric){.name = "undam_control_read_model_up",
                                 .help = "1: the read model answers",
                                 .kind = METRIC_GAUGE,
                                 .labels = labels};
    }
    registry_metrics_init(c);
}

static void log_state(const char *what, const struct err *err)
{
    if (err)
        log_err(LOG_WARN, "away", err);
    else
        log_event(LOG_INFO, "connected", "to=%s", what);
}

static void on_store_state(void *arg, const struct err *err)
{
    struct control *c = arg;
    c->metrics[METRIC_STORE_UP].value = err == NULL;
    c->store_err = err ? *err : (struct err){0};
    log_state("control database", err);
}

static void on_position_state(void *arg, const struct err *err)
{
    struct service_state *s = arg;
    s->up->value = err == NULL;
    log_state(s->what, err);
}

/* A read model that follows several sources holds what the one furthest behind has. */
static void on_position(void *arg, const PGresult *result)
{
    struct service_state *s = arg;
    int64_t watermark_us = 0;
    for (int i = 0; i < PQntuples(result); i++) {
        int64_t v = 0;
        if (PQgetisnull(result, i, 0) || !str_to_i64(str_of(PQgetvalue(result, i, 0)), &v))
            return;
        watermark_us = i == 0 || v < watermark_us ? v : watermark_us;
    }
    if (watermark_us <= 0)
        return;
    s->watermark_us = watermark_us;
    if (s->control->words)
        flag_words_applied(s->control->words,
                           flag_service_find(flag_words_snapshot(s->control->words), s->name, strlen(s->name)),
                           watermark_us);
}

static void on_flags(void *arg, const PGresult *result)
{
    struct control *c = arg;
    struct arena fresh;
    struct flag_set set;
    struct err err;
    bool same;
    arena_init(&fresh);
    if (!flag_store_read(result, c->service_names, c->config->service_count, &fresh, &set, &same, &err)) {
        log_err(LOG_ERROR, "flags_unreadable", &err);
        arena_free(&fresh);
        return;
    }
    if (same && c->have_set) {
        arena_free(&fresh);
        return;
    }
    arena_free(&c->arena);
    c->arena = fresh;
    c->set = set;
    c->have_set = true;
    c->publish = true;
    snprintf(c->version_text, sizeof c->version_text, "%llu", (unsigned long long)set.version);
}

static void words_reopen(struct control *c)
{
    char why[300];
    flag_words_close(c->words);
    c->words = flag_words_open(c->config->control.snapshot, why, sizeof why);
    if (!c->words) {
        log_event(LOG_ERROR, "snapshot_unusable", "why=%s", why);
        return;
    }
    flag_words_beat(c->words, now_us());
    for (size_t i = 0; i < c->config->service_count; i++) {
        struct service_state *s = &c->services[i];
        flag_words_applied(c->words, flag_service_find(flag_words_snapshot(c->words), s->name, strlen(s->name)),
                           s->watermark_us);
    }
}

static void publish(struct control *c)
{
    struct err err;
    bool published = false;
    c->publish = c->publish_failed = false;
    c->set.catalogue = c->catalogue;
    if (!control_publish(c->config->control.snapshot, &c->set, &published, &err)) {
        c->metrics[METRIC_FAILED].value++;
        log_err(LOG_ERROR, "publish_failed", &err);
        daemon_ready(&c->daemon, err.text);
        c->publish = c->publish_failed = true;
        return;
    }
    words_reopen(c);
    c->metrics[METRIC_VERSION].value = (double)c->set.version;
    c->metrics[METRIC_KILLED].value = c->set.killed;
    if (published) {
        c->metrics[METRIC_PUBLISHED].value++;
        log_event(LOG_INFO, "published", "version=%llu flags=%zu segments=%zu catalogue=%016llx",
                  (unsigned long long)c->set.version, c->set.flag_count, c->set.segment_count,
                  (unsigned long long)c->set.catalogue);
    }
    daemon_ready(&c->daemon, c->words ? NULL : "the snapshot cannot be mapped");
}

/* The catalogue is compiled by `undam endpoint compile`; nginx takes endpoints and flags only where they fit together.
 */
static void look_at_catalogue(struct control *c)
{
    struct stat st = {0};
    if (stat(c->config->control.catalogue, &st) != 0)
        st = (struct stat){0};
    if (st.st_mtim.tv_sec == c->catalogue_time.tv_sec && st.st_mtim.tv_nsec == c->catalogue_time.tv_nsec)
        return;
    c->catalogue_time = st.st_mtim;
    uint64_t hash = control_catalogue_hash(c->config->control.catalogue);
    c->publish |= hash != c->catalogue;
    c->catalogue = hash;
}

static bool kill_apply(struct pg *pg, void *arg, struct err *err)
{
    const char *flag = arg;
    PG_RESULT r = NULL;
    if (!flag[0])
        return pg_exec(pg, "UPDATE undam_flags.state SET killed = true", err);
    return pg_query_params(pg, "UPDATE undam_flags.flag SET killed = true WHERE name = $1", 1, &flag, &r, err);
}

/* A kill that was set in the file while the database was away is written down once it is back. Blocking, rare. */
static void record_emergency(struct control *c, const char *flag)
{
    struct pg pg;
    struct err err;
    struct arena arena;
    struct flag_change change = {.action = "kill",
                                 .subject = flag[0] ? FLAG_SUBJECT_FLAG : FLAG_SUBJECT_ALL,
                                 .name = flag,
                                 .who = "undam control",
                                 .why =
                                     "kill word found in the snapshot; it was set while the control database was away",
                                 .shrink = true,
                                 .apply = kill_apply,
                                 .arg = xstrdup(flag)};
    arena_init(&arena);
    bool good = pg_open(&pg, PG_TARGET, "control database", c->config->control.dsn, false, &err);
    if (good) {
        good = flag_store_change(&pg, &change, &arena, &err);
        pg_close(&pg);
    }
    if (good)
        good = control_kill_now(c->config->control.snapshot, flag, FLAG_KILL_RECORDED, &err);
    if (good)
        log_event(LOG_WARN, "kill_recorded", "flag=%s version=%llu", flag[0] ? flag : "(all)",
                  (unsigned long long)change.version);
    else
        log_err(LOG_ERROR, "kill_not_recorded", &err);
    free(change.arg);
    arena_free(&arena);
}

static void look_for_emergency(struct control *c)
{
    bool any = flag_words_killed(c->words, -1) == FLAG_KILL_EMERGENCY;
    for (size_t i = 0; i < c->set.flag_count && !any; i++)
        any = flag_words_killed(c->words, flag_find(flag_words_snapshot(c->words), c->set.flags[i].name,
                                                    strlen(c->set.flags[i].name))) == FLAG_KILL_EMERGENCY;
    /* `undam flags kill` itself records within a moment; what stands for some beats was left behind. */
    c->emergency_beats = any ? c->emergency_beats + 1 : 0;
    if (c->emergency_beats < EMERGENCY_BEATS || !pg_poll_up(c->store))
        return;
    c->emergency_beats = 0;
    if (flag_words_killed(c->words, -1) == FLAG_KILL_EMERGENCY)
        record_emergency(c, "");
    for (size_t i = 0; i < c->set.flag_count; i++) {
        const char *name = c->set.flags[i].name;
        int index = flag_find(flag_words_snapshot(c->words), name, strlen(name));
        if (index >= 0 && flag_words_killed(c->words, index) == FLAG_KILL_EMERGENCY)
            record_emergency(c, name);
    }
}

static void update_lags(struct control *c)
{
    int64_t now = now_us();
    for (size_t i = 0; i < c->config->service_count; i++)
        if (c->services[i].lag && c->services[i].watermark_us)
            c->services[i].lag->value = (double)(now - c->services[i].watermark_us) / 1e6;
}

/* Once a second. */
static void beat(void *arg)
{
    struct control *c = arg;
    daemon_alive(&c->daemon);
    registry_beat(c);
    update_lags(c);
    look_at_catalogue(c);
    if (!c->have_set) {
        daemon_ready(&c->daemon, c->store_err.text[0] ? c->store_err.text : "flags are not read yet");
        /* A restart while the control database is away: what is published already stays alive. */
        if (!c->words)
            words_reopen(c);
        if (c->words)
            flag_words_beat(c->words, now_us());
        return;
    }
    struct control_file file;
    control_file_look(c->config->control.snapshot, &file);
    bool replaced = c->words && flag_snapshot_superseded(flag_words_snapshot(c->words));
    if (!file.there || replaced || !c->words)
        c->publish = true;
    if (c->publish)
        publish(c);
    if (!c->words)
        return;
    flag_words_beat(c->words, now_us());
    look_for_emergency(c);
    daemon_status(&c->daemon, "flags version %llu", (unsigned long long)c->set.version);
}

/* Blocking, before the daemon is ready: the schema must be there for the poll. A database that is away is waited for.
 */
static bool prepare_store(const struct config *config, struct err *err)
{
    struct pg pg;
    if (!config->control.dsn[0]) {
        err_set(err, ERR_CONFIG, "%s: control.dsn is not set", config->path);
        return err_hint(err, "name the control database, for example control: {dsn: \"dbname=undam\"}");
    }
    if (!pg_open(&pg, PG_TARGET, "control database", config->control.dsn, false, err))
        return false;
    bool good = flag_store_init(&pg, err);
    pg_close(&pg);
    return good;
}

static void services_start(struct control *c)
{
    for (size_t i = 0; i < c->config->service_count; i++) {
        const struct config_service *service = &c->config->services[i];
        if (!service->dsn[0])
            continue;
        c->services[i].poll =
            pg_poll_new(c->daemon.loop, &(struct pg_poll_spec){.what = c->services[i].what,
                                                               .dsn = service->dsn,
                                                               .sql = position_sql,
                                                               .interval_ms = (int)c->config->control.poll_ms,
                                                               .answer = on_position,
                                                               .state = on_position_state,
                                                               .arg = &c->services[i]});
    }
    c->params[0] = c->version_text;
    c->store = pg_poll_new(c->daemon.loop, &(struct pg_poll_spec){.what = "control database",
                                                                  .dsn = c->config->control.dsn,
                                                                  .sql = flag_store_load_sql,
                                                                  .param_count = 1,
                                                                  .params = c->params,
                                                                  .channel = "undam_flags",
                                                                  .interval_ms = BEAT_MS,
                                                                  .answer = on_flags,
                                                                  .state = on_store_state,
                                                                  .arg = c});
}

static void control_free(struct control *c)
{
    registry_http_free(c->registry);
    for (size_t i = 0; i < c->config->service_count; i++) {
        pg_poll_free(c->services[i].poll);
        free(c->services[i].what);
        if (c->services[i].lag)
            free((void *)(uintptr_t)c->services[i].lag->labels);
    }
    pg_poll_free(c->store);
    flag_words_close(c->words);
    arena_free(&c->arena);
    free(c->services);
    free(c->service_names);
    free(c->metrics);
}

static void control_init(struct control *c, const struct config *config)
{
    *c = (struct control){.config = config, .version_text = "0"};
    arena_init(&c->arena);
    c->services = xcalloc(config->service_count + 1, sizeof *c->services);
    c->service_names = xcalloc(config->service_count + 1, sizeof *c->service_names);
    for (size_t i = 0; i < config->service_count; i++) {
        c->services[i] = (struct service_state){.control = c, .name = config->services[i].name};
        c->services[i].what = xasprintf("read model %s", config->services[i].name);
        c->service_names[i] = config->services[i].name;
    }
    metrics_init(c);
}

/* Until the schema is there or a stop is asked for; false on an error that waiting does not mend. */
static bool wait_for_store(struct control *c, struct err *err)
{
    int64_t wait_ms = 100;
    while (!prepare_store(c->config, err)) {
        if (!err->retriable)
            return false;
        log_err(LOG_WARN, "control_database_away", err);
        c->store_err = *err;
        for (int64_t end = mono_us() + wait_ms * 1000; mono_us() < end;) {
            beat(c);
            if (!daemon_pause(&c->daemon, 100))
                return true;
        }
        wait_ms = wait_ms < 2000 ? wait_ms * 2 : 2000;
    }
    return true;
}

static bool control_loop(struct control *c, struct err *err)
{
    daemon_ready(&c->daemon, "starting");
    if (!registry_http_new(&c->registry, c->config, err))
        return false;
    if (!wait_for_store(c, err))
        return false;
    if (c->daemon.stop != DAEMON_RUN)
        return true;
    services_start(c);
    int timer = loop_timer(c->daemon.loop, BEAT_MS, beat, c);
    bool good = true;
    while (good && c->daemon.stop == DAEMON_RUN) {
        good = loop_once(c->daemon.loop, BEAT_MS, err);
        if (c->publish && c->have_set && !c->publish_failed)
            publish(c);
    }
    loop_timer_remove(c->daemon.loop, timer);
    return good;
}

bool control_run(const struct config *config, struct err *err)
{
    struct control c;
    control_init(&c, config);
    bool good = daemon_init(&c.daemon, config->control.listen, c.metrics, c.metric_count, err);
    bool started = good;
    good = good && control_loop(&c, err);
    control_free(&c);
    if (started)
        daemon_free(&c.daemon);
    return good;
}
