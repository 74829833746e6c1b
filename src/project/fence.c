// SPDX-License-Identifier: Apache-2.0
/* Position, epoch, compare-and-set; see fence.h. */
#include "project/fence.h"

#include <stdio.h>

static const char lock_sql[] = "SELECT epoch, catalogue, lsn FROM undam.position WHERE source = $1 FOR NO KEY UPDATE";

/* 1/count: a row that is not as expected fails the transaction rather than committing rows without a position. */
static const char move_sql[] =
    "WITH u AS (UPDATE undam.position SET lsn = $1::pg_lsn,"
    " commit_time = coalesce('epoch'::timestamptz + nullif($2::bigint, 0) * interval '1 microsecond', commit_time),"
    " watermark = greatest('epoch'::timestamptz + nullif($3::bigint, 0) * interval '1 microsecond', watermark),"
    " applied_at = clock_timestamp()"
    " WHERE source = $4 AND epoch = $5::bigint AND lsn = $6::pg_lsn AND catalogue = $7::bigint RETURNING 1)"
    " SELECT 1 / (SELECT count(*) FROM u)";

static void set_texts(struct fence *f)
{
    snprintf(f->epoch, sizeof f->epoch, "%lld", (long long)f->place.epoch);
    snprintf(f->catalogue, sizeof f->catalogue, "%lld", (long long)f->place.catalogue);
    lsn_format(f->place.lsn, f->lsn);
}

static bool take_locked(struct fence *f, struct pg *pg, struct place *place, struct err *err)
{
    const char *values[] = {f->source};
    PG_RESULT
    r = NULL;
    if (!place_get(pg, f->source, true, place, err))
        return false;
    f->absent = !place->found;
    if (!place->found) {
        err_set(err, ERR_STATE, "%s: there is no position for source %s yet", pg->what, f->source);
        return err_hint(err, "register views first: undam view add FILE...");
    }
    place->epoch++;
    return pg_query_params(pg, "UPDATE undam.position SET epoch = epoch + 1 WHERE source = $1", 1, values, &r, err);
}

bool fence_take(struct fence *f, struct pg *pg, const char *source, struct err *err)
{
    *f = (struct fence){.source = source, .lock.sql = lock_sql, .move.sql = move_sql};
    /* Durable, unlike the batches: a twin that lost its epoch in a crash must stay fenced. */
    if (!pg_exec(pg, "BEGIN; SET LOCAL synchronous_commit = on", err))
        return false;
    struct place place;
    if (!take_locked(f, pg, &place, err)) {
        pg_rollback(pg);
        return false;
    }
    if (!pg_exec(pg, "COMMIT", err))
        return false;
    f->place = place;
    set_texts(f);
    return true;
}

static bool fenced(const struct fence *f, const char *epoch, struct err *err)
{
    err_set(err, ERR_STATE, "another projector has taken over (epoch %s, ours was %s)", epoch, f->epoch);
    return err_hint(err, "one projector a service: stop one of the two");
}

bool fence_resume(struct fence *f, struct pg *pg, struct err *err)
{
    struct place place;
    char epoch[24];
    if (!place_get(pg, f->source, false, &place, err))
        return false;
    if (!place.found)
        return err_set(err, ERR_STATE, "the position of source %s is gone from undam.position", f->source);
    snprintf(epoch, sizeof epoch, "%lld", (long long)place.epoch);
    if (place.epoch != f->place.epoch)
        return fenced(f, epoch, err);
    f->place = place;
    f->catalogue_changed = false;
    set_texts(f);
    return true;
}

static bool check_locked(void *arg, PGresult **result, struct err *err)
{
    struct fence *f = arg;
    const PGresult *r = *result;
    if (PQntuples(r) != 1)
        return err_set(err, ERR_STATE, "the position of source %s is gone from undam.position", f->source);
    if (strcmp(PQgetvalue(r, 0, 0), f->epoch) != 0)
        return fenced(f, PQgetvalue(r, 0, 0), err);
    if (strcmp(PQgetvalue(r, 0, 1), f->catalogue) != 0) {
        f->catalogue_changed = true;
        return err_again(err, ERR_STATE, "views were registered or dropped meanwhile");
    }
    if (strcmp(PQgetvalue(r, 0, 2), f->lsn) != 0)
        return err_again(err, ERR_STATE, "the position is %s, not %s where this projector left it", PQgetvalue(r, 0, 2),
                         f->lsn);
    return true;
}

static struct pg_param text_param(const char *s) { return (struct pg_param){.data = s, .len = strlen(s)}; }

bool fence_queue_begin(struct fence *f, struct pg_pipe *pipe, struct err *err)
{
    struct pg_param source = text_param(f->source);
    return pg_pipe_sql(pipe, "BEGIN", NULL, NULL, "begin", err) &&
           pg_pipe_run(pipe, &f->lock, 1, &source, check_locked, f, "locking the position", err);
}

static bool queue_move(struct fence *f, struct pg_pipe *pipe, uint64_t lsn, int64_t commit_time_us,
                       int64_t watermark_us, struct err *err)
{
    char to[LSN_TEXT_SIZE], commit_time[24], watermark[24];
    snprintf(commit_time, sizeof commit_time, "%lld", (long long)commit_time_us);
    snprintf(watermark, sizeof watermark, "%lld", (long long)watermark_us);
    struct pg_param params[] = {text_param(lsn_format(lsn, to)), text_param(commit_time), text_param(watermark),
                                text_param(f->source),           text_param(f->epoch),    text_param(f->lsn),
                                text_param(f->catalogue)};
    return pg_pipe_run(pipe, &f->move, COUNT(params), params, NULL, f, "moving the position", err);
}

bool fence_queue_commit(struct fence *f, struct pg_pipe *pipe, uint64_t lsn, int64_t commit_time_us,
                        int64_t watermark_us, struct err *err)
{
    return queue_move(f, pipe, lsn, commit_time_us, watermark_us, err) &&
           pg_pipe_sql(pipe, "COMMIT", NULL, NULL, "commit", err);
}

void fence_moved(struct fence *f, uint64_t lsn, int64_t commit_time_us, int64_t watermark_us)
{
    f->place.lsn = lsn;
    if (commit_time_us)
        f->place.commit_time_us = commit_time_us;
    if (watermark_us > f->place.watermark_us)
        f->place.watermark_us = watermark_us;
    set_texts(f);
}

bool fence_progress(struct fence *f, struct pg_pipe *pipe, uint64_t lsn, int64_t watermark_us, struct err *err)
{
    if (!fence_queue_begin(f, pipe, err) || !fence_queue_commit(f, pipe, lsn, 0, watermark_us, err) ||
        !pg_pipe_flush(pipe, err))
        return false;
    fence_moved(f, lsn, 0, watermark_us);
    return true;
}

bool fence_check(struct fence *f, struct pg_pipe *pipe, struct err *err)
{
    return fence_queue_begin(f, pipe, err) && pg_pipe_sql(pipe, "COMMIT", NULL, NULL, "commit", err) &&
           pg_pipe_flush(pipe, err);
}
