// SPDX-License-Identifier: Apache-2.0
/* undam view add|plan|check|rebuild|list|verify|drop: the stored views of the read models. */
#include <stdio.h>

#include "cmd/commands.h"
#include "project/list.h"
#include "project/register.h"
#include "project/verify.h"
#include "project/view_file.h"

struct output {
    struct buf buf;
};

static int finish(struct buf *out, int code)
{
    if (out->data)
        fputs(out->data, stdout);
    buf_free(out);
    return code;
}

static bool json_wanted(const struct invocation *inv) { return option_given(inv, "json"); }

static const struct config_service *service_named(const struct invocation *inv, const char *name, struct err *err)
{
    const struct config_service *s = config_service(inv->config, name);
    if (!s) {
        err_set(err, ERR_USAGE, "there is no service %s", name);
        err_hint(err, "services are listed under services: in %s", inv->config->path);
    }
    return s;
}

/* ---- add, plan, rebuild ---- */

/* The files of one service at a time, in the order of their first appearance. */
static bool run_service(const struct invocation *inv, const struct view_file *files, const char **paths,
                        const struct registration *like, const char *service, struct buf *out, struct err *err)
{
    struct registration r = *like;
    size_t count = 0;
    for (int i = 0; i < inv->operand_count; i++)
        if (strcmp(files[i].service, service) == 0)
            paths[count++] = files[i].path;
    r.files = paths;
    r.file_count = count;
    r.service = service_named(inv, service, err);
    return r.service && registration_run(&r, out, err);
}

static bool seen_before(const struct view_file *files, int i)
{
    for (int k = 0; k < i; k++)
        if (strcmp(files[k].service, files[i].service) == 0)
            return true;
    return false;
}

static bool run_files(const struct invocation *inv, const struct registration *like, struct arena *a, struct buf *out,
                      struct err *err)
{
    struct view_file *files = arena_calloc(a, (size_t)inv->operand_count + 1, sizeof *files);
    const char **paths = arena_calloc(a, (size_t)inv->operand_count + 1, sizeof *paths);
    for (int i = 0; i < inv->operand_count; i++)
        if (!view_file_read(inv->operands[i], a, &files[i], err))
            return false;
    for (int i = 0; i < inv->operand_count; i++)
        if (!seen_before(files, i) && !run_service(inv, files, paths, like, files[i].service, out, err))
            return false;
    return true;
}

static int files_command(struct invocation *inv, bool dry_run, bool allow_scans)
{
    struct err err = {0};
    struct buf out;
    struct arena a;
    buf_init(&out, 0);
    arena_init(&a);
    struct registration r = {.config = inv->config,
                             .dry_run = dry_run,
                             .allow_scans = allow_scans,
                             .json = json_wanted(inv),
                             .quiet = json_wanted(inv)};
    bool ok = run_files(inv, &r, &a, &out, &err);
    arena_free(&a);
    return finish(&out, ok ? 0 : commands_fail(inv, &err));
}

static int add_command(struct invocation *inv)
{
    return files_command(inv, option_given(inv, "dry-run"), option_given(inv, "allow-scans"));
}
static int plan_command(struct invocation *inv) { return files_command(inv, true, false); }

static int rebuild_command(struct invocation *inv)
{
    struct err err = {0};
    struct buf out;
    buf_init(&out, 0);
    struct registration r = {.config = inv->config,
                             .service = service_named(inv, inv->operands[0], &err),
                             .files = (const char *const *)inv->operands + 1,
                             .file_count = (size_t)inv->operand_count - 1,
                             .rebuild = true,
                             .allow_scans = option_given(inv, "allow-scans"),
                             .dry_run = option_given(inv, "dry-run"),
                             .json = json_wanted(inv),
                             .quiet = json_wanted(inv)};
    bool ok = r.service && registration_run(&r, &out, &err);
    return finish(&out, ok ? 0 : commands_fail(inv, &err));
}

/* ---- list, verify, drop ---- */

typedef bool service_fn(const struct invocation *inv, const struct config_service *s, struct pg *pg, void *arg,
                        struct err *err);

/* Calls fn for each service that has a read model, or for the one of --service. */
static bool each_service(const struct invocation *inv, service_fn *fn, void *arg, struct err *err)
{
    const char *only = option_value(inv, "service");
    if (only && !service_named(inv, only, err))
        return false;
    for (size_t i = 0; i < inv->config->service_count; i++) {
        const struct config_service *s = &inv->config->services[i];
        struct pg pg;
        CLEANUP(free_ptr) char *what = xasprintf("read model %s", s->name);
        if (!*s->dsn || (only && strcmp(only, s->name) != 0))
            continue;
        if (!pg_open(&pg, PG_TARGET, what, s->dsn, false, err))
            return false;
        bool ok = readmodel_session(&pg, err) && fn(inv, s, &pg, arg, err);
        pg_close(&pg);
        if (!ok)
            return false;
    }
    return true;
}

struct listing {
    struct buf out;
    bool any;
};

static bool list_service(const struct invocation *inv, const struct config_service *s, struct pg *pg, void *arg,
                         struct err *err)
{
    struct listing *l = arg;
    return list_views(pg, s->name, inv->config->source.name, json_wanted(inv), &l->any, &l->out, err);
}

static int list_command(struct invocation *inv)
{
    struct err err = {0};
    struct listing l = {0};
    buf_init(&l.out, 0);
    if (json_wanted(inv))
        buf_addc(&l.out, '[');
    if (!each_service(inv, list_service, &l, &err)) {
        buf_free(&l.out);
        return commands_fail(inv, &err);
    }
    if (json_wanted(inv))
        buf_adds(&l.out, "]\n");
    else if (!l.any)
        buf_adds(&l.out, "no view is registered\n");
    return finish(&l.out, 0);
}

struct verification {
    struct buf out;
    int64_t sample;
    uint64_t differences;
    size_t views;
};

static bool asked_for(const struct invocation *inv, const char *view)
{
    for (int i = 0; i < inv->operand_count; i++)
        if (strcmp(inv->operands[i], view) == 0)
            return true;
    return inv->operand_count == 0;
}

static void add_verdict(const struct invocation *inv, const char *service, const struct verify_result *v,
                        struct verification *to)
{
    struct buf *b = &to->out;
    if (json_wanted(inv)) {
        buf_adds(b, to->views ? ",{\"service\":" : "{\"service\":");
        buf_add_json(b, str_of(service));
        buf_adds(b, ",\"view\":");
        buf_add_json(b, str_of(v->view));
        buf_printf(b, ",\"whole\":%s,\"checked\":%llu,\"extra\":%llu,\"missing\":%llu,\"keys\":%s}",
                   v->whole ? "true" : "false", (unsigned long long)v->checked, (unsigned long long)v->extra,
                   (unsigned long long)v->missing, option_given(inv, "keys") ? v->keys : "[]");
    } else if (v->extra + v->missing == 0) {
        buf_printf(b, "%s.%s: equal, %llu rows compared%s\n", service, v->view, (unsigned long long)v->checked,
                   v->whole ? "" : " (a sample)");
    } else {
        buf_printf(b,
                   "%s.%s: DIFFERS: %llu stored rows that the SELECT does not give, %llu rows of the SELECT not stored",
                   service, v->view, (unsigned long long)v->extra, (unsigned long long)v->missing);
        buf_printf(b, option_given(inv, "keys") ? "; row keys %s\n" : "%s\n", option_given(inv, "keys") ? v->keys : "");
    }
    to->views++;
    to->differences += v->extra + v->missing;
}

static bool verify_service(const struct invocation *inv, const struct config_service *s, struct pg *pg, void *arg,
                           struct err *err)
{
    struct readmodel g;
    struct arena a;
    bool exists, ok = true;
    if (!readmodel_exists(pg, &exists, err))
        return false;
    if (!exists)
        return true;
    if (!readmodel_load(pg, &g, err))
        return false;
    arena_init(&a);
    for (size_t i = 0; ok && i < g.view_count; i++) {
        struct verify_result result;
        if (!asked_for(inv, g.views[i].name))
            continue;
        ok = verify_view(pg, &g.views[i], ((struct verification *)arg)->sample, &a, &result, err);
        if (ok)
            add_verdict(inv, s->name, &result, arg);
    }
    arena_free(&a);
    readmodel_free(&g);
    return ok;
}

static int verify_command(struct invocation *inv)
{
    struct err err = {0};
    struct verification v = {.sample = option_int(inv, "sample", 0, 1, 1000000)};
    buf_init(&v.out, 0);
    if (json_wanted(inv))
        buf_addc(&v.out, '[');
    bool ok = each_service(inv, verify_service, &v, &err);
    if (ok && v.views == 0) {
        ok = err_set(&err, ERR_STATE, "there is no such view that is ready");
        err_hint(&err, "undam view list shows the registered ones");
    }
    if (!ok) {
        buf_free(&v.out);
        return commands_fail(inv, &err);
    }
    if (json_wanted(inv))
        buf_adds(&v.out, "]\n");
    return finish(&v.out, v.differences ? ERR_NEGATIVE : 0);
}

struct dropping {
    struct buf out;
    const char **names;
    size_t dropped;
};

static bool drop_from(const struct invocation *inv, const struct config_service *s, struct pg *pg, void *arg,
                      struct err *err)
{
    struct dropping *d = arg;
    size_t count = 0;
    bool exists;
    if (!readmodel_exists(pg, &exists, err))
        return false;
    for (int i = 0; exists && i < inv->operand_count; i++) {
        const char *values[] = {inv->operands[i]};
        PG_RESULT r = NULL;
        if (!pg_query_params(pg, "SELECT FROM undam.view WHERE name = $1", 1, values, &r, err))
            return false;
        if (PQntuples(r) == 1)
            d->names[count++] = inv->operands[i];
    }
    d->dropped += count;
    for (size_t i = 0; i < count; i++)
        buf_printf(&d->out, "%s.%s: %s\n", s->name, d->names[i],
                   option_given(inv, "dry-run") ? "would be dropped" : "dropped");
    return count == 0 || option_given(inv, "dry-run") || registration_drop(inv->config, s, d->names, count, err);
}

static int drop_command(struct invocation *inv)
{
    struct err err = {0};
    struct dropping d = {.names = xcalloc((size_t)inv->operand_count, sizeof *d.names)};
    buf_init(&d.out, 0);
    bool ok = each_service(inv, drop_from, &d, &err);
    if (ok && d.dropped < (size_t)inv->operand_count) {
        ok = err_set(&err, ERR_STATE, "%zu of the views named are not registered",
                     (size_t)inv->operand_count - d.dropped);
        err_hint(&err, "undam view list shows the registered ones");
    }
    free((void *)d.names);
    return finish(&d.out, ok ? 0 : commands_fail(inv, &err));
}

#define JSON_OPTION                                 \
    {                                               \
        "json", 0, OPTION_FLAG, NULL, "Print JSON." \
    }
#define SERVICE_OPTION                                                           \
    {                                                                            \
        "service", 's', OPTION_STRING, "NAME", "Only this service's read model." \
    }

static const struct option add_options[] = {
    {"dry-run", 'n', OPTION_FLAG, NULL, "Print what would be done, and change nothing."},
    {"allow-scans", 0, OPTION_FLAG, NULL,
     "Register a view even if keeping it reads a whole large mirror at every change."},
    JSON_OPTION,
};
static const struct option plan_options[] = {JSON_OPTION};
static const struct option list_options[] = {SERVICE_OPTION, JSON_OPTION};
static const struct option verify_options[] = {
    {"sample", 0, OPTION_INT, "N", "Compare only the slices of N keys taken at random."},
    {"whole", 0, OPTION_FLAG, NULL, "Compare every row; this is the default."},
    {"keys", 0, OPTION_FLAG, NULL, "Print the row keys of up to ten differences (they are data)."},
    SERVICE_OPTION,
    JSON_OPTION,
};
static const struct option drop_options[] = {
    {"dry-run", 'n', OPTION_FLAG, NULL, "Print what would be dropped, and change nothing."},
    SERVICE_OPTION,
};

const struct command cmd_view[] = {
    {.name = "view add",
     .operands = "FILE...",
     .summary = "Register views and build them",
     .help =
         "Plans each view file, prints the tables it reads, how a write to each of them maps to the view's keys and "
         "which"
         " indexes that needs, then makes it so: source tables that are not mirrored yet are copied under a snapshot"
         " and continued from the bus, views are computed, and all of it becomes visible in one transaction. A"
         " projector that runs goes on with the new views without a restart.\n"
         "The relay must have run before, so that the bus continues the copy. A view that cannot be kept exact is"
         " refused with the construct that is in the way. A changed file replaces the registered version. Killed"
         " half-way, it leaves nothing that is in use; run it again.",
     .options = add_options,
     .option_count = COUNT(add_options),
     .operand_min = 1,
     .operand_max = -1,
     .needs_config = true,
     .run = add_command},
    {.name = "view plan",
     .operands = "FILE...",
     .summary = "Show how views would be kept, without changing anything",
     .help = "The same as `undam view add --dry-run`: reads the source's catalog and the read model, writes nothing.",
     .options = plan_options,
     .option_count = COUNT(plan_options),
     .operand_min = 1,
     .operand_max = -1,
     .needs_config = true,
     .run = plan_command},
    {.name = "view rebuild",
     .operands = "SERVICE [FILE...]",
     .summary = "Load a read model anew from the source",
     .help = "Copies every mirrored table again and computes every view again, beside the ones in use, and exchanges "
             "them in"
             " one transaction. For a read model that cannot be continued: the bus no longer holds its position, a"
             " table's columns changed type, another source took the place of the old one. FILEs replace the registered"
             " text of their views.",
     .options = add_options,
     .option_count = COUNT(add_options),
     .operand_min = 1,
     .operand_max = -1,
     .needs_config = true,
     .run = rebuild_command},
    {.name = "view list",
     .operands = "",
     .summary = "List registered views with state, position and lag",
     .help = "One line a view; lag is the age of the source's state that the read model is complete up to.",
     .options = list_options,
     .option_count = COUNT(list_options),
     .needs_config = true,
     .run = list_command},
    {.name = "view verify",
     .operands = "[NAME...]",
     .summary = "Compare stored views with their SELECT",
     .help = "Each view in one snapshot, so it may run beside the projector. Exit code 1 when a view differs.",
     .options = verify_options,
     .option_count = COUNT(verify_options),
     .operand_min = 0,
     .operand_max = -1,
     .needs_config = true,
     .run = verify_command},
    {.name = "view drop",
     .operands = "NAME...",
     .summary = "Drop views, and mirrors that nothing uses then",
     .help = "In one transaction; a projector that runs goes on with what is left.",
     .options = drop_options,
     .option_count = COUNT(drop_options),
     .operand_min = 1,
     .operand_max = -1,
     .needs_config = true,
     .run = drop_command},
    {.name = NULL},
};
