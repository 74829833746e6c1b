// SPDX-License-Identifier: Apache-2.0
/* undam replay: a service's events once more, into a side read model; docs/replay.md. */
#include "project/replay.h"

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/bus_event.h"
#include "cmd/commands.h"
#include "cmd/when.h"
#include "project/compare.h"

struct job {
    struct invocation *inv;
    struct bus_config bus;
    struct replay replay;
    struct when from, to;
    bool json, compare, compared;
    uint64_t to_lsn;
    int signals;
    bool interrupted;
    int64_t began_us;
    struct compare comparison;
};

/* ---- the command line ---- */

static bool read_service(struct job *j, struct err *err)
{
    const char *name = j->inv->operands[0];
    j->replay.service = config_service(j->inv->config, name);
    if (j->replay.service)
        return true;
    err_set(err, ERR_USAGE, "there is no service %s", name);
    return err_hint(err, "services are listed under services: in %s", j->inv->config->path);
}

static bool read_base(struct job *j, struct err *err)
{
    const char *base = option_value(j->inv, "base");
    if (!base || strcmp(base, "empty") == 0)
        j->replay.base = REPLAY_EMPTY;
    else if (strcmp(base, "source") == 0)
        j->replay.base = REPLAY_SOURCE;
    else
        return err_set(err, ERR_USAGE, "--base: \"%s\" is neither empty nor source", base);
    if (j->replay.base == REPLAY_SOURCE && j->from.kind != WHEN_NONE) {
        err_set(err, ERR_USAGE, "--base source begins with the source as it is now: --from has no meaning");
        return err_hint(err, "leave --from out, or use --base empty");
    }
    return true;
}

static bool read_options(struct job *j, struct err *err)
{
    const struct invocation *inv = j->inv;
    j->json = option_given(inv, "json");
    j->compare = option_given(inv, "compare");
    j->replay.into = option_value(inv, "into");
    j->replay.quiet = j->json;
    if (!j->replay.into) {
        err_set(err, ERR_USAGE, "--into is missing: the connection string of the side read model's database");
        return err_hint(err, "make an empty one: createdb replay; undam replay %s --into dbname=replay",
                        inv->operands[0]);
    }
    if (!when_parse("from", option_value(inv, "from"), &j->from, err) ||
        !when_parse("to", option_value(inv, "to"), &j->to, err) || !read_service(j, err) || !read_base(j, err))
        return false;
    if (j->to.kind == WHEN_BEGIN)
        return err_set(err, ERR_USAGE, "--to begin is nothing to replay");
    if (option_given(inv, "follow") && (j->compare || j->to.kind != WHEN_NONE))
        return err_set(err, ERR_USAGE, "--follow has no end: it goes with neither --to nor --compare");
    if (j->compare && j->to.kind != WHEN_NONE && j->to.kind != WHEN_NOW) {
        err_set(err, ERR_USAGE, "--compare wants the state of now: it does not go with an earlier --to");
        return err_hint(err, "the live read model holds one state only, the newest");
    }
    return true;
}

/* ---- from where to where ---- */

static bool begin_at(struct job *j, const struct bus_info *info, uint64_t *ret, struct err *err)
{
    *ret = info->floor_lsn;
    if (j->from.kind == WHEN_LSN)
        *ret = j->from.lsn ? j->from.lsn - 1 : 0;
    if (j->from.kind == WHEN_NOW)
        *ret = info->progress.lsn;
    if (j->from.kind == WHEN_TIME && !when_locate(&j->bus, j->from.us, ret, err))
        return false;
    if (*ret >= info->floor_lsn && *ret <= info->progress.lsn)
        return true;
    char at[LSN_TEXT_SIZE], floor[LSN_TEXT_SIZE], end[LSN_TEXT_SIZE];
    err_set(err, ERR_STATE, "--from: %s is not on the bus, which holds what comes after %s, up to %s",
            lsn_format(*ret, at), lsn_format(info->floor_lsn, floor), lsn_format(info->progress.lsn, end));
    return err_hint(err, "--from begin is the earliest; what is older is only in the source: --base source");
}

static bool find_ends(struct job *j, struct err *err)
{
    struct bus_info info;
    uint64_t from;
    struct replay *r = &j->replay;
    if (!bus_info_get(&j->bus, &info, err))
        return false;
    bool ok = true;
    if (!r->resumed && r->base == REPLAY_EMPTY) {
        ok = begin_at(j, &info, &from, err);
        if (ok)
            r->from_lsn = from;
    }
    j->to_lsn = j->to.kind == WHEN_LSN ? j->to.lsn : info.progress.lsn;
    if (ok && j->to.kind == WHEN_TIME)
        ok = when_locate(&j->bus, j->to.us + 1, &j->to_lsn, err);
    bus_info_free(&info);
    return ok;
}

/* What a side model was begun with stays; saying something else about it is a slip. */
static bool check_resumed(struct job *j, enum replay_base wanted, struct err *err)
{
    const struct replay *r = &j->replay;
    if (!r->resumed)
        return true;
    if (j->from.kind != WHEN_NONE)
        err_set(err, ERR_USAGE, "the side model is there already and goes on from where it is: --from has no meaning");
    else if (option_given(j->inv, "base") && wanted != r->base)
        err_set(err, ERR_USAGE, "the side model was begun with --base %s",
                r->base == REPLAY_SOURCE ? "source" : "empty");
    else
        return true;
    return err_hint(err, "leave it out to go on, or begin anew in another database");
}

static bool stopped(void *arg)
{
    struct job *j = arg;
    struct signalfd_siginfo info;
    j->interrupted |= j->signals >= 0 && read(j->signals, &info, sizeof info) == sizeof info;
    return j->interrupted;
}

static void watch_signals(struct job *j)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    j->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static bool replay(struct job *j, struct err *err)
{
    struct replay *r = &j->replay;
    bool follow = option_given(j->inv, "follow");
    if (!replay_prepare(r, err))
        return false;
    watch_signals(j); /* a batch that was begun is finished */
    if ((follow || r->place.lsn < j->to_lsn) && !replay_run(r, follow ? 0 : j->to_lsn, err))
        return false;
    if (!replay_unknown_count(r, err))
        return false;
    if (!j->compare || j->interrupted)
        return true;
    j->compared = compare_run(r, &j->comparison, err);
    return j->compared && replay_unknown_count(r, err);
}

/* ---- reports ---- */

static const char *base_name(const struct job *j) { return j->replay.base == REPLAY_SOURCE ? "source" : "empty"; }

static uint64_t unknown_keys(const struct job *j)
{
    uint64_t n = 0;
    for (size_t i = 0; i < j->replay.unknown_count; i++)
        n += j->replay.unknown[i].keys;
    return n;
}

static void print_plan(const struct job *j)
{
    const struct replay *r = &j->replay;
    char from[LSN_TEXT_SIZE], to[LSN_TEXT_SIZE];
    uint64_t at = r->place.found ? r->place.lsn : r->from_lsn;
    printf("service   %s: %zu tables, %zu views, as they are registered in its read model\n", r->service->name,
           r->definitions.mirror_count, r->definitions.view_count);
    printf("side      %s, base %s\n", r->resumed ? "is there and would go on" : "would be made", base_name(j));
    if (r->base == REPLAY_SOURCE && !r->place.found)
        printf("replay    the source's tables as they are then, and the log after that");
    else
        printf("replay    the log after %s", lsn_format(at, from));
    if (option_given(j->inv, "follow"))
        printf(", until it is stopped\n");
    else
        printf(", up to %s\n", lsn_format(j->to_lsn, to));
    if (!option_given(j->inv, "follow") && at >= j->to_lsn && (r->place.found || r->base == REPLAY_EMPTY))
        printf("          nothing is left to replay\n");
}

static void plan_json(const struct job *j)
{
    const struct replay *r = &j->replay;
    struct buf b;
    char from[LSN_TEXT_SIZE], to[LSN_TEXT_SIZE];
    buf_init(&b, 0);
    buf_adds(&b, "{\"service\":");
    buf_add_json(&b, str_of(r->service->name));
    buf_printf(&b, ",\"dry_run\":true,\"resumes\":%s,\"base\":\"%s\",\"after\":", r->resumed ? "true" : "false",
               base_name(j));
    if (r->base == REPLAY_SOURCE && !r->place.found)
        buf_adds(&b, "null");
    else
        buf_printf(&b, "\"%s\"", lsn_format(r->place.found ? r->place.lsn : r->from_lsn, from));
    if (option_given(j->inv, "follow"))
        buf_adds(&b, ",\"to\":null");
    else
        buf_printf(&b, ",\"to\":\"%s\"", lsn_format(j->to_lsn, to));
    buf_printf(&b, ",\"tables\":%zu,\"views\":%zu}\n", r->definitions.mirror_count, r->definitions.view_count);
    fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
}

static void print_line(const struct compare_line *l)
{
    if (l->skipped) {
        printf("%-5s  %s: not compared: %s\n", l->kind, l->name, l->skipped);
        return;
    }
    printf("%-5s  %s: ", l->kind, l->name);
    if (l->differ + l->only_live + l->only_side == 0)
        printf("equal, %llu rows", (unsigned long long)l->rows);
    else
        printf("DIFFERS: %llu rows differ, %llu are only in the live model, %llu only in the side model, of %llu",
               (unsigned long long)l->differ, (unsigned long long)l->only_live, (unsigned long long)l->only_side,
               (unsigned long long)l->rows);
    if (l->unknown)
        printf("; %llu are not told of by the events", (unsigned long long)l->unknown);
    for (unsigned i = 0; i < l->key_count; i++)
        printf("%s%s", i ? " " : "; keys ", l->keys[i]);
    printf("\n");
}

static void print_report(const struct job *j)
{
    const struct replay *r = &j->replay;
    char from[LSN_TEXT_SIZE], at[LSN_TEXT_SIZE], time[40];
    if (r->base == REPLAY_EMPTY)
        printf("began     after %s, with empty tables\n", lsn_format(r->from_lsn, from));
    else
        printf("began     with the source's tables\n");
    printf("applied   %llu events of %llu transactions in %.1f s%s\n", (unsigned long long)r->events,
           (unsigned long long)r->transactions, (double)(mono_us() - j->began_us) / 1e6,
           r->resumed ? ", this time" : "");
    printf("state     at %s", lsn_format(r->place.lsn, at));
    if (r->place.commit_time_us)
        printf(", last commit %s", bus_time_format(r->place.commit_time_us, time));
    printf("\n");
    for (size_t i = 0; i < r->unknown_count; i++)
        printf("left out  %s: %llu rows whose values the events do not tell\n", r->unknown[i].table,
               (unsigned long long)r->unknown[i].keys);
    for (size_t i = 0; i < j->comparison.line_count; i++)
        print_line(&j->comparison.lines[i]);
    if (j->compared && j->comparison.wrong)
        printf("%llu rows differ\n", (unsigned long long)j->comparison.wrong);
    else if (j->compared)
        printf("side and live read model are equal\n");
}

static void line_json(const struct compare_line *l, struct buf *b)
{
    buf_printf(b, "{\"kind\":\"%s\",\"name\":", l->kind);
    buf_add_json(b, str_of(l->name));
    buf_printf(b, ",\"rows\":%llu,\"differ\":%llu,\"only_live\":%llu,\"only_side\":%llu,\"not_told\":%llu,\"skipped\":",
               (unsigned long long)l->rows, (unsigned long long)l->differ, (unsigned long long)l->only_live,
               (unsigned long long)l->only_side, (unsigned long long)l->unknown);
    if (l->skipped)
        buf_add_json(b, str_of(l->skipped));
    else
        buf_adds(b, "null");
    buf_adds(b, ",\"keys\":[");
    for (unsigned i = 0; i < l->key_count; i++) {
        buf_adds(b, i ? "," : "");
        buf_add_json(b, str_of(l->keys[i]));
    }
    buf_adds(b, "]}");
}

static void report_json(const struct job *j)
{
    const struct replay *r = &j->replay;
    struct buf b;
    char lsn[LSN_TEXT_SIZE];
    buf_init(&b, 0);
    buf_adds(&b, "{\"service\":");
    buf_add_json(&b, str_of(r->service->name));
    buf_printf(&b, ",\"resumed\":%s,\"base\":\"%s\",\"after\":", r->resumed ? "true" : "false", base_name(j));
    if (r->base == REPLAY_EMPTY)
        buf_printf(&b, "\"%s\"", lsn_format(r->from_lsn, lsn));
    else
        buf_adds(&b, "null");
    buf_printf(&b, ",\"position\":\"%s\",\"commit_time_us\":%lld,\"events\":%llu,\"transactions\":%llu,\"left_out\":{",
               lsn_format(r->place.lsn, lsn), (long long)r->place.commit_time_us, (unsigned long long)r->events,
               (unsigned long long)r->transactions);
    for (size_t i = 0; i < r->unknown_count; i++) {
        buf_adds(&b, i ? "," : "");
        buf_add_json(&b, str_of(r->unknown[i].table));
        buf_printf(&b, ":%llu", (unsigned long long)r->unknown[i].keys);
    }
    buf_adds(&b, "},\"compare\":");
    if (j->compared) {
        buf_printf(&b, "{\"position\":\"%s\",\"wrong\":%llu,\"lines\":[", lsn_format(j->comparison.lsn, lsn),
                   (unsigned long long)j->comparison.wrong);
        for (size_t i = 0; i < j->comparison.line_count; i++) {
            buf_adds(&b, i ? "," : "");
            line_json(&j->comparison.lines[i], &b);
        }
        buf_adds(&b, "]}}\n");
    } else {
        buf_adds(&b, "null}\n");
    }
    fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
}

/* ---- the command ---- */

static bool run(struct job *j, struct err *err)
{
    enum replay_base wanted = j->replay.base;
    if (!replay_open(&j->replay, err) || !check_resumed(j, wanted, err) || !find_ends(j, err))
        return false;
    return option_given(j->inv, "dry-run") || replay(j, err);
}

static int finish(struct job *j)
{
    if (option_given(j->inv, "dry-run")) {
        (j->json ? plan_json : print_plan)(j);
        return ERR_NONE;
    }
    (j->json ? report_json : print_report)(j);
    if (j->interrupted && !option_given(j->inv, "follow"))
        return 128 + SIGINT;
    bool no = j->comparison.wrong || (unknown_keys(j) && !option_given(j->inv, "partial"));
    return no ? ERR_NEGATIVE : ERR_NONE;
}

static int replay_command(struct invocation *inv)
{
    struct job j = {.inv = inv, .bus = bus_config_of(inv->config), .signals = -1, .began_us = mono_us()};
    struct err err = {0};
    j.replay = (struct replay){.config = inv->config, .stopped = stopped, .arg = &j};
    bool ok = read_options(&j, &err) && run(&j, &err);
    int status = ok ? finish(&j) : commands_fail(inv, &err);
    replay_close(&j.replay);
    if (j.signals >= 0)
        close(j.signals);
    return status;
}

static const struct option replay_options[] = {
    {"into", 0, OPTION_STRING, "DSN", "Database of the side read model: an empty one, or one of an earlier replay."},
    {"base", 0, OPTION_STRING, "BASE",
     "empty: only what the events say (the default). source: the source's tables first, then the events."},
    {"from", 0, OPTION_STRING, "WHEN", "With base empty: begin at this position or time, or begin (the default)."},
    {"to", 0, OPTION_STRING, "WHEN", "End with this position, with commits of this time, or now (the default)."},
    {"follow", 'f', OPTION_FLAG, NULL, "Go on with new events until it is stopped."},
    {"compare", 0, OPTION_FLAG, NULL,
     "Then compare with the live read model at the same position; exit status 1 when they differ."},
    {"partial", 0, OPTION_FLAG, NULL, "Rows left out because the events do not tell their values are no failure."},
    {"dry-run", 'n', OPTION_FLAG, NULL, "Say what would be replayed, and change nothing."},
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
};

const struct command cmd_replay[] = {
    {.name = "replay",
     .operands = "SERVICE",
     .summary = "Project a service's events once more, into a side read model",
     .help =
         "Makes a second read model of the service in the database --into, with the views that are registered in the"
         " live one, and projects the bus into it: to see a past state, to find out when a row went wrong, or to "
         "rebuild"
         " beside the live one. The live read model is only read, its projector is not disturbed. Killed half-way, the"
         " same command goes on; run again later, it brings the side model up to date.\n"
         "With --base empty a row is there when an event brought all of it. Rows whose values the events do not tell "
         "(an"
         " update that leaves out large unchanged columns, of a row never seen) are left out and counted by table, and"
         " the exit status is 1, unless --partial. Nothing is guessed. With --base source the tables are copied first, "
         "as"
         " `undam view add` does.\n"
         "--compare holds a snapshot of the live model, brings the side model to exactly its position, and compares"
         " tables and views by checksums. It prints keys of rows that differ: they are data.\n\n"
         "  createdb replay\n"
         "  undam replay transactions --into dbname=replay --compare\n"
         "  undam replay transactions --into dbname=before --to 2026-01-31T12:00:00Z --partial\n"
         "  undam replay transactions --into dbname=rebuilt --base source --follow",
     .options = replay_options,
     .option_count = COUNT(replay_options),
     .operand_min = 1,
     .operand_max = 1,
     .needs_config = true,
     .run = replay_command},
    {.name = NULL},
};
