// SPDX-License-Identifier: Apache-2.0
/* Registration; see register.h. */
#include "project/register.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "project/build.h"
#include "project/load.h"
#include "project/projector.h"

enum { PROJECTOR_WAIT_US = 100 * 1000, PROJECTOR_PATIENCE_US = 2 * 1000 * 1000 };

struct job {
    const struct registration *r;
    struct arena arena;
    struct pg model;
    char what[96];
    struct view_file *files;
    size_t file_count;
    struct source_catalog catalog;
    struct readmodel readmodel;
    struct planned planned;
    struct load load;
    struct place place;
    bool locked; /* no other registration runs */
};

static bool open_model(struct job *j, struct err *err)
{
    const struct config_service *s = j->r->service;
    snprintf(j->what, sizeof j->what, "read model %s", s->name);
    if (!*s->dsn) {
        err_set(err, ERR_CONFIG, "service %s has no read model", s->name);
        return err_hint(err, "set services.%s.dsn in %s", s->name, j->r->config->path);
    }
    return pg_open(&j->model, PG_TARGET, j->what, s->dsn, false, err) && readmodel_session(&j->model, err);
}

static bool lock_registrations(struct job *j, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query(&j->model, "SELECT pg_try_advisory_lock(hashtextextended('undam registration', 0))", &r, err))
        return false;
    j->locked = *PQgetvalue(r, 0, 0) == 't';
    if (j->locked)
        return true;
    err_again(err, ERR_STATE, "%s: another registration is running", j->what);
    return err_hint(err, "wait for it; if it was killed, its session ends with it");
}

static bool add_file(struct job *j, const struct view_file *f, struct err *err)
{
    if (strcmp(f->service, j->r->service->name) != 0)
        return err_set(err, ERR_CONFIG, "%s is for service %s, not %s", f->path, f->service, j->r->service->name);
    for (size_t i = 0; i < j->file_count; i++)
        if (j->r->rebuild && strcmp(j->files[i].name, f->name) == 0)
            return true; /* a given file goes before the registered text */
    j->files[j->file_count++] = *f;
    return true;
}

static bool read_registered(struct job *j, const struct readmodel *g, struct err *err)
{
    struct view_file f;
    for (size_t i = 0; i < g->view_count; i++) {
        const char *path = arena_printf(&j->arena, "registered view %s", g->views[i].name);
        if (!view_file_parse(str_of(g->views[i].definition), path, &j->arena, &f, err) || !add_file(j, &f, err))
            return false;
    }
    return true;
}

static bool read_files(struct job *j, struct err *err)
{
    size_t like_count = j->r->like ? j->r->like->view_count : 0;
    j->files = arena_calloc(&j->arena, j->r->file_count + like_count + j->readmodel.view_count + 1, sizeof *j->files);
    struct view_file f;
    for (size_t i = 0; i < j->r->file_count; i++)
        if (!view_file_read(j->r->files[i], &j->arena, &f, err) || !add_file(j, &f, err))
            return false;
    if (j->r->like && !read_registered(j, j->r->like, err))
        return false;
    return !j->r->rebuild || read_registered(j, &j->readmodel, err);
}

static bool read_model(struct job *j, struct err *err)
{
    bool exists;
    if (!j->r->dry_run && (!readmodel_create_schemas(&j->model, err) || !lock_registrations(j, err)))
        return false;
    if (!readmodel_exists(&j->model, &exists, err))
        return false;
    return !exists || (readmodel_load(&j->model, &j->readmodel, err) &&
                       place_get(&j->model, j->r->config->source.name, false, &j->place, err));
}

static bool plan(struct job *j, struct buf *out, struct err *err)
{
    struct pg source;
    if (!pg_open(&source, PG_SOURCE, "source", j->r->config->source.dsn, false, err))
        return false;
    bool ok = source_catalog_load(&source, j->r->config->source.publication, &j->catalog, err);
    pg_close(&source);
    struct planned_input in = {j->r->config, &j->catalog, &j->readmodel, j->r->rebuild};
    if (!ok || !planned_build(&in, j->files, j->file_count, &j->planned, err))
        return false;
    if (j->r->json)
        planned_print_json(&j->planned, out);
    else
        planned_print(&j->planned, out);
    return true;
}

/* ---- bringing copied tables to the position ---- */

static bool projector_runs(struct job *j, bool *ret, struct err *err)
{
    PG_RESULT r = NULL;
    if (!pg_query(&j->model,
                  "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND"
                  " application_name = 'undam project'",
                  &r, err))
        return false;
    *ret = strcmp(PQgetvalue(r, 0, 0), "0") != 0;
    return true;
}

/* The read model must not be behind what was copied: waits for its projector, or does its work when there is none. */
static bool reach(struct job *j, struct err *err)
{
    int64_t since = mono_us();
    for (;;) {
        uint64_t before = j->place.lsn;
        bool runs;
        if (!place_get(&j->model, j->r->config->source.name, false, &j->place, err))
            return false;
        if (j->place.lsn >= j->load.lsn)
            return true;
        if (!projector_runs(j, &runs, err))
            return false;
        if (!runs)
            return projector_until(j->r->config, j->r->service, j->load.lsn, err) ||
                   err_wrap(err, "bringing the read model up to date");
        if (j->place.lsn != before)
            since = mono_us();
        if (mono_us() - since > 30 * PROJECTOR_PATIENCE_US) {
            err_again(err, ERR_STATE, "the projector of service %s does not move", j->r->service->name);
            return err_hint(err, "see its log, then run this again");
        }
        usleep(PROJECTOR_WAIT_US);
    }
}

static bool same_lineage(const struct job *j)
{
    return j->place.found && lineage_eq(&j->place.lineage, &j->load.lineage);
}

static bool copy_tables(struct job *j, struct err *err)
{
    struct bus_config bus;
    struct bus_progress progress;
    if (planned_copies(&j->planned) == 0)
        return true;
    if (!load_bus(j->r->config, &bus, &progress, err))
        return false;
    j->load = (struct load){.config = j->r->config,
                            .model = &j->model,
                            .planned = &j->planned,
                            .lineage = progress.lineage,
                            .quiet = j->r->quiet};
    if (j->place.found && !j->r->rebuild && !same_lineage(j)) {
        err_set(err, ERR_STATE, "%s holds the state of another source than the bus", j->what);
        return err_hint(err, "load it again from this source: undam view rebuild %s", j->r->service->name);
    }
    if (j->r->empty)
        return load_empty(&j->load, j->r->empty_lsn, err);
    if (!load_copy(&j->load, err) || !load_wait_bus(&j->load, err))
        return false;
    if (!j->place.found || j->r->rebuild)
        return true;
    /* The bulk of the way without a lock; what is left then is short. */
    return reach(j, err) && load_forward(&j->load, j->place.lsn, false, err);
}

static bool insert_place(struct job *j, struct err *err)
{
    char system_id[24], timeline[16], lsn[LSN_TEXT_SIZE];
    const struct lineage *l = &j->load.lineage;
    snprintf(system_id, sizeof system_id, "%llu", (unsigned long long)l->system_id);
    snprintf(timeline, sizeof timeline, "%u", l->timeline);
    const char *values[] = {j->r->config->source.name,   system_id, timeline, l->database, l->slot,
                            lsn_format(j->load.lsn, lsn)};
    PG_RESULT r = NULL;
    return pg_query_params(
        &j->model,
        "INSERT INTO undam.position AS p (source, system_id, timeline, database, slot, epoch, lsn,"
        " applied_at) VALUES ($1, $2, $3::int, $4, $5, 1, $6::pg_lsn, clock_timestamp())"
        " ON CONFLICT (source) DO UPDATE SET system_id = excluded.system_id, timeline ="
        " excluded.timeline, database = excluded.database, slot = excluded.slot, lsn = excluded.lsn,"
        " commit_time = NULL, watermark = NULL, applied_at = excluded.applied_at, epoch = p.epoch + 1",
        COUNT(values), values, &r, err);
}

/* The position of this transaction: the stored one, with copied tables brought to it, or that of the copy. */
static bool settle_position(struct job *j, uint64_t *ret_lsn, struct err *err)
{
    if (!place_get(&j->model, j->r->config->source.name, true, &j->place, err))
        return false;
    bool copied = planned_copies(&j->planned) > 0;
    bool ahead = same_lineage(j) && j->place.lsn >= j->load.lsn;
    if (copied && (!j->place.found || (j->r->rebuild && !ahead))) {
        *ret_lsn = j->load.lsn;
        return insert_place(j, err);
    }
    *ret_lsn = j->place.lsn;
    return !copied || load_forward(&j->load, j->place.lsn, true, err);
}

static bool finish(struct job *j, struct err *err)
{
    const char *values[] = {j->r->config->source.name};
    uint64_t lsn;
    PG_RESULT r = NULL;
    /* A reader that holds a view for longer must not make all others queue behind the exchange. */
    if (!pg_exec(&j->model, "BEGIN; SET LOCAL lock_timeout = '10s'", err) || !settle_position(j, &lsn, err))
        return false;
    struct build b = {&j->model, &j->planned, &j->readmodel, lsn, j->r->allow_scans, j->r->quiet};
    return build_all(&b, err) &&
           pg_query_params(&j->model, "UPDATE undam.position SET catalogue = catalogue + 1 WHERE source = $1", 1,
                           values, &r, err) &&
           pg_exec(&j->model, "NOTIFY undam_view; COMMIT", err);
}

static bool anything_to_do(const struct planned *p)
{
    for (size_t i = 0; i < p->view_count; i++)
        if (p->views[i].change != PLANNED_SAME)
            return true;
    return planned_copies(p) > 0;
}

static bool execute(struct job *j, struct err *err)
{
    if (!anything_to_do(&j->planned))
        return true;
    if (!load_clean(&j->model, err) || !build_announce(&j->model, &j->planned, "loading", err))
        return false;
    bool ok = copy_tables(j, err) && build_announce(&j->model, &j->planned, "building", err) && finish(j, err);
    if (!ok && PQstatus(j->model.conn) == CONNECTION_OK) {
        pg_rollback(&j->model);
        build_failed(&j->model, &j->planned, err->text);
    }
    /* After a failure too, unless the connection is gone: then the next registration does it. */
    return load_clean(&j->model, ok ? err : NULL) && ok;
}

static bool run(struct job *j, struct buf *out, struct err *err)
{
    if (!open_model(j, err) || !read_model(j, err) || !read_files(j, err))
        return false;
    if (j->file_count == 0)
        return err_set(err, ERR_STATE, "%s: no view to register", j->what);
    return plan(j, out, err) && (j->r->dry_run || execute(j, err));
}

static void job_free(struct job *j)
{
    load_free(&j->load);
    planned_free(&j->planned);
    source_catalog_free(&j->catalog);
    readmodel_free(&j->readmodel);
    arena_free(&j->arena);
    struct err ignored;
    /* A session's locks outlive PQfinish() by a moment, in which the next command would be refused. */
    if (j->locked)
        (void)!pg_exec(&j->model, "SELECT pg_advisory_unlock_all()", &ignored);
    if (j->model.conn)
        pg_close(&j->model);
}

bool registration_run(const struct registration *r, struct buf *out, struct err *err)
{
    struct job j = {.r = r};
    arena_init(&j.arena);
    bool ok = run(&j, out, err);
    job_free(&j);
    return ok;
}

static bool drop(struct job *j, const char *const *names, size_t count, struct err *err)
{
    const char *values[] = {j->r->config->source.name};
    PG_RESULT r = NULL;
    if (!pg_exec(&j->model, "BEGIN; SET LOCAL lock_timeout = '10s'", err) ||
        !place_get(&j->model, values[0], true, &j->place, err))
        return false;
    return build_drop(&j->model, names, count, err) &&
           pg_query_params(&j->model, "UPDATE undam.position SET catalogue = catalogue + 1 WHERE source = $1", 1,
                           values, &r, err) &&
           pg_exec(&j->model, "NOTIFY undam_view; COMMIT", err);
}

bool registration_drop(const struct config *config, const struct config_service *service, const char *const *names,
                       size_t count, struct err *err)
{
    struct registration r = {.config = config, .service = service};
    struct job j = {.r = &r};
    arena_init(&j.arena);
    bool ok = open_model(&j, err) && read_model(&j, err) && drop(&j, names, count, err);
    job_free(&j);
    return ok;
}
