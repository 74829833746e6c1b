// SPDX-License-Identifier: Apache-2.0
/* undam config check|sample|show: the rows of model/config_settings.c, printed. Connection strings are redacted. */
#include <stdio.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/table.h"
#include "link/pg/pg.h"

/* `text` as a YAML scalar: quoted where YAML would read something else into it. */
static void add_scalar(struct buf *out, const char *text)
{
    bool plain =
        text[0] && !strchr("-?!&*@`%|>\"' ~", text[0]) && text[strlen(text) - 1] != ' ' && strcmp(text, "null") != 0;
    for (const char *p = text; *p && plain; p++)
        plain = !strchr(":#{}[],\"'\\=", *p) && (unsigned char)*p >= 0x20;
    if (plain)
        buf_adds(out, text);
    else
        buf_add_json(out, str_of(text)); /* a JSON string is a YAML double-quoted scalar */
}

static void add_comment(struct buf *out, const char *text, unsigned indent)
{
    struct buf lines;
    buf_init(&lines, 0);
    help_wrap(&lines, text, 0, 100 - indent);
    for (struct str rest = buf_str(&lines), line; rest.len;) {
        line = str_cut(rest, '\n', &rest);
        buf_printf(out, "%*s# " STR_FMT "\n", (int)indent, "", STR_ARG(line));
    }
    buf_free(&lines);
}

/* One setting: its help and default as comment, then the line; commented out where the default does. */
static void add_sample(struct buf *out, const struct config_setting *s, unsigned indent)
{
    const char *key = strrchr(s->name, '.') ? strrchr(s->name, '.') + 1 : s->name;
    const char *value = s->example ? s->example : s->fallback;
    char *text = xasprintf("%s %s%s%s", s->help, s->fallback ? "Default: " : "Required",
                           !s->fallback  ? ""
                           : s->shown    ? s->shown
                           : s->fallback ? s->fallback
                                         : "",
                           ".");
    add_comment(out, text, indent);
    free(text);
    buf_printf(out, "%*s%s%s: ", (int)indent, "", s->example ? "" : "#", key);
    add_scalar(out, value);
    buf_addc(out, '\n');
}

static void add_sample_services(struct buf *out)
{
    buf_adds(out, "\n# Who owns which table. A service's name is its topic; each table belongs to one service.\n"
                  "services:\n  transactions:\n");
    for (unsigned i = 0; i < config_service_setting_count; i++)
        add_sample(out, &config_service_settings[i], 4);
    buf_adds(out,
             "    # Tables it owns, as schema.table, each with its partition key: the column, or the columns\n"
             "    # separated by commas, by which events stay in order.\n"
             "    tables:\n      public.transactions: user_id\n      public.entries: user_id\n"
             "    # Columns that events carry in one map instead of a field each, separated by commas, `*` at the\n"
             "    # end of a name for any: a new one needs no new version of the schema. Default: none.\n"
             "    #dynamic:\n    #  public.transactions: compliance_*, note\n");
}

static int sample_run(struct invocation *inv)
{
    (void)inv;
    struct buf out;
    struct str section = {NULL, 0};
    buf_init(&out, 0);
    buf_adds(&out, "# undam.yaml, the configuration of Undam. Lines that begin with # are defaults.\n\n");
    for (unsigned i = 0; i < config_setting_count; i++) {
        struct str name, now = str_cut(str_of(config_settings[i].name), '.', &name);
        bool nested = name.data != NULL;
        if (nested && !str_eq(now, section)) {
            buf_printf(&out, "\n" STR_FMT ":\n", STR_ARG(now));
            section = now;
        }
        add_sample(&out, &config_settings[i], nested ? 2 : 0);
    }
    add_sample_services(&out);
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
    return ERR_NONE;
}

/* What `config show` prints of a setting: connection strings without password. */
static const char *shown_value(struct arena *a, const struct config_setting *s, const void *base)
{
    char *value = config_value(a, s, base);
    if (s->type != CONFIG_DSN || !value[0])
        return value;
    CLEANUP(free_ptr) char *safe = pg_dsn_redacted(value);
    return arena_strdup(a, safe);
}

static bool has_dynamic(const struct config_service *v)
{
    for (size_t i = 0; i < v->table_count; i++)
        if (v->tables[i].dynamic[0])
            return true;
    return false;
}

static void show_dynamic(struct buf *out, const struct config_service *v)
{
    if (has_dynamic(v))
        buf_adds(out, "    dynamic:\n");
    for (size_t i = 0; i < v->table_count; i++) {
        if (!v->tables[i].dynamic[0])
            continue;
        buf_adds(out, "      ");
        add_scalar(out, v->tables[i].name);
        buf_adds(out, ": ");
        add_scalar(out, v->tables[i].dynamic);
        buf_addc(out, '\n');
    }
}

static void show_text(struct buf *out, struct arena *a, const struct config *c)
{
    struct str section = {NULL, 0};
    for (unsigned i = 0; i < config_setting_count; i++) {
        const struct config_setting *s = &config_settings[i];
        struct str name, now = str_cut(str_of(s->name), '.', &name);
        if (name.data && !str_eq(now, section))
            buf_printf(out, STR_FMT ":\n", STR_ARG(now));
        section = now;
        buf_printf(out, "%s" STR_FMT ": ", name.data ? "  " : "", STR_ARG(name.data ? name : now));
        add_scalar(out, shown_value(a, s, c));
        buf_addc(out, '\n');
    }
    buf_adds(out, "services:\n");
    for (size_t i = 0; i < c->service_count; i++) {
        const struct config_service *v = &c->services[i];
        buf_printf(out, "  %s:\n", v->name);
        for (unsigned k = 0; k < config_service_setting_count; k++) {
            buf_printf(out, "    %s: ", config_service_settings[k].name);
            add_scalar(out, shown_value(a, &config_service_settings[k], v));
            buf_addc(out, '\n');
        }
        buf_adds(out, "    tables:\n");
        for (size_t k = 0; k < v->table_count; k++) {
            buf_adds(out, "      ");
            add_scalar(out, v->tables[k].name);
            buf_adds(out, ": ");
            add_scalar(out, v->tables[k].key);
            buf_addc(out, '\n');
        }
        show_dynamic(out, v);
    }
}

static void add_member(struct buf *out, const char *key, const char *value)
{
    buf_add_json(out, str_of(key));
    buf_addc(out, ':');
    buf_add_json(out, str_of(value));
}

static void show_json(struct buf *out, struct arena *a, const struct config *c)
{
    buf_adds(out, "{\"settings\":{");
    for (unsigned i = 0; i < config_setting_count; i++) {
        buf_adds(out, i ? "," : "");
        add_member(out, config_settings[i].name, shown_value(a, &config_settings[i], c));
    }
    buf_adds(out, "},\"services\":{");
    for (size_t i = 0; i < c->service_count; i++) {
        const struct config_service *v = &c->services[i];
        buf_adds(out, i ? "," : "");
        buf_add_json(out, str_of(v->name));
        buf_adds(out, ":{");
        for (unsigned k = 0; k < config_service_setting_count; k++) {
            add_member(out, config_service_settings[k].name, shown_value(a, &config_service_settings[k], v));
            buf_addc(out, ',');
        }
        buf_adds(out, "\"tables\":{");
        for (size_t k = 0; k < v->table_count; k++) {
            buf_adds(out, k ? "," : "");
            add_member(out, v->tables[k].name, v->tables[k].key);
        }
        buf_adds(out, "},\"dynamic\":{");
        const char *separator = "";
        for (size_t k = 0; k < v->table_count; k++) {
            if (!v->tables[k].dynamic[0])
                continue;
            buf_adds(out, separator);
            add_member(out, v->tables[k].name, v->tables[k].dynamic);
            separator = ",";
        }
        buf_adds(out, "}}");
    }
    buf_adds(out, "}}\n");
}

static int show_run(struct invocation *inv)
{
    struct buf out;
    struct arena a;
    buf_init(&out, 0);
    arena_init(&a);
    if (option_given(inv, "json"))
        show_json(&out, &a, inv->config);
    else
        show_text(&out, &a, inv->config);
    fwrite(out.data, 1, out.len, stdout);
    arena_free(&a);
    buf_free(&out);
    return ERR_NONE;
}

static bool check_dsn(const struct config *c, const char *name, const char *dsn, struct err *err)
{
    if (!dsn[0])
        return true;
    CLEANUP(free_ptr) char *safe = pg_dsn_redacted(dsn);
    if (strcmp(safe, "(unreadable)") != 0)
        return true;
    err_set(err, ERR_CONFIG, "%s: %s is not a connection string", c->path, name);
    return err_hint(err,
                    "write it as \"host=... port=... dbname=... user=...\" or postgresql://user@host:port/database");
}

/* What loading cannot see: libpq's reading of connection strings, and whether the migration folder is there. */
static bool check_outside(const struct config *c, struct err *err)
{
    if (!check_dsn(c, "source.dsn", c->source.dsn, err) || !check_dsn(c, "bus.dsn", c->bus.dsn, err) ||
        !check_dsn(c, "control.dsn", c->control.dsn, err))
        return false;
    for (size_t i = 0; i < c->service_count; i++)
        if (!check_dsn(c, c->services[i].name, c->services[i].dsn, err))
            return false;
    if (access(c->directory, R_OK | X_OK) == 0)
        return true;
    err_set(err, ERR_CONFIG, "%s: directory %s is not there or cannot be read", c->path, c->directory);
    return err_hint(err, "make it, with the folders views and endpoints in it");
}

static int check_run(struct invocation *inv)
{
    const struct config *c = inv->config;
    struct err err = {0};
    if (!check_outside(c, &err))
        return commands_fail(inv, &err);
    size_t tables = 0;
    for (size_t i = 0; i < c->service_count; i++)
        tables += c->services[i].table_count;
    if (!option_given(inv, "json")) {
        for (size_t i = 0; i < c->warning_count; i++)
            fprintf(stderr, "warning: %s\n", c->warnings[i]);
        printf("%s is right: %zu services, %zu tables, %zu warnings\n", c->path, c->service_count, tables,
               c->warning_count);
        return ERR_NONE;
    }
    struct buf out;
    buf_init(&out, 0);
    buf_adds(&out, "{");
    add_member(&out, "path", c->path);
    buf_printf(&out, ",\"services\":%zu,\"tables\":%zu,\"warnings\":[", c->service_count, tables);
    for (size_t i = 0; i < c->warning_count; i++) {
        buf_adds(&out, i ? "," : "");
        buf_add_json(&out, str_of(c->warnings[i]));
    }
    buf_adds(&out, "]}\n");
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
    return ERR_NONE;
}

static const struct option json_option[] = {
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
};

const struct command cmd_config[] = {
    {.name = "config check",
     .operands = "",
     .summary = "Check the configuration file without connecting anywhere",
     .help = "Reads the file as every command does and reports the first thing that is wrong with file and line: "
             "unknown names, wrong values, missing settings, a table with two owners. Then it checks what only this "
             "machine can tell: that connection strings can be read and that the migration folder exists.\n\n"
             "Passwords in connection strings are warned about: they belong into a password file (PGPASSFILE, "
             "~/.pgpass) or a connection service file.",
     .options = json_option,
     .option_count = COUNT(json_option),
     .needs_config = true,
     .run = check_run},
    {.name = "config sample",
     .operands = "",
     .summary = "Print a configuration file with every setting explained",
     .help = "To begin with:\n\n  undam config sample > undam.yaml",
     .run = sample_run},
    {.name = "config show",
     .operands = "",
     .summary = "Print the configuration in force, defaults included",
     .help = "Connection strings are shown with host, port, database and user only.",
     .options = json_option,
     .option_count = COUNT(json_option),
     .needs_config = true,
     .run = show_run},
    {.name = NULL},
};
