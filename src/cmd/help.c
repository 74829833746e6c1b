// SPDX-License-Identifier: Apache-2.0
/* --help from the table: of everything, of a group of commands, of one command. */
#include "cmd/table.h"

enum { HELP_COLUMNS = 80, OPTION_COLUMN = 26 };

static void add_spaces(struct buf *out, size_t n)
{
    while (n--)
        buf_addc(out, ' ');
}

/* One paragraph or list item from text up to end. */
static void wrap_line(struct buf *out, struct str text, unsigned indent, unsigned width)
{
    size_t column = 0;
    while (text.len) {
        struct str word = str_cut(text, ' ', &text);
        if (column && column + 1 + word.len > width) {
            buf_addc(out, '\n');
            column = 0;
        }
        if (column == 0)
            add_spaces(out, indent);
        else
            buf_addc(out, ' ');
        column += word.len + (column > 0);
        buf_add_str(out, word);
    }
    buf_addc(out, '\n');
}

void help_wrap(struct buf *out, const char *text, unsigned indent, unsigned width)
{
    for (struct str rest = str_of(text); rest.len;) {
        struct str line = str_cut(rest, '\n', &rest);
        if (line.len && line.data[0] == ' ') {
            add_spaces(out, indent);
            buf_add_str(out, line);
            buf_addc(out, '\n');
        } else if (line.len == 0) {
            buf_addc(out, '\n');
        } else {
            wrap_line(out, line, indent, width - indent);
        }
    }
}

void help_usage(struct buf *out, const struct command *c)
{
    buf_printf(out, "undam %s [OPTION]...%s%s", c->name, c->operands && c->operands[0] ? " " : "",
               c->operands ? c->operands : "");
}

static void add_option(struct buf *out, const struct option *o)
{
    struct buf left, right;
    buf_init(&left, 0);
    buf_init(&right, 0);
    if (o->letter)
        buf_printf(&left, "  -%c, --%s", o->letter, o->name);
    else
        buf_printf(&left, "      --%s", o->name);
    if (o->kind != OPTION_FLAG)
        buf_printf(&left, "=%s", o->arg ? o->arg : "VALUE");
    help_wrap(&right, o->help, OPTION_COLUMN, HELP_COLUMNS);
    buf_add_str(out, buf_str(&left));
    if (left.len + 2 > OPTION_COLUMN) {
        buf_addc(out, '\n');
        buf_add_str(out, buf_str(&right));
    } else {
        add_spaces(out, OPTION_COLUMN - left.len);
        buf_add(out, right.data + OPTION_COLUMN, right.len - OPTION_COLUMN);
    }
    buf_free(&left);
    buf_free(&right);
}

void help_command(FILE *file, const struct command *c)
{
    struct buf out;
    const struct option *o;
    buf_init(&out, 0);
    buf_adds(&out, "Usage: ");
    help_usage(&out, c);
    buf_printf(&out, "\n\n%s.\n", c->summary);
    if (c->help && c->help[0]) {
        buf_addc(&out, '\n');
        help_wrap(&out, c->help, 0, HELP_COLUMNS);
    }
    buf_adds(&out, "\nOptions:\n");
    for (unsigned i = 0; (o = command_option(c, i)); i++)
        add_option(&out, o);
    fwrite(out.data, 1, out.len, file);
    buf_free(&out);
}

static void add_rows(struct buf *out, const char *group)
{
    const struct command *c;
    size_t widest = 0;
    for (unsigned i = 0; (c = command_at(i)); i++)
        if (!c->hidden && strlen(c->name) > widest)
            widest = strlen(c->name);
    for (unsigned i = 0; (c = command_at(i)); i++) {
        if (c->hidden || (group && !str_is(str_n(c->name, command_group_len(c)), group)))
            continue;
        buf_printf(out, "  %-*s  %s\n", (int)widest, c->name, c->summary);
    }
}

void help_group(FILE *file, const char *group)
{
    struct buf out;
    buf_init(&out, 0);
    buf_printf(&out, "Usage: undam %s COMMAND [OPTION]...\n\nCommands:\n", group);
    add_rows(&out, group);
    buf_printf(&out, "\n`undam %s COMMAND --help` explains one.\n", group);
    fwrite(out.data, 1, out.len, file);
    buf_free(&out);
}

void help_all(FILE *file)
{
    struct buf out;
    buf_init(&out, 0);
    buf_adds(&out, "Usage: undam COMMAND [OPTION]...\n\n"
                   "Moves a REST monolith on PostgreSQL to an event stream, endpoint by endpoint, with\n"
                   "a way back at every moment.\n\nCommands:\n");
    add_rows(&out, NULL);
    buf_adds(&out, "\nOptions:\n");
    for (unsigned i = 0; i < common_option_count; i++)
        add_option(&out, &common_options[i]);
    buf_adds(&out, "  -V, --version           Show the version.\n"
                   "\n`undam COMMAND --help` explains one. Exit codes are in undam(1).\n");
    fwrite(out.data, 1, out.len, file);
    buf_free(&out);
}
