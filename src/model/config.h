// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration: undam.yaml, read once at start into this struct, everything owned by `arena`.
 * Every setting is a row of config_settings[] (config.c) from which the sample file, undam.conf(5)
 * and `undam config check` are printed. Unknown names and wrong values are errors with file and line.
 * DSNs are libpq connection strings or URIs; passwords belong in PGPASSFILE or a service file.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct config_table {
    const char *name; /* "schema.table" in the source */
    const char *key;  /* partition key: column, or columns separated by commas */
};

struct config_service {
    const char *name;            /* [a-z][a-z0-9_]*, names the topic */
    const char *dsn;             /* read-model database; empty when the service only owns tables */
    const char *listen;          /* host:port of the projector's /metrics and /healthz, or empty */
    struct config_table *tables; /* those it owns */
    size_t table_count;
};

struct config {
    struct arena arena;
    const char *path;      /* of the file read */
    const char *directory; /* migration folder: views/, endpoints/ */

    struct {
        const char *name; /* ce_source: "/<name>/<schema>.<table>" */
        const char *dsn;
        const char *slot;
        const char *publication;
        const char *outbox;              /* "schema.table" of a Debezium-compatible outbox, or empty */
        const char *outbox_topic_prefix; /* outbox topics: prefix + aggregatetype */
        const char *message_prefix;      /* logical messages with this prefix are events, or empty */
        int64_t retained_wal_max_bytes;  /* warn at half, error at this */
    } source;

    struct {
        const char *driver; /* postgres */
        const char *dsn;    /* default: control.dsn */
        const char *prefix; /* of topics */
        int32_t partitions; /* per topic, pinned at first start */
        int64_t retention_days;
    } bus;

    struct {
        const char *listen;
        const char *spool_directory;
        int64_t spool_max_bytes;  /* 0: no limit but the disk */
        int64_t memory_max_bytes; /* of one transaction before it goes to the spool */
        int64_t batch_max_events, batch_max_bytes;
        int64_t linger_us;    /* how long to wait for more before a bus commit when the stream is busy */
        int64_t watermark_ms; /* how often the source's clock and WAL position are asked for */
    } relay;

    struct {
        int64_t batch_max_events, batch_max_bytes;
    } project;

    struct {
        const char *dsn; /* the control database */
        const char *listen;
        const char *snapshot;  /* flags snapshot file that nginx maps */
        const char *catalogue; /* compiled endpoint catalogue */
        int64_t poll_ms;       /* how often read-model positions are carried into the snapshot */
    } control;

    struct {
        const char *listen;
        const char *legacy_url, *stream_url; /* base URLs of the two sides */
        const char *ticket_socket;           /* unix datagram socket the nginx module sends to */
        int64_t wait_ms;                     /* how long to wait for the watermark */
        int64_t timeout_ms;                  /* of one request */
        int64_t unstable_every;              /* every Nth comparison asks the old side twice */
        int64_t parallel;
    } validate;

    struct config_service *services;
    size_t service_count;
};

/* Reads and checks the file. On success *ret is to be freed with config_free(). ERR_CONFIG with "file:line: ". */
bool config_load(const char *path, struct config **ret, struct err *err) MUST_USE;
void config_free(struct config *c);
/* NULL when there is none of that name. */
const struct config_service *config_service(const struct config *c, const char *name);
/* The service that owns "schema.table", or NULL. */
const struct config_service *config_owner(const struct config *c, struct str table);
