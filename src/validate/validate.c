// SPDX-License-Identifier: Apache-2.0
/*
 * The run: requests come from tickets or from enumerated keys, up to validate.parallel samples are under way, results
 * go to counters, evidence and log. One loop; the only calls that block are short ones to the source and the control
 * database, and they hold up nothing but this process.
 */
#include "validate/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/daemon.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "codec/catalogue.h"
#include "model/position.h"
#include "validate/enumerate.h"
#include "validate/evidence.h"
#include "validate/tickets.h"

enum { TICK_MS = 5, SAVE_MS = 1000, EVIDENCE_MAX = 1000 };

enum {
    METRIC_VERDICTS,
    METRIC_TICKETS = METRIC_VERDICTS + VERDICT_COUNT,
    METRIC_DROPPED,
    METRIC_BROKEN,
    METRIC_QUEUE,
    METRIC_RUNNING,
    METRIC_NOISE_CHECKS,
    METRIC_NOISE_DIFFERS,
    METRIC_STALE_FOR,
    METRIC_COUNT
};

struct validate {
    const struct config *config;
    const struct validate_options *options;
    struct daemon daemon;
    struct arena arena;
    struct catalogue catalogue;
    struct sample_endpoint *endpoints; /* one a catalogue entry, same order */
    struct freshness freshness;
    struct sample_context context;
    struct sample *samples;
    size_t parallel, running;
    struct results *results;
    struct tickets tickets;
    struct metric metrics[METRIC_COUNT];
    char labels[VERDICT_COUNT][32];
    struct hist stale_for;
    unsigned evidence_count;
    bool save_failed;
    /* once */
    struct pg keys;
    struct enumeration enumeration;
    bool enumerating;
    size_t next_endpoint;
    int64_t to_skip, made;
    struct progress progress;
};

static void metrics_init(struct validate *v)
{
    static const struct metric rows[METRIC_COUNT - METRIC_TICKETS] = {
        {"undam_validate_tickets_total", "Tickets received", METRIC_COUNTER, NULL, 0, NULL},
        {"undam_validate_tickets_dropped_total", "Tickets dropped because the queue was full", METRIC_COUNTER, NULL, 0,
         NULL},
        {"undam_validate_tickets_broken_total", "Datagrams that are no ticket", METRIC_COUNTER, NULL, 0, NULL},
        {"undam_validate_queue", "Tickets waiting", METRIC_GAUGE, NULL, 0, NULL},
        {"undam_validate_running", "Comparisons under way", METRIC_GAUGE, NULL, 0, NULL},
        {"undam_validate_noise_checks_total", "Times the old side was asked twice", METRIC_COUNTER, NULL, 0, NULL},
        {"undam_validate_noise_differs_total", "Times it then differed from itself", METRIC_COUNTER, NULL, 0, NULL},
        {"undam_validate_stale_seconds", "How long answers differed that then matched", METRIC_HISTOGRAM, NULL, 0,
         NULL},
    };
    memcpy(v->metrics + METRIC_TICKETS, rows, sizeof rows);
    v->metrics[METRIC_STALE_FOR].hist = &v->stale_for;
    hist_clear(&v->stale_for);
    for (unsigned i = 0; i < VERDICT_COUNT; i++) {
        snprintf(v->labels[i], sizeof v->labels[i], "class=\"%s\"", verdict_name((enum verdict)i));
        v->metrics[METRIC_VERDICTS + i] = (struct metric){.name = "undam_validate_comparisons_total",
                                                          .help = "Comparisons by class",
                                                          .kind = METRIC_COUNTER,
                                                          .labels = v->labels[i]};
    }
}

static void metrics_update(struct validate *v)
{
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        v->metrics[METRIC_VERDICTS + i].value = (double)v->results->totals[i];
    v->metrics[METRIC_TICKETS].value = (double)v->tickets.received;
    v->metrics[METRIC_DROPPED].value = (double)v->tickets.dropped;
    v->metrics[METRIC_BROKEN].value = (double)v->tickets.broken;
    v->metrics[METRIC_QUEUE].value = v->tickets.count;
    v->metrics[METRIC_RUNNING].value = (double)v->running;
    v->metrics[METRIC_NOISE_CHECKS].value = (double)v->results->noise_checks;
    v->metrics[METRIC_NOISE_DIFFERS].value = (double)v->results->noise_differs;
}

/* Class, request path and differing paths; never values. */
static void log_mismatch(const struct sample *s, const char *evidence)
{
    struct buf paths;
    buf_init(&paths, 0);
    for (unsigned i = 0; i < s->comparison.difference_count && i < 8; i++)
        buf_printf(&paths, "%s%s " STR_FMT, i ? ", " : "", json_difference_name(s->comparison.differences[i].kind),
                   STR_ARG(s->comparison.differences[i].path));
    log_event(LOG_WARN, "mismatch", "endpoint=%s target=%s differences=%llu paths=%s evidence=%s", s->endpoint->name,
              s->target, (unsigned long long)s->comparison.difference_total, paths.data ? paths.data : "",
              evidence ? evidence : "none");
    buf_free(&paths);
}

static void print_reproducer(const struct sample *s)
{
    struct buf text;
    buf_init(&text, 0);
    evidence_print(s, &text);
    fwrite(text.data, 1, text.len, stdout);
    fflush(stdout);
    buf_free(&text);
}

static void keep_mismatch(struct validate *v, struct sample *s)
{
    struct err err;
    const char *path = NULL;
    char lsn[LSN_TEXT_SIZE], position[LSN_TEXT_SIZE];
    if (v->options->evidence && v->evidence_count < EVIDENCE_MAX &&
        !evidence_write(s, v->options->evidence, ++v->evidence_count, &s->arena, &path, &err))
        log_err(LOG_ERROR, "evidence_not_written", &err);
    if (v->options->once && !v->options->evidence && !v->options->quiet)
        print_reproducer(s);
    log_mismatch(s, path);
    struct mismatch_record m = {.endpoint = s->endpoint->name,
                                .target = s->target,
                                .old_lsn = lsn_format(s->mark.lsn, lsn),
                                .position = lsn_format(s->proven_lsn, position),
                                .evidence = path,
                                .comparison = &s->comparison};
    if (!results_save_mismatch(v->results, &m, &err))
        log_err(LOG_WARN, "mismatch_not_stored", &err);
}

static void on_sample_done(void *arg, struct sample *s)
{
    struct validate *v = arg;
    const char *name = s->endpoint->name;
    v->running--;
    if (v->context.stopping)
        return; /* cut off: says nothing */
    results_add(v->results, name, s->verdict, s->reason);
    if (s->verdict == VERDICT_MATCH || s->verdict == VERDICT_STALE)
        results_excuses(v->results, name, &s->comparison);
    if (s->verdict == VERDICT_STALE)
        hist_add(&v->stale_for, (uint64_t)(mono_us() - s->differed_us));
    if (s->verdict == VERDICT_MISMATCH)
        keep_mismatch(v, s);
    else if (s->verdict == VERDICT_ERROR_NEW || s->verdict == VERDICT_ERROR_OLD || s->verdict == VERDICT_TIMEOUT)
        log_event(LOG_DEBUG, "not_compared", "class=%s endpoint=%s target=%s reason=%s", verdict_name(s->verdict), name,
                  s->target, s->reason);
}

static void tick_samples(void *arg)
{
    struct validate *v = arg;
    for (size_t i = 0; i < v->parallel; i++)
        sample_tick(&v->samples[i]);
}

static bool load_endpoints(struct validate *v, struct err *err)
{
    const char *path = v->config->control.catalogue;
    if (!catalogue_load(path, &v->arena, &v->catalogue, err)) {
        if (!err->hint[0])
            err_hint(err, "`undam endpoint compile` writes the catalogue");
        return false;
    }
    v->endpoints = xcalloc(v->catalogue.count + 1, sizeof *v->endpoints);
    for (size_t i = 0; i < v->catalogue.count; i++) {
        struct sample_endpoint *e = &v->endpoints[i];
        const struct endpoint *p = &v->catalogue.endpoints[i];
        e->endpoint = p;
        e->name = arena_memdup(&v->arena, p->name.data, p->name.len);
        for (uint32_t k = 0; k < p->compare_count; k++)
            if (!json_rules_add(&e->rules, p->compare[k], &v->arena, err))
                return err_wrap(err, STR_FMT, STR_ARG(p->file));
    }
    return true;
}

static struct sample_endpoint *endpoint_of(struct validate *v, struct str target)
{
    struct str query, path = str_cut(target, '?', &query);
    const struct endpoint *e = catalogue_match(&v->catalogue, path);
    return e ? &v->endpoints[e - v->catalogue.endpoints] : NULL;
}

static struct sample *free_sample(struct validate *v)
{
    for (size_t i = 0; i < v->parallel; i++)
        if (!sample_running(&v->samples[i]))
            return &v->samples[i];
    return NULL;
}

static void start(struct validate *v, struct sample *s, const struct sample_request *r)
{
    v->running++;
    sample_start(s, &v->context, r);
}

static void start_ticket(struct validate *v, struct sample *s, const struct ticket *t)
{
    struct sample_endpoint *e = endpoint_of(v, t->target);
    bool head = str_is(t->method, "HEAD");
    struct str lines[TICKET_HEADERS_MAX];
    struct arena scratch;
    if (!head && !str_is(t->method, "GET")) {
        results_add(v->results, e ? e->name : "", VERDICT_SKIPPED, "method");
        return;
    }
    if (!e) {
        results_add(v->results, "", VERDICT_SKIPPED, "no endpoint");
        return;
    }
    arena_init(&scratch);
    for (unsigned i = 0; i < t->header_count; i++)
        lines[i] = str_of(
            arena_printf(&scratch, STR_FMT ": " STR_FMT, STR_ARG(t->headers[i].name), STR_ARG(t->headers[i].value)));
    start(v, s,
          &(struct sample_request){
              .endpoint = e, .head = head, .target = t->target, .headers = lines, .header_count = t->header_count});
    arena_free(&scratch);
}

static void feed_tickets(struct validate *v)
{
    struct ticket t;
    for (struct sample *s; (s = free_sample(v)) && tickets_next(&v->tickets, &t);)
        start_ticket(v, s, &t);
}

static void save(struct validate *v)
{
    struct err err;
    bool good = results_save(v->results, &err);
    if (!good && !v->save_failed)
        log_err(LOG_WARN, "results_not_stored", &err);
    else if (good && v->save_failed)
        log_event(LOG_INFO, "results_stored", "to=%s", "control database");
    v->save_failed = !good;
}

static void every_second(void *arg)
{
    struct validate *v = arg;
    daemon_alive(&v->daemon);
    metrics_update(v);
    save(v);
    daemon_status(&v->daemon, "%llu compared, %llu mismatches",
                  (unsigned long long)(v->results->totals[VERDICT_MATCH] + v->results->totals[VERDICT_STALE] +
                                       v->results->totals[VERDICT_MISMATCH]),
                  (unsigned long long)v->results->totals[VERDICT_MISMATCH]);
}

static bool wanted_endpoint(const struct validate *v, const struct sample_endpoint *e)
{
    return !v->options->endpoint || strcmp(v->options->endpoint, e->name) == 0;
}

/* The next endpoint that has keys to enumerate; false with an error, or *ret_end. */
static bool next_enumeration(struct validate *v, bool *ret_end, struct err *err)
{
    *ret_end = false;
    for (; v->next_endpoint < v->catalogue.count; v->next_endpoint++) {
        struct sample_endpoint *e = &v->endpoints[v->next_endpoint];
        if (!wanted_endpoint(v, e))
            continue;
        if (e->endpoint->enumerate.len == 0) {
            results_add(v->results, e->name, VERDICT_SKIPPED, "no enumerate");
            continue;
        }
        uint64_t keys = v->to_skip ? enumeration_count(&v->keys, e->endpoint) : 0;
        if (v->options->limit && keys > (uint64_t)v->options->limit)
            keys = (uint64_t)v->options->limit;
        if (v->to_skip && (uint64_t)v->to_skip >= keys) {
            v->to_skip -= (int64_t)keys;
            continue;
        }
        int64_t skip = v->to_skip, limit = v->options->limit ? v->options->limit - skip : 0;
        v->to_skip = 0;
        v->next_endpoint++;
        if (!enumeration_begin(&v->enumeration, &v->keys, e, skip, limit, err)) {
            enumeration_end(&v->enumeration);
            return false;
        }
        v->enumerating = true;
        return true;
    }
    *ret_end = true;
    return true;
}

/* Starts samples while there is room; *ret_end when all keys have been taken. */
static bool feed_keys(struct validate *v, bool *ret_end, struct err *err)
{
    struct sample_request r;
    *ret_end = false;
    for (struct sample *s; (s = free_sample(v));) {
        bool end = true;
        if (v->enumerating && !enumeration_next(&v->enumeration, &r, &end, err))
            return false;
        if (!end) {
            start(v, s, &r);
            v->made++;
            continue;
        }
        if (v->enumerating)
            enumeration_end(&v->enumeration);
        v->enumerating = false;
        if (!next_enumeration(v, ret_end, err))
            return false;
        if (*ret_end)
            return true;
    }
    return true;
}

static uint64_t count_keys(struct validate *v)
{
    uint64_t total = 0;
    for (size_t i = 0; i < v->catalogue.count; i++) {
        if (!wanted_endpoint(v, &v->endpoints[i]) || v->endpoints[i].endpoint->enumerate.len == 0)
            continue;
        uint64_t n = enumeration_count(&v->keys, v->endpoints[i].endpoint);
        total += v->options->limit && n > (uint64_t)v->options->limit ? (uint64_t)v->options->limit : n;
    }
    return total;
}

static bool check_endpoint_option(const struct validate *v, struct err *err)
{
    for (size_t i = 0; i < v->catalogue.count; i++)
        if (wanted_endpoint(v, &v->endpoints[i]))
            return true;
    if (!v->options->endpoint)
        return err_set(err, ERR_CONFIG, "%s: no endpoint in it", v->config->control.catalogue);
    err_set(err, ERR_USAGE, "no endpoint %s in the catalogue", v->options->endpoint);
    return err_hint(err, "`undam endpoint list` shows them; quote the whole name, method included");
}

static bool run_once(struct validate *v, struct err *err)
{
    bool end = false, good = check_endpoint_option(v, err) &&
                             pg_open(&v->keys, PG_SOURCE, "source", v->config->source.dsn, false, err);
    if (!good)
        return false;
    v->to_skip = v->options->from;
    progress_begin(&v->progress, "compare", "keys", count_keys(v), v->options->quiet);
    while (good && v->daemon.stop == DAEMON_RUN && !(end && v->running == 0)) {
        good = (end || feed_keys(v, &end, err)) && (v->running == 0 || loop_once(v->daemon.loop, 100, err));
        progress_set(&v->progress, (uint64_t)(v->options->from + v->made) - v->running);
    }
    progress_end(&v->progress);
    if (good && v->daemon.stop != DAEMON_RUN) {
        err_set(err, ERR_NEGATIVE, "stopped before the end");
        good = err_hint(err, "go on with --from %lld", (long long)v->options->from + v->made - (int64_t)v->running);
    }
    return good;
}

static bool run_tickets(struct validate *v, struct err *err)
{
    bool good = tickets_open(&v->tickets, v->daemon.loop, v->config->validate.ticket_socket, err);
    if (good)
        daemon_ready(&v->daemon, NULL);
    while (good && v->daemon.stop == DAEMON_RUN) {
        good = loop_once(v->daemon.loop, 1000, err);
        feed_tickets(v);
    }
    /* A smart stop finishes what is under way. */
    while (good && v->daemon.stop == DAEMON_STOP_SMART && v->running)
        good = loop_once(v->daemon.loop, 100, err);
    return good;
}

static void on_moved(void *arg) { tick_samples(arg); }

static bool check_config(const struct config *c, struct err *err)
{
    if (c->validate.legacy_url[0] && c->validate.stream_url[0])
        return true;
    err_set(err, ERR_CONFIG, "%s: validate.%s is not set", c->path,
            c->validate.legacy_url[0] ? "stream_url" : "legacy_url");
    return err_hint(err, "legacy_url is the monolith, stream_url the trusted listener of nginx on loopback");
}

static bool validate_start(struct validate *v, struct err *err)
{
    const char *listen = v->options->once ? "" : v->config->validate.listen;
    metrics_init(v);
    if (!check_config(v->config, err) || !load_endpoints(v, err) ||
        !daemon_init(&v->daemon, listen, v->metrics, METRIC_COUNT, err))
        return false;
    if (!http_pool_new(&v->context.http, v->daemon.loop, (int)(2 * v->parallel), err)) {
        daemon_free(&v->daemon);
        return false;
    }
    freshness_init(&v->freshness, v->config, v->daemon.loop, on_moved, v);
    return true;
}

static void validate_stop(struct validate *v)
{
    v->context.stopping = true;
    http_pool_free(v->context.http);
    tick_samples(v); /* those that wait end too */
    if (v->enumerating)
        enumeration_end(&v->enumeration);
    freshness_free(&v->freshness);
    tickets_close(&v->tickets);
    save(v);
    daemon_free(&v->daemon);
}

bool validate_run(const struct config *config, const struct validate_options *options, struct results *results,
                  struct err *err)
{
    struct validate *v = xcalloc(1, sizeof *v); /* too large for the stack */
    *v = (struct validate){.config = config, .options = options, .results = results};
    v->tickets.fd = -1;
    v->parallel = (size_t)config->validate.parallel;
    v->samples = xcalloc(v->parallel, sizeof *v->samples);
    v->context = (struct sample_context){
        .config = config, .freshness = &v->freshness, .results = results, .done = on_sample_done, .arg = v};
    arena_init(&v->arena);
    results_init(results, config->control.dsn);
    srandom((unsigned)getpid() ^ (unsigned)now_us());
    bool good = validate_start(v, err);
    if (good) {
        int tick = loop_timer(v->daemon.loop, TICK_MS, tick_samples, v);
        int second = loop_timer(v->daemon.loop, SAVE_MS, every_second, v);
        good = options->once ? run_once(v, err) : run_tickets(v, err);
        loop_timer_remove(v->daemon.loop, tick);
        loop_timer_remove(v->daemon.loop, second);
        validate_stop(v);
    }
    for (size_t i = 0; i < v->parallel; i++)
        sample_free(&v->samples[i]);
    pg_close(&v->keys);
    free(v->samples);
    free(v->endpoints);
    arena_free(&v->arena);
    free(v);
    return good;
}
