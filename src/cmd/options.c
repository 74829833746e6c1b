// SPDX-License-Identifier: Apache-2.0
/*
 * From words to option values, by the rows of a command: --name VALUE, --name=VALUE, -n VALUE, -nVALUE,
 * bundled flags, options and operands in any order, `--` ends the options. A row's own option wins over a
 * common one of the same name.
 */
#include <string.h>

#include "cmd/table.h"

const struct option common_options[] = {
    {"config", 'c', OPTION_STRING, "FILE", "Configuration file; default: $UNDAM_CONFIG, else ./undam.yaml."},
    {"verbose", 'v', OPTION_FLAG, NULL, "Log debug events too."},
    {"log-json", 0, OPTION_FLAG, NULL, "Log one JSON object a line instead of key=value."},
    {"help", 'h', OPTION_FLAG, NULL, "Show this help."},
};
const unsigned common_option_count = COUNT(common_options);

static const struct option version_option = {"version", 'V', OPTION_FLAG, NULL, "Show the version."};
static const struct option json_option = {"json", 0, OPTION_FLAG, NULL, ""};

const struct option *command_option(const struct command *c, unsigned i)
{
    if (i < c->option_count)
        return &c->options[i];
    i -= c->option_count;
    if (!c->needs_config)
        i++;
    return i < common_option_count ? &common_options[i] : NULL;
}

static const struct option *option_at(const struct command *c, unsigned i)
{
    if (c)
        return command_option(c, i);
    if (i < common_option_count)
        return &common_options[i];
    return i == common_option_count ? &version_option : NULL;
}

static const struct option *find_long(const struct command *c, struct str name)
{
    const struct option *o;
    for (unsigned i = 0; (o = option_at(c, i)); i++)
        if (str_is(name, o->name))
            return o;
    return NULL;
}

static const struct option *find_letter(const struct command *c, char letter)
{
    const struct option *o;
    for (unsigned i = 0; (o = option_at(c, i)); i++)
        if (o->letter == letter)
            return o;
    return NULL;
}

static bool unknown_option(const struct command *c, struct str name, struct err *err)
{
    const struct option *o, *best = NULL;
    for (unsigned i = 0, d, best_d = 0; (o = option_at(c, i)); i++)
        if (str_near(name, str_of(o->name), &d) && (!best || d < best_d)) {
            best = o;
            best_d = d;
        }
    err_set(err, ERR_USAGE, "no such option: --" STR_FMT, STR_ARG(name));
    if (best)
        return err_hint(err, "did you mean --%s?", best->name);
    return err_hint(err, "`undam %s%s--help` lists the options", c ? c->name : "", c ? " " : "");
}

/* Keeps a value where it belongs: the row's own options in values, common ones in their fields. */
static bool keep(struct parsed *p, const struct command *c, const struct option *o, const char *value, struct err *err)
{
    int64_t number;
    if (o->kind == OPTION_INT && !str_to_i64(str_of(value), &number))
        return err_set(err, ERR_USAGE, "--%s must be a whole number, not '%s'", o->name, value);
    if (c && o >= c->options && o < c->options + c->option_count) {
        p->values[o - c->options] = value;
        p->json |= strcmp(o->name, "json") == 0;
    } else if (strcmp(o->name, "config") == 0)
        p->config = value;
    else if (strcmp(o->name, "verbose") == 0)
        p->verbose = true;
    else if (strcmp(o->name, "log-json") == 0)
        p->log_json = true;
    else if (strcmp(o->name, "help") == 0)
        p->help = true;
    else if (strcmp(o->name, "version") == 0)
        p->version = true;
    return true;
}

static bool missing_value(const struct option *o, struct err *err)
{
    return err_set(err, ERR_USAGE, "--%s wants a value: %s", o->name, o->arg ? o->arg : "VALUE");
}

/* --name, --name=VALUE or --name VALUE at words[*i]. */
static bool read_long(struct parsed *p, const struct command *c, int argc, char **argv, int *i, struct err *err)
{
    struct str value, name = str_cut(str_of(argv[*i] + 2), '=', &value);
    const struct option *o = find_long(c, name);
    if (!o)
        return unknown_option(c, name, err);
    if (o->kind == OPTION_FLAG) {
        if (value.data)
            return err_set(err, ERR_USAGE, "--%s takes no value", o->name);
        return keep(p, c, o, "", err);
    }
    if (value.data)
        return keep(p, c, o, value.data, err);
    if (*i + 1 >= argc)
        return missing_value(o, err);
    return keep(p, c, o, argv[++*i], err);
}

/* -abc, -nVALUE or -n VALUE at words[*i]. */
static bool read_short(struct parsed *p, const struct command *c, int argc, char **argv, int *i, struct err *err)
{
    for (const char *letter = argv[*i] + 1; *letter; letter++) {
        const struct option *o = find_letter(c, *letter);
        if (!o) {
            err_set(err, ERR_USAGE, "no such option: -%c", *letter);
            return err_hint(err, "`undam %s%s--help` lists the options", c ? c->name : "", c ? " " : "");
        }
        if (o->kind == OPTION_FLAG) {
            if (!keep(p, c, o, "", err))
                return false;
            continue;
        }
        if (letter[1])
            return keep(p, c, o, letter + 1, err);
        if (*i + 1 >= argc)
            return missing_value(o, err);
        return keep(p, c, o, argv[++*i], err);
    }
    return true;
}

/* An error before --json was reached is JSON too. */
static bool wants_json(const struct command *c, int argc, char **argv)
{
    if (c && find_long(c, str_of("json")) == NULL)
        return false;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (argv[i][0] == '-' && argv[i][1] == '-' && strcmp(argv[i] + 2, json_option.name) == 0)
            return true;
    return false;
}

bool parsed_read(struct parsed *p, const struct command *c, int argc, char **argv, int *ret_next, struct err *err)
{
    p->values = c ? xcalloc(c->option_count, sizeof *p->values) : NULL;
    p->operands = xcalloc((size_t)argc + 1, sizeof *p->operands);
    p->json = wants_json(c, argc, argv);
    bool only_operands = false;
    int i;
    for (i = 0; i < argc; i++) {
        const char *word = argv[i];
        bool ok = true;
        if (only_operands || word[0] != '-' || !word[1]) {
            if (!c)
                break;
            p->operands[p->operand_count++] = argv[i];
        } else if (strcmp(word, "--") == 0)
            only_operands = true;
        else if (word[1] == '-')
            ok = read_long(p, c, argc, argv, &i, err);
        else
            ok = read_short(p, c, argc, argv, &i, err);
        if (!ok)
            return false;
    }
    *ret_next = i;
    return true;
}

void parsed_free(struct parsed *p)
{
    free((void *)p->values);
    free(p->operands);
}
