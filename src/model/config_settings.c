// SPDX-License-Identifier: Apache-2.0
/*
 * Every setting as a row. `undam config sample`, `undam config show`, undam.conf(5) and the errors of
 * config.c are printed from here, so a setting exists in all of them or in none.
 */
#include <limits.h>

#include "model/config.h"

#define AT(field) offsetof(struct config, field), sizeof(((struct config *)0)->field)
#define IN(field) offsetof(struct config_service, field), sizeof(((struct config_service *)0)->field)

#define MS_DAY (24LL * 3600 * 1000)

const struct config_setting config_settings[] = {
    {"directory", CONFIG_PATH, AT(directory), "migration", NULL, NULL, 0, 0,
     "The migration folder: views/*.sql and endpoints/*.sql are in it."},

    {"source.name", CONFIG_NAME, AT(source.name), NULL, NULL, "fintech", 0, 0,
     "Name of the monolith in every event (ce_source: /<name>/<schema>.<table>) and in every stored position. Do not "
     "change it once events were published."},
    {"source.dsn", CONFIG_DSN, AT(source.dsn), NULL, NULL, "host=/var/run/postgresql dbname=fintech user=undam_relay",
     0, 0, "The monolith's database. The relay's user needs REPLICATION and SELECT on the published tables."},
    {"source.slot", CONFIG_SLOT, AT(source.slot), "undam", NULL, NULL, 0, 0,
     "The logical replication slot, created at the first start. One relay a slot."},
    {"source.publication", CONFIG_TEXT, AT(source.publication), "undam", NULL, NULL, 0, 0,
     "The publication that names the captured tables."},
    {"source.outbox", CONFIG_TABLE, AT(source.outbox), "", "none", NULL, 0, 0,
     "A Debezium-compatible outbox table whose rows are events of their own."},
    {"source.outbox_topic_prefix", CONFIG_NAME, AT(source.outbox_topic_prefix), "", "none", NULL, 0, 0,
     "Put before an outbox row's aggregatetype to make its topic."},
    {"source.outbox_mode", CONFIG_OUTBOX_MODE, AT(source.outbox_mode), "undam", NULL, NULL, 0, 0,
     "Topics and headers of outbox rows. undam: CloudEvents headers, topic outbox_topic_prefix + aggregatetype. "
     "debezium: "
     "as Debezium's outbox event router with its defaults (topic outbox.event.<aggregatetype>, header id)."},
    {"source.outbox_columns", CONFIG_TEXT, AT(source.outbox_columns), "", "Debezium's names", NULL, 0, 0,
     "Columns of the outbox that have other names than id, aggregatetype, aggregateid, type, payload, headers and "
     "traceparent: name=column, separated by commas, for example id=event_id."},
    {"source.outbox_fields", CONFIG_TEXT, AT(source.outbox_fields), "", "none", NULL, 0, 0,
     "With outbox_mode debezium: which further columns go where, as Debezium's table.fields.additional.placement has "
     "it: column:header|envelope|partition[:alias], separated by commas, for example type:header:eventType."},
    {"source.outbox_empty", CONFIG_OUTBOX_EMPTY, AT(source.outbox_empty), "as-is", NULL, NULL, 0, 0,
     "With outbox_mode debezium: what a payload of nothing but spaces becomes. as-is: itself. tombstone: a record "
     "without a "
     "value, as with Debezium's route.tombstone.on.empty.payload. A null payload always is one."},
    {"source.outbox_update", CONFIG_OUTBOX_UPDATE, AT(source.outbox_update), "warn", NULL, NULL, 0, 0,
     "What an update of an outbox row does, which is never an event. warn, error: it is counted and said once, as a "
     "warning "
     "or an error. fatal: it stops the relay."},
    {"source.message_prefix", CONFIG_TEXT, AT(source.message_prefix), "", "none", NULL, 0, 0,
     "Logical messages (pg_logical_emit_message) with this prefix are events. PostgreSQL 14 and later."},
    {"source.retained_wal_max_bytes", CONFIG_BYTES, AT(source.retained_wal_max_bytes), "10GB", NULL, NULL, 0, INT64_MAX,
     "How much WAL the slot may hold back on the source: a warning at half of it, not ready at all of it. 0: no "
     "limit."},

    {"bus.driver", CONFIG_BUS_DRIVER, AT(bus.driver), "postgres", NULL, NULL, 0, 0,
     "Where events are kept. postgres: tables in the control database. kafka: Apache Kafka 3.6 or later."},
    {"bus.dsn", CONFIG_DSN, AT(bus.dsn), "", "control.dsn", NULL, 0, 0, "The database of the postgres bus."},
    {"bus.prefix", CONFIG_NAME, AT(bus.prefix), "", "source.name", NULL, 0, 0,
     "Put before a service's name, with a dot, to make its topic."},
    {"bus.partitions", CONFIG_INT, AT(bus.partitions), "8", NULL, NULL, 1, 4096,
     "Partitions of a topic. Pinned at the first start: another number is refused later, because keys would move."},
    {"bus.retention_days", CONFIG_INT, AT(bus.retention_days), "7", NULL, NULL, 0, 36500,
     "How long events are kept, by day of commit. 0: for ever."},
    {"bus.brokers", CONFIG_TEXT, AT(bus.brokers), "", "none", "localhost:9092", 0, 0,
     "Kafka's bootstrap servers as host:port, separated by commas."},
    {"bus.delivery", CONFIG_DELIVERY, AT(bus.delivery), "exactly-once", NULL, NULL, 0, 0,
     "exactly-once: Kafka transactions, read with read_committed. ordered: idempotent producer without transactions; "
     "faster, but a relay that was paused and replaced may still send what it had queued, which only readers that "
     "compare positions drop (Undam's do)."},
    {"bus.properties", CONFIG_PATH, AT(bus.properties), "", "none", NULL, 0, 0,
     "A file of further librdkafka properties, one name=value a line: security.protocol, sasl.*, ssl.*. Keep it "
     "readable by Undam only."},
    {"bus.replication", CONFIG_INT, AT(bus.replication), "3", NULL, NULL, 1, 32,
     "Replication factor of topics that Undam creates."},
    {"bus.min_insync", CONFIG_INT, AT(bus.min_insync), "2", NULL, NULL, 1, 32,
     "min.insync.replicas of topics that Undam creates: how many brokers must have an event before it counts."},
    {"bus.transaction_max_events", CONFIG_INT, AT(bus.transaction_max_events), "1000000", NULL, NULL, 1, INT64_MAX,
     "A source transaction with more events takes several Kafka transactions. Undam's readers still see it all at "
     "once."},

    {"registry.driver", CONFIG_REGISTRY_DRIVER, AT(registry.driver), "embedded", NULL, NULL, 0, 0,
     "Where schemas are kept. embedded: tables in the control database, served by `undam control`. confluent: any "
     "registry with Confluent's REST API."},
    {"registry.dsn", CONFIG_DSN, AT(registry.dsn), "", "control.dsn", NULL, 0, 0,
     "The database of the embedded registry."},
    {"registry.urls", CONFIG_TEXT, AT(registry.urls), "", "none", "http://localhost:8085", 0, 0,
     "Base URLs of the registry, separated by commas; the next one is tried when one does not answer."},
    {"registry.credentials", CONFIG_PATH, AT(registry.credentials), "", "none", NULL, 0, 0,
     "A file whose first line is user:password, or `bearer` and a token. Keep it readable by Undam only."},
    {"registry.ca", CONFIG_PATH, AT(registry.ca), "", "the system's", NULL, 0, 0,
     "A file of certificates to trust, in PEM."},
    {"registry.compatibility", CONFIG_COMPATIBILITY, AT(registry.compatibility), "BACKWARD", NULL, NULL, 0, 0,
     "Which changes of a schema the embedded registry accepts for subjects without a rule of their own."},
    {"registry.listen", CONFIG_LISTEN, AT(registry.listen), "", "none", "127.0.0.1:8085", 0, 0,
     "Where `undam control` serves the embedded registry under Confluent's REST paths."},

    {"relay.listen", CONFIG_LISTEN, AT(relay.listen), "", "none", "127.0.0.1:9101", 0, 0,
     "Where the relay answers /metrics, /healthz and /readyz."},
    {"relay.spool_directory", CONFIG_PATH, AT(relay.spool_directory), "/var/lib/undam/spool", NULL, NULL, 0, 0,
     "Where transactions that are too large for memory wait for their commit."},
    {"relay.spool_max_bytes", CONFIG_BYTES, AT(relay.spool_max_bytes), "0", "no limit but the disk", NULL, 0, INT64_MAX,
     "How large the spool may become before the relay stops with an error."},
    {"relay.memory_max_bytes", CONFIG_BYTES, AT(relay.memory_max_bytes), "64MB", NULL, NULL, 65536, INT64_MAX,
     "How much of one transaction is kept in memory before it goes to the spool."},
    {"relay.batch_max_events", CONFIG_INT, AT(relay.batch_max_events), "5000", "5000; on the kafka bus 20000", NULL, 1,
     1000000, "Events of a bus transaction, at most; a larger source transaction makes a larger one."},
    {"relay.batch_max_bytes", CONFIG_BYTES, AT(relay.batch_max_bytes), "8MB", NULL, NULL, 1024, 1LL << 30,
     "Bytes of a bus transaction, at most; a larger source transaction makes a larger one."},
    {"relay.linger_us", CONFIG_US, AT(relay.linger_us), "2000us", "2000us; on the kafka bus 200ms", NULL, 0,
     10 * 1000000, "How long a busy relay waits for more before it commits to the bus. An idle one does not wait."},
    {"relay.watermark_ms", CONFIG_MS, AT(relay.watermark_ms), "200ms", NULL, NULL, 10, 3600 * 1000,
     "How often the source's clock and WAL position are read; readers learn from it how fresh they are when nothing "
     "changes."},

    {"project.batch_max_events", CONFIG_INT, AT(project.batch_max_events), "5000", NULL, NULL, 1, 1000000,
     "Events that a projector applies in one transaction, at most; a larger source transaction is applied whole."},
    {"project.batch_max_bytes", CONFIG_BYTES, AT(project.batch_max_bytes), "16MB", NULL, NULL, 1024, 1LL << 30,
     "Bytes that a projector applies in one transaction, at most; a larger source transaction is applied whole."},

    {"control.dsn", CONFIG_DSN, AT(control.dsn), NULL, NULL, "host=/var/run/postgresql dbname=undam user=undam", 0, 0,
     "The control database: flags and their history and, with the postgres driver, the bus."},
    {"control.listen", CONFIG_LISTEN, AT(control.listen), "", "none", "127.0.0.1:9103", 0, 0,
     "Where `undam control` answers /metrics, /healthz and /readyz."},
    {"control.snapshot", CONFIG_PATH, AT(control.snapshot), "/run/undam/flags.snapshot", NULL, NULL, 0, 0,
     "The flags snapshot that nginx maps. On the machine of nginx."},
    {"control.catalogue", CONFIG_PATH, AT(control.catalogue), "/run/undam/endpoints.catalogue", NULL, NULL, 0, 0,
     "The compiled endpoint files that nginx loads, written by `undam endpoint compile`."},
    {"control.poll_ms", CONFIG_MS, AT(control.poll_ms), "20ms", NULL, NULL, 1, 60 * 1000,
     "How often flags and the read models' positions are carried into the snapshot."},

    {"validate.listen", CONFIG_LISTEN, AT(validate.listen), "", "none", "127.0.0.1:9104", 0, 0,
     "Where `undam validate` answers /metrics, /healthz and /readyz."},
    {"validate.legacy_url", CONFIG_URL, AT(validate.legacy_url), "", "none", "http://127.0.0.1:8080", 0, 0,
     "Base URL of the old side: the legacy application itself, or nginx's trusted listener."},
    {"validate.stream_url", CONFIG_URL, AT(validate.stream_url), "", "none", "http://127.0.0.1:8081", 0, 0,
     "Base URL of the new side: nginx's trusted listener."},
    {"validate.ticket_socket", CONFIG_PATH, AT(validate.ticket_socket), "/run/undam/tickets.sock", NULL, NULL, 0, 0,
     "The unix datagram socket to which nginx sends one ticket a sampled request."},
    {"validate.wait_ms", CONFIG_MS, AT(validate.wait_ms), "5000ms", NULL, NULL, 0, 3600 * 1000,
     "How long differing answers wait for the read model to catch up before they count as a time-out."},
    {"validate.timeout_ms", CONFIG_MS, AT(validate.timeout_ms), "5000ms", NULL, NULL, 1, 3600 * 1000,
     "How long one request to either side may take."},
    {"validate.unstable_every", CONFIG_INT, AT(validate.unstable_every), "20", NULL, NULL, 0, 1000000,
     "Every Nth comparison asks the old side twice even when the answers are equal. 0: never."},
    {"validate.parallel", CONFIG_INT, AT(validate.parallel), "4", NULL, NULL, 1, 1024, "Comparisons at the same time."},
};
const unsigned config_setting_count = COUNT(config_settings);

const struct config_setting config_service_settings[] = {
    {"dsn", CONFIG_DSN, IN(dsn), "", "none", "host=/var/run/postgresql dbname=transactions_read user=undam", 0, 0,
     "The service's read-model database, one a service. Leave it out when the service only owns tables."},
    {"listen", CONFIG_LISTEN, IN(listen), "", "none", "127.0.0.1:9111", 0, 0,
     "Where the service's projector answers /metrics, /healthz and /readyz."},
};
const unsigned config_service_setting_count = COUNT(config_service_settings);

const char *config_choices(enum config_type type)
{
    if (type == CONFIG_BUS_DRIVER)
        return "postgres|kafka";
    if (type == CONFIG_DELIVERY)
        return "exactly-once|ordered";
    if (type == CONFIG_REGISTRY_DRIVER)
        return "embedded|confluent";
    if (type == CONFIG_COMPATIBILITY)
        return "NONE|BACKWARD|BACKWARD_TRANSITIVE|FORWARD|FORWARD_TRANSITIVE|FULL|FULL_TRANSITIVE";
    if (type == CONFIG_OUTBOX_EMPTY)
        return "as-is|tombstone";
    if (type == CONFIG_OUTBOX_UPDATE)
        return "warn|error|fatal";
    return type == CONFIG_OUTBOX_MODE ? "undam|debezium" : NULL;
}

const char *config_type_name(enum config_type type)
{
    switch (type) {
    case CONFIG_TEXT: return "text";
    case CONFIG_NAME: return "name";
    case CONFIG_SLOT: return "slot name";
    case CONFIG_TABLE: return "schema.table";
    case CONFIG_PATH: return "path";
    case CONFIG_DSN: return "connection string";
    case CONFIG_LISTEN: return "host:port";
    case CONFIG_URL: return "URL";
    case CONFIG_BUS_DRIVER:
    case CONFIG_DELIVERY:
    case CONFIG_REGISTRY_DRIVER:
    case CONFIG_COMPATIBILITY:
    case CONFIG_OUTBOX_MODE:
    case CONFIG_OUTBOX_EMPTY:
    case CONFIG_OUTBOX_UPDATE: return "choice";
    case CONFIG_INT: return "number";
    case CONFIG_BYTES: return "size";
    case CONFIG_MS:
    case CONFIG_US: return "duration";
    }
    return "text";
}
