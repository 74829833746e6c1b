// SPDX-License-Identifier: Apache-2.0
/*
 * The command line as data: each command is a row with its options; --help, man pages and shell
 * completion are printed from it. A command's function returns an exit code (base/err.h's classes);
 * commands_fail() prints an error as people expect it and gives that code.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "model/config.h"

enum option_kind { OPTION_FLAG, OPTION_STRING, OPTION_INT };

struct option {
    const char *name; /* long name without dashes */
    char letter;      /* or 0 */
    enum option_kind kind;
    const char *arg;  /* name of the value in --help: "FILE"; NULL for a flag */
    const char *help; /* one sentence */
};

struct command;

/* What a command function gets: options looked up by name, operands in order, configuration loaded on demand. */
struct invocation {
    const struct command *command;
    struct config *config; /* loaded when the row says so */
    const char **values;   /* one per option of the row, NULL = not given; "" for a flag that is given */
    int operand_count;
    char **operands;
};

struct command {
    const char *name;     /* "relay", or "view add" for a subcommand */
    const char *operands; /* "NAME [FILE...]" or "" */
    const char *summary;  /* one line */
    const char *help;     /* paragraphs for --help and the man page */
    const struct option *options;
    unsigned option_count;
    int operand_min, operand_max; /* max -1: any number */
    bool needs_config;            /* -c/--config FILE (default $UNDAM_CONFIG, ./undam.yaml) is read first */
    bool hidden;                  /* internal step, for tests */
    bool daemon;                  /* runs until it is stopped: warnings about the configuration are logged */
    int (*run)(struct invocation *inv);
};

/* Each cmd/<name>.c exports one array, ended by a row whose name is NULL; commands.c lists them. */
extern const struct command cmd_relay[], cmd_project[], cmd_view[], cmd_bus[], cmd_flags[], cmd_endpoint[],
    cmd_control[], cmd_validate[], cmd_config[], cmd_check[], cmd_events[], cmd_replay[], cmd_registry[], cmd_demo[];

int commands_main(int argc, char **argv);
/* NULL when not given. */
const char *option_value(const struct invocation *inv, const char *name);
bool option_given(const struct invocation *inv, const char *name);
/* fallback when not given; a value that is no number in [min, max] prints a usage error and exits. */
int64_t option_int(const struct invocation *inv, const char *name, int64_t fallback, int64_t min, int64_t max);
/* Prints "undam <cmd>: <text>" and "hint: ..." on stderr (or JSON with --json) and returns the exit code. */
int commands_fail(const struct invocation *inv, const struct err *err);
