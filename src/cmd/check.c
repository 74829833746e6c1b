// SPDX-License-Identifier: Apache-2.0
/* undam check: the comparisons of check/check.h as a table or JSON. */
#include "check/check.h"

#include <stdio.h>

#include "cmd/commands.h"
#include "cmd/report.h"

void report_print(const struct check_report *report)
{
    int width = 4;
    for (size_t i = 0; i < report->count; i++)
        width = (int)strlen(report->lines[i]->name) > width ? (int)strlen(report->lines[i]->name) : width;
    printf("%-6s  %-*s  %12s  %8s  %9s\n", "", width, "name", "checked", "wrong", "unsettled");
    for (size_t i = 0; i < report->count; i++) {
        const struct check_line *l = report->lines[i];
        if (l->skipped) {
            printf("%-6s  %-*s  not compared: %s\n", l->part, width, l->name, l->skipped);
            continue;
        }
        printf("%-6s  %-*s  %12llu  %8llu  %9llu", l->part, width, l->name, (unsigned long long)l->checked,
               (unsigned long long)l->wrong, (unsigned long long)l->unsettled);
        if (l->unknown)
            printf("  (%llu rows older than the log)", (unsigned long long)l->unknown);
        if (l->remark)
            printf("  (%s)", l->remark);
        printf("\n");
        for (unsigned k = 0; k < l->note_count; k++)
            printf("        %s\n", l->notes[k]);
        if (l->wrong > l->note_count && l->note_count)
            printf("        and %llu more\n", (unsigned long long)(l->wrong - l->note_count));
    }
    uint64_t wrong = check_wrong_count(report);
    if (wrong)
        printf("%llu differences\n", (unsigned long long)wrong);
    else
        printf("nothing lost, nothing doubled, nothing out of order\n");
}

static void print_line_json(const struct check_line *l, struct buf *out)
{
    buf_printf(out, "{\"part\":\"%s\",\"name\":", l->part);
    buf_add_json(out, str_of(l->name));
    buf_printf(out, ",\"checked\":%llu,\"wrong\":%llu,\"unsettled\":%llu,\"unknown\":%llu,\"skipped\":",
               (unsigned long long)l->checked, (unsigned long long)l->wrong, (unsigned long long)l->unsettled,
               (unsigned long long)l->unknown);
    if (l->skipped)
        buf_add_json(out, str_of(l->skipped));
    else
        buf_adds(out, "null");
    buf_adds(out, ",\"remark\":");
    if (l->remark)
        buf_add_json(out, str_of(l->remark));
    else
        buf_adds(out, "null");
    buf_adds(out, ",\"notes\":[");
    for (unsigned i = 0; i < l->note_count; i++) {
        buf_adds(out, i ? "," : "");
        buf_add_json(out, str_of(l->notes[i]));
    }
    buf_adds(out, "]}");
}

void report_print_json(const struct check_report *report)
{
    struct buf out;
    buf_init(&out, 0);
    buf_printf(&out, "{\"wrong\":%llu,\"lines\":[", (unsigned long long)check_wrong_count(report));
    for (size_t i = 0; i < report->count; i++) {
        buf_adds(&out, i ? "," : "");
        print_line_json(report->lines[i], &out);
    }
    buf_adds(&out, "]}\n");
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
}

int report_end(struct invocation *inv, struct check_report *report, bool good, const struct err *err)
{
    if (good && option_given(inv, "json"))
        report_print_json(report);
    else if (good)
        report_print(report);
    int status = !good ? commands_fail(inv, err) : check_wrong_count(report) ? ERR_NEGATIVE : ERR_NONE;
    check_report_free(report);
    return status;
}

static int check_command(struct invocation *inv)
{
    struct check_report report;
    struct err err = {0};
    const char *service = option_value(inv, "service");
    bool only_bus = option_given(inv, "bus"), only_models = option_given(inv, "models") || service;
    struct check check = {.config = inv->config,
                          .complete_log = option_given(inv, "complete-log"),
                          .show_values = option_given(inv, "show-values"),
                          .quiet = option_given(inv, "json"),
                          .wait_ms = option_int(inv, "wait", 30, 1, 86400) * 1000,
                          .report = &report};
    check_report_init(&report);
    bool good = (only_models && !only_bus) || check_bus(&check, &err);
    good = good && ((only_bus && !only_models) || check_models(&check, service, &err));
    return report_end(inv, &report, good, &err);
}

static const struct option check_options[] = {
    {"bus", 0, OPTION_FLAG, NULL, "Only the bus: in itself, and against the source."},
    {"models", 0, OPTION_FLAG, NULL, "Only the read models: mirrors against the source, views against their SELECT."},
    {"service", 's', OPTION_STRING, "NAME", "Only the read model of this service."},
    {"complete-log", 0, OPTION_FLAG, NULL,
     "The log began with empty tables, so that a row of the source that it never told of is a difference."},
    {"wait", 'w', OPTION_INT, "SECONDS", "How long the bus or a read model may stand still before giving up (30)."},
    {"show-values", 0, OPTION_FLAG, NULL, "Print keys and rows of differences instead of hashes."},
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
};

const struct command cmd_check[] = {
    {.name = "check",
     .operands = "",
     .summary = "Prove that bus and read models hold what the source holds",
     .help = "Compares, while the source goes on being written to:\n\n"
             "  log     every event on the bus: commits in order, sequence numbers without a gap, no id twice, the "
             "partition that of its key, and each row created, updated and deleted in an order that is possible\n"
             "  table   what the bus last said of each row, with the row in the source now\n"
             "  mirror  each mirror of a read model with its source table: checksums first, then the rows that differ\n"
             "  view    each stored view with its own SELECT over the mirrors\n\n"
             "A difference is reported only when both sides were seen at the same position; rows that change with "
             "every look are counted as unsettled. The log is read from its beginning, and each table once on both "
             "sides. Exit "
             "status 1 when something differs.",
     .options = check_options,
     .option_count = COUNT(check_options),
     .needs_config = true,
     .run = check_command},
    {.name = NULL},
};
