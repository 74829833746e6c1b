// SPDX-License-Identifier: Apache-2.0
/* Loading source tables; see load.h. */
#include "project/load.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/progress.h"
#include "link/pg/replication.h"
#include "project/apply.h"
#include "project/sqlstate.h"

enum { BUS_WAIT_MS = 60 * 1000, BUS_POLL_US = 50 * 1000 };

bool load_bus(const struct config *config, struct bus_config *ret_bus, struct bus_progress *ret_progress,
              struct err *err)
{
    struct bus_config bus = bus_config_of(config);
    if (!bus_progress_get(&bus, ret_progress, err))
        return false;
    if (!ret_progress->found) {
        err_set(err, ERR_STATE, "the bus holds nothing of source %s: the relay has never run", bus.source);
        return err_hint(err, "start `undam relay` first; what is copied now is continued from the events it writes");
    }
    *ret_bus = bus;
    return true;
}

bool load_clean(struct pg *model, struct err *err)
{
    return pg_exec(model, "DROP SCHEMA IF EXISTS undam_load CASCADE", err) || err_wrap(err, "cleaning up a load");
}

void load_free(struct load *l)
{
    arena_free(&l->staged.arena);
    l->staged = (struct readmodel){0};
    pg_pipe_free(&l->pipe);
}

static void add_columns(struct buf *b, const struct mirror *m)
{
    for (size_t i = 0; i < m->column_count; i++) {
        buf_adds(b, i ? ", " : "");
        buf_add_ident(b, str_of(m->columns[i].name));
    }
}

/* A plain table without its inheritance children, whose rows come as events of their own. */
static void copy_out_sql(const struct planned_mirror *p, struct buf *b)
{
    buf_adds(b, "COPY (SELECT ");
    add_columns(b, &p->mirror);
    buf_adds(b, p->kind == 'p' ? " FROM " : " FROM ONLY ");
    buf_add_ident(b, str_of(p->table->schema));
    buf_addc(b, '.');
    buf_add_ident(b, str_of(p->table->name));
    buf_adds(b, ") TO STDOUT");
}

static bool start_copy(struct pg *pg, const char *sql, ExecStatusType want, struct err *err)
{
    PG_RESULT r = PQexec(pg->conn, sql);
    return PQresultStatus(r) == want || sqlstate_fail(pg, r, "COPY", err);
}

static bool end_copy(struct pg *pg, struct err *err)
{
    bool ok = true;
    for (;;) {
        PG_RESULT r = PQgetResult(pg->conn);
        if (!r)
            return ok;
        if (ok && PQresultStatus(r) != PGRES_COMMAND_OK)
            ok = sqlstate_fail(pg, r, "COPY", err);
    }
}

/* Both sides are in COPY. Text format: the only one that holds every type whatever the two servers' versions. */
static bool pump(struct pg *source, struct pg *model, struct progress *progress, struct err *err)
{
    char *row;
    int n;
    while ((n = PQgetCopyData(source->conn, &row, 0)) > 0) {
        int sent = PQputCopyData(model->conn, row, n);
        PQfreemem(row);
        if (sent != 1)
            return pg_fail(model, NULL, "COPY", err);
        progress_set(progress, ++progress->done);
    }
    if (n == -2) {
        pg_fail(source, NULL, "COPY", err);
        PQputCopyEnd(model->conn, "the source failed");
        return false;
    }
    if (PQputCopyEnd(model->conn, NULL) != 1)
        return pg_fail(model, NULL, "COPY", err);
    return end_copy(source, err) && end_copy(model, err);
}

static bool copy_rows(struct pg *source, struct pg *model, const struct planned_mirror *p, struct progress *progress,
                      struct err *err)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    copy_out_sql(p, &b);
    bool ok = start_copy(source, b.data, PGRES_COPY_OUT, err);
    buf_clear(&b);
    buf_adds(&b, "COPY ");
    mirror_add_relation(&b, &p->mirror);
    buf_adds(&b, " (");
    add_columns(&b, &p->mirror);
    buf_adds(&b, ") FROM STDIN (FREEZE)"); /* created in this transaction: no vacuum will have to touch it again */
    ok = ok && start_copy(model, b.data, PGRES_COPY_IN, err);
    buf_free(&b);
    return ok && pump(source, model, progress, err);
}

static bool add_key(struct pg *model, const struct mirror *m, struct err *err)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_adds(&b, "ALTER TABLE ");
    mirror_add_relation(&b, m);
    buf_adds(&b, " ADD PRIMARY KEY (");
    for (size_t i = 0; i < m->key_count; i++) {
        buf_adds(&b, i ? ", " : "");
        buf_add_ident(&b, str_of(m->columns[m->keys[i]].name));
    }
    buf_adds(&b, "); ALTER TABLE ");
    mirror_add_relation(&b, m);
    buf_adds(&b, " ALTER _lsn DROP DEFAULT, ALTER _seq DROP DEFAULT; ANALYZE ");
    mirror_add_relation(&b, m);
    bool ok = pg_exec(model, b.data, err);
    buf_free(&b);
    return ok;
}

static bool copy_table(struct load *l, struct pg *source, const struct planned_mirror *p, struct progress *progress,
                       struct err *err)
{
    char lsn[LSN_TEXT_SIZE];
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_adds(&b, "BEGIN; ");
    mirror_ddl(&p->mirror, lsn_format(l->lsn, lsn), &b);
    bool ok = pg_exec(l->model, b.data, err) && copy_rows(source, l->model, p, progress, err) &&
              add_key(l->model, &p->mirror, err) && pg_exec(l->model, "COMMIT", err);
    buf_free(&b);
    return ok || err_wrap(err, "copying %s", p->mirror.entity);
}

static void estimate(struct pg *source, struct planned *p, uint64_t *ret_total)
{
    *ret_total = 0;
    for (size_t i = 0; i < p->mirror_count; i++) {
        struct planned_mirror *m = &p->mirrors[i];
        const char *values[] = {m->table->schema, m->table->name};
        PG_RESULT r = NULL;
        uint64_t rows = 0;
        if (m->copy &&
            pg_query_params(source,
                            "SELECT greatest(c.reltuples, 0)::bigint FROM pg_class c JOIN pg_namespace n"
                            " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
                            2, values, &r, NULL) &&
            PQntuples(r) == 1)
            (void)str_to_u64(str_of(PQgetvalue(r, 0, 0)), &rows);
        m->rows = (double)rows;
        *ret_total += rows;
    }
}

static bool copy_all(struct load *l, struct pg *source, struct err *err)
{
    struct progress progress;
    uint64_t total;
    estimate(source, l->planned, &total);
    progress_begin(&progress, "copying", "rows", total, l->quiet);
    bool ok = true;
    for (size_t i = 0; ok && i < l->planned->mirror_count; i++)
        if (l->planned->mirrors[i].copy)
            ok = copy_table(l, source, &l->planned->mirrors[i], &progress, err);
    progress_end(&progress);
    return ok;
}

static bool ensure_types(struct pg *source, struct load *l, struct err *err)
{
    for (size_t i = 0; i < l->planned->mirror_count; i++) {
        const struct mirror *m = &l->planned->mirrors[i].mirror;
        for (size_t c = 0; l->planned->mirrors[i].copy && c < m->column_count; c++)
            if (!source_type_ensure(source, l->model, m->columns[c].type_oid, err))
                return err_wrap(err, "column %s.%s", m->entity, m->columns[c].name);
    }
    return true;
}

bool load_empty(struct load *l, uint64_t lsn, struct err *err)
{
    struct pg source;
    struct buf b;
    char text[LSN_TEXT_SIZE];
    if (!pg_open(&source, PG_SOURCE, "source", l->config->source.dsn, false, err))
        return false;
    bool ok = pg_exec(&source, "SET search_path = pg_catalog", err) && load_clean(l->model, err) &&
              ensure_types(&source, l, err) && pg_exec(l->model, "CREATE SCHEMA undam_load", err);
    pg_close(&source);
    buf_init(&b, 1 << 20);
    l->lsn = lsn;
    for (size_t i = 0; ok && i < l->planned->mirror_count; i++) {
        const struct mirror *m = &l->planned->mirrors[i].mirror;
        buf_clear(&b);
        mirror_ddl(m, lsn_format(lsn, text), &b);
        ok = pg_exec(l->model, b.data, err) && add_key(l->model, m, err);
    }
    buf_free(&b);
    return ok;
}

static bool under_snapshot(struct load *l, struct pg *source, struct err *err)
{
    struct pg_snapshot_slot slot;
    char sql[192];
    if (!pg_snapshot_slot_open(l->config->source.dsn, "load", &slot, err))
        return false;
    bool ok = slot.system.system_id == l->lineage.system_id && slot.system.timeline == l->lineage.timeline &&
              strcmp(slot.system.database, l->lineage.database) == 0;
    if (!ok) {
        err_set(err, ERR_STATE, "the bus holds the events of another database than source.dsn names");
        err_hint(err, "source.dsn and the bus must belong together; a restored or promoted source needs a new bus");
    }
    snprintf(sql, sizeof sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '%s'",
             slot.snapshot);
    ok = ok && pg_exec(source, sql, err);
    l->lsn = slot.lsn;
    pg_snapshot_slot_close(&slot); /* the snapshot is ours now; the slot need not hold back WAL */
    return ok && pg_exec(l->model, "CREATE SCHEMA undam_load", err) && copy_all(l, source, err) &&
           pg_exec(source, "COMMIT", err);
}

bool load_copy(struct load *l, struct err *err)
{
    struct pg source;
    if (!pg_open(&source, PG_SOURCE, "source", l->config->source.dsn, false, err))
        return false;
    bool ok = pg_exec(&source, "SET search_path = pg_catalog; SET row_security = off", err) &&
              load_clean(l->model, err) && ensure_types(&source, l, err) && under_snapshot(l, &source, err);
    pg_close(&source);
    return ok;
}

bool load_wait_bus(const struct load *l, struct err *err)
{
    struct bus_config bus;
    struct bus_progress progress;
    char want[LSN_TEXT_SIZE], have[LSN_TEXT_SIZE];
    int64_t until = mono_us() + BUS_WAIT_MS * 1000;
    for (;;) {
        if (!load_bus(l->config, &bus, &progress, err))
            return false;
        if (progress.lsn >= l->lsn)
            return true;
        if (mono_us() > until)
            break;
        usleep(BUS_POLL_US);
    }
    err_again(err, ERR_STATE, "the relay has not reached %s after %d s, it is at %s", lsn_format(l->lsn, want),
              BUS_WAIT_MS / 1000, lsn_format(progress.lsn, have));
    return err_hint(err, "check that `undam relay` is running, then run this again");
}

static void stage_readmodel(struct load *l)
{
    struct readmodel *g = &l->staged;
    if (g->mirrors)
        return;
    arena_init(&g->arena);
    pg_pipe_init(&l->pipe, l->model);
    g->mirrors = arena_calloc(&g->arena, l->planned->mirror_count + 1, sizeof *g->mirrors);
    g->views = arena_calloc(&g->arena, 1, sizeof *g->views);
    for (size_t i = 0; i < l->planned->mirror_count; i++)
        if (l->planned->mirrors[i].copy) {
            g->mirrors[g->mirror_count] = l->planned->mirrors[i].mirror;
            g->mirrors[g->mirror_count].number = g->mirror_count;
            g->mirror_count++;
        }
}

/* Where events and their schemas come from. */
struct sources {
    struct bus_reader *reader;
    struct registry *registry;
};

/* The part's events into the staged tables; nothing of a transaction after `to`. */
static bool forward_part(struct applier *a, struct registry *registry, const struct bus_part *part, struct err *err)
{
    for (size_t i = 0; i < part->event_count; i++)
        if (!applier_add(a, registry, &part->events[i], err))
            return false;
    return applier_chunk(a, !part->ends, err);
}

static bool forward_batch(struct load *l, struct applier *a, struct sources *from, struct bus_batch *batch, uint64_t to,
                          bool *ret_done, struct err *err)
{
    struct bus_read_limits limits = {(uint64_t)l->config->project.batch_max_events,
                                     (uint64_t)l->config->project.batch_max_bytes, 100};
    if (!bus_reader_fetch(from->reader, &limits, batch, err))
        return false;
    for (size_t i = 0; i < batch->part_count; i++) {
        if (batch->parts[i].txn.lsn > to) {
            *ret_done = true;
            return true;
        }
        if (!forward_part(a, from->registry, &batch->parts[i], err))
            return false;
    }
    bool ended = batch->part_count == 0 || batch->parts[batch->part_count - 1].ends;
    *ret_done = ended && batch->progress.lsn >= to;
    return true;
}

static bool forward(struct load *l, struct applier *a, struct sources *from, uint64_t to, struct err *err)
{
    struct bus_batch batch;
    bus_batch_init(&batch);
    bool ok = true;
    for (bool done = false; ok && !done;)
        ok = forward_batch(l, a, from, &batch, to, &done, err);
    bus_batch_free(&batch);
    return ok;
}

bool load_forward(struct load *l, uint64_t to, bool in_transaction, struct err *err)
{
    struct bus_config bus;
    struct bus_progress progress;
    struct sources from = {NULL, NULL};
    struct registry_config registry = registry_config_of(l->config);
    if (to <= l->lsn)
        return true;
    stage_readmodel(l);
    if (!load_bus(l->config, &bus, &progress, err))
        return false;
    size_t topic_count;
    const char **topics = readmodel_topics(&l->staged, &topic_count);
    if (!registry_open(&registry, NULL, NULL, &from.registry, err))
        return false;
    if (!bus_reader_open(&bus, &l->lineage, topics, topic_count, l->lsn, &from.reader, err)) {
        registry_close(from.registry);
        return false;
    }
    struct applier a;
    applier_init(&a, &l->staged, &l->pipe);
    /* Chunk settings are SET LOCAL: they need a transaction anyhow, and half a round is thrown away with undam_load. */
    bool ok = (in_transaction || pg_exec(l->model, "BEGIN", err)) && forward(l, &a, &from, to, err) &&
              pg_pipe_flush(&l->pipe, err) && (in_transaction || pg_exec(l->model, "COMMIT", err));
    applier_free(&a);
    bus_reader_close(from.reader);
    registry_close(from.registry);
    if (!ok)
        return err_wrap(err, "bringing copied tables up to date");
    l->lsn = to;
    return true;
}
