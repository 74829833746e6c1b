// SPDX-License-Identifier: Apache-2.0
/* The postgres driver's row, and what operators ask; see postgres.h. */
#include "bus/postgres.h"

const struct bus_driver bus_postgres = {
    .name = "postgres",
    .writer_open = pg_writer_open,
    .writer_begin = pg_writer_begin,
    .writer_put = pg_writer_put,
    .writer_end = pg_writer_end,
    .writer_quiet = bus_turn_quiet,
    .writer_flush = pg_writer_flush,
    .writer_pending = pg_writer_pending,
    .writer_close = pg_writer_close,
    .reader_open = pg_reader_open,
    .reader_fd = pg_reader_fd,
    .reader_fetch = pg_reader_fetch,
    .reader_close = pg_reader_close,
    .progress_get = pg_bus_progress,
    .info_get = pg_bus_info,
    .position_at = pg_bus_position_at,
};

/* found false when schema or source are not there; *ret is then zero. */
static bool source_read(struct pg *pg, const char *name, struct bus_source *ret, struct err *err)
{
    bool there;
    struct bus_source none = {.id = 0};
    if (!bus_tables_check(pg, NULL, &there, err))
        return false;
    if (there)
        return bus_source_get(pg, NULL, name, ret, err);
    *ret = none;
    return true;
}

bool pg_bus_progress(const struct bus_config *config, struct bus_progress *ret, struct err *err)
{
    struct pg pg;
    struct bus_source source;
    if (!pg_open(&pg, PG_TARGET, "bus", config->dsn, false, err))
        return false;
    bool good = source_read(&pg, config->source, &source, err);
    pg_close(&pg);
    if (good)
        *ret = source.progress;
    return good;
}

static bool info_rows(struct pg *pg, const char *name, struct bus_info *info, struct err *err)
{
    PG_RESULT r = NULL;
    PG_RESULT sizes = NULL;
    const char *values[] = {name};
    const struct pg_idle idle = {NULL, NULL};
    if (!pg_ask_wait(pg, &idle, "cannot read its counts",
                     "SELECT s.events, s.transactions, t.name, t.partitions, coalesce(s.topic_events[t.id], 0)"
                     " FROM undam_bus.source s LEFT JOIN undam_bus.topic t ON s.topic_events[t.id] > 0"
                     " WHERE s.name = $1 ORDER BY t.name",
                     1, values, &r, err) ||
        !pg_ask_wait(pg, &idle, "cannot read its size",
                     "SELECT coalesce(sum(pg_total_relation_size(to_regclass('undam_bus.block_' || day))), 0)"
                     " FROM undam_bus.segment",
                     0, NULL, &sizes, err))
        return false;
    int n = PQntuples(r);
    info->topics = arena_calloc(&info->arena, (size_t)n + 1, sizeof *info->topics);
    info->bytes = strtoull(PQgetvalue(sizes, 0, 0), NULL, 10);
    for (int i = 0; i < n; i++) {
        info->events = strtoull(PQgetvalue(r, i, 0), NULL, 10);
        info->transactions = strtoull(PQgetvalue(r, i, 1), NULL, 10);
        if (PQgetisnull(r, i, 2))
            continue;
        info->topics[info->topic_count++] =
            (struct bus_topic_info){.name = str_of(arena_strdup(&info->arena, PQgetvalue(r, i, 2))),
                                    .partitions = (int32_t)pg_cell_i64(r, i, 3),
                                    .events = strtoull(PQgetvalue(r, i, 4), NULL, 10)};
    }
    return true;
}

bool pg_bus_info(const struct bus_config *config, struct bus_info *ret, struct err *err)
{
    struct pg pg;
    struct bus_source source;
    struct bus_info info = {.epoch = 0};
    if (!pg_open(&pg, PG_TARGET, "bus", config->dsn, false, err))
        return false;
    arena_init(&info.arena);
    bool good = source_read(&pg, config->source, &source, err);
    if (good) {
        info.progress = source.progress;
        info.epoch = source.epoch;
        info.floor_lsn = source.floor_lsn;
        good = !source.progress.found || info_rows(&pg, config->source, &info, err);
    }
    pg_close(&pg);
    if (good)
        *ret = info;
    else
        arena_free(&info.arena);
    return good;
}
