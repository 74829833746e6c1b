// SPDX-License-Identifier: Apache-2.0
/* undam bus info|check: how far the bus is, and whether it is right; its events are in events.c. */
#include "bus/bus.h"

#include <stdio.h>

#include "base/log.h"
#include "cmd/bus_event.h"
#include "cmd/bus_topics.h"
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
    printf("holds         %llu events of %llu transactions so far", (unsigned long long)i->events,
           (unsigned long long)i->transactions);
    if (i->bytes) /* not every driver can tell */
        printf(", %.1f MB on disk", (double)i->bytes / 1e6);
    printf("; writer's epoch %lld\n", (long long)i->epoch);
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

static const struct option topics_options[] = {
    {"apply", 0, OPTION_FLAG, NULL, "Make topics that are missing, correct retention and min.insync.replicas."},
    {"dry-run", 'n', OPTION_FLAG, NULL, "With --apply: only say what would be changed."},
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
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
    {.name = "bus topics",
     .operands = "",
     .summary = "Show how the bus's topics are kept, and correct what has drifted",
     .help =
         "On Kafka: each topic of the log with partitions, replicas, min.insync.replicas and retention, what is"
         " dangerous or not as configured, each with its effect, and what --apply would do. Exit status 1 when"
         " something is wrong or would be changed.\n"
         "--apply makes topics that are missing (the relay does so too, at the first event) and sets retention.ms and"
         " min.insync.replicas to what the configuration says. It never changes a number of partitions, which would"
         " move keys, nor replicas, and it does not make a topic again that the log had written to.\n"
         "On PostgreSQL there is nothing to correct: it prints the topics that there are.",
     .options = topics_options,
     .option_count = COUNT(topics_options),
     .needs_config = true,
     .run = bus_topics_run},
    {.name = "bus check",
     .operands = "",
     .summary = "Check the log on the bus in itself",
     .help = "Reads all of the log and checks order, counts, ids, partitions, and that each row's life is possible. On "
             "Kafka it also reads every message of every partition as it lies there and compares it with the commit "
             "records, by counts and hashes: what readers would drop or stumble over is seen here. "
             "`undam check` also compares with the source. Exit status 1 when something is wrong.",
     .options = json_option,
     .option_count = COUNT(json_option),
     .needs_config = true,
     .run = check_run},
    {.name = NULL},
};
