// SPDX-License-Identifier: Apache-2.0
/* The bus: picks the driver from a table and passes on; see bus.h. */
#include "bus/bus.h"

#include "bus/driver.h"
#include "model/config.h"

struct bus_config bus_config_of(const struct config *config)
{
    bool kafka = strcmp(config->bus.driver, "kafka") == 0;
    return (struct bus_config){.driver = config->bus.driver,
                               .dsn = kafka ? config->bus.brokers : config->bus.dsn,
                               .source = config->source.name,
                               .prefix = config->bus.prefix,
                               .partitions = config->bus.partitions,
                               .retention_days = config->bus.retention_days,
                               .delivery = config->bus.delivery,
                               .properties = config->bus.properties,
                               .replication = config->bus.replication,
                               .min_insync = config->bus.min_insync,
                               .transaction_max_events = config->bus.transaction_max_events,
                               .debezium = config_debezium(config)};
}

static const struct bus_driver *const drivers[] = {&bus_postgres, &bus_kafka};

static bool find_driver(const struct bus_config *config, const struct bus_driver **ret, struct err *err)
{
    const char *name = config->driver && *config->driver ? config->driver : drivers[0]->name;
    for (size_t i = 0; i < COUNT(drivers); i++) {
        if (strcmp(drivers[i]->name, name) == 0) {
            *ret = drivers[i];
            return true;
        }
    }
    err_set(err, ERR_CONFIG, "bus.driver: there is no driver \"%s\"", name);
    return err_hint(err, "write bus.driver: %s", drivers[0]->name);
}

bool bus_writer_open(const struct bus_config *config, const struct lineage *lineage, bus_idle_fn *idle, void *idle_arg,
                     struct bus_writer **ret, struct bus_progress *ret_progress, struct err *err)
{
    const struct bus_driver *driver;
    if (config->partitions < 1)
        return err_set(err, ERR_CONFIG, "bus.partitions: must be at least 1, is %d", config->partitions);
    return find_driver(config, &driver, err) &&
           driver->writer_open(config, lineage, idle, idle_arg, ret, ret_progress, err);
}

bool bus_writer_begin(struct bus_writer *w, const struct event_txn *txn, struct err *err)
{
    return w->driver->writer_begin(w, txn, err);
}

bool bus_writer_put(struct bus_writer *w, const struct event *event, struct err *err)
{
    return w->driver->writer_put(w, event, err);
}

bool bus_writer_end(struct bus_writer *w, struct err *err) { return w->driver->writer_end(w, err); }

void bus_writer_quiet(struct bus_writer *w, uint64_t lsn, int64_t watermark_us)
{
    w->driver->writer_quiet(w, lsn, watermark_us);
}

bool bus_writer_flush(struct bus_writer *w, struct err *err) { return w->driver->writer_flush(w, err); }

void bus_writer_pending(const struct bus_writer *w, uint64_t *ret_events, uint64_t *ret_bytes)
{
    w->driver->writer_pending(w, ret_events, ret_bytes);
}

void bus_writer_close(struct bus_writer *w)
{
    if (w)
        w->driver->writer_close(w);
}

bool bus_reader_open(const struct bus_config *config, const struct lineage *lineage, const char *const *topics,
                     size_t topic_count, uint64_t after, struct bus_reader **ret, struct err *err)
{
    const struct bus_driver *driver;
    return find_driver(config, &driver, err) &&
           driver->reader_open(config, lineage, topics, topic_count, after, ret, err);
}

int bus_reader_fd(const struct bus_reader *r) { return r->driver->reader_fd(r); }

void bus_batch_init(struct bus_batch *batch)
{
    *batch = (struct bus_batch){.part_count = 0};
    arena_init(&batch->arena);
}

void bus_batch_free(struct bus_batch *batch)
{
    arena_free(&batch->arena);
    *batch = (struct bus_batch){.part_count = 0};
}

bool bus_reader_fetch(struct bus_reader *r, const struct bus_read_limits *limits, struct bus_batch *batch,
                      struct err *err)
{
    arena_reset(&batch->arena);
    batch->parts = NULL;
    batch->part_count = 0;
    return r->driver->reader_fetch(r, limits, batch, err);
}

void bus_reader_close(struct bus_reader *r)
{
    if (r)
        r->driver->reader_close(r);
}

bool bus_progress_get(const struct bus_config *config, struct bus_progress *ret, struct err *err)
{
    const struct bus_driver *driver;
    return find_driver(config, &driver, err) && driver->progress_get(config, ret, err);
}

bool bus_info_get(const struct bus_config *config, struct bus_info *ret, struct err *err)
{
    const struct bus_driver *driver;
    return find_driver(config, &driver, err) && driver->info_get(config, ret, err);
}

bool bus_position_at(const struct bus_config *config, int64_t time_us, uint64_t *ret_lsn, struct err *err)
{
    const struct bus_driver *driver;
    struct bus_info info;
    if (!find_driver(config, &driver, err))
        return false;
    if (driver->position_at)
        return driver->position_at(config, time_us - BUS_CLOCK_STEP_US, ret_lsn, err);
    if (!driver->info_get(config, &info, err))
        return false;
    *ret_lsn = info.floor_lsn;
    bus_info_free(&info);
    return true;
}

bool bus_audit(const struct bus_config *config, const struct bus_audit_watch *watch, struct bus_audit *ret,
               struct err *err)
{
    const struct bus_driver *driver;
    *ret = (struct bus_audit){.done = false};
    return find_driver(config, &driver, err) && (!driver->audit || driver->audit(config, watch, ret, err));
}

void bus_info_free(struct bus_info *info) { arena_free(&info->arena); }

const char *bus_event_id(const struct lineage *lineage, const struct event *event, struct arena *arena)
{
    if (event->id.len)
        return arena_memdup(arena, event->id.data, event->id.len);
    char lsn[LSN_TEXT_SIZE];
    return arena_printf(arena, "%llu-%s-%u", (unsigned long long)lineage->system_id, lsn_format(event->pos.lsn, lsn),
                        event->pos.seq);
}
