// SPDX-License-Identifier: Apache-2.0
/*
 * The manual, printed from the tables: undam(1), one page a command's first word, undam.conf(5), and the
 * Markdown pages of docs/ that are tables. `make docs` writes them; a test compares.
 */
#include <errno.h>
#include <sys/stat.h>

#include "cmd/table.h"

/* Text as troff: back-quoted words bold, nothing taken for a request. */
static void add_text(struct buf *out, struct str text)
{
    bool bold = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '`') {
            bold = !bold;
            buf_adds(out, bold ? "\\fB" : "\\fR");
        } else if (c == '\\')
            buf_adds(out, "\\e");
        else if (c == '-')
            buf_adds(out, "\\-");
        else if ((c == '.' || c == '\'') && (i == 0 || text.data[i - 1] == '\n'))
            buf_printf(out, "\\&%c", c);
        else
            buf_addc(out, c);
    }
}

/* Paragraphs as in --help: each line is one, lines that begin with a blank are examples. */
static void add_paragraphs(struct buf *out, const char *text)
{
    bool example = false;
    for (struct str rest = str_of(text); rest.len;) {
        struct str line = str_cut(rest, '\n', &rest);
        bool blank = line.len && line.data[0] == ' ';
        if (blank != example)
            buf_adds(out, blank ? ".PP\n.nf\n.RS 2\n" : ".RE\n.fi\n");
        example = blank;
        if (line.len == 0)
            continue;
        if (!example)
            buf_adds(out, ".PP\n");
        add_text(out, blank ? str_trim(line) : line);
        buf_addc(out, '\n');
    }
    if (example)
        buf_adds(out, ".RE\n.fi\n");
}

static void add_title(struct buf *out, const char *name, int section, const char *summary)
{
    buf_adds(out, ".\\\" Printed by `undam man`; do not edit.\n.TH ");
    for (const char *p = name; *p; p++)
        buf_addc(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
    buf_printf(out, " %d \"\" \"undam %s\" \"Undam Manual\"\n.SH NAME\n", section, UNDAM_VERSION);
    add_text(out, str_of(name));
    buf_adds(out, " \\- ");
    add_text(out, str_of(summary));
    buf_addc(out, '\n');
}

static void add_option(struct buf *out, const struct option *o)
{
    buf_adds(out, ".TP\n");
    if (o->letter)
        buf_printf(out, "\\fB\\-%c\\fR, ", o->letter);
    buf_adds(out, "\\fB\\-\\-");
    add_text(out, str_of(o->name));
    buf_adds(out, "\\fR");
    if (o->kind != OPTION_FLAG)
        buf_printf(out, "=\\fI%s\\fR", o->arg ? o->arg : "VALUE");
    buf_addc(out, '\n');
    add_text(out, str_of(o->help));
    buf_addc(out, '\n');
}

static void add_command(struct buf *out, const struct command *c)
{
    struct buf usage;
    const struct option *o;
    buf_init(&usage, 0);
    help_usage(&usage, c);
    buf_adds(out, ".SH ");
    for (const char *p = c->name; *p; p++)
        buf_addc(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
    buf_adds(out, "\n.B ");
    add_text(out, buf_str(&usage));
    buf_adds(out, "\n.PP\n");
    add_text(out, str_of(c->summary));
    buf_adds(out, ".\n");
    if (c->help && c->help[0])
        add_paragraphs(out, c->help);
    for (unsigned i = 0; (o = command_option(c, i)); i++)
        add_option(out, o);
    buf_free(&usage);
}

static bool in_group(const struct command *c, const char *group)
{
    return !c->hidden && str_is(str_n(c->name, command_group_len(c)), group);
}

static void page_group(struct buf *out, const char *group)
{
    const struct command *c;
    struct buf name, summary;
    buf_init(&name, 0);
    buf_init(&summary, 0);
    buf_printf(&name, "undam-%s", group);
    for (unsigned i = 0; (c = command_at(i)); i++)
        if (in_group(c, group))
            buf_printf(&summary, "%s%s", summary.len ? "; " : "", c->summary);
    add_title(out, name.data, 1, summary.data);
    buf_adds(out, ".SH SYNOPSIS\n.nf\n");
    for (unsigned i = 0; (c = command_at(i)); i++)
        if (in_group(c, group)) {
            struct buf usage;
            buf_init(&usage, 0);
            help_usage(&usage, c);
            add_text(out, buf_str(&usage));
            buf_addc(out, '\n');
            buf_free(&usage);
        }
    buf_adds(out, ".fi\n");
    for (unsigned i = 0; (c = command_at(i)); i++)
        if (in_group(c, group))
            add_command(out, c);
    buf_adds(out, ".SH EXIT STATUS\nSee\n.BR undam (1).\n.SH SEE ALSO\n.BR undam (1),\n.BR undam.conf (5)\n");
    buf_free(&name);
    buf_free(&summary);
}

static void add_exit_codes(struct buf *out)
{
    buf_adds(out, ".SH EXIT STATUS\nEvery command ends with one of these.\n");
    for (unsigned i = 0; i < err_classes_count; i++) {
        buf_printf(out, ".TP\n\\fB%d\\fR (%s)\n", (int)err_classes[i].class, err_classes[i].name);
        add_text(out, str_of(err_classes[i].meaning));
        buf_adds(out, err_classes[i].fatal ? " A supervisor should not restart on it.\n" : "\n");
    }
}

static void page_undam(struct buf *out, const char *unused)
{
    static const char environment[] =
        ".SH ENVIRONMENT\n.TP\n.B UNDAM_CONFIG\nThe configuration file, where no \\fB\\-\\-config\\fR is given.\n"
        ".TP\n.BR PGPASSFILE \", \" PGSERVICEFILE\nAs libpq reads them: passwords and connection services.\n"
        ".TP\n.BR NOTIFY_SOCKET \", \" WATCHDOG_USEC\nSet by systemd for daemons of Type=notify.\n";
    static const char signals[] =
        ".SH SIGNALS\nDaemons take them as PostgreSQL does.\n"
        ".TP\n.B SIGTERM\nFinish the batch at hand, make it durable and leave. A second one leaves quickly.\n"
        ".TP\n.B SIGINT\nLeave quickly; what was not durable is done again after the next start.\n"
        ".TP\n.B SIGHUP\nReload what can be reloaded.\n"
        ".TP\n.B SIGQUIT\nAbort at once.\n";
    const struct command *c;
    const struct option *o;
    (void)unused;
    add_title(out, "undam", 1, "moves a REST monolith on PostgreSQL to an event stream");
    buf_adds(out,
             ".SH SYNOPSIS\n.B undam\n.I COMMAND\n[\\fIOPTION\\fR]...\n.SH DESCRIPTION\n"
             "Undam reads the changes of a monolith's PostgreSQL database from its write\\-ahead log, keeps them as "
             "events, builds read models from them, lets nginx answer requests from those for the users whose "
             "flag says so, and proves that the old and the new side give the same answers.\n.SH COMMANDS\n");
    for (unsigned i = 0; (c = command_at(i)); i++)
        if (!c->hidden) {
            buf_adds(out, ".TP\n.B undam ");
            add_text(out, str_of(c->name));
            buf_addc(out, '\n');
            add_text(out, str_of(c->summary));
            buf_adds(out, ".\n");
        }
    buf_adds(out, ".SH OPTIONS\nTaken by every command.\n");
    for (unsigned i = 0; i < common_option_count; i++) {
        o = &common_options[i];
        add_option(out, o);
    }
    add_exit_codes(out);
    buf_adds(out, environment);
    buf_adds(out, signals);
    buf_adds(out, ".SH FILES\n.TP\n.I ./undam.yaml\nThe configuration, see\n.BR undam.conf (5).\n"
                  ".SH SEE ALSO\n.BR undam.conf (5)\n");
}

static const char *default_of(const struct config_setting *s)
{
    return !s->fallback ? "required" : s->shown ? s->shown : s->fallback;
}

static void add_settings(struct buf *out, const struct config_setting *rows, unsigned count, const char *prefix)
{
    for (unsigned i = 0; i < count; i++) {
        buf_printf(out, ".TP\n\\fB%s%s\\fR (%s; ", prefix, rows[i].name, config_type_name(rows[i].type));
        if (rows[i].fallback)
            buf_adds(out, "default: ");
        add_text(out, str_of(default_of(&rows[i])));
        buf_adds(out, ")\n");
        add_text(out, str_of(rows[i].help));
        buf_addc(out, '\n');
    }
}

static void page_conf(struct buf *out, const char *unused)
{
    (void)unused;
    add_title(out, "undam.conf", 5, "the configuration of Undam, undam.yaml");
    buf_adds(out, ".SH DESCRIPTION\nA YAML mapping, read from \\fB\\-\\-config\\fR, else \\fB$UNDAM_CONFIG\\fR, else "
                  "\\fI./undam.yaml\\fR.\nNames with a dot are nested: \\fIrelay.listen\\fR is \\fIlisten\\fR inside "
                  "\\fIrelay\\fR.\nUnknown names, wrong values and missing required settings are errors with file and "
                  "line.\nRelative paths begin at the folder of the file.\nSizes take B, kB, MB, GB, TB (powers of "
                  "1024); durations us, ms, s, min, h, d.\n.PP\n"
                  "\\fBundam config sample\\fR prints a file to begin with, \\fBundam config check\\fR checks one, "
                  "\\fBundam config show\\fR prints what is in force.\n"
                  "Passwords belong into a password file (PGPASSFILE, ~/.pgpass) or a connection service file, not "
                  "into connection strings.\n.SH SETTINGS\n");
    add_settings(out, config_settings, config_setting_count, "");
    buf_adds(out, ".SH SERVICES\n\\fBservices\\fR is a mapping of service names ([a\\-z][a\\-z0\\-9_]*); a name is "
                  "also the service's topic.\n");
    add_settings(out, config_service_settings, config_service_setting_count, "services.NAME.");
    buf_adds(out,
             ".TP\n\\fBservices.NAME.tables\\fR (mapping)\nThe tables that the service owns, as schema.table, each "
             "with its partition key: the column, or the columns separated by commas, by which events stay in "
             "order. A table has one owner.\n.TP\n\\fBservices.NAME.dynamic\\fR (mapping)\nColumns of a table that "
             "its events carry in one map field instead of a field each, separated by commas; * at the end of a name "
             "stands for any and leaves key columns out. A new column that fits needs no new version of the schema. "
             "Their values are texts.\n.SH SEE ALSO\n.BR undam (1),\n.BR undam\\-config (1)\n");
}

static void add_md_settings(struct buf *out, const struct config_setting *rows, unsigned count, const char *prefix)
{
    buf_adds(out, "| setting | type | default | meaning |\n| --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < count; i++)
        buf_printf(out, "| `%s%s` | %s | %s | %s |\n", prefix, rows[i].name, config_type_name(rows[i].type),
                   default_of(&rows[i]), rows[i].help);
}

static void page_md_configuration(struct buf *out, const char *unused)
{
    (void)unused;
    buf_adds(
        out,
        "<!-- Printed by `undam man`; do not edit. -->\n# Configuration\n\n"
        "One file, `undam.yaml`: `-c FILE`, else `$UNDAM_CONFIG`, else `./undam.yaml`. `undam config sample` prints "
        "one to begin with, `undam config check` checks it without connecting anywhere, `undam config show` prints "
        "what is in force, defaults included.\n\n"
        "Names with a dot are nested: `relay.listen` is `listen` inside `relay`. Unknown names, wrong values and "
        "missing required settings are errors with file and line. Relative paths begin at the folder of the file. "
        "Sizes take B, kB, MB, GB, TB (powers of 1024); durations us, ms, s, min, h, d. Passwords belong into a "
        "password file (`PGPASSFILE`, `~/.pgpass`) or a connection service file: one in a connection string is "
        "warned about.\n\n");
    add_md_settings(out, config_settings, config_setting_count, "");
    buf_adds(out, "\n## Services\n\n`services` is a mapping of names (`[a-z][a-z0-9_]*`); a name is also the service's "
                  "topic. A table has one owner.\n\n");
    add_md_settings(out, config_service_settings, config_service_setting_count, "services.NAME.");
    buf_adds(out, "| `services.NAME.tables` | mapping | none | The tables that it owns, as schema.table, each with its "
                  "partition key: the column, or the columns separated by commas, by which events stay in order. |\n"
                  "| `services.NAME.dynamic` | mapping | none | Columns of a table that its events carry in one map "
                  "field instead of a field each, separated by commas; `*` at the end of a name stands for any and "
                  "leaves key columns out. A new column that fits needs no new version of the schema. Their values "
                  "are texts. |\n");
}

static void page_md_exit_codes(struct buf *out, const char *unused)
{
    (void)unused;
    buf_adds(out,
             "<!-- Printed by `undam man`; do not edit. -->\n# Exit codes\n\n"
             "Every command ends with one of these, and with `--json` an error names the class. \"Fatal\" means that "
             "restarting does not help: the units under `units/` do not restart on those.\n\n"
             "| code | class | fatal | meaning |\n| --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < err_classes_count; i++)
        buf_printf(out, "| %d | %s | %s | %s |\n", (int)err_classes[i].class, err_classes[i].name,
                   err_classes[i].fatal ? "yes" : "no", err_classes[i].meaning);
}

typedef void page_fn(struct buf *out, const char *arg);

struct page {
    const char *name; /* as asked for */
    const char *file; /* under docs/ */
    page_fn *print;
};
static const struct page pages[] = {
    {"undam", "man/undam.1", page_undam},
    {"undam.conf", "man/undam.conf.5", page_conf},
    {"configuration.md", "configuration.md", page_md_configuration},
    {"exit-codes.md", "exit-codes.md", page_md_exit_codes},
};

static bool write_page(const char *folder, const char *file, page_fn *print, const char *arg, struct err *err)
{
    struct buf out;
    buf_init(&out, 0);
    print(&out, arg);
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", folder, file);
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(out.data, 1, out.len, f) == out.len;
    ok = f && fclose(f) == 0 && ok;
    buf_free(&out);
    return ok || err_errno(err, "%s", path);
}

/* Whether the i-th command is the first one of its group that a reader sees, and has a page. */
static bool begins_group(unsigned index, char *group, size_t size)
{
    const struct command *c = command_at(index), *before;
    snprintf(group, size, STR_FMT, STR_ARG(str_n(c->name, command_group_len(c))));
    if (c->hidden || strcmp(group, "help") == 0)
        return false;
    for (unsigned i = 0; i < index && (before = command_at(i)); i++)
        if (in_group(before, group))
            return false;
    return true;
}

static bool write_all(const char *folder, struct err *err)
{
    char group[64];
    CLEANUP(free_ptr) char *man = xasprintf("%s/man", folder);
    if (mkdir(man, 0777) != 0 && errno != EEXIST)
        return err_errno(err, "%s", man);
    for (size_t i = 0; i < COUNT(pages); i++)
        if (!write_page(folder, pages[i].file, pages[i].print, NULL, err))
            return false;
    for (unsigned i = 0; command_at(i); i++) {
        if (!begins_group(i, group, sizeof group))
            continue;
        CLEANUP(free_ptr) char *file = xasprintf("man/undam-%s.1", group);
        if (!write_page(folder, file, page_group, group, err))
            return false;
    }
    return true;
}

int man_run(struct invocation *inv)
{
    struct err err = {0};
    if (option_given(inv, "output")) {
        if (!write_all(option_value(inv, "output"), &err))
            return commands_fail(inv, &err);
        return ERR_NONE;
    }
    const char *name = inv->operand_count ? inv->operands[0] : "undam";
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < COUNT(pages); i++)
        if (strcmp(pages[i].name, name) == 0)
            pages[i].print(&out, NULL);
    const struct command *c;
    for (unsigned i = 0; !out.len && (c = command_at(i)); i++)
        if (in_group(c, name))
            page_group(&out, name);
    bool found = out.len > 0;
    if (found)
        fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
    if (found)
        return ERR_NONE;
    err_set(&err, ERR_USAGE, "no such page: %s", name);
    return commands_fail(inv, &err);
}
