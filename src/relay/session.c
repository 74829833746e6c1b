// SPDX-License-Identifier: Apache-2.0
/* Carrying transactions from the stream to the bus; see session.h. session_run() is the flow. */
#include "relay/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

enum {
    STATUS_US = 250 * 1000,     /* between unprompted status updates; wal_sender_timeout is rarely below seconds */
    QUIET_US = 5 * 1000 * 1000, /* an idle slot advances at least so often, whatever the watermark's interval */
    PUMP_MESSAGES = 2000,       /* read before the tick's other steps get their turn */
    REPLAY_CHANGES = 1024,      /* a long replay looks at the clock after so many */
    BEHIND_BYTES = 1 << 20,
    BREATH_US = 5 * 1000, /* of silence, and a relay that is behind commits what it has */
};

/* ---- the sink: transactions of the capture become events of the bus ---- */

static bool on_begin(void *arg, const struct event_txn *txn, struct err *err)
{
    struct session *s = arg;
    (void)err;
    events_begin(&s->events, txn);
    return true;
}

/* A spooled transaction may take minutes to put: the server must not cut us off meanwhile, nor signals and /metrics
 * wait. Callbacks only take note, so the loop may turn here. */
static bool keep_alive(struct session *s, struct err *err)
{
    s->changes = 0;
    daemon_alive(s->daemon);
    if (!loop_once(s->daemon->loop, 0, err))
        return false;
    if (s->daemon->stop == DAEMON_STOP_FAST)
        return err_again(err, ERR_STATE, "stopped in the middle of a transaction, which will be sent again");
    return mono_us() - s->status_us < STATUS_US || relay_confirm(s, false, err);
}

static bool on_change(void *arg, const struct capture_change *change, struct err *err)
{
    struct session *s = arg;
    if (!events_change(&s->events, change, err))
        return false;
    if (s->events.ignored_table[0]) {
        log_event(LOG_WARN, "table_ignored", "table=%s reason=%s", s->events.ignored_table,
                  "published but in no service");
        s->events.ignored_table[0] = '\0';
    }
    return ++s->changes < REPLAY_CHANGES || keep_alive(s, err);
}

static bool on_end(void *arg, struct err *err)
{
    struct session *s = arg;
    bool any;
    if (!events_end(&s->events, &any, err))
        return false;
    if (!any)
        return true;
    s->ended = s->events.txn.lsn;
    s->dry_since_us = 0;
    if (!s->batch_since_us)
        s->batch_since_us = mono_us();
    GROW(s->commit_times, s->commit_count, s->commit_cap);
    s->commit_times[s->commit_count++] = s->events.txn.commit_time_us;
    return true;
}

/* ---- life ---- */

void session_init(struct session *s, const struct config *config, struct daemon *daemon, struct metric *metrics)
{
    *s = (struct session){.config = config, .daemon = daemon, .metrics = metrics};
    s->capture_config = (struct capture_config){
        .dsn = config->source.dsn,
        .slot = config->source.slot,
        .publication = config->source.publication,
        .messages = config->source.message_prefix[0] != '\0',
        .spool_directory = config->relay.spool_directory,
        .memory_max = (uint64_t)config->relay.memory_max_bytes,
        .spool_max = (uint64_t)config->relay.spool_max_bytes,
    };
    s->bus_config = bus_config_of(config);
    s->registry_config = registry_config_of(config);
    s->sink = (struct capture_sink){.arg = s, .begin = on_begin, .change = on_change, .end = on_end};
    s->capture = capture_new(&s->capture_config, &s->sink);
    events_init(&s->events, config);
}

void session_free(struct session *s)
{
    capture_free(s->capture);
    events_free(&s->events);
    free(s->commit_times);
}

/* ---- steps of the tick ---- */

static void flushed(struct session *s)
{
    int64_t now = now_us();
    for (size_t i = 0; i < s->commit_count; i++)
        hist_add(s->metrics[RELAY_LAG].hist, now > s->commit_times[i] ? (uint64_t)(now - s->commit_times[i]) : 0);
    s->commit_count = 0;
    s->batch_since_us = 0;
    s->metrics[RELAY_FLUSHES].value++;
    if (s->recovering)
        daemon_ready(s->daemon, NULL);
    s->recovering = false;
}

/* Everything ended so far becomes durable, with the position that is quiet, if that was set. */
static bool flush(struct session *s, uint64_t quiet, struct err *err)
{
    int64_t start = mono_us();
    if (!bus_writer_flush(s->writer, err))
        return false;
    hist_add(s->metrics[RELAY_FLUSH_TIME].hist, (uint64_t)(mono_us() - start));
    uint64_t now = s->ended > quiet ? s->ended : quiet;
    assert(now >= s->durable);
    s->durable = now;
    flushed(s);
    return true;
}

static bool batch_full(const struct session *s)
{
    uint64_t events, bytes;
    bus_writer_pending(s->writer, &events, &bytes);
    return events >= (uint64_t)s->config->relay.batch_max_events || bytes >= (uint64_t)s->config->relay.batch_max_bytes;
}

/* Reads until nothing more has arrived, the batch is full, or the others' turn has come. */
static bool pump(struct session *s, bool *ret_more, struct err *err)
{
    bool more = true;
    for (int i = 0; more && i < PUMP_MESSAGES; i++) {
        if (!capture_step(s->capture, &more, err))
            return false;
        if (s->batch_since_us && batch_full(s))
            break;
    }
    *ret_more = more;
    return true;
}

/* The server has much that has not come yet: that nothing arrives now is a breath, not the end. */
static bool behind(const struct session *s) { return s->watch.flushed > capture_received(s->capture) + BEHIND_BYTES; }

/* An idle stream commits at once; a busy one gathers until the batch is full or has waited long enough. */
static bool flush_if_due(struct session *s, bool more, struct err *err)
{
    int64_t now = mono_us();
    if (more)
        s->dry_since_us = 0;
    else if (!s->dry_since_us)
        s->dry_since_us = now;
    if (!s->batch_since_us)
        return true;
    bool gathers = more || (behind(s) && now - s->dry_since_us < BREATH_US);
    if (gathers && !batch_full(s) && now - s->batch_since_us < s->config->relay.linger_us)
        return true;
    return flush(s, 0, err);
}

/* Everything received is on the bus or about to be; the received position itself is quiet. */
static bool flush_quiet(struct session *s, int64_t time_us, struct err *err)
{
    uint64_t quiet = capture_received(s->capture);
    bus_writer_quiet(s->writer, quiet, time_us);
    return flush(s, quiet, err);
}

static bool watermark(struct session *s, bool more, struct err *err)
{
    struct watch_mark mark;
    uint64_t received = capture_received(s->capture);
    if (!watch_tick(&s->watch, err))
        return false;
    if (watch_reached(&s->watch, received, &mark))
        return flush_quiet(s, mark.time_us, err);
    /* A server that is going down waits for us to confirm all it has sent. */
    if (capture_reply_wanted(s->capture) && received > s->durable)
        return flush_quiet(s, 0, err);
    uint64_t wanted = watch_wanted(&s->watch);
    if (!more && wanted && wanted != s->asked) {
        s->asked = wanted;
        return relay_confirm(s, true, err);
    }
    return true;
}

bool relay_confirm(struct session *s, bool ask, struct err *err)
{
    uint64_t received = capture_received(s->capture);
    uint64_t lsn = s->durable < received ? s->durable : received;
    if (!capture_status(s->capture, lsn, ask, err))
        return false;
    s->confirmed = lsn;
    s->status_us = mono_us();
    return true;
}

static bool status(struct session *s, struct err *err)
{
    bool due = mono_us() - s->status_us >= STATUS_US;
    return (!due && !capture_reply_wanted(s->capture)) || relay_confirm(s, false, err);
}

/* ---- health of the slot and the publication ---- */

void session_retained(struct session *s, const struct source_slot *slot)
{
    int64_t now = mono_us(), max = s->config->source.retained_wal_max_bytes;
    uint64_t retained = slot->retained_bytes > 0 ? (uint64_t)slot->retained_bytes : 0;
    double seconds = s->retained_us ? (double)(now - s->retained_us) / 1e6 : 0;
    double rate = seconds > 0 ? ((double)retained - (double)s->retained_before) / seconds : 0;
    s->metrics[RELAY_RETAINED_WAL].value = (double)retained;
    s->retained_before = retained;
    s->retained_us = now;
    bool over = max > 0 && retained >= (uint64_t)max, half = max > 0 && retained >= (uint64_t)max / 2;
    /* The server's own limit, max_slot_wal_keep_size: at it the slot is lost. safe_bytes is what is left of it. */
    over = over || strcmp(slot->wal_status, "unreserved") == 0;
    half = half || (slot->safe_bytes >= 0 && retained >= (uint64_t)slot->safe_bytes);
    int64_t left = slot->safe_bytes >= 0 ? slot->safe_bytes : max - (int64_t)retained;
    long until = rate > 0 && left > 0 ? (long)((double)left / rate) : -1;
    if (over ? !s->retained_over : half && !s->retained_warned)
        log_event(over ? LOG_ERROR : LOG_WARN, "wal_retained",
                  "bytes=%llu limit=%lld bytes_per_second=%.0f seconds_left=%ld wal_status=%s hint=%s",
                  (unsigned long long)retained, (long long)max, rate, until, slot->wal_status,
                  "the slot holds WAL on the source until the bus has it");
    s->retained_over = over;
    s->retained_warned = half;
    if (over || !s->recovering)
        daemon_ready(s->daemon, over ? "the slot retains more WAL than it may" : NULL);
}

static bool health(struct session *s, struct err *err)
{
    struct watch_health *h = &s->watch.health;
    if (!h->fresh)
        return true;
    h->fresh = false;
    if (h->publication_oid != s->facts.publication_oid) {
        err_set(err, ERR_STATE, "publication \"%s\" was %s while the stream was read", s->config->source.publication,
                h->publication_oid ? "replaced" : "dropped");
        return err_hint(err, "what changed meanwhile may be missing from the stream (PostgreSQL 18 skips it silently); "
                             "create the publication, a new slot, and load the read models anew");
    }
    if (h->unpublished[0]) {
        err_set(err, ERR_STATE, "tables were taken out of publication \"%s\" while the stream was read: %s",
                s->config->source.publication, h->unpublished);
        return err_hint(err, "put them back; what changed meanwhile is missing from the stream, so load their read "
                             "models anew, or take them out of their services");
    }
    if (h->slot.found)
        session_retained(s, &h->slot);
    return true;
}

static void warn_outbox(struct session *s)
{
    if (!s->events.counts.outbox_updates || s->outbox_warned)
        return;
    s->outbox_warned = true;
    log_event(strcmp(s->config->source.outbox_update, "error") == 0 ? LOG_ERROR : LOG_WARN, "outbox_update",
              "table=%s hint=%s", s->config->source.outbox,
              "rows of an outbox are events: updates of them are ignored");
}

static void measure(struct session *s)
{
    int64_t now = mono_us();
    if (now - s->metrics_us < 200 * 1000)
        return;
    s->metrics_us = now;
    const struct capture_counts *c = capture_counts(s->capture);
    uint64_t received = capture_received(s->capture), server = capture_server_lsn(s->capture);
    s->metrics[RELAY_EVENTS].value = (double)s->events.counts.events;
    s->metrics[RELAY_TRANSACTIONS].value = (double)c->transactions;
    s->metrics[RELAY_BYTES].value = (double)c->bytes;
    s->metrics[RELAY_STREAMED].value = (double)c->streamed;
    s->metrics[RELAY_SPOOLED].value = (double)c->spooled;
    s->metrics[RELAY_SKIPPED].value = (double)c->skipped;
    s->metrics[RELAY_IGNORED].value = (double)(s->events.counts.ignored + c->messages_untransactional);
    s->metrics[RELAY_OUTBOX_UPDATES].value = (double)s->events.counts.outbox_updates;
    s->metrics[RELAY_RECEIVED_LSN].value = (double)received;
    s->metrics[RELAY_BUS_LSN].value = (double)s->durable;
    s->metrics[RELAY_CONFIRMED_LSN].value = (double)s->confirmed;
    s->metrics[RELAY_BEHIND_BYTES].value = server > s->durable ? (double)(server - s->durable) : 0;
    s->metrics[RELAY_MEMORY].value = (double)capture_memory(s->capture);
    s->metrics[RELAY_SPOOL].value = (double)capture_spooled(s->capture);
    char text[LSN_TEXT_SIZE];
    daemon_status(s->daemon, "bus at %s, %.0f bytes behind", lsn_format(s->durable, text),
                  s->metrics[RELAY_BEHIND_BYTES].value);
}

/* ---- the loop ---- */

static void woken(void *arg, unsigned events)
{
    (void)arg;
    (void)events;
}

static bool tick(struct session *s, bool *ret_more, struct err *err)
{
    if (!pump(s, ret_more, err) || !flush_if_due(s, *ret_more, err) || !watermark(s, *ret_more, err) ||
        !status(s, err) || !health(s, err))
        return false;
    warn_outbox(s);
    measure(s);
    daemon_alive(s->daemon);
    return true;
}

/* How long the loop may sleep when nothing arrives: to the next watermark or status, whichever is first. */
static int sleep_ms(const struct session *s)
{
    int64_t now = mono_us(), due = s->status_us + STATUS_US;
    if (s->watch.state == WATCH_IDLE && s->watch.mark_due < due)
        due = s->watch.mark_due;
    if (s->batch_since_us && s->dry_since_us + BREATH_US < due)
        due = s->dry_since_us + BREATH_US;
    return due <= now ? 0 : (int)((due - now) / 1000) + 1;
}

static bool run(struct session *s, struct err *err)
{
    struct loop *loop = s->daemon->loop;
    while (s->daemon->stop == DAEMON_RUN) {
        bool more = false;
        if (!tick(s, &more, err))
            return false;
        if (s->daemon->reload) {
            s->daemon->reload = false;
            log_event(LOG_INFO, "reload", "hint=%s", "settings are read at start; restart to change them");
        }
        if (!loop_once(loop, more ? 0 : sleep_ms(s), err))
            return false;
    }
    return true;
}

bool session_run(struct session *s, struct err *err)
{
    struct loop *loop = s->daemon->loop;
    int stream = capture_fd(s->capture), side = watch_fd(&s->watch);
    if (!loop_fd(loop, stream, LOOP_READ, woken, s, err) || !loop_fd(loop, side, LOOP_READ, woken, s, err))
        return false;
    if (!s->recovering)
        daemon_ready(s->daemon, NULL);
    bool ok = run(s, err);
    loop_fd_remove(loop, stream);
    loop_fd_remove(loop, side);
    return ok;
}

void session_close(struct session *s, bool clean)
{
    struct err err = {.class = ERR_NONE};
    if (clean && s->daemon->stop == DAEMON_STOP_SMART && s->writer) {
        uint64_t quiet = capture_received(s->capture);
        bus_writer_quiet(s->writer, quiet, 0);
        if (!flush(s, quiet, &err) || !relay_confirm(s, false, &err))
            log_err(LOG_WARN, "last_flush", &err);
    }
    capture_disconnect(s->capture, clean);
    bus_writer_close(s->writer);
    s->writer = s->events.writer = NULL;
    registry_close(s->registry);
    s->registry = s->events.registry = NULL;
    watch_stop(&s->watch);
    s->batch_since_us = 0;
    s->commit_count = 0;
    s->asked = s->durable = s->ended = s->confirmed = 0;
}
