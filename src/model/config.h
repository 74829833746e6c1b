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
    const char *name;    /* "schema.table" in the source */
    const char *key;     /* partition key: column, or columns separated by commas */
    const char *dynamic; /* columns (separated by commas, `*` at the end of a name = any) that events carry in one map
                            field, or empty */
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
        const char *outbox_mode;         /* undam, debezium: which headers and topics outbox rows get */
        const char *outbox_columns;      /* "id=event_id, ...": columns with other names than Debezium's */
        const char *outbox_fields;       /* debezium: which further columns go where (codec/outbox.h) */
        const char *outbox_empty;        /* debezium: as-is, tombstone: what a blank payload becomes */
        const char *outbox_update;       /* warn, error, fatal: what an update of an outbox row does */
        const char *message_prefix;      /* logical messages with this prefix are events, or empty */
        int64_t retained_wal_max_bytes;  /* warn at half, error at this */
    } source;

    struct {
        const char *driver; /* postgres, kafka */
        const char *dsn;    /* of the postgres bus; default: control.dsn */
        const char *prefix; /* of topics */
        int32_t partitions; /* per topic, pinned at first start */
        int64_t retention_days;
        /* the kafka bus */
        const char *brokers;            /* host:port, separated by commas */
        const char *delivery;           /* exactly-once, ordered */
        const char *properties;         /* file with further librdkafka properties (TLS, SASL), or empty */
        int32_t replication;            /* of topics that are created */
        int32_t min_insync;             /* min.insync.replicas of topics that are created */
        int64_t transaction_max_events; /* a larger source transaction takes several Kafka transactions */
    } bus;

    struct {
        const char *driver;        /* embedded, confluent */
        const char *dsn;           /* embedded; default: control.dsn */
        const char *urls;          /* confluent: base URLs, separated by commas */
        const char *credentials;   /* confluent: file with one line, "user:password" or "bearer TOKEN", or empty */
        const char *ca;            /* confluent: file of certificates to trust instead of the system's, or empty */
        const char *compatibility; /* of new subjects: NONE, BACKWARD, ..., FULL_TRANSITIVE */
        const char *listen;        /* embedded: where `undam control` serves the Confluent REST paths, or empty */
    } registry;

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

    const char **warnings; /* one line each, with file and line, for the log or the terminal */
    size_t warning_count;
};

enum config_type {
    CONFIG_TEXT,       /* free text */
    CONFIG_NAME,       /* letters, digits, _ . - */
    CONFIG_SLOT,       /* a replication slot's name: a-z 0-9 _ */
    CONFIG_TABLE,      /* schema.table */
    CONFIG_PATH,       /* relative ones are meant from the configuration file's folder */
    CONFIG_DSN,        /* libpq connection string or URI; never printed */
    CONFIG_LISTEN,     /* host:port, :port (127.0.0.1), or empty: none */
    CONFIG_URL,        /* http:// or https:// */
    CONFIG_BUS_DRIVER, /* one of config_choices(type), as are the next ones */
    CONFIG_DELIVERY,
    CONFIG_REGISTRY_DRIVER,
    CONFIG_COMPATIBILITY,
    CONFIG_OUTBOX_MODE,
    CONFIG_OUTBOX_EMPTY,
    CONFIG_OUTBOX_UPDATE,
    CONFIG_INT,
    CONFIG_BYTES, /* 1048576, 64kB, 10MB, 10GB: powers of 1024, as PostgreSQL has it */
    CONFIG_MS,    /* milliseconds, or with us, ms, s, min, h, d */
    CONFIG_US,    /* microseconds, or with a unit as above */
};

/* One setting. The field is at `offset` of struct config (of struct config_service for config_service_settings). */
struct config_setting {
    const char *name; /* dotted: "relay.listen" */
    enum config_type type;
    size_t offset;
    size_t size;          /* of an integer field: 4 or 8 bytes */
    const char *fallback; /* default, as one would write it; NULL: required */
    const char *shown;    /* a default that is not a constant, in words; or NULL */
    const char *example;  /* what the sample file has, or NULL: the default */
    int64_t min, max;     /* of integers */
    const char *help;     /* one sentence or two */
};
extern const struct config_setting config_settings[], config_service_settings[];
extern const unsigned config_setting_count, config_service_setting_count;

/* The value a setting has now, as it would be written in the file; a DSN too (the caller redacts it). `base` is the
 * struct config or the struct config_service. */
char *config_value(struct arena *a, const struct config_setting *s, const void *base);
/* The words a setting of that type may have, separated by '|'; NULL when it is no choice. */
const char *config_choices(enum config_type type);
/* "text", "size", "duration": the type in one word for the manual. */
const char *config_type_name(enum config_type type);
/* Whether a connection string holds a password in the clear. */
bool config_dsn_has_password(const char *dsn);

/* As config_load() of a file with these bytes; path only names it and gives relative paths their folder. */
bool config_parse(const char *path, struct str bytes, struct config **ret, struct err *err) MUST_USE;
/* Reads and checks the file. On success *ret is to be freed with config_free(). ERR_CONFIG with "file:line: ". */
bool config_load(const char *path, struct config **ret, struct err *err) MUST_USE;
void config_free(struct config *c);
/* Outbox rows become what Debezium's outbox event router would make of them. */
bool config_debezium(const struct config *c);
/* NULL when there is none of that name. */
const struct config_service *config_service(const struct config *c, const char *name);
/* The service that owns "schema.table", or NULL. */
const struct config_service *config_owner(const struct config *c, struct str table);
