// SPDX-License-Identifier: Apache-2.0
/* undam relay: the daemon, its preflight, and the explicit acts of set-up on the source. */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "cmd/commands.h"
#include "codec/pgtypes.h"
#include "relay/check.h"
#include "relay/relay.h"

static void print_text(const struct check_report *r)
{
    for (size_t i = 0; i < r->finding_count; i++) {
        const struct check_finding *f = &r->findings[i];
        printf("%-7s %s: %s (%s)\n        %s\n", check_severity_name(f->severity), f->object, f->text, f->code,
               f->hint);
    }
    printf("PostgreSQL %d.%d: %zu errors, %zu warnings, %zu notes\n", r->server_version / 10000,
           r->server_version % 10000, r->errors, r->warnings, r->finding_count - r->errors - r->warnings);
}

static void add_member(struct buf *b, const char *name, const char *value, const char *before)
{
    buf_printf(b, "%s\"%s\":", before, name);
    buf_add_json(b, str_of(value));
}

static void print_json(const struct check_report *r)
{
    struct buf b;
    buf_init(&b, 0);
    buf_printf(&b, "{\"ok\":%s,\"server_version\":%d,\"errors\":%zu,\"warnings\":%zu,\"findings\":[",
               r->errors ? "false" : "true", r->server_version, r->errors, r->warnings);
    for (size_t i = 0; i < r->finding_count; i++) {
        const struct check_finding *f = &r->findings[i];
        add_member(&b, "severity", check_severity_name(f->severity), i ? ",{" : "{");
        add_member(&b, "code", f->code, ",");
        add_member(&b, "object", f->object, ",");
        add_member(&b, "text", f->text, ",");
        add_member(&b, "hint", f->hint, ",");
        buf_addc(&b, '}');
    }
    buf_adds(&b, "]}\n");
    fputs(b.data, stdout);
    buf_free(&b);
}

static int check_run(struct invocation *inv)
{
    struct check_report report;
    struct err err = {.class = ERR_NONE};
    int code;
    if (!relay_check(inv->config, &report, &err)) {
        code = commands_fail(inv, &err);
    } else {
        if (option_given(inv, "json"))
            print_json(&report);
        else
            print_text(&report);
        code = report.errors ? ERR_NEGATIVE : ERR_NONE;
    }
    relay_check_free(&report);
    return code;
}

/* Publication before slot: a slot decodes only what is published when it happens. */
static int setup_run(struct invocation *inv)
{
    struct err err = {.class = ERR_NONE};
    struct buf out;
    bool dry_run = option_given(inv, "dry-run"), ok = true;
    buf_init(&out, 0);
    if (option_given(inv, "create-publication"))
        ok = relay_create_publication(inv->config, dry_run, &out, &err);
    if (ok && option_given(inv, "create-slot"))
        ok = relay_create_slot(inv->config, dry_run, &out, &err);
    if (out.data)
        fputs(out.data, stdout);
    buf_free(&out);
    return ok ? ERR_NONE : commands_fail(inv, &err);
}

static int relay_command(struct invocation *inv)
{
    struct err err = {.class = ERR_NONE};
    if (option_given(inv, "check"))
        return check_run(inv);
    if (option_given(inv, "create-slot") || option_given(inv, "create-publication"))
        return setup_run(inv);
    if (option_given(inv, "dry-run") || option_given(inv, "json")) {
        err_set(&err, ERR_USAGE, "--dry-run goes with --create-slot or --create-publication, --json with --check");
        return commands_fail(inv, &err);
    }
    if (relay_run(inv->config, &err))
        return ERR_NONE;
    log_err(LOG_ERROR, "failed", &err);
    return (int)err.class;
}

/* Lines "oid typmod" on stdin; a name each, or "?" where only the catalog knows. */
static int types_run(struct invocation *inv)
{
    (void)inv;
    unsigned oid;
    int typmod;
    struct buf name;
    buf_init(&name, 0);
    while (scanf("%u %d", &oid, &typmod) == 2) {
        buf_clear(&name);
        puts(pgtypes_name(oid, typmod, &name) ? name.data : "?");
    }
    buf_free(&name);
    return ERR_NONE;
}

static const struct option relay_options[] = {
    {"check", 0, OPTION_FLAG, NULL,
     "Read the source's catalog and report what would stop the relay or lose something."},
    {"json", 0, OPTION_FLAG, NULL, "With --check: print one JSON object."},
    {"create-publication", 0, OPTION_FLAG, NULL, "Create the publication with every configured table, and leave."},
    {"create-slot", 0, OPTION_FLAG, NULL, "Create the replication slot, and leave."},
    {"dry-run", 'n', OPTION_FLAG, NULL, "With --create-...: print what would be done."},
};

const struct command cmd_relay[] = {
    {.name = "relay",
     .operands = "",
     .summary = "Carry the source's changes to the bus",
     .help = "Reads the replication stream of source.slot and writes every committed transaction of the configured "
             "tables, the outbox and logical messages to the bus, exactly once and in commit order. Runs in the "
             "foreground until SIGTERM (finish what is complete, confirm it, leave) or SIGINT (leave quickly).\n\n"
             "The slot is created at the first start; the publication never is, because what is published is the "
             "owner's decision: --create-publication does it, and with --dry-run prints the SQL.\n\n"
             "A slot that is lost, was recreated, or is ahead of the bus is refused: its events cannot be had again. "
             "A second relay on the same slot waits until the first has gone.",
     .options = relay_options,
     .option_count = COUNT(relay_options),
     .needs_config = true,
     .daemon = true,
     .run = relay_command},
    {.name = "relay types",
     .operands = "",
     .summary = "Names of built-in types",
     .help = "Reads lines \"oid typmod\" and prints what format_type() would.",
     .hidden = true,
     .run = types_run},
    {.name = NULL},
};
