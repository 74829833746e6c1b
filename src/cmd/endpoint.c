// SPDX-License-Identifier: Apache-2.0
/*
 * undam endpoint check|compile|list: the files in <directory>/endpoints, and the catalogue nginx loads.
 * Every broken file is reported, not just the first; a catalogue is written only when all of them are right.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "codec/catalogue.h"
#include "link/pg/pg.h"

struct endpoint_set {
    struct arena arena;
    struct endpoint *endpoints;
    size_t count, capacity;
    int failed; /* files or endpoints that are wrong, each already reported */
    int code;   /* exit code of the first of them */
};

static void set_free(struct endpoint_set *s)
{
    arena_free(&s->arena);
    free(s->endpoints);
}

static void report(const struct invocation *inv, struct endpoint_set *s, const struct err *err)
{
    int code = commands_fail(inv, err);
    if (!s->failed++)
        s->code = code;
}

static bool read_file(const char *path, struct arena *arena, struct str *ret, struct err *err)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return err_errno(err, "%s", path);
    char *data = arena_alloc(arena, ENDPOINT_FILE_MAX + 2);
    size_t n = fread(data, 1, ENDPOINT_FILE_MAX + 1, f);
    bool ok = !ferror(f) || err_errno(err, "%s", path);
    (void)fclose(f);
    if (ok)
        *ret = str_n(data, n);
    return ok;
}

static int is_endpoint_file(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 4 && d->d_name[0] != '.' && strcmp(d->d_name + n - 4, ".sql") == 0;
}

/* Edit distance of two short names; for hints only. */
static unsigned name_distance(const char *a, struct str b)
{
    unsigned row[64];
    size_t n = strlen(a);
    if (n >= COUNT(row) || b.len >= COUNT(row))
        return COUNT(row);
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= b.len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned best = diagonal + (b.data[i - 1] != a[j - 1]), least = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = best < least + 1 ? best : least + 1;
        }
    }
    return row[n];
}

static bool check_service(const struct config *c, const struct endpoint *e, struct err *err)
{
    char name[64];
    snprintf(name, sizeof name, STR_FMT, STR_ARG(e->service));
    const struct config_service *service = config_service(c, name);
    if (service && service->dsn[0])
        return true;
    if (service) {
        err_set(err, ERR_CONFIG, STR_FMT ": service \"%s\" has no read model", STR_ARG(e->file), name);
        return err_hint(err, "set services.%s.dsn in %s", name, c->path);
    }
    err_set(err, ERR_CONFIG, STR_FMT ": service \"%s\" is not in %s", STR_ARG(e->file), name, c->path);
    unsigned least = 4;
    for (size_t i = 0; i < c->service_count; i++) {
        unsigned d = name_distance(c->services[i].name, e->service);
        if (d < least) {
            least = d;
            err_hint(err, "did you mean \"%s\"?", c->services[i].name);
        }
    }
    return false;
}

static void load_one(const struct invocation *inv, const char *folder, const char *name, struct endpoint_set *s)
{
    struct err err = {0};
    struct str text;
    GROW(s->endpoints, s->count, s->capacity);
    struct endpoint *e = &s->endpoints[s->count];
    char *path = arena_printf(&s->arena, "%s/%s", folder, name);
    if (read_file(path, &s->arena, &text, &err) && endpoint_parse(str_of(name), text, &s->arena, e, &err) &&
        check_service(inv->config, e, &err))
        s->count++;
    else
        report(inv, s, &err);
}

/* Reads all files, in the order of their names, and puts the endpoints in look-up order. */
static void set_load(const struct invocation *inv, struct endpoint_set *s)
{
    struct err err = {0};
    struct dirent **files = NULL;
    *s = (struct endpoint_set){0};
    arena_init(&s->arena);
    char *folder = arena_printf(&s->arena, "%s/endpoints", inv->config->directory);
    int n = scandir(folder, &files, is_endpoint_file, alphasort);
    if (n < 0) {
        err_errno(&err, "%s", folder);
        err.class = ERR_CONFIG;
        err_hint(&err, "make that folder and put one .sql file an endpoint into it");
        report(inv, s, &err);
        return;
    }
    for (int i = 0; i < n; i++) {
        load_one(inv, folder, files[i]->d_name, s);
        free(files[i]);
    }
    free(files);
    if (!catalogue_sort(s->endpoints, s->count, &err))
        report(inv, s, &err);
}

/* --- compile ------------------------------------------------------------------------------------------------- */

static bool write_all(int fd, const struct buf *bytes)
{
    for (size_t done = 0; done < bytes->len;) {
        ssize_t n = write(fd, bytes->data + done, bytes->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return fsync(fd) == 0;
}

/* A new file beside the old one, then rename: a reader sees the one or the other, whole. */
static bool replace_file(const char *path, const struct buf *bytes, struct err *err)
{
    CLEANUP(free_ptr) char *temporary = xasprintf("%s.XXXXXX", path);
    int fd = mkstemp(temporary);
    if (fd < 0)
        return err_errno(err, "%s", temporary);
    bool ok = fchmod(fd, 0644) == 0 && write_all(fd, bytes);
    if (!ok)
        err_errno(err, "%s", temporary);
    close(fd);
    if (ok && rename(temporary, path) != 0)
        ok = err_errno(err, "%s", path);
    if (!ok)
        unlink(temporary);
    return ok;
}

static void print_compiled(const struct invocation *inv, const char *path, size_t count, uint64_t hash, bool changed)
{
    bool dry = option_given(inv, "dry-run");
    if (option_given(inv, "json")) {
        struct buf out;
        buf_init(&out, 0);
        buf_adds(&out, "{\"catalogue\":");
        buf_add_json(&out, str_of(path));
        buf_printf(&out, ",\"endpoints\":%zu,\"hash\":\"%016llx\",\"changed\":%s,\"written\":%s}\n", count,
                   (unsigned long long)hash, changed ? "true" : "false", changed && !dry ? "true" : "false");
        fwrite(out.data, 1, out.len, stdout);
        buf_free(&out);
        return;
    }
    printf("%s: %zu endpoints, hash %016llx, %s\n", path, count, (unsigned long long)hash,
           !changed ? "unchanged"
           : dry    ? "would be written"
                    : "written; reload nginx to use it");
}

static int compile_run(struct invocation *inv)
{
    struct endpoint_set set;
    struct err err = {0};
    struct buf bytes;
    uint64_t hash = 0, before = 0;
    const char *path = option_value(inv, "output");
    path = path ? path : inv->config->control.catalogue;
    set_load(inv, &set);
    if (set.failed) {
        set_free(&set);
        return set.code;
    }
    buf_init(&bytes, CATALOGUE_FILE_MAX + CATALOGUE_HEADER);
    catalogue_encode(set.endpoints, set.count, &bytes);
    struct catalogue compiled;
    /* Read back what nginx will read: a catalogue it would refuse is never written. */
    int code = ERR_NONE;
    bool ok =
        (!bytes.overflow || err_set(&err, ERR_CONFIG, "the catalogue is larger than %d bytes", CATALOGUE_FILE_MAX)) &&
        catalogue_decode(buf_str(&bytes), &set.arena, &compiled, &err);
    if (ok) {
        hash = compiled.hash;
        bool changed = !catalogue_file_hash(path, &before, NULL) || before != hash;
        if (changed && !option_given(inv, "dry-run"))
            ok = replace_file(path, &bytes, &err);
        if (ok)
            print_compiled(inv, path, set.count, hash, changed);
    }
    if (!ok)
        code = commands_fail(inv, &err);
    buf_free(&bytes);
    set_free(&set);
    return code;
}

/* --- list ---------------------------------------------------------------------------------------------------- */

static void add_member(struct buf *out, const char *key, struct str value)
{
    buf_printf(out, ",\"%s\":", key);
    buf_add_json(out, value);
}

static void add_param_json(struct buf *out, const struct endpoint_param *p)
{
    static const char *const places[] = {"path", "query", "header"};
    buf_adds(out, "{\"name\":");
    buf_add_json(out, p->name);
    buf_printf(out, ",\"place\":\"%s\",\"type\":\"%s\",\"required\":%s", places[p->place], endpoint_types[p->type].name,
               p->optional || p->has_fallback ? "false" : "true");
    add_member(out, "wire", p->wire);
    if (p->has_fallback)
        add_member(out, "default", p->fallback);
    buf_addc(out, '}');
}

static void add_endpoint_json(struct buf *out, const struct endpoint *e)
{
    buf_adds(out, "{\"endpoint\":");
    buf_add_json(out, e->name);
    add_member(out, "file", e->file);
    add_member(out, "service", e->service);
    add_member(out, "flag", e->flag);
    buf_adds(out, ",\"params\":[");
    for (uint32_t i = 0; i < e->param_count; i++) {
        buf_adds(out, i ? "," : "");
        add_param_json(out, &e->params[i]);
    }
    buf_printf(out, "],\"coalesced\":%s,\"hash\":\"%016llx\"", e->key >= 0 ? "true" : "false",
               (unsigned long long)e->hash);
    if (e->enumerate.len)
        add_member(out, "enumerate", e->enumerate);
    buf_adds(out, ",\"compare\":[");
    for (uint32_t i = 0; i < e->compare_count; i++) {
        buf_adds(out, i ? "," : "");
        buf_add_json(out, e->compare[i]);
    }
    buf_adds(out, "]}");
}

static int list_run(struct invocation *inv)
{
    struct endpoint_set set;
    struct buf out;
    buf_init(&out, 0);
    set_load(inv, &set);
    if (option_given(inv, "json")) {
        buf_adds(&out, "{\"endpoints\":[");
        for (size_t i = 0; i < set.count; i++) {
            buf_adds(&out, i ? "," : "");
            add_endpoint_json(&out, &set.endpoints[i]);
        }
        buf_adds(&out, "]}\n");
    } else {
        for (size_t i = 0; i < set.count; i++) {
            const struct endpoint *e = &set.endpoints[i];
            buf_printf(&out, "%-56.*s %-16.*s %-24.*s %s\n", STR_ARG(e->name), STR_ARG(e->service), STR_ARG(e->flag),
                       e->key >= 0 ? "coalesced" : "");
        }
        if (!set.count && !set.failed)
            buf_printf(&out, "no endpoints in %s/endpoints\n", inv->config->directory);
    }
    fwrite(out.data ? out.data : "", 1, out.len, stdout);
    buf_free(&out);
    int code = set.code;
    set_free(&set);
    return code;
}

/* --- check --------------------------------------------------------------------------------------------------- */

static bool prepare(struct pg *pg, const struct endpoint *e, bool batch, struct err *err)
{
    Oid types[ENDPOINT_PARAMS_MAX] = {0};
    for (uint32_t i = 0; i < e->param_count && !batch; i++)
        types[i] = endpoint_types[e->params[i].type].oid;
    PG_RESULT r =
        PQprepare(pg->conn, "", batch ? e->batch.data : e->single.data, batch ? 1 : (int)e->param_count, types);
    if (PQresultStatus(r) == PGRES_COMMAND_OK)
        return true;
    pg_fail(pg, r, "cannot be prepared", err);
    err_wrap(err, STR_FMT "%s", STR_ARG(e->file), batch ? " (form for several keys)" : "");
    err->class = ERR_CONFIG; /* the file does not fit the read model, not: the read model is down */
    return err_hint(err, "compare the SELECT with the read model's views: `undam view list`");
}

/* All endpoints of one service on its read model. */
static void check_on_database(const struct invocation *inv, const struct config_service *service,
                              struct endpoint_set *s, size_t *prepared)
{
    struct err err = {0};
    struct pg pg = {0};
    bool used = false;
    for (size_t i = 0; i < s->count && !used; i++)
        used = str_is(s->endpoints[i].service, service->name);
    if (!used)
        return;
    char *what = arena_printf(&s->arena, "read model %s", service->name);
    if (!pg_open(&pg, PG_TARGET, what, service->dsn, false, &err)) {
        report(inv, s, &err);
        return;
    }
    if (!pg_exec(&pg, "SET search_path = " ENDPOINT_SEARCH_PATH, &err))
        report(inv, s, &err);
    for (size_t i = 0; i < s->count; i++) {
        const struct endpoint *e = &s->endpoints[i];
        if (!str_is(e->service, service->name))
            continue;
        if (prepare(&pg, e, false, &err) && (e->key < 0 || prepare(&pg, e, true, &err)))
            (*prepared)++;
        else
            report(inv, s, &err);
    }
    pg_close(&pg);
}

static int check_run(struct invocation *inv)
{
    struct endpoint_set set;
    size_t prepared = 0;
    bool database = option_given(inv, "database");
    set_load(inv, &set);
    if (database)
        for (size_t i = 0; i < inv->config->service_count; i++)
            check_on_database(inv, &inv->config->services[i], &set, &prepared);
    if (option_given(inv, "json"))
        printf("{\"endpoints\":%zu,\"prepared\":%zu,\"wrong\":%d}\n", set.count, prepared, set.failed);
    else if (database)
        printf("%zu endpoints, %zu prepared on their read models, %d wrong\n", set.count, prepared, set.failed);
    else
        printf("%zu endpoints, %d wrong\n", set.count, set.failed);
    int code = set.code;
    set_free(&set);
    return code;
}

static const struct option check_options[] = {
    {"database", 0, OPTION_FLAG, NULL, "Also prepare every SELECT on its service's read model."},
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
};
static const struct option compile_options[] = {
    {"output", 'o', OPTION_STRING, "FILE", "Write there instead of control.catalogue."},
    {"dry-run", 'n', OPTION_FLAG, NULL, "Check everything and say what would be written."},
    {"json", 0, OPTION_FLAG, NULL, "Print JSON."},
};
static const struct option list_options[] = {
    {"json", 0, OPTION_FLAG, NULL, "Print JSON, with parameters and rules."},
};

const struct command cmd_endpoint[] = {
    {.name = "endpoint check",
     .operands = "",
     .summary = "Check the endpoint files",
     .help =
         "Reads every file in <directory>/endpoints and reports all that is wrong, with file and line. With --database "
         "each "
         "SELECT, and its form for several keys at once, is prepared on the read model of its service; nothing is run.",
     .options = check_options,
     .option_count = COUNT(check_options),
     .needs_config = true,
     .run = check_run},
    {.name = "endpoint compile",
     .operands = "",
     .summary = "Write the catalogue that nginx loads",
     .help =
         "All files must be right, or nothing is written. The file is replaced by rename, so nginx never sees half of "
         "it; it is read at nginx's next start or reload. The same files give the same bytes.",
     .options = compile_options,
     .option_count = COUNT(compile_options),
     .needs_config = true,
     .run = compile_run},
    {.name = "endpoint list",
     .operands = "",
     .summary = "List the endpoints with service and flag",
     .help = "In look-up order: a request belongs to the first whose path it has.",
     .options = list_options,
     .option_count = COUNT(list_options),
     .needs_config = true,
     .run = list_run},
    {.name = NULL},
};
