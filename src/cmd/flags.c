// SPDX-License-Identifier: Apache-2.0
/* undam flags: the table, and the verbs that only read (list, show, history, verify). */
#include "cmd/flags.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "control/publish.h"
#include "flag/flag.h"

bool flags_open(struct flags *f, struct invocation *inv, struct err *err)
{
    const struct config *c = inv->config;
    *f = (struct flags){.inv = inv, .json = option_given(inv, "json")};
    arena_init(&f->arena);
    if (!c->control.dsn || !c->control.dsn[0]) {
        err_set(err, ERR_CONFIG, "%s: control.dsn is not set", c->path);
        return err_hint(err, "name the control database, for example control: {dsn: \"dbname=undam\"}");
    }
    return pg_open(&f->pg, PG_TARGET, "control database", c->control.dsn, false, err) && flag_store_init(&f->pg, err);
}

void flags_close(struct flags *f)
{
    pg_close(&f->pg);
    arena_free(&f->arena);
}

bool flags_load(struct flags *f, struct flag_set *ret, struct err *err)
{
    const struct config *c = f->inv->config;
    const char **names = arena_calloc(&f->arena, c->service_count + 1, sizeof *names);
    for (size_t i = 0; i < c->service_count; i++)
        names[i] = c->services[i].name;
    if (!flag_store_load(&f->pg, names, c->service_count, &f->arena, ret, err))
        return false;
    ret->catalogue = control_catalogue_hash(c->control.catalogue);
    return true;
}

char *flags_percent(uint32_t percentage, char *out)
{
    unsigned whole = percentage / 1000 % 1000, part = percentage % 1000;
    int n = part ? snprintf(out, 16, "%u.%03u", whole, part) : snprintf(out, 16, "%u", whole);
    while (part && n > 1 && out[n - 1] == '0')
        out[--n] = '\0';
    return out;
}

void flags_print_json(const struct flag_spec *f, struct buf *out)
{
    char percent[16];
    buf_adds(out, "{\"flag\":");
    buf_add_json(out, str_of(f->name));
    buf_adds(out, ",\"service\":");
    buf_add_json(out, str_of(f->service));
    buf_adds(out, ",\"salt\":");
    buf_add_json(out, str_of(f->salt));
    buf_printf(out, ",\"percent\":%s,\"killed\":%s,\"validity_seconds\":%u,\"forced\":[",
               flags_percent(f->percentage, percent), f->killed ? "true" : "false", f->validity_s);
    for (size_t i = 0; i < f->forced_count; i++) {
        buf_adds(out, i ? ",{\"user\":" : "{\"user\":");
        buf_add_json(out, str_of(f->forced[i].user));
        buf_printf(out, ",\"route\":\"%s\"}", f->forced[i].route == FLAG_STREAM ? "stream" : "legacy");
    }
    buf_adds(out, "],\"segments\":[");
    for (size_t i = 0; i < f->use_count; i++) {
        buf_adds(out, i ? ",{\"segment\":" : "{\"segment\":");
        buf_add_json(out, str_of(f->uses[i].segment));
        buf_printf(out, ",\"percent\":%s}", flags_percent(f->uses[i].percentage, percent));
    }
    buf_adds(out, "]}");
}

static void print_file_json(const struct control_file *file, struct buf *out)
{
    buf_printf(out, "{\"present\":%s,\"version\":%llu,\"heartbeat_age_seconds\":%.3f}", file->there ? "true" : "false",
               (unsigned long long)file->version,
               file->heartbeat_us ? (double)(now_us() - file->heartbeat_us) / 1e6 : -1.0);
}

/* Up to when each read model is applied, as the published snapshot has it. */
static void print_services(const struct flag_set *set, const char *path, bool json, struct buf *out)
{
    struct flag_snapshot *s = flag_snapshot_open(path, NULL, 0);
    for (size_t i = 0; i < set->service_count; i++) {
        const char *name = set->services[i];
        int64_t applied_us = flag_applied_us(s, flag_service_find(s, name, strlen(name)));
        if (json) {
            buf_adds(out, i ? ",{\"service\":" : "{\"service\":");
            buf_add_json(out, str_of(name));
            buf_printf(out, ",\"applied_us\":%lld}", (long long)applied_us);
        } else if (applied_us) {
            buf_printf(out, "service %s: applied up to %.3f s ago\n", name, (double)(now_us() - applied_us) / 1e6);
        } else {
            buf_printf(out, "service %s: applied time unknown, recent writers stay on the legacy side\n", name);
        }
    }
    flag_snapshot_close(s);
}

static void list_json(const struct flag_set *set, const struct control_file *file, const char *path)
{
    struct buf out;
    buf_init(&out, 0);
    buf_printf(&out, "{\"version\":%llu,\"killed\":%s,\"snapshot\":", (unsigned long long)set->version,
               set->killed ? "true" : "false");
    print_file_json(file, &out);
    buf_adds(&out, ",\"flags\":[");
    for (size_t i = 0; i < set->flag_count; i++) {
        buf_adds(&out, i ? "," : "");
        flags_print_json(&set->flags[i], &out);
    }
    buf_adds(&out, "],\"segments\":[");
    for (size_t i = 0; i < set->segment_count; i++) {
        buf_adds(&out, i ? ",{\"segment\":" : "{\"segment\":");
        buf_add_json(&out, str_of(set->segments[i].name));
        buf_printf(&out, ",\"users\":%zu}", set->segments[i].member_count);
    }
    buf_adds(&out, "],\"services\":[");
    print_services(set, path, true, &out);
    buf_adds(&out, "]}\n");
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
}

static void list_text(const struct flag_set *set, const struct control_file *file, const char *path)
{
    char percent[16];
    struct buf services;
    buf_init(&services, 0);
    print_services(set, path, false, &services);
    if (set->killed)
        puts("KILLED: the global kill switch is on, every request takes the legacy side");
    printf("%-32s %-16s %9s  %-6s %s\n", "FLAG", "SERVICE", "PERCENT", "FORCED", "");
    for (size_t i = 0; i < set->flag_count; i++) {
        const struct flag_spec *f = &set->flags[i];
        printf("%-32s %-16s %8s%%  %-6zu %s", f->name, f->service, flags_percent(f->percentage, percent),
               f->forced_count, f->killed ? "KILLED " : "");
        for (size_t k = 0; k < f->use_count; k++)
            printf("segment %s %s%% ", f->uses[k].segment, flags_percent(f->uses[k].percentage, percent));
        puts("");
    }
    fwrite(services.data ? services.data : "", 1, services.len, stdout);
    buf_free(&services);
    if (!file->there)
        printf("version %llu; no snapshot on this machine (%s)\n", (unsigned long long)set->version, file->why);
    else
        printf("version %llu; the snapshot shows %llu, its heart beat %.1f s ago\n", (unsigned long long)set->version,
               (unsigned long long)file->version, (double)(now_us() - file->heartbeat_us) / 1e6);
}

static int list_run(struct invocation *inv)
{
    struct flags f;
    struct err err = {0};
    struct flag_set set;
    struct control_file file;
    bool good = flags_open(&f, inv, &err) && flags_load(&f, &set, &err);
    if (good) {
        control_file_look(inv->config->control.snapshot, &file);
        if (f.json)
            list_json(&set, &file, inv->config->control.snapshot);
        else
            list_text(&set, &file, inv->config->control.snapshot);
    }
    flags_close(&f);
    return good ? ERR_NONE : commands_fail(inv, &err);
}

/* What the published snapshot decides for one user, with the bucket behind it. */
static void show_user(const struct flag_spec *f, const char *path, const char *user, struct buf *out, bool json)
{
    struct flag_snapshot *s = flag_snapshot_open(path, NULL, 0);
    int index = flag_find(s, f->name, strlen(f->name));
    struct flag_request r = {.user = user, .user_len = strlen(user), .now_us = now_us()};
    struct flag_decision d = flag_decide(s, index, flag_service_of(s, index), &r);
    const char *route = d.route == FLAG_STREAM ? "stream" : "legacy";
    char percent[16];
    uint32_t bucket = flag_bucket(f->salt, strlen(f->salt), user, r.user_len);
    flags_percent(bucket, percent);
    flag_snapshot_close(s);
    if (json) {
        buf_adds(out, ",\"decision\":{\"user\":");
        buf_add_json(out, str_of(user));
        buf_printf(out, ",\"route\":\"%s\",\"reason\":\"%s\",\"bucket_percent\":%s}", route, flag_reason_name(d.reason),
                   percent);
    } else {
        buf_printf(out, "user %s: %s (%s); enters above %s%%\n", user, route, flag_reason_name(d.reason), percent);
    }
}

static void show_text(const struct flag_spec *f, struct buf *out)
{
    char percent[16];
    buf_printf(out, "flag      %s%s\nservice   %s\nsalt      %s\npercent   %s\nvalidity  %u s\n", f->name,
               f->killed ? "  KILLED" : "", f->service, f->salt, flags_percent(f->percentage, percent), f->validity_s);
    for (size_t i = 0; i < f->forced_count; i++)
        buf_printf(out, "forced    %s to %s\n", f->forced[i].user,
                   f->forced[i].route == FLAG_STREAM ? "stream" : "legacy");
    for (size_t i = 0; i < f->use_count; i++)
        buf_printf(out, "segment   %s at %s%%\n", f->uses[i].segment, flags_percent(f->uses[i].percentage, percent));
}

static bool show(struct flags *f, struct buf *out, struct err *err)
{
    struct flag_set set;
    if (!flags_load(f, &set, err))
        return false;
    const struct flag_spec *flag = flag_set_find(&set, f->inv->operands[0]);
    if (!flag) {
        err_set(err, ERR_USAGE, "no flag %s", f->inv->operands[0]);
        return err_hint(err,
                        "`undam flags list` shows the flags, `undam flags sync` creates those of the endpoint files");
    }
    const char *user = option_value(f->inv, "user"), *path = f->inv->config->control.snapshot;
    if (f->json) {
        flags_print_json(flag, out);
        out->len--; /* the closing brace comes last */
        if (user)
            show_user(flag, path, user, out, true);
        buf_adds(out, "}\n");
    } else {
        show_text(flag, out);
        if (user)
            show_user(flag, path, user, out, false);
    }
    return true;
}

static int show_run(struct invocation *inv)
{
    struct flags f;
    struct err err = {0};
    struct buf out;
    buf_init(&out, 0);
    bool good = flags_open(&f, inv, &err) && show(&f, &out, &err);
    if (good)
        fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
    flags_close(&f);
    return good ? ERR_NONE : commands_fail(inv, &err);
}

static void print_verified(const struct flag_history_check *c, bool json)
{
    struct buf out;
    buf_init(&out, 0);
    if (json) {
        buf_printf(&out, "{\"true\":%s,\"rows\":%llu,\"version\":%llu,\"head\":\"%s\",\"bad_row\":%llu,\"problem\":",
                   c->bad_row ? "false" : "true", (unsigned long long)c->rows, (unsigned long long)c->version, c->head,
                   (unsigned long long)c->bad_row);
        buf_add_json(&out, str_of(c->problem));
        buf_adds(&out, "}\n");
    } else if (c->bad_row) {
        buf_printf(&out, "the history is not true: row %llu: %s\n", (unsigned long long)c->bad_row, c->problem);
    } else {
        buf_printf(&out, "the history holds: %llu changes, newest hash %s\n", (unsigned long long)c->rows, c->head);
    }
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
}

static int verify_run(struct invocation *inv)
{
    struct flags f;
    struct err err = {0};
    struct flag_history_check check;
    bool good = flags_open(&f, inv, &err) && flag_store_verify(&f.pg, &check, &err);
    if (good)
        print_verified(&check, f.json);
    flags_close(&f);
    if (!good)
        return commands_fail(inv, &err);
    return check.bad_row ? ERR_NEGATIVE : ERR_NONE;
}

static const char history_sql[] =
    "SELECT n, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), who, action, subject,"
    " coalesce(before, 'null'), coalesce(after, 'null'), why, version, hash FROM (SELECT * FROM undam_flags.history"
    " WHERE $1 = '' OR subject = 'flag ' || $1 OR subject = 'segment ' || $1 ORDER BY n DESC LIMIT $2::bigint) h ORDER "
    "BY n";

static void print_history_json(const PGresult *r, int row, struct buf *out)
{
    static const char *const names[] = {"n",      "at",    "who", "action",  "subject",
                                        "before", "after", "why", "version", "hash"};
    buf_adds(out, row ? ",{" : "{");
    for (int i = 0; i < 10; i++) {
        buf_printf(out, "%s\"%s\":", i ? "," : "", names[i]);
        bool raw = i == 0 || i == 5 || i == 6 || i == 8; /* numbers and JSON */
        if (raw)
            buf_adds(out, PQgetvalue(r, row, i));
        else
            buf_add_json(out, str_of(PQgetvalue(r, row, i)));
    }
    buf_addc(out, '}');
}

static bool history(struct flags *f, struct buf *out, struct err *err)
{
    char limit[24];
    snprintf(limit, sizeof limit, "%lld", (long long)option_int(f->inv, "limit", 50, 1, 1000000));
    const char *values[] = {f->inv->operand_count ? f->inv->operands[0] : "", limit};
    PG_RESULT r = NULL;
    if (!pg_query_params(&f->pg, history_sql, 2, values, &r, err))
        return false;
    buf_adds(out, f->json ? "[" : "");
    for (int i = 0; i < PQntuples(r); i++) {
        if (f->json)
            print_history_json(r, i, out);
        else
            buf_printf(out, "%s  %s  %s  %s %s\n    why     %s\n    before  %s\n    after   %s\n", PQgetvalue(r, i, 0),
                       PQgetvalue(r, i, 1), PQgetvalue(r, i, 2), PQgetvalue(r, i, 3), PQgetvalue(r, i, 4),
                       PQgetvalue(r, i, 7), PQgetvalue(r, i, 5), PQgetvalue(r, i, 6));
    }
    buf_adds(out, f->json ? "]\n" : "");
    return true;
}

static int history_run(struct invocation *inv)
{
    if (option_given(inv, "verify"))
        return verify_run(inv);
    struct flags f;
    struct err err = {0};
    struct buf out;
    buf_init(&out, 0);
    bool good = flags_open(&f, inv, &err) && history(&f, &out, &err);
    if (good && out.len)
        fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
    flags_close(&f);
    return good ? ERR_NONE : commands_fail(inv, &err);
}

#define JSON_OPTION                                 \
    {                                               \
        "json", 0, OPTION_FLAG, NULL, "Print JSON." \
    }
#define CHANGE_OPTIONS                                                                                           \
    {"why", 'w', OPTION_STRING, "TEXT", "The reason, kept in the history; required."},                           \
        {"who", 0, OPTION_STRING, "NAME", "Who changes it; default: the user's name at this host."},             \
        {"dry-run", 'n', OPTION_FLAG, NULL, "Check everything, show before and after, keep nothing."},           \
        {"timeout", 0, OPTION_INT, "MS", "How long to wait until the snapshot shows the change; default 5000."}, \
        JSON_OPTION
#define SHRINK_OPTION                                                                                \
    {                                                                                                \
        "shrink", 0, OPTION_FLAG, NULL, "Users may go back from the stream side to the legacy side." \
    }

static const struct option read_options[] = {JSON_OPTION};
static const struct option show_options[] = {
    {"user", 'u', OPTION_STRING, "KEY", "Also show what is decided for this targeting key."}, JSON_OPTION};
static const struct option history_options[] = {
    {"limit", 0, OPTION_INT, "N", "The newest N changes; default 50."},
    {"verify", 0, OPTION_FLAG, NULL, "Check the hash chain instead (the same as flags verify)."},
    JSON_OPTION};
static const struct option set_options[] = {
    {"percent", 'p', OPTION_STRING, "P", "Share of users on the stream side, 0 to 100 in steps of 0.001."},
    {"service", 0, OPTION_STRING, "NAME", "The service whose applied time decides about recent writers."},
    {"salt", 0, OPTION_STRING, "TEXT",
     "What users are bucketed with instead of the flag's name; flags with one salt move "
     "the same users. Fixed once the flag is above 0."},
    {"validity", 0, OPTION_INT, "S", "Seconds without control's heartbeat after which the flag decides legacy."},
    {"create", 0, OPTION_FLAG, NULL, "Create the flag when there is none."},
    SHRINK_OPTION,
    CHANGE_OPTIONS};
static const struct option force_options[] = {SHRINK_OPTION, CHANGE_OPTIONS};
static const struct option segment_options[] = {
    {"add", 0, OPTION_STRING, "KEY,...", "Add these targeting keys."},
    {"remove", 0, OPTION_STRING, "KEY,...", "Remove these targeting keys."},
    {"file", 0, OPTION_STRING, "FILE", "Add the targeting keys of a file, one a line."},
    {"flag", 0, OPTION_STRING, "FLAG", "Use the segment in this flag (with --percent), or end that (with --drop)."},
    {"percent", 'p', OPTION_STRING, "P", "The segment's own percentage in that flag."},
    {"drop", 0, OPTION_FLAG, NULL, "The flag does not use the segment any more."},
    SHRINK_OPTION,
    CHANGE_OPTIONS};
static const struct option kill_options[] = {CHANGE_OPTIONS};

#define ROW(word, ops, text, long_text, opts, min, max, fn)                                                  \
    {                                                                                                        \
        .name = "flags " word, .operands = ops, .summary = text, .help = long_text, .options = opts,         \
        .option_count = COUNT(opts), .operand_min = min, .operand_max = max, .needs_config = true, .run = fn \
    }

const struct command cmd_flags[] = {
    ROW("list", "", "List the flags", "With percentages, kills and what the snapshot on this machine shows.",
        read_options, 0, 0, list_run),
    ROW("show", "FLAG", "Show one flag", "With --user also what the published snapshot decides for that user, and why.",
        show_options, 1, 1, show_run),
    ROW("set", "FLAG", "Set a flag's percentage, service, salt or validity",
        "A cohort only grows: an edit that would take users from the stream side is refused unless --shrink is given. "
        "To roll back: --percent 0 --shrink, or undam flags kill. Returns when the snapshot shows the change.",
        set_options, 1, 1, flags_set_run),
    ROW("force", "FLAG USER stream|legacy|none", "Force a user to one side",
        "A forced user is decided before segments and percentage; none ends it.", force_options, 3, 3, flags_force_run),
    ROW("segment", "NAME", "Make a named set of users and use it in a flag",
        "A flag asks its segments in the order in which they were added to it; the first that has the user decides "
        "with "
        "its own percentage.",
        segment_options, 1, 1, flags_segment_run),
    ROW("kill", "[FLAG]", "Send everybody to the legacy side, at once",
        "Of one flag or of all. Takes effect at the next request: the word in the mapped snapshot is set first, then "
        "the "
        "change is recorded, so it works with control and its database away.",
        kill_options, 0, 1, flags_kill_run),
    ROW("unkill", "[FLAG]", "End a kill", "The flag goes on with the percentage it has.", kill_options, 0, 1,
        flags_unkill_run),
    ROW("sync", "", "Create the flags that endpoint files name",
        "At 0 %, with the endpoint's service; others are left alone.", kill_options, 0, 0, flags_sync_run),
    ROW("history", "[FLAG]", "Show who changed what, when and why", "Oldest first.", history_options, 0, 1,
        history_run),
    ROW("verify", "", "Check that the history was not tampered with",
        "Recomputes the hash chain and compares the newest record of each flag with its present state. The hash "
        "printed "
        "can be kept elsewhere: it proves all that came before it.",
        read_options, 0, 0, verify_run),
    {.name = NULL},
};
