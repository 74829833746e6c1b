// SPDX-License-Identifier: Apache-2.0
/* The configuration: defaults, every type, every error with its line, and that the rows themselves are sound. */
#include "model/config.h"
#include "model/config_value.h"
#include "test.h"

#define MINIMAL "source: {name: shop, dsn: host=a dbname=shop}\ncontrol: {dsn: host=b dbname=undam}\n"

static struct config *conf;
static struct err err;

static bool loads(const char *text)
{
    config_free(conf);
    conf = NULL;
    err_clear(&err);
    return config_parse("/etc/undam/undam.yaml", str_of(text), &conf, &err);
}

static void refused(const char *text, const char *want)
{
    CHECK(!loads(text));
    CHECK_INT(err.class, ERR_CONFIG);
    CHECK(strstr(err.text, want) != NULL);
    if (!strstr(err.text, want))
        printf("# got  %s\n# want %s\n", err.text, want);
}

TEST(defaults_and_what_follows_from_others)
{
    CHECK(loads(MINIMAL));
    CHECK_STR(str_of(conf->source.slot), "undam");
    CHECK_STR(str_of(conf->bus.dsn), "host=b dbname=undam");
    CHECK_STR(str_of(conf->bus.prefix), "shop");
    CHECK_STR(str_of(conf->directory), "/etc/undam/migration");
    CHECK_STR(str_of(conf->relay.spool_directory), "/var/lib/undam/spool");
    CHECK_STR(str_of(conf->relay.listen), "");
    CHECK_INT(conf->bus.partitions, 8);
    CHECK_INT(conf->source.retained_wal_max_bytes, 10LL << 30);
    CHECK_INT(conf->relay.watermark_ms, 200);
    CHECK_INT(conf->warning_count, 0);
}

TEST(services_and_owners)
{
    CHECK(loads(MINIMAL "services:\n  users: {dsn: dbname=u, tables: {public.users: id, s.t: 'a, b'}}\n"
                        "  audit:\n    tables:\n      public.audit: id\n"));
    CHECK_INT(conf->service_count, 2);
    const struct config_service *u = config_service(conf, "users");
    CHECK(u && u->table_count == 2 && strcmp(u->tables[1].key, "a, b") == 0);
    CHECK(config_owner(conf, STR("public.audit")) == config_service(conf, "audit"));
    CHECK(config_owner(conf, STR("public.nobody")) == NULL && config_service(conf, "nobody") == NULL);
}

TEST(values_with_units)
{
    CHECK(loads(MINIMAL "relay: {memory_max_bytes: 1MB, linger_us: 3ms, watermark_ms: 2s}\n"));
    CHECK_INT(conf->relay.memory_max_bytes, 1 << 20);
    CHECK_INT(conf->relay.linger_us, 3000);
    CHECK_INT(conf->relay.watermark_ms, 2000);
    CHECK_INT(conf->relay.batch_max_events, 5000);
    CHECK(loads(MINIMAL "bus: {driver: kafka, brokers: \"k:9092\"}\n"));
    CHECK_INT(conf->relay.linger_us, 200000);
    CHECK_INT(conf->relay.batch_max_events, 20000);
    CHECK(loads(MINIMAL "relay: {linger_us: 0, batch_max_events: 7}\nbus: {driver: kafka, brokers: \"k:9092\"}\n"));
    CHECK(conf->relay.linger_us == 0 && conf->relay.batch_max_events == 7);
    int64_t v;
    CHECK(config_read_bytes(STR("10GB"), &v) && v == 10LL << 30);
    CHECK(config_read_bytes(STR("64 kB"), &v) && v == 65536);
    CHECK(!config_read_bytes(STR("10gb"), &v) && !config_read_bytes(STR("GB"), &v) &&
          !config_read_bytes(STR("-1"), &v) && !config_read_bytes(STR("9999999999TB"), &v));
    CHECK(config_read_us(STR("5"), 1000, &v) && v == 5000);
    CHECK(config_read_us(STR("2min"), 1000, &v) && v == 120000000);
}

TEST(wrong_names_and_values)
{
    refused(MINIMAL "rely: {}\n", "undam.yaml:3: unknown setting rely");
    refused(MINIMAL "relay:\n  lisen: ':1'\n", "undam.yaml:4: unknown setting relay.lisen");
    CHECK(strstr(err.hint, "did you mean relay.listen?") != NULL);
    refused(MINIMAL "relay.listen: ':1'\n", "undam.yaml:3: unknown setting relay.listen");
    refused(MINIMAL "relay: {listen: 9101}\n", "relay.listen must be an address");
    refused(MINIMAL "relay: {listen: 'a:70000'}\n", "relay.listen must be an address");
    refused(MINIMAL "relay: {linger_us: 10 parsecs}\n", "relay.linger_us must be a duration");
    refused(MINIMAL "relay: {watermark_ms: 1500us}\n", "must be a duration of whole milliseconds");
    refused(MINIMAL "relay: {memory_max_bytes: many}\n", "relay.memory_max_bytes must be a size");
    refused(MINIMAL "bus: {partitions: 0}\n", "bus.partitions must be between 1 and 4096");
    refused(MINIMAL "bus: {partitions: [1]}\n", "bus.partitions wants one value (number)");
    refused(MINIMAL "bus: {driver: pigeon}\n", "bus.driver must be postgres|kafka");
    refused(MINIMAL "bus: {driver: kafka}\n", "bus.brokers names none");
    refused(MINIMAL "bus: {replication: 1}\n", "bus.min_insync (2) is more than bus.replication (1)");
    refused(MINIMAL "registry: {driver: confluent}\n", "registry.urls names none");
    refused(MINIMAL "validate: {legacy_url: localhost}\n", "validate.legacy_url must be a base URL");
    refused(MINIMAL "relay: 5\n", "relay must be a mapping");
    refused("- a\n", "undam.yaml:1: the file must be a mapping");
    refused("source: {name: s, dsn: d, slot: No}\ncontrol: {dsn: d}\n", "source.slot must be a slot name");
    refused("source: {name: s, dsn: d, outbox_fields: 'type:header'}\ncontrol: {dsn: d}\n",
            "source.outbox_fields only counts with source.outbox_mode: debezium");
    refused("source: {name: s, dsn: d, outbox_mode: debezium, outbox_fields: type}\ncontrol: {dsn: d}\n",
            "source.outbox_fields: \"type\" is not of the form");
    refused("source: {name: s, dsn: d, outbox_mode: debezium, outbox_fields: 'a:partition,b:partition'}\ncontrol: "
            "{dsn: d}\n",
            "several columns choose the partition");
    refused("source: {name: s, dsn: d, outbox_columns: 'kind=k'}\ncontrol: {dsn: d}\n",
            "source.outbox_columns: an outbox has");
    refused("source: {name: s, dsn: d, outbox_update: ignore}\ncontrol: {dsn: d}\n",
            "source.outbox_update must be warn|error|fatal");
    refused("source: {name: s, dsn: d, outbox: outbox}\ncontrol: {dsn: d}\n", "source.outbox must be a table");
    refused("source: {name: 'a b', dsn: d}\ncontrol: {dsn: d}\n", "source.name must be a name");
}

TEST(missing_ones)
{
    refused("", "source.name is missing");
    refused("source: {name: s}\n", "source.dsn is missing");
    refused("source: {name: s, dsn: ''}\n", "undam.yaml:1: source.dsn must not be empty");
    refused("source: {name: s, dsn: x}\n", "control.dsn is missing");
    CHECK(!config_load("/nonexistent/undam.yaml", &conf, &err));
    CHECK_INT(err.class, ERR_CONFIG);
    CHECK(strstr(err.hint, "undam config sample") != NULL);
}

TEST(wrong_services)
{
    refused(MINIMAL "services: 5\n", "undam.yaml:3: services must be a mapping");
    refused(MINIMAL "services: {A: {dsn: x}}\n", "service name 'A'");
    refused(MINIMAL "services: {a: {}}\n", "service a has neither tables nor a dsn");
    refused(MINIMAL "services: {a: {topic: x}}\n", "unknown setting services.a.topic");
    refused(MINIMAL "services: {a: {tables: {users: id}}}\n", "table 'users' has no schema");
    refused(MINIMAL "services: {a: {tables: {p.users: }}}\n", "wants a partition key");
    refused(MINIMAL "services: {a: {tables: {p.users: 'a,,b'}}}\n", "empty column name");
    refused(MINIMAL "services: {a: {tables: {p.u: id}, dynamic: {p.u: 'a,,b'}}}\n", "empty column name");
    refused(MINIMAL "services: {a: {tables: {p.u: id}, dynamic: {p.u: }}}\n", "wants names of columns");
    refused(MINIMAL "services: {a: {tables: {p.u: id}, dynamic: {p.u: 'a*b'}}}\n", "at the end of a name only");
    refused(MINIMAL "services: {a: {tables: {p.u: id}, dynamic: {p.v: a}}}\n", "none of its tables");
    refused(MINIMAL "services: {a: {tables: {p.u: id}, dynamic: x}}\n", "mapping of tables to columns");
    refused(MINIMAL "services:\n  a: {tables: {p.u: id}}\n  b: {tables: {p.u: id}}\n",
            "undam.yaml:5: table p.u belongs to service a already");
    refused(MINIMAL "services:\n  a: {dsn: dbname=x}\n  b: {dsn: dbname=x}\n", "have the same read-model database");
}

TEST(passwords_are_warned_about_and_never_told)
{
    CHECK(loads("source:\n  name: s\n  dsn: postgresql://u:hunter2@h/d\ncontrol: {dsn: host=b password=hunter2}\n"));
    CHECK_INT(conf->warning_count, 2);
    CHECK(strstr(conf->warnings[0], "undam.yaml:3: source.dsn holds a password") != NULL);
    for (size_t i = 0; i < conf->warning_count; i++)
        CHECK(!strstr(conf->warnings[i], "hunter2"));
    refused("source:\n  name: s\n  dsn: \"host=h password=hunter2\\n\"\n", "source.dsn must be text without control");
    CHECK(!strstr(err.text, "hunter2") && !strstr(err.hint, "hunter2"));
    CHECK(config_dsn_has_password("host=a password = x") && config_dsn_has_password("postgresql://h/d?password=x"));
    CHECK(!config_dsn_has_password("postgresql://u@h:5432/d") && !config_dsn_has_password("host=a passfile=/p"));
    CHECK(!config_dsn_has_password("postgresql://[::1]:5432/d"));
}

static const char *is_row_sound(const struct config_setting *s)
{
    union {
        struct config c;
        struct config_service s;
    } base;
    struct arena a;
    const char *why = NULL;
    memset(&base, 0, sizeof base);
    arena_init(&a);
    static char text[128];
    const char *values[] = {s->fallback, s->example};
    for (size_t i = 0; i < COUNT(values); i++)
        if (values[i] && values[i][0] && !config_set(s, &base, &a, "/x", values[i], &why)) {
            snprintf(text, sizeof text, "%s", why);
            arena_free(&a);
            return text;
        }
    bool bad = (!s->fallback && !s->example) || (s->size == 4 && s->max > INT32_MAX);
    arena_free(&a);
    return bad ? "required without example, or range wider than the field" : NULL;
}

TEST(rows_are_sound)
{
    for (unsigned i = 0; i < config_setting_count; i++) {
        const char *why = is_row_sound(&config_settings[i]);
        CHECK(why == NULL);
        if (why)
            printf("# %s: %s\n", config_settings[i].name, why);
    }
    for (unsigned i = 0; i < config_service_setting_count; i++)
        CHECK(is_row_sound(&config_service_settings[i]) == NULL);
}

TEST(a_value_is_written_as_it_is_read)
{
    struct arena a;
    arena_init(&a);
    CHECK(loads(MINIMAL));
    for (unsigned i = 0; i < config_setting_count; i++) {
        const struct config_setting *s = &config_settings[i];
        const char *why;
        char *text = config_value(&a, s, conf);
        CHECK(!text[0] || config_set(s, conf, &a, "/etc/undam", text, &why));
        CHECK_STR(str_of(config_value(&a, s, conf)), text);
    }
    arena_free(&a);
    config_free(conf);
    conf = NULL;
}

TEST_MAIN
