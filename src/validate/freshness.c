// SPDX-License-Identifier: Apache-2.0
/*
 * Marks and positions; see freshness.h. Why a mark proves what it does: a transaction that a query could see had
 * written its commit record before, so its commit lies before the insert position taken after the query, and it
 * committed before the clock read after the query. A read model that holds everything up to that position, or
 * everything committed before that time, holds it.
 */
#include "validate/freshness.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/position.h"

static const char position_sql[] =
    "SELECT coalesce(lsn, '0/0')::text, coalesce((extract(epoch FROM watermark) * 1000000)::bigint - 1, 0)"
    " FROM undam.position";
static const char mark_sql[] =
    "SELECT pg_current_wal_insert_lsn(), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + 1";

static void on_position(void *arg, const PGresult *result)
{
    struct freshness_model *m = arg;
    m->known = PQntuples(result) > 0;
    for (int i = 0; i < PQntuples(result); i++) {
        uint64_t lsn = 0;
        int64_t time_us = 0;
        m->known &=
            lsn_parse(str_of(PQgetvalue(result, i, 0)), &lsn) && str_to_i64(str_of(PQgetvalue(result, i, 1)), &time_us);
        m->lsn = i == 0 || lsn < m->lsn ? lsn : m->lsn;
        m->watermark_us = i == 0 || time_us < m->watermark_us ? time_us : m->watermark_us;
    }
    m->owner->moved(m->owner->arg);
}

static void on_state(void *arg, const struct err *err)
{
    struct freshness_model *m = arg;
    if (err)
        m->known = false;
}

void freshness_init(struct freshness *f, const struct config *config, struct loop *loop, void (*moved)(void *),
                    void *arg)
{
    *f = (struct freshness){.config = config, .moved = moved, .arg = arg};
    f->models = xcalloc(config->service_count + 1, sizeof *f->models);
    for (size_t i = 0; i < config->service_count; i++) {
        struct freshness_model *m = &f->models[i];
        *m = (struct freshness_model){.service = config->services[i].name, .owner = f};
        if (!config->services[i].dsn[0])
            continue;
        m->what = xasprintf("read model %s", m->service);
        m->poll = pg_poll_new(loop, &(struct pg_poll_spec){.what = m->what,
                                                           .dsn = config->services[i].dsn,
                                                           .sql = position_sql,
                                                           .interval_ms = (int)config->control.poll_ms,
                                                           .answer = on_position,
                                                           .state = on_state,
                                                           .arg = m});
    }
}

void freshness_free(struct freshness *f)
{
    for (size_t i = 0; f->models && i < f->config->service_count; i++) {
        pg_poll_free(f->models[i].poll);
        free(f->models[i].what);
    }
    free(f->models);
    pg_close(&f->source);
}

bool freshness_mark(struct freshness *f, struct freshness_mark *ret, struct err *err)
{
    PG_RESULT r = NULL;
    struct freshness_mark mark;
    if (f->source.conn && PQstatus(f->source.conn) != CONNECTION_OK)
        pg_close(&f->source);
    if (!f->source.conn && !pg_open(&f->source, PG_SOURCE, "source", f->config->source.dsn, false, err))
        return false;
    if (!pg_query(&f->source, mark_sql, &r, err))
        return false;
    if (!lsn_parse(str_of(PQgetvalue(r, 0, 0)), &mark.lsn) || !str_to_i64(str_of(PQgetvalue(r, 0, 1)), &mark.time_us))
        return err_set(err, ERR_SOURCE, "source: no WAL position");
    *ret = mark;
    return true;
}

static const struct freshness_model *model_of(const struct freshness *f, struct str service)
{
    for (size_t i = 0; i < f->config->service_count; i++)
        if (str_is(service, f->models[i].service))
            return &f->models[i];
    return NULL;
}

bool freshness_reached(const struct freshness *f, struct str service, const struct freshness_mark *mark,
                       uint64_t *ret_lsn)
{
    const struct freshness_model *m = model_of(f, service);
    if (ret_lsn)
        *ret_lsn = m && m->known ? m->lsn : 0;
    return m && m->known && (m->lsn >= mark->lsn || m->watermark_us >= mark->time_us);
}

void freshness_hurry(const struct freshness *f, struct str service)
{
    const struct freshness_model *m = model_of(f, service);
    if (m && m->poll)
        pg_poll_kick(m->poll);
}
