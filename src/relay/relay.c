// SPDX-License-Identifier: Apache-2.0
/* Sessions one after another, with growing pauses while something cannot be reached; see relay.h. */
#include "relay/relay.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "bus/kafka_check.h"
#include "relay/session.h"

enum { PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 5000, SETTLED_US = 10 * 1000 * 1000 };

struct relay {
    struct daemon daemon;
    struct session session;
    struct metric metrics[RELAY_METRICS];
    struct hist lag, flush_time;
    int pause_ms;
    bool bus_checked;
    char last_error[sizeof((struct err *)0)->text];
};

static void metrics_init(struct relay *r)
{
    static const struct metric rows[RELAY_METRICS] = {
        [RELAY_EVENTS] = {"undam_relay_events_total", "Events given to the bus.", METRIC_COUNTER, NULL, 0, NULL},
        [RELAY_TRANSACTIONS] = {"undam_relay_transactions_total", "Source transactions with a change.", METRIC_COUNTER,
                                NULL, 0, NULL},
        [RELAY_BYTES] = {"undam_relay_received_bytes_total", "Bytes of replication messages.", METRIC_COUNTER, NULL, 0,
                         NULL},
        [RELAY_STREAMED] = {"undam_relay_streamed_transactions_total",
                            "Transactions that the server sent in pieces before their commit.", METRIC_COUNTER, NULL, 0,
                            NULL},
        [RELAY_SPOOLED] = {"undam_relay_spooled_transactions_total", "Transactions that went through a spool file.",
                           METRIC_COUNTER, NULL, 0, NULL},
        [RELAY_SKIPPED] = {"undam_relay_skipped_transactions_total",
                           "Transactions received again after a reconnect that the bus already had.", METRIC_COUNTER,
                           NULL, 0, NULL},
        [RELAY_IGNORED] = {"undam_relay_ignored_changes_total",
                           "Changes of tables in no service, messages of other prefixes or outside of transactions.",
                           METRIC_COUNTER, NULL, 0, NULL},
        [RELAY_OUTBOX_UPDATES] = {"undam_relay_outbox_updates_total", "Updates of outbox rows, which are ignored.",
                                  METRIC_COUNTER, NULL, 0, NULL},
        [RELAY_FLUSHES] = {"undam_relay_flushes_total", "Bus transactions.", METRIC_COUNTER, NULL, 0, NULL},
        [RELAY_SESSIONS] = {"undam_relay_sessions_total", "Times the stream was opened.", METRIC_COUNTER, NULL, 0,
                            NULL},
        [RELAY_RECEIVED_LSN] = {"undam_relay_received_lsn", "Everything up to here was received.", METRIC_GAUGE, NULL,
                                0, NULL},
        [RELAY_BUS_LSN] = {"undam_relay_bus_lsn", "Everything up to here is on the bus.", METRIC_GAUGE, NULL, 0, NULL},
        [RELAY_CONFIRMED_LSN] = {"undam_relay_confirmed_lsn", "The source may forget everything up to here.",
                                 METRIC_GAUGE, NULL, 0, NULL},
        [RELAY_BEHIND_BYTES] = {"undam_relay_behind_bytes", "WAL between the server's position and the bus's.",
                                METRIC_GAUGE, NULL, 0, NULL},
        [RELAY_RETAINED_WAL] = {"undam_relay_retained_wal_bytes", "WAL that the slot holds back on the source.",
                                METRIC_GAUGE, NULL, 0, NULL},
        [RELAY_MEMORY] = {"undam_relay_open_transactions_memory_bytes", "Open transactions in memory.", METRIC_GAUGE,
                          NULL, 0, NULL},
        [RELAY_SPOOL] = {"undam_relay_spool_bytes", "Open transactions in spool files.", METRIC_GAUGE, NULL, 0, NULL},
        [RELAY_LAG] = {"undam_relay_lag_seconds", "From commit on the source to durable on the bus.", METRIC_HISTOGRAM,
                       NULL, 0, NULL},
        [RELAY_FLUSH_TIME] = {"undam_relay_flush_seconds", "A bus transaction.", METRIC_HISTOGRAM, NULL, 0, NULL},
    };
    memcpy(r->metrics, rows, sizeof rows);
    hist_clear(&r->lag);
    hist_clear(&r->flush_time);
    r->metrics[RELAY_LAG].hist = &r->lag;
    r->metrics[RELAY_FLUSH_TIME].hist = &r->flush_time;
}

/* The same error again is not news. */
static void log_session_error(struct relay *r, const struct err *err)
{
    bool again = strcmp(r->last_error, err->text) == 0;
    log_err(again ? LOG_DEBUG : LOG_WARN, "session_ended", err);
    memcpy(r->last_error, err->text, sizeof r->last_error);
    daemon_ready(&r->daemon, err->text);
}

/* Once: what is dangerous in the settings of a Kafka cluster is said with its effect before the first event goes there.
 */
static void log_bus_findings(struct relay *r)
{
    static const enum log_level levels[] = {
        [KAFKA_ERROR] = LOG_ERROR, [KAFKA_WARNING] = LOG_WARN, [KAFKA_NOTE] = LOG_DEBUG};
    struct kafka_report report;
    struct err err;
    if (r->bus_checked || strcmp(r->session.bus_config.driver, "kafka") != 0)
        return;
    r->bus_checked = kafka_cluster_check(&r->session.bus_config, &report, &err);
    if (!r->bus_checked)
        log_err(LOG_DEBUG, "bus_not_checked", &err);
    for (size_t i = 0; i < report.count; i++) {
        const struct kafka_finding *f = &report.findings[i];
        log_event(levels[f->severity], "bus_setting", "code=%s object=%s text=%s hint=%s", f->code, f->object, f->text,
                  f->hint);
    }
    kafka_report_free(&report);
}

/* Both schemas in full: an error is one line, and whoever has to decide should not have to look for them. */
static void log_refused(const struct registry *registry)
{
    const struct registry_refusal *refusal = registry ? registry_refused(registry) : NULL;
    if (refusal)
        log_event(LOG_ERROR, "schema_refused",
                  "subject=" STR_FMT " rule=" STR_FMT " reason=" STR_FMT " registered=" STR_FMT " offered=" STR_FMT,
                  STR_ARG(refusal->subject), STR_ARG(refusal->rule), STR_ARG(refusal->reason),
                  STR_ARG(refusal->registered), STR_ARG(refusal->offered));
}

static bool one_session(struct relay *r, struct err *err)
{
    struct session *s = &r->session;
    int64_t start = mono_us();
    if (!session_open(s, err))
        return false;
    r->metrics[RELAY_SESSIONS].value++;
    log_bus_findings(r);
    bool ok = session_run(s, err);
    if (!s->recovering)
        r->last_error[0] = '\0';
    if (!ok)
        log_refused(s->registry);
    session_close(s, ok);
    if (mono_us() - start > SETTLED_US)
        r->pause_ms = PAUSE_MIN_MS;
    return ok;
}

static bool run(struct relay *r, struct err *err)
{
    r->pause_ms = PAUSE_MIN_MS;
    while (!one_session(r, err)) {
        if (!err->retriable)
            return false;
        if (r->daemon.stop != DAEMON_RUN)
            break;
        log_session_error(r, err);
        r->session.recovering = true;
        if (!daemon_pause(&r->daemon, r->pause_ms))
            break;
        r->pause_ms = r->pause_ms * 2 < PAUSE_MAX_MS ? r->pause_ms * 2 : PAUSE_MAX_MS;
    }
    log_event(LOG_INFO, "stopped", "signal=%s", r->daemon.stop == DAEMON_STOP_FAST ? "fast" : "smart");
    return true;
}

bool relay_run(const struct config *config, struct err *err)
{
    struct relay *r = xcalloc(1, sizeof *r);
    metrics_init(r);
    bool ok = daemon_init(&r->daemon, config->relay.listen, r->metrics, RELAY_METRICS, err);
    if (ok) {
        session_init(&r->session, config, &r->daemon, r->metrics);
        ok = run(r, err);
        session_free(&r->session);
        daemon_free(&r->daemon);
    }
    free(r);
    return ok;
}
