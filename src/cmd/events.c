// SPDX-License-Identifier: Apache-2.0
/*
 * undam events: what lies on the bus, decoded, filtered, counted, followed.
 *
 * The end is fixed when the command starts (the log's progress then), so that it ends on a busy log; --follow takes
 * that end away. --last reads backwards in steps of time, each eight times the one before, until it has enough.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/progress.h"
#include "cmd/bus_event.h"
#include "cmd/commands.h"
#include "cmd/when.h"

enum {
    LAST_MAX = 100000,       /* lines of --last are kept in memory */
    FIRST_STEP_US = 1000000, /* how far back --last looks first */
    STEP_FACTOR = 8,
    STILL_US = 60 * 1000 * 1000, /* a log that does not reach its own end */
    STDOUT_BYTES = 64 * 1024,
};

struct type_count {
    struct str type;
    uint64_t events;
};

struct events {
    struct bus_config bus;
    const char *topic, *table, *key, *subject, *type;
    struct when from, to;
    uint64_t end_lsn; /* the last transaction wanted; UINT64_MAX when it is not known by position */
    int64_t limit, last;
    bool follow, json, count, flush;
    struct bus_reader *reader;
    struct bus_event_printer printer;
    struct progress progress;
    int signals; /* signalfd of INT and TERM */
    /* --last: the newest lines, a ring */
    char **lines;
    size_t line_count, line_at;
    /* --count */
    struct arena arena;
    struct type_count *types;
    size_t type_count, type_capacity;
    uint64_t events, transactions;
    uint64_t counted_lsn; /* of the transaction counted last */
    bool done, stopped, collecting;
    bool reader_left; /* standard output is a pipe that nobody reads any more */
};

/* ---- what is wanted ---- */

static bool is_wanted(const struct events *v, const struct bus_part *part, const struct event *e)
{
    return (v->from.kind != WHEN_TIME || part->txn.commit_time_us >= v->from.us) &&
           (v->from.kind != WHEN_LSN || part->txn.lsn >= v->from.lsn) &&
           (v->to.kind != WHEN_TIME || part->txn.commit_time_us <= v->to.us) && part->txn.lsn <= v->end_lsn &&
           (!v->table || str_is(e->entity, v->table)) && (!v->key || (!e->key_null && str_is(e->key, v->key))) &&
           (!v->subject || str_is(e->subject, v->subject)) && (!v->type || str_is(e->type, v->type));
}

/* Nothing after this transaction is wanted. */
static bool is_past(const struct events *v, const struct bus_part *part)
{
    return part->txn.lsn > v->end_lsn ||
           (v->to.kind == WHEN_TIME && part->txn.commit_time_us > v->to.us + BUS_CLOCK_STEP_US);
}

/* ---- counting ---- */

static void count_event(struct events *v, const struct bus_part *part, const struct event *e)
{
    size_t i;
    for (i = 0; i < v->type_count && !str_eq(v->types[i].type, e->type); i++)
        ;
    if (i == v->type_count) {
        GROW(v->types, v->type_count, v->type_capacity);
        v->types[v->type_count++] =
            (struct type_count){.type = str_n(arena_memdup(&v->arena, e->type.data, e->type.len), e->type.len)};
    }
    v->types[i].events++;
    v->events++;
    v->transactions += part->txn.lsn != v->counted_lsn;
    v->counted_lsn = part->txn.lsn;
    progress_set(&v->progress, v->events);
}

static int by_type(const void *a, const void *b)
{
    return str_cmp(((const struct type_count *)a)->type, ((const struct type_count *)b)->type);
}

static void print_counts(struct events *v)
{
    struct buf out;
    buf_init(&out, 0);
    if (v->type_count)
        qsort(v->types, v->type_count, sizeof *v->types, by_type);
    if (v->json)
        buf_printf(&out, "{\"events\":%llu,\"transactions\":%llu,\"types\":{", (unsigned long long)v->events,
                   (unsigned long long)v->transactions);
    for (size_t i = 0; i < v->type_count; i++) {
        if (v->json) {
            buf_adds(&out, i ? "," : "");
            buf_add_json(&out, v->types[i].type);
            buf_printf(&out, ":%llu", (unsigned long long)v->types[i].events);
        } else {
            buf_printf(&out, "%12llu  " STR_FMT "\n", (unsigned long long)v->types[i].events,
                       STR_ARG(v->types[i].type));
        }
    }
    if (v->json)
        buf_adds(&out, "}}\n");
    else
        buf_printf(&out, "%12llu  events of %llu transactions\n", (unsigned long long)v->events,
                   (unsigned long long)v->transactions);
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
}

/* ---- standard output ---- */

static bool output_failed(struct events *v, struct err *err)
{
    v->reader_left = errno == EPIPE;
    return err_errno(err, "standard output");
}

static bool flush(struct events *v, struct err *err) { return fflush(stdout) == 0 || output_failed(v, err); }

/* ---- the newest lines ---- */

static void keep_line(struct events *v)
{
    char **slot = &v->lines[v->line_at];
    size_t len = v->printer.out.len;
    free(*slot);
    *slot = xmalloc(len + 1);
    memcpy(*slot, v->printer.out.data, len + 1);
    v->line_at = (v->line_at + 1) % (size_t)v->last;
    v->line_count += v->line_count < (size_t)v->last;
}

static void drop_lines(struct events *v)
{
    for (size_t i = 0; v->lines && i < (size_t)v->last; i++) {
        free(v->lines[i]);
        v->lines[i] = NULL;
    }
    v->line_count = 0;
    v->line_at = 0;
}

static bool print_lines(struct events *v, struct err *err)
{
    size_t first = v->line_at + (size_t)v->last - v->line_count;
    bool ok = true;
    for (size_t i = 0; ok && i < v->line_count; i++)
        ok = fputs(v->lines[(first + i) % (size_t)v->last], stdout) >= 0 || output_failed(v, err);
    drop_lines(v);
    v->collecting = false;
    return ok;
}

/* ---- reading ---- */

static bool take_event(struct events *v, const struct bus_batch *batch, const struct bus_part *part,
                       const struct event *e, struct err *err)
{
    if (v->count) {
        count_event(v, part, e);
    } else {
        if (!bus_event_render(&v->printer, &batch->progress.lineage, part, e, err))
            return false;
        if (v->collecting)
            keep_line(v);
        else if (fwrite(v->printer.out.data, 1, v->printer.out.len, stdout) != v->printer.out.len)
            return output_failed(v, err);
    }
    if (!v->collecting && --v->limit == 0)
        v->done = true;
    return true;
}

static bool take_batch(struct events *v, const struct bus_batch *batch, struct err *err)
{
    bool ends = true;
    for (size_t i = 0; i < batch->part_count && !v->done; i++) {
        const struct bus_part *part = &batch->parts[i];
        v->done = is_past(v, part);
        for (size_t k = 0; k < part->event_count && !v->done; k++)
            if (is_wanted(v, part, &part->events[k]) && !take_event(v, batch, part, &part->events[k], err))
                return false;
        ends = part->ends;
    }
    v->done |= ends && batch->progress.lsn >= v->end_lsn;
    return !v->flush || flush(v, err);
}

static bool interrupted(struct events *v)
{
    struct signalfd_siginfo info;
    v->stopped |= v->signals >= 0 && read(v->signals, &info, sizeof info) == sizeof info;
    return v->stopped;
}

/* Until everything wanted was seen, or the user stops it. */
static bool read_log(struct events *v, struct err *err)
{
    struct bus_batch batch;
    struct bus_read_limits limits = {2000, 1 << 20, 200};
    int64_t moved_us = mono_us();
    bool ok = true;
    bus_batch_init(&batch);
    v->done = false;
    while (ok && !v->done && !interrupted(v)) {
        ok = bus_reader_fetch(v->reader, &limits, &batch, err) && take_batch(v, &batch, err);
        if (batch.part_count || v->end_lsn == UINT64_MAX)
            moved_us = mono_us();
        if (ok && !v->done && mono_us() - moved_us > STILL_US)
            ok = err_again(err, ERR_TARGET, "the bus does not come to its own end");
    }
    bus_batch_free(&batch);
    return ok;
}

static bool open_at(struct events *v, uint64_t after, struct err *err)
{
    bus_reader_close(TAKE(v->reader));
    return bus_reader_open(&v->bus, NULL, &v->topic, v->topic ? 1 : 0, after, &v->reader, err);
}

static bool start_position(const struct events *v, const struct bus_info *info, uint64_t *ret, struct err *err)
{
    *ret = info->floor_lsn;
    switch (v->from.kind) {
    case WHEN_NONE:
    case WHEN_BEGIN: return true;
    case WHEN_NOW: *ret = info->progress.lsn; return true;
    case WHEN_LSN: *ret = v->from.lsn ? v->from.lsn - 1 : 0; return true;
    case WHEN_TIME: return bus_position_at(&v->bus, v->from.us, ret, err);
    }
    return true;
}

/* Where so much of the log is left as `back_us` of the source's time, or `start` when that is later. */
static bool position_back(const struct events *v, const struct bus_info *info, int64_t back_us, uint64_t start,
                          uint64_t *ret, struct err *err)
{
    int64_t newest =
        v->to.kind == WHEN_TIME && v->to.us < info->progress.commit_time_us ? v->to.us : info->progress.commit_time_us;
    *ret = start;
    uint64_t at;
    if (newest <= back_us)
        return true;
    if (!bus_position_at(&v->bus, newest - back_us, &at, err))
        return false;
    if (at > start)
        *ret = at;
    return true;
}

static bool read_last(struct events *v, const struct bus_info *info, uint64_t start, struct err *err)
{
    uint64_t end = v->end_lsn, at = UINT64_MAX, before;
    v->lines = xcalloc((size_t)v->last, sizeof *v->lines);
    v->end_lsn = end < info->progress.lsn ? end : info->progress.lsn;
    for (int64_t back = FIRST_STEP_US; at != start && v->line_count < (size_t)v->last; back *= STEP_FACTOR) {
        before = at;
        if (!position_back(v, info, back, start, &at, err))
            return false;
        if (at == before)
            continue;
        drop_lines(v);
        v->collecting = true;
        if (!open_at(v, at, err) || !read_log(v, err))
            return false;
        if (v->stopped)
            return true;
    }
    if (!print_lines(v, err))
        return false;
    v->end_lsn = end;
    return !v->follow || (flush(v, err) && read_log(v, err));
}

/* From here on ^C ends the command in good order. Before, while connecting, it ends it at once. */
static void watch_signals(struct events *v)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough is no failure: finish() knows EPIPE */
    sigprocmask(SIG_BLOCK, &set, NULL);
    v->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static bool run(struct events *v, struct err *err)
{
    struct bus_info info;
    uint64_t start;
    if (!bus_info_get(&v->bus, &info, err))
        return false;
    bool ok = start_position(v, &info, &start, err);
    uint64_t now = v->follow ? UINT64_MAX : info.progress.lsn;
    v->end_lsn = v->to.kind == WHEN_LSN && v->to.lsn < now ? v->to.lsn : now;
    ok = ok && open_at(v, start, err);
    watch_signals(v);
    if (ok)
        ok = v->last ? read_last(v, &info, start, err) : start >= v->end_lsn || read_log(v, err);
    bus_info_free(&info);
    return ok;
}

/* ---- the command line ---- */

static bool read_service(struct events *v, const struct invocation *inv, struct err *err)
{
    const char *service = option_value(inv, "service");
    v->topic = option_value(inv, "topic");
    if (!service)
        return true;
    if (v->topic)
        return err_set(err, ERR_USAGE, "--service and --topic say the same thing: give one");
    if (!config_service(inv->config, service)) {
        err_set(err, ERR_USAGE, "there is no service %s", service);
        return err_hint(err, "services are listed under services: in %s", inv->config->path);
    }
    v->topic = arena_printf(&v->arena, "%s.%s", inv->config->bus.prefix, service);
    return true;
}

static bool read_options(struct events *v, const struct invocation *inv, struct err *err)
{
    v->table = option_value(inv, "table");
    v->key = option_value(inv, "key");
    v->subject = option_value(inv, "subject");
    v->type = option_value(inv, "type");
    v->limit = option_int(inv, "limit", INT64_MAX, 1, INT64_MAX);
    v->last = option_int(inv, "last", 0, 1, LAST_MAX);
    v->follow = option_given(inv, "follow");
    v->json = option_given(inv, "json");
    v->count = option_given(inv, "count");
    v->flush = v->follow || isatty(STDOUT_FILENO);
    if (v->last && (v->count || option_given(inv, "limit")))
        return err_set(err, ERR_USAGE, "--last goes with neither --limit nor --count");
    return read_service(v, inv, err) && when_parse("from", option_value(inv, "from"), &v->from, err) &&
           when_parse("to", option_value(inv, "to"), &v->to, err);
}

static void events_free(struct events *v)
{
    drop_lines(v);
    free(v->lines);
    free(v->types);
    registry_close(v->printer.registry);
    bus_event_printer_free(&v->printer);
    bus_reader_close(v->reader);
    arena_free(&v->arena);
    if (v->signals >= 0)
        close(v->signals);
}

/* Values that could not be decoded were printed as bytes: that is to be seen in the exit status, and why. */
static int end_status(const struct invocation *inv, struct events *v, bool ok, struct err *err)
{
    if (!ok && v->reader_left) {
        __fpurge(stdout); /* nothing is owed to it */
        clearerr(stdout);
        return ERR_NONE;
    }
    if (ok && v->count)
        print_counts(v);
    if (!ok || !v->printer.damaged)
        return ok ? ERR_NONE : commands_fail(inv, err);
    err_wrap(&v->printer.damage, "%llu values cannot be decoded, the first one",
             (unsigned long long)v->printer.damaged);
    return commands_fail(inv, &v->printer.damage);
}

static int events_run(struct invocation *inv)
{
    static char stdout_buffer[STDOUT_BYTES];
    struct registry_config registry = registry_config_of(inv->config);
    struct events v = {.bus = bus_config_of(inv->config), .signals = -1};
    struct err err = {0};
    arena_init(&v.arena);
    bool ok = read_options(&v, inv, &err);
    setvbuf(stdout, stdout_buffer, _IOFBF, sizeof stdout_buffer);
    v.printer = (struct bus_event_printer){.source = inv->config->source.name, .json = v.json};
    bus_event_printer_init(&v.printer);
    const char *reader_schema = option_value(inv, "reader-schema");
    ok = ok && (!reader_schema || bus_event_printer_read_as(&v.printer, reader_schema, &err));
    progress_begin(&v.progress, "counting", "events", 0, v.json || !v.count);
    ok = ok && registry_open(&registry, NULL, NULL, &v.printer.registry, &err) && run(&v, &err);
    progress_end(&v.progress);
    int status = end_status(inv, &v, ok, &err);
    bool killed = v.stopped && !v.follow && status == ERR_NONE;
    events_free(&v);
    if (killed) { /* cut short: whoever started it is to see the signal */
        fflush(stdout);
        return 128 + SIGINT;
    }
    return status;
}

static const struct option events_options[] = {
    {"service", 's', OPTION_STRING, "NAME", "Only events of this service's topic."},
    {"topic", 't', OPTION_STRING, "TOPIC", "Only events of this topic, by its full name."},
    {"table", 0, OPTION_STRING, "TABLE", "Only events of this source table, as schema.table."},
    {"key", 'k', OPTION_STRING, "KEY", "Only events with this partition key."},
    {"subject", 0, OPTION_STRING, "KEY", "Only events of the row with this primary key."},
    {"type", 0, OPTION_STRING, "TYPE", "Only events of this type, for example transactions.created."},
    {"from", 0, OPTION_STRING, "WHEN", "Begin at this commit position, or at commits of this time; or now."},
    {"to", 0, OPTION_STRING, "WHEN", "End with this commit position, or with commits of this time."},
    {"limit", 'n', OPTION_INT, "COUNT", "Stop after so many events."},
    {"last", 'l', OPTION_INT, "COUNT", "Only the newest so many events."},
    {"reader-schema", 0, OPTION_STRING, "FILE", "Values as a reader with this Avro schema (JSON) sees them."},
    {"follow", 'f', OPTION_FLAG, NULL, "Go on with new events as they come."},
    {"count", 0, OPTION_FLAG, NULL, "Only count them, by type."},
    {"json", 0, OPTION_FLAG, NULL, "Print one JSON object an event, with CloudEvents names."},
};

const struct command cmd_events[] = {
    {.name = "events",
     .operands = "",
     .summary = "Print events from the bus, decoded",
     .help =
         "Prints events in commit order, one a line, with their rows: mind who can read your terminal. Without --from "
         "it"
         " begins where the log does, without --follow it ends where the log ended when it started; --last looks only"
         " near the end. WHEN is a position (16/B374D848), or a time in UTC (2026-01-31, 2026-01-31T12:00,"
         " 2026-01-31T12:00:00.25Z), and is meant inclusively.\n"
         "Payloads without a schema (rows of an outbox, logical messages) are printed as they are, bytes that are no"
         " text as \\x and hexadecimal digits. So are values whose schema is unknown or does not fit; the reason stands"
         " beside them, and the exit status is 7. ^C ends --follow with status 0. --reader-schema resolves values as "
         "Avro says, with the reader's fields, defaults and aliases: to try a consumer's schema on what is there.\n\n"
         "  undam events --last 20\n"
         "  undam events --service transactions --key 4711 --follow\n"
         "  undam events --from 2026-01-31T12:00 --to 2026-01-31T13:00 --count\n"
         "  undam events --table public.accounts --subject 17 --json | jq .value",
     .options = events_options,
     .option_count = COUNT(events_options),
     .needs_config = true,
     .run = events_run},
    {.name = NULL},
};
