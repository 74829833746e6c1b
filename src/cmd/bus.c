// SPDX-License-Identifier: Apache-2.0
/* undam bus info|events|check: what lies on the bus, for people and programs. */
#include "bus/bus.h"

#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "cmd/bus_event.h"
#include "cmd/commands.h"
#include "cmd/report.h"

/* ---- info ---- */

static void info_json(const struct config *c, const struct bus_info *i)
{
    struct buf out;
    char lsn[LSN_TEXT_SIZE], floor[LSN_TEXT_SIZE];
    const struct bus_progress *p = &i->progress;
    buf_init(&out, 0);
    buf_adds(&out, "{\"source\":");
    buf_add_json(&out, str_of(c->source.name));
    buf_printf(&out,
               ",\"found\":%s,\"lsn\":\"%s\",\"floor\":\"%s\",\"epoch\":%lld,\"transactions\":%llu,\"events\":%llu",
               p->found ? "true" : "false", lsn_format(p->lsn, lsn), lsn_format(i->floor_lsn, floor),
               (long long)i->epoch, (unsigned long long)i->transactions, (unsigned long long)i->events);
    buf_printf(&out, ",\"bytes\":%llu,\"commit_time_us\":%lld,\"watermark_us\":%lld,\"lag_ms\":",
               (unsigned long long)i->bytes, (long long)p->commit_time_us, (long long)p->watermark_us);
    if (p->watermark_us)
        buf_printf(&out, "%lld", (long long)((now_us() - p->watermark_us) / 1000));
    else
        buf_adds(&out, "null");
    buf_printf(&out, ",\"system_id\":\"%llu\",\"timeline\":%u,\"database\":", (unsigned long long)p->lineage.system_id,
               p->lineage.timeline);
    buf_add_json(&out, str_of(p->lineage.database));
    buf_adds(&out, ",\"slot\":");
    buf_add_json(&out, str_of(p->lineage.slot));
    buf_adds(&out, ",\"topics\":[");
    for (size_t k = 0; k < i->topic_count; k++) {
        buf_adds(&out, k ? ",{\"name\":" : "{\"name\":");
        buf_add_json(&out, i->topics[k].name);
        buf_printf(&out, ",\"partitions\":%d,\"events\":%llu}", i->topics[k].partitions,
                   (unsigned long long)i->topics[k].events);
    }
    buf_adds(&out, "]}\n");
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
}

static void info_text(const struct config *c, const struct bus_info *i)
{
    char lsn[LSN_TEXT_SIZE], time[40];
    const struct bus_progress *p = &i->progress;
    printf("source        %s\n", c->source.name);
    if (!p->found) {
        printf("the bus holds nothing of it yet\n");
        return;
    }
    printf("lineage       system %llu, timeline %u, database %s, slot %s\n", (unsigned long long)p->lineage.system_id,
           p->lineage.timeline, p->lineage.database, p->lineage.slot);
    printf("complete to   %s", lsn_format(p->lsn, lsn));
    if (p->commit_time_us)
        printf(", last commit %s", bus_time_format(p->commit_time_us, time));
    printf("\nwatermark     %s", p->watermark_us ? bus_time_format(p->watermark_us, time) : "not known");
    if (p->watermark_us)
        printf(", %.3f s ago", (double)(now_us() - p->watermark_us) / 1e6);
    printf("\nbegins at     %s\n", lsn_format(i->floor_lsn, lsn));
    printf("holds         %llu events of %llu transactions so far, %.1f MB on disk; writer's epoch %lld\n",
           (unsigned long long)i->events, (unsigned long long)i->transactions, (double)i->bytes / 1e6,
           (long long)i->epoch);
    for (size_t k = 0; k < i->topic_count; k++)
        printf("topic         " STR_FMT ": %llu events, %d partitions\n", STR_ARG(i->topics[k].name),
               (unsigned long long)i->topics[k].events, i->topics[k].partitions);
}

static int info_run(struct invocation *inv)
{
    struct bus_config bus = bus_config_of(inv->config);
    struct bus_info info;
    struct err err = {0};
    if (!bus_info_get(&bus, &info, &err))
        return commands_fail(inv, &err);
    if (option_given(inv, "json"))
        info_json(inv->config, &info);
    else
        info_text(inv->config, &info);
    bus_info_free(&info);
    return ERR_NONE;
}

/* ---- events ---- */

struct wish {
    const char *topic, *table, *key, *subject, *type;
    uint64_t after;
    int64_t from_us, limit;
    bool follow, json;
};

static bool parse_from(struct wish *w, const char *text, struct err *err)
{
    struct tm tm = {.tm_year = 0};
    uint64_t lsn;
    if (!text)
        return true;
    if (lsn_parse(str_of(text), &lsn)) {
        w->after = lsn ? lsn - 1 : 0;
        return true;
    }
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || (*end && strcmp(end, "Z") != 0)) {
        err_set(err, ERR_USAGE, "--from: \"%s\" is neither an LSN nor a time", text);
        return err_hint(err, "write it as 16/B374D848 or as 2026-01-31T12:00:00Z");
    }
    w->from_us = (int64_t)timegm(&tm) * 1000000;
    return true;
}

static bool wanted(const struct wish *w, const struct bus_part *part, const struct event *e)
{
    return (!w->from_us || part->txn.commit_time_us >= w->from_us) && (!w->table || str_is(e->entity, w->table)) &&
           (!w->key || (!e->key_null && str_is(e->key, w->key))) && (!w->subject || str_is(e->subject, w->subject)) &&
           (!w->type || str_is(e->type, w->type));
}

static bool print_batch(struct wish *w, struct bus_event_printer *p, const struct bus_batch *batch, struct err *err)
{
    for (size_t i = 0; i < batch->part_count; i++) {
        const struct bus_part *part = &batch->parts[i];
        for (size_t k = 0; k < part->event_count && w->limit > 0; k++) {
            if (!wanted(w, part, &part->events[k]))
                continue;
            if (!bus_event_print(p, &batch->progress.lineage, part, &part->events[k], err))
                return false;
            w->limit--;
        }
    }
    return true;
}

static bool print_events(struct wish *w, struct bus_reader *reader, const char *source, struct err *err)
{
    struct bus_event_printer p = {.reader = reader, .source = source, .json = w->json};
    struct bus_batch batch;
    struct bus_read_limits limits = {1000, 1 << 20, w->follow ? 1000 : 0};
    bool good = true;
    bus_event_printer_init(&p);
    bus_batch_init(&batch);
    do {
        good = bus_reader_fetch(reader, &limits, &batch, err) && print_batch(w, &p, &batch, err);
        good = good && (fflush(stdout) == 0 || err_errno(err, "standard output"));
    } while (good && w->limit > 0 && (batch.part_count || w->follow));
    bus_batch_free(&batch);
    bus_event_printer_free(&p);
    return good;
}

static int events_run(struct invocation *inv)
{
    struct bus_config bus = bus_config_of(inv->config);
    struct wish w = {.topic = option_value(inv, "topic"),
                     .table = option_value(inv, "table"),
                     .key = option_value(inv, "key"),
                     .subject = option_value(inv, "subject"),
                     .type = option_value(inv, "type"),
                     .limit = option_int(inv, "limit", INT64_MAX, 1, INT64_MAX),
                     .follow = option_given(inv, "follow"),
                     .json = option_given(inv, "json")};
    struct bus_info info;
    struct bus_reader *reader;
    struct err err = {0};
    if (!parse_from(&w, option_value(inv, "from"), &err) || !bus_info_get(&bus, &info, &err))
        return commands_fail(inv, &err);
    uint64_t after = w.after > info.floor_lsn || option_given(inv, "from") ? w.after : info.floor_lsn;
    if (w.from_us)
        after = info.floor_lsn;
    bus_info_free(&info);
    if (!bus_reader_open(&bus, NULL, &w.topic, w.topic ? 1 : 0, after, &reader, &err))
        return commands_fail(inv, &err);
    bool good = print_events(&w, reader, inv->config->source.name, &err);
    bus_reader_close(reader);
    return good ? ERR_NONE : commands_fail(inv, &err);
}

/* ---- check ---- */

static int check_run(struct invocation *inv)
{
    struct check_report report;
    struct err err = {0};
    struct check check = {
        .config = inv->config, .quiet = option_given(inv, "json"), .wait_ms = 30000, .report = &report};
    check_report_init(&report);
    return report_end(inv, &report, check_log(&check, &err), &err);
}

static const struct option json_option[] = {
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
};

static const struct option events_options[] = {
    {"topic", 't', OPTION_STRING, "TOPIC", "Only events of this topic."},
    {"table", 0, OPTION_STRING, "TABLE", "Only events of this source table, as schema.table."},
    {"key", 'k', OPTION_STRING, "KEY", "Only events with this partition key."},
    {"subject", 0, OPTION_STRING, "KEY", "Only events of the row with this primary key."},
    {"type", 0, OPTION_STRING, "TYPE", "Only events of this type, for example transactions.created."},
    {"from", 0, OPTION_STRING, "LSN|TIME", "Begin at this commit position, or at commits of this time (UTC)."},
    {"limit", 'n', OPTION_INT, "COUNT", "Stop after so many events."},
    {"follow", 'f', OPTION_FLAG, NULL, "Go on with new events as they come."},
    {"json", 0, OPTION_FLAG, NULL, "Print one JSON object an event, with CloudEvents names."},
};

const struct command cmd_bus[] = {
    {.name = "bus info",
     .operands = "",
     .summary = "Show how far the bus is, and its topics",
     .help = "Position and watermark (all of the source up to that moment is on the bus), lag, counts, and where "
             "the log begins: a reader from before that must be rebuilt.",
     .options = json_option,
     .option_count = COUNT(json_option),
     .needs_config = true,
     .run = info_run},
    {.name = "bus events",
     .operands = "",
     .summary = "Print events from the bus, decoded",
     .help = "Prints events in commit order, one a line, with their rows: mind who can read your terminal.",
     .options = events_options,
     .option_count = COUNT(events_options),
     .needs_config = true,
     .run = events_run},
    {.name = "bus check",
     .operands = "",
     .summary = "Check the log on the bus in itself",
     .help = "Reads all of the log and checks order, counts, ids, partitions, and that each row's life is possible. "
             "`undam check` also compares with the source. Exit status 1 when something is wrong.",
     .options = json_option,
     .option_count = COUNT(json_option),
     .needs_config = true,
     .run = check_run},
    {.name = NULL},
};
