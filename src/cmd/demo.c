// SPDX-License-Identifier: Apache-2.0
/* undam demo: runs scripts/demo of the source tree. The demo builds nothing; it needs the example's programs beside
 * undam. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/commands.h"

#ifndef UNDAM_SOURCE_DIR
#define UNDAM_SOURCE_DIR ""
#endif

/* The folder that holds src/undam, the program that runs. */
static const char *build_folder(struct arena *a)
{
    char *path = arena_alloc(a, PATH_MAX);
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(path, '/');
        if (!slash)
            return NULL;
        *slash = '\0';
    }
    return path;
}

static bool find(struct arena *a, const char **ret_script, const char **ret_build, struct err *err)
{
    const char *source = getenv("UNDAM_SOURCE"), *build = getenv("UNDAM_BUILD");
    if (!source || !*source)
        source = UNDAM_SOURCE_DIR;
    if (!build || !*build)
        build = build_folder(a);
    *ret_script = arena_printf(a, "%s/scripts/demo", source);
    if (access(*ret_script, X_OK) != 0) {
        err_set(err, ERR_SYSTEM, "there is no demo at %s", *ret_script);
        return err_hint(err,
                        "the demo is part of the source tree: set UNDAM_SOURCE to a checkout, or run make demo in one");
    }
    const char *app = build ? arena_printf(a, "%s/examples/fintech/fintech-app", build) : "";
    if (access(app, X_OK) != 0) {
        err_set(err, ERR_SYSTEM, "the example's programs are not beside undam (%s)", app);
        return err_hint(err, "run make in the checkout, or set UNDAM_BUILD to the folder it built in");
    }
    *ret_build = build;
    return true;
}

static int run_demo(struct invocation *inv)
{
    struct arena a;
    struct err err = {0};
    const char *script, *build, *bus = option_value(inv, "bus"), *result = option_value(inv, "result");
    arena_init(&a);
    if (bus && strcmp(bus, "postgres") != 0 && strcmp(bus, "kafka") != 0) {
        err_set(&err, ERR_USAGE, "--bus is postgres or kafka, not %s", bus);
    } else if (find(&a, &script, &build, &err)) {
        setenv("UNDAM_BUILD", build, 1);
        setenv("FULL", option_given(inv, "full") ? "1" : "", 1);
        setenv("KEEP", option_given(inv, "keep") ? "1" : "0", 1);
        setenv("BUS", bus ? bus : "postgres", 1);
        if (result)
            setenv("RESULT", result, 1);
        fflush(NULL);
        execl(script, script, (char *)NULL);
        err_set(&err, ERR_SYSTEM, "%s cannot be run: %s", script, strerror(errno));
    }
    int code = commands_fail(inv, &err);
    arena_free(&a);
    return code;
}

static const struct option demo_options[] = {
    {"full", 0, OPTION_FLAG, NULL, "the whole monolith: 47 services, more than 200 endpoints, PostgreSQL 13 and 16"},
    {"keep", 0, OPTION_FLAG, NULL, "leave it running at the end and print where"},
    {"bus", 0, OPTION_STRING, "DRIVER", "postgres (default) or kafka"},
    {"result", 0, OPTION_STRING, "FILE", "write the figures here as JSON (demo-result.json)"},
};

const struct command cmd_demo[] = {
    {.name = "demo",
     .operands = "",
     .summary = "Move the example off its monolith while traffic runs",
     .help =
         "Starts the fintech example on PostgreSQL clusters and an nginx of its own, in a temporary folder and on free "
         "ports, and tells the whole story on it: traffic, capture, read models, shadow comparison, 5, 50 and 100 per "
         "cent, crashes and a roll-back on the way, and what it came to. Everything is gone at the end.\n\n"
         "With --full it is the whole monolith instead of its core: 47 services with more than 400 endpoints on "
         "PostgreSQL "
         "13, and read models on PostgreSQL 16 (both are fetched at the first time). It says first what the system is, "
         "from "
         "its traffic; every table that has a primary key is captured, and the endpoints that have views are moved and "
         "measured by themselves, while the others' requests go on through the same edge. The table at the end and the "
         "JSON "
         "have these figures in addition.\n\n"
         "It is scripts/demo of the source tree; make demo runs it too. The exit code is 0 when no request failed and "
         "no "
         "answer differed, 1 when some did.",
     .options = demo_options,
     .option_count = COUNT(demo_options),
     .run = run_demo},
    {.name = NULL},
};
