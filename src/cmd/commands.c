// SPDX-License-Identifier: Apache-2.0
/*
 * The table of commands and the way from argv to a row's function; see commands.h. Parsing is in
 * options.c, what is printed from the table in help.c, man.c and completion.c.
 */
#include "cmd/commands.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "cmd/table.h"

static int help_run(struct invocation *inv);

static const struct option man_options[] = {
    {"output", 'o', OPTION_STRING, "FOLDER", "Write every page into this folder instead."},
};

static const struct command own_commands[] = {
    {.name = "completion",
     .operands = "bash|zsh|fish",
     .summary = "Print a shell's completion script",
     .help = "Load it from the shell's start file:\n\n  source <(undam completion bash)",
     .operand_min = 1,
     .operand_max = 1,
     .run = completion_run},
    {.name = "help",
     .operands = "[COMMAND...]",
     .summary = "Show help for a command",
     .help = "The same as COMMAND --help.",
     .operand_max = 2,
     .run = help_run},
    {.name = "man",
     .operands = "[PAGE]",
     .summary = "Print a manual page",
     .help = "PAGE is a command's first word, undam, or undam.conf. The pages under docs/man are made by it.",
     .options = man_options,
     .option_count = COUNT(man_options),
     .operand_max = 1,
     .hidden = true,
     .run = man_run},
    {.name = NULL},
};

static const struct command *const tables[] = {
    cmd_relay,  cmd_project,  cmd_control, cmd_validate, /* daemons */
    cmd_view,   cmd_endpoint, cmd_flags,   cmd_check,    /* the operator's verbs */
    cmd_events, cmd_replay,   cmd_bus,     cmd_registry, cmd_config, cmd_demo, own_commands,
};

const struct command *command_at(unsigned i)
{
    for (size_t t = 0; t < COUNT(tables); t++)
        for (const struct command *c = tables[t]; c->name; c++)
            if (i-- == 0)
                return c;
    return NULL;
}

size_t command_group_len(const struct command *c) { return strcspn(c->name, " "); }

bool command_is_group(const char *group)
{
    const struct command *c;
    for (unsigned i = 0; (c = command_at(i)); i++)
        if (c->name[command_group_len(c)] && str_is(str_n(c->name, command_group_len(c)), group))
            return true;
    return false;
}

const struct command *command_find(char *const *words, int count, int *ret_words)
{
    const struct command *c, *one = NULL;
    for (unsigned i = 0; (c = command_at(i)); i++) {
        size_t len = command_group_len(c);
        if (count < 1 || !str_is(str_n(c->name, len), words[0]))
            continue;
        if (!c->name[len])
            one = c;
        else if (count > 1 && strcmp(c->name + len + 1, words[1]) == 0) {
            *ret_words = 2;
            return c;
        }
    }
    *ret_words = 1;
    return one;
}

static int option_index(const struct invocation *inv, const char *name)
{
    for (unsigned i = 0; i < inv->command->option_count; i++)
        if (strcmp(inv->command->options[i].name, name) == 0)
            return (int)i;
    return -1;
}

const char *option_value(const struct invocation *inv, const char *name)
{
    int i = option_index(inv, name);
    return i < 0 || !inv->values ? NULL : inv->values[i];
}

bool option_given(const struct invocation *inv, const char *name) { return option_value(inv, name) != NULL; }

int64_t option_int(const struct invocation *inv, const char *name, int64_t fallback, int64_t min, int64_t max)
{
    const char *text = option_value(inv, name);
    int64_t v;
    struct err err = {0};
    if (!text)
        return fallback;
    if (str_to_i64(str_of(text), &v) && v >= min && v <= max)
        return v;
    err_set(&err, ERR_USAGE, "--%s must be a whole number between %lld and %lld, not '%s'", name, (long long)min,
            (long long)max, text);
    exit(commands_fail(inv, &err));
}

static void print_error(const char *command, bool json, const struct err *err)
{
    struct buf out;
    buf_init(&out, 0);
    if (json) {
        buf_printf(&out,
                   "{\"error\":{\"class\":\"%s\",\"exit\":%d,\"retriable\":%s,\"text\":", err_class_name(err->class),
                   (int)err->class, err->retriable ? "true" : "false");
        buf_add_json(&out, str_of(err->text));
        buf_adds(&out, ",\"hint\":");
        buf_add_json(&out, str_of(err->hint));
        buf_adds(&out, "}}\n");
    } else {
        buf_printf(&out, "undam%s%s: %s\n", command ? " " : "", command ? command : "", err->text);
        if (err->hint[0])
            buf_printf(&out, "hint: %s\n", err->hint);
    }
    fflush(stdout); /* what was printed before the error comes before it */
    fwrite(out.data, 1, out.len, stderr);
    buf_free(&out);
}

int commands_fail(const struct invocation *inv, const struct err *err)
{
    print_error(inv->command ? inv->command->name : NULL, inv->command && option_given(inv, "json"), err);
    return err->class == ERR_NONE ? ERR_INTERNAL : (int)err->class;
}

/* Output that could not be written (a full disk behind a redirection) must not look like success. */
static int finish(int code)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE && code == ERR_NONE) {
        struct err err = {0};
        err_errno(&err, "standard output");
        print_error(NULL, false, &err);
        return ERR_SYSTEM;
    }
    return code;
}

/* One word typed is compared with first words, two with whole names. */
static void suggest_command(const char *typed, struct err *err)
{
    const struct command *c;
    struct str best = {NULL, 0};
    for (unsigned i = 0, d, best_d = 0; (c = command_at(i)); i++) {
        struct str name = strchr(typed, ' ') ? str_of(c->name) : str_n(c->name, command_group_len(c));
        if (!c->hidden && str_near(str_of(typed), name, &d) && (!best.data || d < best_d)) {
            best = name;
            best_d = d;
        }
    }
    if (best.data)
        err_hint(err, "did you mean `undam " STR_FMT "`?", STR_ARG(best));
    else
        err_hint(err, "`undam help` lists the commands");
}

static int unknown_command(int argc, char **argv, bool json)
{
    struct err err = {0};
    if (command_is_group(argv[0])) {
        if (argc > 1 && argv[1][0] != '-') {
            char *typed = xasprintf("%s %s", argv[0], argv[1]);
            err_set(&err, ERR_USAGE, "no such command: %s", typed);
            suggest_command(typed, &err);
            free(typed);
        } else {
            err_set(&err, ERR_USAGE, "%s wants one more word", argv[0]);
            err_hint(&err, "`undam %s --help` lists its commands", argv[0]);
        }
    } else {
        err_set(&err, ERR_USAGE, "no such command: %s", argv[0]);
        suggest_command(argv[0], &err);
    }
    print_error(NULL, json, &err);
    return ERR_USAGE;
}

static int show_help(FILE *out, char **words, int count)
{
    int used;
    const struct command *c = command_find(words, count, &used);
    if (count == 0)
        help_all(out);
    else if (c && !(count > used && command_is_group(words[0]) && used == 1))
        help_command(out, c);
    else if (count == 1 && command_is_group(words[0]))
        help_group(out, words[0]);
    else
        return unknown_command(count, words, false);
    return ERR_NONE;
}

static int help_run(struct invocation *inv) { return show_help(stdout, inv->operands, inv->operand_count); }

static bool load_config(struct invocation *inv, const char *path, struct err *err)
{
    if (!path)
        path = getenv("UNDAM_CONFIG");
    if (!path || !path[0])
        path = "undam.yaml";
    if (!config_load(path, &inv->config, err))
        return false;
    if (inv->command->daemon)
        for (size_t i = 0; i < inv->config->warning_count; i++)
            log_event(LOG_WARN, "config_warning", "text=%s", inv->config->warnings[i]);
    return true;
}

static bool check_operands(const struct command *c, const struct parsed *p, struct err *err)
{
    if (p->operand_count >= c->operand_min && (c->operand_max < 0 || p->operand_count <= c->operand_max))
        return true;
    if (p->operand_count < c->operand_min)
        err_set(err, ERR_USAGE, "missing operand: it wants %s", c->operands);
    else
        err_set(err, ERR_USAGE, "one operand too many: '%s'", p->operands[c->operand_max]);
    struct buf usage;
    buf_init(&usage, 0);
    buf_adds(&usage, "usage: ");
    help_usage(&usage, c);
    err_hint(err, "%s", usage.data);
    buf_free(&usage);
    return false;
}

static int run_command(const struct command *c, struct parsed *globals, int argc, char **argv)
{
    struct parsed p = {0};
    struct err err = {0};
    struct invocation inv = {.command = c};
    int code, next;
    bool ok = parsed_read(&p, c, argc, argv, &next, &err);
    inv.values = p.values;
    inv.operands = p.operands;
    inv.operand_count = p.operand_count;
    if (ok && (p.help || globals->help)) {
        help_command(stdout, c);
        parsed_free(&p);
        return ERR_NONE;
    }
    log_init(c->name);
    log_set_json(p.log_json || globals->log_json);
    log_set_level(p.verbose || globals->verbose ? LOG_DEBUG : LOG_INFO);
    ok = ok && check_operands(c, &p, &err);
    if (ok && c->needs_config)
        ok = load_config(&inv, p.config ? p.config : globals->config, &err);
    if (ok)
        code = c->run(&inv);
    else {
        print_error(c->name, p.json, &err);
        code = (int)err.class;
    }
    config_free(inv.config);
    parsed_free(&p);
    return code;
}

static bool is_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

/* words: what follows the options that come before the command. */
static int dispatch(struct parsed *globals, int count, char **words)
{
    int used;
    const struct command *c = command_find(words, count, &used);
    if (globals->help)
        return show_help(stdout, words, count);
    if (count == 0) {
        help_all(stderr);
        return ERR_USAGE;
    }
    /* A wrong second word is a slip, not an operand that the one-word command does not take. */
    bool slip = c && used == 1 && count > 1 && words[1][0] != '-' && c->operand_max == 0 && command_is_group(words[0]);
    if (c && !slip)
        return run_command(c, globals, count - used, words + used);
    if (!c && count > 1 && is_help(words[1]) && command_is_group(words[0]))
        return show_help(stdout, words, 1);
    return unknown_command(count, words, globals->json);
}

int commands_main(int argc, char **argv)
{
    struct parsed globals = {0};
    struct err err = {0};
    int next = 0, code = ERR_NONE;
    if (!parsed_read(&globals, NULL, argc - 1, argv + 1, &next, &err)) {
        print_error(NULL, globals.json, &err);
        code = ERR_USAGE;
    } else if (globals.version) {
        puts("undam " UNDAM_VERSION);
    } else {
        code = dispatch(&globals, argc - 1 - next, argv + 1 + next);
    }
    parsed_free(&globals);
    return finish(code);
}
