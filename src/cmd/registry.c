// SPDX-License-Identifier: Apache-2.0
/* undam registry list|show|check|add|config|delete: the schema registry, whichever driver it has. */
#include "registry/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/commands.h"
#include "registry/compat.h"

enum { FILE_MAX = 8 << 20 };

/* What every verb has: a registry, an arena, and what it prints. */
struct desk {
    struct invocation *inv;
    struct registry *registry;
    struct arena arena;
    struct buf out;
    bool json, dry;
    struct err err;
};

typedef bool verb_fn(struct desk *d, int *ret_code);

static int with_registry(struct invocation *inv, verb_fn *verb)
{
    struct registry_config config = registry_config_of(inv->config);
    struct desk d = {.inv = inv, .json = option_given(inv, "json"), .dry = option_given(inv, "dry-run")};
    int code = ERR_NONE;
    arena_init(&d.arena);
    buf_init(&d.out, 0);
    bool good = registry_open(&config, NULL, NULL, &d.registry, &d.err) && verb(&d, &code);
    if (d.out.len)
        fwrite(d.out.data, 1, d.out.len, stdout);
    if (!good)
        code = commands_fail(inv, &d.err);
    registry_close(d.registry);
    arena_free(&d.arena);
    buf_free(&d.out);
    return code;
}

static struct str operand(const struct desk *d, int i)
{
    return i < d->inv->operand_count ? str_of(d->inv->operands[i]) : (struct str){"", 0};
}

/* "-": standard input. */
static bool read_schema(struct desk *d, const char *path, struct str *ret)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *f = standard ? stdin : fopen(path, "re");
    if (!f)
        return err_errno(&d->err, "%s", path);
    char *data = arena_alloc(&d->arena, FILE_MAX + 1);
    size_t n = fread(data, 1, FILE_MAX + 1, f);
    bool ok = !ferror(f) || err_errno(&d->err, "%s", path);
    if (!standard)
        (void)fclose(f);
    if (ok && n > FILE_MAX)
        ok = err_set(&d->err, ERR_DATA, "%s: larger than %d bytes", path, FILE_MAX);
    *ret = str_trim(str_n(data, n));
    return ok;
}

static void member(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, "\"%s\":", name);
    buf_add_json(out, value);
}

/* ---- list ---- */

static bool list_one(struct desk *d, struct str subject, bool first)
{
    int32_t *versions;
    size_t count;
    struct str rule;
    bool own;
    if (!registry_versions(d->registry, subject, &d->arena, &versions, &count, &d->err) ||
        !registry_rule(d->registry, subject, &d->arena, &rule, &own, &d->err))
        return false;
    if (!d->json) {
        buf_printf(&d->out, "%-60.*s %4zu %4d  " STR_FMT "%s\n", STR_ARG(subject), count,
                   count ? versions[count - 1] : 0, STR_ARG(rule), own ? "" : " (global)");
        return true;
    }
    buf_addc(&d->out, first ? '[' : ',');
    buf_addc(&d->out, '{');
    member(&d->out, "subject", subject);
    buf_adds(&d->out, ",\"versions\":[");
    for (size_t i = 0; i < count; i++)
        buf_printf(&d->out, i ? ",%d" : "%d", versions[i]);
    buf_adds(&d->out, "],");
    member(&d->out, "rule", rule);
    buf_printf(&d->out, ",\"own\":%s}", own ? "true" : "false");
    return true;
}

static bool list(struct desk *d, int *ret_code)
{
    struct str *subjects;
    size_t count;
    (void)ret_code;
    if (!registry_subjects(d->registry, &d->arena, &subjects, &count, &d->err))
        return false;
    if (!d->json && count)
        buf_printf(&d->out, "%-60s %4s %4s  %s\n", "SUBJECT", "HAS", "LAST", "RULE");
    for (size_t i = 0; i < count; i++)
        if (!list_one(d, subjects[i], i == 0))
            return false;
    if (d->json)
        buf_adds(&d->out, count ? "]\n" : "[]\n");
    return true;
}

static int list_run(struct invocation *inv) { return with_registry(inv, list); }

/* ---- show ---- */

static bool show_id(struct desk *d, int32_t id)
{
    struct str schema;
    if (!registry_get(d->registry, id, &schema, &d->err))
        return false;
    if (d->json) {
        buf_printf(&d->out, "{\"id\":%d,", id);
        member(&d->out, "schema", schema);
        buf_adds(&d->out, "}\n");
    } else {
        buf_printf(&d->out, STR_FMT "\n", STR_ARG(schema));
    }
    return true;
}

static bool show_subject(struct desk *d, struct str subject)
{
    struct registry_version v;
    struct str rule;
    bool own;
    int32_t version = (int32_t)option_int(d->inv, "version", 0, 1, INT32_MAX);
    if (!registry_version(d->registry, subject, version, &d->arena, &v, &d->err) ||
        !registry_rule(d->registry, subject, &d->arena, &rule, &own, &d->err))
        return false;
    if (!d->json) {
        buf_printf(&d->out, "subject  " STR_FMT "\nversion  %d\nid       %d\nrule     " STR_FMT "%s\n" STR_FMT "\n",
                   STR_ARG(subject), v.version, v.id, STR_ARG(rule), own ? "" : " (global)", STR_ARG(v.schema));
        return true;
    }
    buf_addc(&d->out, '{');
    member(&d->out, "subject", subject);
    buf_printf(&d->out, ",\"version\":%d,\"id\":%d,", v.version, v.id);
    member(&d->out, "rule", rule);
    buf_printf(&d->out, ",\"own\":%s,", own ? "true" : "false");
    member(&d->out, "schema", v.schema);
    buf_adds(&d->out, "}\n");
    return true;
}

static bool show(struct desk *d, int *ret_code)
{
    int64_t id;
    struct str what = operand(d, 0);
    (void)ret_code;
    if (!option_given(d->inv, "version") && str_to_i64(what, &id) && id > 0 && id <= INT32_MAX)
        return show_id(d, (int32_t)id);
    return show_subject(d, what);
}

static int show_run(struct invocation *inv) { return with_registry(inv, show); }

/* ---- check, add ---- */

static void print_refusal(struct desk *d)
{
    const struct registry_refusal *r = registry_refused(d->registry);
    if (d->json) {
        buf_adds(&d->out, "{\"compatible\":false,");
        member(&d->out, "subject", r->subject);
        buf_addc(&d->out, ',');
        member(&d->out, "rule", r->rule);
        buf_addc(&d->out, ',');
        member(&d->out, "reason", r->reason);
        buf_addc(&d->out, ',');
        member(&d->out, "registered", r->registered);
        buf_addc(&d->out, ',');
        member(&d->out, "offered", r->offered);
        buf_adds(&d->out, "}\n");
        return;
    }
    buf_printf(&d->out,
               "not compatible, rule " STR_FMT ": " STR_FMT "\nregistered: " STR_FMT "\noffered:    " STR_FMT "\n",
               STR_ARG(r->rule), STR_ARG(r->reason), STR_ARG(r->registered), STR_ARG(r->offered));
}

static bool check_schema(struct desk *d, struct str subject, struct str schema, int *ret_code)
{
    bool compatible;
    if (!registry_check(d->registry, subject, schema, &compatible, &d->err))
        return false;
    if (!compatible) {
        print_refusal(d);
        *ret_code = ERR_NEGATIVE;
    }
    return true;
}

static bool check(struct desk *d, int *ret_code)
{
    struct str schema;
    if (!read_schema(d, d->inv->operands[1], &schema) || !check_schema(d, operand(d, 0), schema, ret_code))
        return false;
    if (*ret_code == ERR_NONE)
        buf_adds(&d->out, d->json ? "{\"compatible\":true}\n" : "compatible\n");
    return true;
}

static int check_run(struct invocation *inv) { return with_registry(inv, check); }

static bool add(struct desk *d, int *ret_code)
{
    struct str schema;
    int32_t id;
    if (!read_schema(d, d->inv->operands[1], &schema))
        return false;
    if (d->dry) {
        if (!check_schema(d, operand(d, 0), schema, ret_code))
            return false;
        if (*ret_code == ERR_NONE)
            buf_adds(&d->out, d->json ? "{\"compatible\":true}\n" : "would be registered\n");
        return true;
    }
    if (!registry_register(d->registry, operand(d, 0), schema, &id, &d->err)) {
        if (!registry_refused(d->registry))
            return false;
        print_refusal(d);
        *ret_code = ERR_NEGATIVE;
        return true;
    }
    buf_printf(&d->out, d->json ? "{\"id\":%d}\n" : "registered, id %d\n", id);
    return true;
}

static int add_run(struct invocation *inv) { return with_registry(inv, add); }

/* ---- config ---- */

static bool is_rule(struct str s) { return compat_rule_valid(s) || str_is(s, "default"); }

static bool give_rule(struct desk *d, struct str subject, const char *doing)
{
    struct str rule;
    bool own;
    if (!registry_rule(d->registry, subject, &d->arena, &rule, &own, &d->err))
        return false;
    if (d->json) {
        buf_addc(&d->out, '{');
        member(&d->out, "subject", subject);
        buf_addc(&d->out, ',');
        member(&d->out, "rule", rule);
        buf_printf(&d->out, ",\"own\":%s}\n", own ? "true" : "false");
    } else {
        buf_printf(&d->out, "%s" STR_FMT "%s" STR_FMT "%s\n", doing, STR_ARG(subject), subject.len ? ": " : "",
                   STR_ARG(rule), subject.len && !own ? " (global)" : "");
    }
    return true;
}

/* [SUBJECT] [RULE]; one word that is a rule is the global one. */
static bool config(struct desk *d, int *ret_code)
{
    bool global = d->inv->operand_count == 1 && is_rule(operand(d, 0));
    struct str subject = global ? (struct str){"", 0} : operand(d, 0);
    struct str rule = global ? operand(d, 0) : operand(d, 1);
    (void)ret_code;
    if (!rule.len)
        return give_rule(d, subject, "");
    if (!is_rule(rule)) {
        err_set(&d->err, ERR_USAGE, "\"" STR_FMT "\" is no rule", STR_ARG(rule));
        return err_hint(&d->err, "write NONE, BACKWARD, FORWARD or FULL, the last three also with _TRANSITIVE, or "
                                 "default to take the rule of its own away");
    }
    if (d->dry)
        return give_rule(d, subject,
                         d->json ? "" : arena_printf(&d->arena, "would become " STR_FMT ", is now ", STR_ARG(rule)));
    struct str value = str_is(rule, "default") ? (struct str){"", 0} : rule;
    return registry_rule_set(d->registry, subject, value, &d->err) && give_rule(d, subject, "");
}

static int config_run(struct invocation *inv) { return with_registry(inv, config); }

/* ---- delete ---- */

static bool delete (struct desk *d, int *ret_code)
{
    struct registry_version v;
    int32_t version = (int32_t)option_int(d->inv, "version", 0, 1, INT32_MAX), *versions;
    size_t count;
    struct str subject = operand(d, 0);
    (void)ret_code;
    if (!registry_versions(d->registry, subject, &d->arena, &versions, &count, &d->err) ||
        (version && !registry_version(d->registry, subject, version, &d->arena, &v, &d->err)))
        return false;
    if (version)
        count = 1;
    if (!d->dry && !registry_delete(d->registry, subject, version, &d->err))
        return false;
    if (d->json)
        buf_printf(&d->out, "{\"deleted\":%zu,\"dry_run\":%s}\n", count, d->dry ? "true" : "false");
    else
        buf_printf(&d->out, "%zu %s of " STR_FMT " %s; ids stay known\n", count, count == 1 ? "version" : "versions",
                   STR_ARG(subject), d->dry ? "would be deleted" : "deleted");
    return true;
}

static int delete_run(struct invocation *inv) { return with_registry(inv, delete); }

/* ---- the table ---- */

static const struct option json_option[] = {
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
};
static const struct option show_options[] = {
    {"version", 0, OPTION_INT, "N", "This version instead of the newest."},
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
};
static const struct option change_options[] = {
    {"dry-run", 'n', OPTION_FLAG, NULL, "Only say what would be done."},
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
};
static const struct option delete_options[] = {
    {"version", 0, OPTION_INT, "N", "Only this version."},
    {"dry-run", 'n', OPTION_FLAG, NULL, "Only say what would be done."},
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
};

const struct command cmd_registry[] = {
    {.name = "registry list",
     .operands = "",
     .summary = "List the subjects of the schema registry",
     .help = "With each: how many versions it has, the newest one's number, and the rule that a further version must "
             "keep.",
     .options = json_option,
     .option_count = COUNT(json_option),
     .needs_config = true,
     .run = list_run},
    {.name = "registry show",
     .operands = "SUBJECT|ID",
     .summary = "Print a schema",
     .help = "A number is the id that events carry; anything else a subject, of which the newest version is shown.",
     .options = show_options,
     .option_count = COUNT(show_options),
     .operand_min = 1,
     .operand_max = 1,
     .needs_config = true,
     .run = show_run},
    {.name = "registry check",
     .operands = "SUBJECT FILE",
     .summary = "Would this schema be accepted?",
     .help = "Exit status 1 when the subject's rule forbids it, with the reason and both schemas. FILE - is standard "
             "input. Nothing is changed.",
     .options = json_option,
     .option_count = COUNT(json_option),
     .operand_min = 2,
     .operand_max = 2,
     .needs_config = true,
     .run = check_run},
    {.name = "registry add",
     .operands = "SUBJECT FILE",
     .summary = "Register a schema",
     .help = "Prints its id, the old one when the subject has the schema already. The relay registers what it writes "
             "by itself; this is for schemas of outbox payloads and for tests. Exit status 1 when the rule forbids it.",
     .options = change_options,
     .option_count = COUNT(change_options),
     .operand_min = 2,
     .operand_max = 2,
     .needs_config = true,
     .run = add_run},
    {.name = "registry config",
     .operands = "[SUBJECT] [RULE]",
     .summary = "Print or set a rule of compatibility",
     .help = "Without a subject the global rule, which holds where a subject has none of its own. RULE: NONE, BACKWARD "
             "(new readers read old events), FORWARD (old readers read new events), FULL (both), the last three also "
             "with _TRANSITIVE (all versions, not only the last); `default` takes a rule away.",
     .options = change_options,
     .option_count = COUNT(change_options),
     .operand_max = 2,
     .needs_config = true,
     .run = config_run},
    {.name = "registry delete",
     .operands = "SUBJECT",
     .summary = "Delete a subject or one version, softly",
     .help = "What is deleted no longer counts for the rule; its id stays known, so events that carry it can be read. "
             "The relay registers the schema again when it still writes it.",
     .options = delete_options,
     .option_count = COUNT(delete_options),
     .operand_min = 1,
     .operand_max = 1,
     .needs_config = true,
     .run = delete_run},
    {.name = NULL},
};
