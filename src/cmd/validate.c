// SPDX-License-Identifier: Apache-2.0
/* undam validate and its report. */
#include "validate/validate.h"

#include <stdio.h>

#include "base/log.h"
#include "cmd/commands.h"

static bool print_report(struct results *r, bool stored, bool json, struct err *err)
{
    struct buf out;
    buf_init(&out, 0);
    bool good = results_report(r, stored, json, &out, err);
    if (good)
        fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
    return good;
}

/* 0: nothing but matches, stale, unstable and skipped ones; 1: a mismatch, or something that could not be compared. */
static int once_code(const struct results *r)
{
    const uint64_t *t = r->totals;
    return t[VERDICT_MISMATCH] + t[VERDICT_ERROR_OLD] + t[VERDICT_ERROR_NEW] + t[VERDICT_TIMEOUT] ? ERR_NEGATIVE
                                                                                                  : ERR_NONE;
}

static int validate_command(struct invocation *inv)
{
    struct err err = {0};
    struct results results = {0};
    struct validate_options o = {.once = option_given(inv, "once"),
                                 .endpoint = option_value(inv, "endpoint"),
                                 .limit = option_int(inv, "limit", 0, 0, INT64_MAX),
                                 .from = option_int(inv, "from", 0, 0, INT64_MAX),
                                 .evidence = option_value(inv, "evidence"),
                                 .quiet = option_given(inv, "json")};
    if (!o.once && (o.endpoint || o.limit || o.from)) {
        err_set(&err, ERR_USAGE, "--endpoint, --limit and --from go with --once");
        return commands_fail(inv, &err);
    }
    bool good = validate_run(inv->config, &o, &results, &err);
    int code = good ? ERR_NONE : (int)err.class;
    if (good && o.once)
        good = print_report(&results, false, o.quiet, &err);
    if (good && o.once)
        code = once_code(&results);
    results_free(&results);
    if (good)
        return code;
    if (o.once)
        return commands_fail(inv, &err);
    log_err(LOG_ERROR, "stopped", &err);
    return code;
}

static int report_command(struct invocation *inv)
{
    struct err err = {0};
    struct results results;
    results_init(&results, inv->config->control.dsn);
    bool good = (inv->config->control.dsn && inv->config->control.dsn[0]) ||
                err_set(&err, ERR_CONFIG, "%s: control.dsn is not set", inv->config->path);
    good = good && print_report(&results, true, option_given(inv, "json"), &err);
    results_free(&results);
    return good ? ERR_NONE : commands_fail(inv, &err);
}

static const struct option validate_options[] = {
    {"once", '1', OPTION_FLAG, NULL, "Compare the enumerated keys of every endpoint, print the report and leave."},
    {"endpoint", 'e', OPTION_STRING, "NAME", "With --once: only this endpoint, for example \"GET /users/{user_id}\"."},
    {"limit", 0, OPTION_INT, "N", "With --once: at most N keys an endpoint."},
    {"from", 0, OPTION_INT, "N", "With --once: pass over the first N keys; a run that was stopped names the number."},
    {"evidence", 0, OPTION_STRING, "DIR", "Write each mismatch's reproducer into this folder (mode 0600)."},
    {"json", 0, OPTION_FLAG, NULL, "With --once: print the report as JSON, and no reproducers."},
};
static const struct option report_options[] = {{"json", 0, OPTION_FLAG, NULL, "Print JSON."}};

const struct command cmd_validate[] = {
    {.name = "validate",
     .operands = "",
     .summary = "Compare the answers of the two sides",
     .help = "Asks the monolith (validate.legacy_url) and the read models (validate.stream_url, a trusted listener of "
             "nginx) for "
             "the same request and compares the answers by the endpoint's rules. Different answers are asked for again "
             "once the read model has provably caught up: stale is not wrong, and neither is an old side that differs "
             "from itself. What remains is a mismatch, and each comes with a reproducer.\n\n"
             "Without --once it runs until it is stopped and takes its requests from the tickets that nginx sends to "
             "validate.ticket_socket. Only GET and HEAD are ever sent. Reproducers hold personal data: they go to "
             "--evidence, or with --once to standard output, never into the log.\n\n"
             "With --once the exit code is 0 when nothing was found, and 1 when there is a mismatch or something could "
             "not be "
             "compared.",
     .options = validate_options,
     .option_count = COUNT(validate_options),
     .needs_config = true,
     .daemon = true,
     .run = validate_command},
    {.name = "validate report",
     .operands = "",
     .summary = "Print what all comparisons so far came to",
     .help = "From the control database: comparisons by endpoint and class, the reasons of those that were not made, "
             "and how "
             "many values each comparison rule excused.",
     .options = report_options,
     .option_count = COUNT(report_options),
     .needs_config = true,
     .run = report_command},
    {.name = NULL},
};
