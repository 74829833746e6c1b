// SPDX-License-Identifier: Apache-2.0
/*
 * What the parts that walk the command table share: dispatch (commands.c), parsing (options.c), and the
 * printers of --help (help.c), manual pages (man.c) and shell completion (completion.c).
 */
#pragma once
#include <stdio.h>

#include "base/str.h"
#include "cmd/commands.h"

/* All rows of all tables, in the order of --help; NULL past the end. */
const struct command *command_at(unsigned i);
/* The row that the words begin with, the two-word name first; *ret_words is how many words it took. */
const struct command *command_find(char *const *words, int count, int *ret_words);
/* Whether some "<group> ..." is a command. */
bool command_is_group(const char *group);
/* Length of the first word of a command's name. */
size_t command_group_len(const struct command *c);

/* Options that every command takes; --config only where the row says needs_config. */
extern const struct option common_options[];
extern const unsigned common_option_count;
/* The i-th option of a command: its own rows, then the common ones that it takes; NULL past the end. */
const struct option *command_option(const struct command *c, unsigned i);

/* What the words after the command's name came to. */
struct parsed {
    const char **values; /* of the row's own options, see struct invocation */
    char **operands;
    int operand_count;
    bool help, version, verbose, log_json, json;
    const char *config;
};
/* Allocates values and operands in p (freed by parsed_free also after a failure). command NULL: common options up to
 * the first word that is none; *ret_next is its index. */
bool parsed_read(struct parsed *p, const struct command *c, int argc, char **argv, int *ret_next,
                 struct err *err) MUST_USE;
void parsed_free(struct parsed *p);

void help_all(FILE *out);
void help_group(FILE *out, const char *group);
void help_command(FILE *out, const struct command *c);
/* One line: "undam view add [OPTION]... FILE". */
void help_usage(struct buf *out, const struct command *c);
/* text in lines of at most `width` columns, each after `indent` spaces; lines that begin with a blank are kept. */
void help_wrap(struct buf *out, const char *text, unsigned indent, unsigned width);

int man_run(struct invocation *inv);
int completion_run(struct invocation *inv);
