// SPDX-License-Identifier: Apache-2.0
/* Settings of a cluster and its topics against what Undam needs and what is configured; see kafka_check.h. */
#include "bus/kafka_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bus/kafka.h"
#include "bus/kafka_tail.h"
#include "bus/kafka_topics.h"

struct checking {
    const struct bus_config *config;
    struct kafka_report *report;
    struct kafka client;
};

__attribute__((format(printf, 6, 7))) static void find(struct checking *c, enum kafka_severity severity,
                                                       const char *code, const char *object, const char *hint,
                                                       const char *fmt, ...)
{
    struct kafka_report *r = c->report;
    va_list ap;
    va_start(ap, fmt);
    GROW(r->findings, r->count, r->capacity);
    r->findings[r->count++] = (struct kafka_finding){severity, code, arena_strdup(&r->arena, object),
                                                     arena_vprintf(&r->arena, fmt, ap), arena_strdup(&r->arena, hint)};
    va_end(ap);
    r->errors += severity == KAFKA_ERROR;
    r->warnings += severity == KAFKA_WARNING;
}

static int64_t number(const struct kafka_values *v, const char *name)
{
    int64_t n;
    return kafka_values_i64(v, name, &n) ? n : -1;
}

/* ---- a topic ---- */

static void check_copies(struct checking *c, const struct kafka_topic_state *t, const char *object)
{
    const struct bus_config *want = c->config;
    if (t->replicas == 1)
        find(c, KAFKA_WARNING, "replication_one", object,
             "raise the replication factor with kafka-reassign-partitions; three is usual",
             "replication factor 1: when its broker's disk is lost, so are its events; while the broker is away, the "
             "relay waits and WAL piles up on the source");
    else if (want->replication > 0 && t->replicas < want->replication)
        find(c, KAFKA_WARNING, "replication_drift", object, "add replicas with kafka-reassign-partitions",
             "%d replicas, bus.replication says %d", t->replicas, want->replication);
    if (t->min_insync > t->replicas)
        find(c, KAFKA_ERROR, "min_insync_unreachable", object, "lower min.insync.replicas below the number of replicas",
             "min.insync.replicas=%lld with %d replicas: nothing can be written", (long long)t->min_insync,
             t->replicas);
    else if (t->replicas > 1 && t->min_insync == t->replicas)
        find(c, KAFKA_WARNING, "min_insync_all", object, "lower min.insync.replicas by one",
             "min.insync.replicas=%lld, as many as there are replicas: the relay stops while any broker is down",
             (long long)t->min_insync);
    else if (t->replicas > 1 && t->min_insync == 1)
        find(c, KAFKA_WARNING, "min_insync_one", object, "set min.insync.replicas=2 on the topic",
             "min.insync.replicas=1: acks=all is then the leader's word alone, and an event that was confirmed to "
             "PostgreSQL is lost with it");
    else if (want->min_insync > 0 && t->min_insync >= 0 && t->min_insync < want->min_insync && t->replicas > 1)
        find(c, KAFKA_WARNING, "min_insync_drift", object, "set min.insync.replicas on the topic",
             "min.insync.replicas=%lld, bus.min_insync says %d", (long long)t->min_insync, want->min_insync);
}

static void check_retention(struct checking *c, const struct kafka_topic_state *t, const struct kafka_values *v,
                            const char *object)
{
    int64_t want = kafka_retention_ms(c->config), have = t->retention_ms;
    const char *bytes = kafka_values_get(v, "retention.bytes");
    if (t->commits)
        return; /* what would be wrong there is refused */
    if (have >= 0 && (want < 0 || have < want))
        find(
            c, KAFKA_WARNING, "retention_shorter", object,
            "set retention.ms on the topic, or change bus.retention_days",
            "retention.ms=%lld, shorter than bus.retention_days=%lld says: a read model that is away for longer has to "
            "be rebuilt",
            (long long)have, (long long)c->config->retention_days);
    else if (want >= 0 && (have > want || have < 0))
        find(c, KAFKA_NOTE, "retention_longer", object, "set retention.ms on the topic, or change bus.retention_days",
             "retention.ms=%lld, longer than bus.retention_days=%lld says: what is older can be read only as long as "
             "its "
             "commit records are kept",
             (long long)have, (long long)c->config->retention_days);
    if (bytes && strcmp(bytes, "-1") != 0)
        find(c, KAFKA_WARNING, "retention_bytes", object, "set retention.bytes=-1 on the topic",
             "retention.bytes=%s: under load, events are deleted before their time", bytes);
}

static void check_topic(struct checking *c, struct kafka_topic_state *t, const struct kafka_values *v)
{
    struct err err;
    const char *object = arena_printf(&c->report->arena, "topic %s", t->name);
    t->retention_ms = number(v, "retention.ms");
    t->min_insync = number(v, "min.insync.replicas");
    t->message_max = number(v, "max.message.bytes");
    const char *cleanup = kafka_values_get(v, "cleanup.policy"), *unclean;
    t->cleanup = arena_strdup(&c->report->arena, cleanup ? cleanup : "");
    if (!kafka_topic_usable(t->name, t->commits, v, &err))
        find(c, KAFKA_ERROR, "refused", object, err.hint, "%s", err.text);
    if (t->commits ? t->partitions != 1 : t->partitions != c->config->partitions)
        find(c, KAFKA_ERROR, "partitions", object, "see bus.partitions; adding partitions moves keys",
             "it has %d partitions, not %d: the relay refuses it", t->partitions,
             t->commits ? 1 : c->config->partitions);
    check_copies(c, t, object);
    check_retention(c, t, v, object);
    unclean = kafka_values_get(v, "unclean.leader.election.enable");
    if (unclean && strcmp(unclean, "true") == 0)
        find(c, KAFKA_WARNING, "unclean_election", object, "set unclean.leader.election.enable=false",
             "unclean.leader.election.enable: a replica that lags may become leader, and acknowledged events are lost");
}

/* ---- which topics ---- */

static bool known(const struct kafka_report *r, struct str name)
{
    for (size_t i = 0; i < r->topic_count; i++)
        if (str_is(name, r->topics[i].name))
            return true;
    return false;
}

/* Topics that the log says it has (an outbox's may have any name), and those of the prefix that are no other log's. */
static bool list_topics(struct checking *c, struct err *err)
{
    struct kafka_report *r = c->report;
    struct kafka_topic_meta *all;
    struct kafka_tail tail;
    size_t count;
    CLEANUP(free_ptr)
    char *commits = kafka_commits_topic(c->config);
    CLEANUP(free_ptr)
    char *dotted = xasprintf("%s.", c->config->prefix);
    if (!kafka_topic_list(&c->client, "", NULL, &r->arena, &all, &count, err) ||
        !kafka_tail_read(c->config, NULL, &tail, err))
        return false;
    r->topics = arena_calloc(&r->arena, count + 1, sizeof *r->topics);
    for (size_t i = 0; i < count; i++) {
        bool ours = str_starts(str_of(all[i].name), str_of(dotted)) && !strchr(all[i].name + strlen(dotted), '.');
        for (size_t k = 0; k < tail.total_count && !ours; k++)
            ours = str_is(tail.totals[k].topic, all[i].name);
        if (ours)
            r->topics[r->topic_count++] = (struct kafka_topic_state){.name = all[i].name,
                                                                     .commits = strcmp(all[i].name, commits) == 0,
                                                                     .partitions = all[i].partitions,
                                                                     .replicas = all[i].replicas,
                                                                     .cleanup = ""};
    }
    for (size_t k = 0; k < tail.total_count; k++)
        if (tail.totals[k].events > 0 && !known(r, tail.totals[k].topic))
            find(c, KAFKA_ERROR, "topic_gone", arena_printf(&r->arena, "topic " STR_FMT, STR_ARG(tail.totals[k].topic)),
                 "its events are lost to readers that have not read them: rebuild the service's read model",
                 "the log has written %llu events to it, and it does not exist any more",
                 (unsigned long long)tail.totals[k].events);
    kafka_tail_free(&tail);
    return true;
}

static bool check_topics(struct checking *c, struct err *err)
{
    struct kafka_report *r = c->report;
    if (!list_topics(c, err))
        return false;
    const char **names = arena_calloc(&r->arena, r->topic_count + 1, sizeof(const char *));
    struct kafka_values *values = arena_calloc(&r->arena, r->topic_count + 1, sizeof *values);
    for (size_t i = 0; i < r->topic_count; i++)
        names[i] = r->topics[i].name;
    if (!kafka_topic_settings(&c->client, names, r->topic_count, NULL, &r->arena, values, err))
        return false;
    for (size_t i = 0; i < r->topic_count; i++)
        check_topic(c, &r->topics[i], &values[i]);
    return true;
}

/* ---- brokers ---- */

static void check_transactions(struct checking *c, const struct kafka_values *v)
{
    int64_t max = number(v, "transaction.max.timeout.ms");
    if (kafka_ordered(c->config))
        return;
    if (max > 0 && max < 60000)
        find(
            c, KAFKA_WARNING, "transaction_timeout", "broker", "set transaction.max.timeout.ms=900000 on the brokers",
            "transaction.max.timeout.ms=%lld: when the relay or a broker stands still for so long, what was in hand is "
            "thrown away and written again, and a long source transaction takes a Kafka transaction every %lld seconds",
            (long long)max, (long long)max / 2000);
    if (number(v, "transaction.state.log.replication.factor") == 1)
        find(c, KAFKA_WARNING, "transaction_state_one", "broker",
             "set transaction.state.log.replication.factor=3 and reassign __transaction_state",
             "transaction.state.log.replication.factor=1: while its broker is away, nothing can be committed; when its "
             "disk is lost, fencing is");
    else if (number(v, "transaction.state.log.min.isr") == 1)
        find(c, KAFKA_WARNING, "transaction_state_min_isr", "broker", "set transaction.state.log.min.isr=2",
             "transaction.state.log.min.isr=1: the state of transactions is one broker's word");
}

static bool check_brokers(struct checking *c, struct err *err)
{
    struct kafka_values v;
    struct err denied;
    const char *text;
    int32_t broker;
    int count;
    if (!kafka_brokers(&c->client, NULL, &count, &broker, err))
        return false;
    if (c->config->replication > count)
        find(c, KAFKA_ERROR, "too_few_brokers", "bus.replication", "start more brokers, or lower bus.replication",
             "is %d, and the cluster has %d: topics cannot be created", c->config->replication, count);
    if (c->config->min_insync > c->config->replication)
        find(c, KAFKA_ERROR, "min_insync_setting", "bus.min_insync", "one less than bus.replication is good",
             "is %d, more than bus.replication, which is %d: nothing could be written", c->config->min_insync,
             c->config->replication);
    if (!kafka_broker_settings(&c->client, broker, NULL, &c->report->arena, &v, &denied)) {
        if (denied.class != ERR_CONFIG) {
            *err = denied;
            return false;
        }
        find(c, KAFKA_NOTE, "brokers_not_asked", "broker", "grant DescribeConfigs on the cluster", "%s", denied.text);
        return true;
    }
    text = kafka_values_get(&v, "auto.create.topics.enable");
    if (text && strcmp(text, "true") == 0)
        find(c, KAFKA_WARNING, "auto_create", "broker", "set auto.create.topics.enable=false on the brokers",
             "auto.create.topics.enable: a reader that asks for a topic before the relay has made it creates it with "
             "num.partitions=%s, which the relay then refuses",
             kafka_values_get(&v, "num.partitions") ? kafka_values_get(&v, "num.partitions") : "?");
    check_transactions(c, &v);
    return true;
}

/* ---- the properties file ---- */

static bool check_property(void *arg, struct str name, struct str value, unsigned line, struct err *err)
{
    struct checking *c = arg;
    int64_t n;
    (void)line;
    (void)err;
    if ((str_is(name, "linger.ms") || str_is(name, "queue.buffering.max.ms")) && str_to_i64(value, &n) && n > 50)
        find(c, KAFKA_NOTE, "linger", "bus.properties", "leave it out: batches grow by themselves under load",
             STR_FMT "=%lld: batches that fill slowly wait so long; a flush does not", STR_ARG(name), (long long)n);
    if (str_is(name, "retry.backoff.ms") && str_to_i64(value, &n) && n > 10 && !kafka_ordered(c->config))
        find(c, KAFKA_NOTE, "retry_backoff", "bus.properties", "leave it out",
             "retry.backoff.ms=%lld: a transaction that follows another at once waits so long for its end",
             (long long)n);
    if ((str_is(name, "compression.type") || str_is(name, "compression.codec")) && str_is(value, "none"))
        find(c, KAFKA_NOTE, "no_compression", "bus.properties", "leave it out: lz4 costs little",
             "events are not compressed, on the network and on the brokers' disks");
    if (str_is(name, "security.protocol") && (str_is(value, "plaintext") || str_is(value, "sasl_plaintext")))
        find(c, KAFKA_NOTE, "plaintext", "bus.properties", "use ssl or sasl_ssl where the network is not your own",
             "events%s cross the network in clear text",
             str_is(value, "plaintext") ? "" : " and, with PLAIN, passwords");
    if (str_is(name, "enable.ssl.certificate.verification") && !str_is(value, "true"))
        find(c, KAFKA_WARNING, "no_verification", "bus.properties", "leave it out; give ssl.ca.location instead",
             "certificates are not verified: anybody on the way can be the broker");
    if (str_is(name, "ssl.endpoint.identification.algorithm") && str_is(value, "none"))
        find(c, KAFKA_WARNING, "no_host_verification", "bus.properties", "leave it out",
             "host names are not verified: any certificate of the same authority can be the broker");
    return true;
}

static bool check_properties(struct checking *c, struct err *err)
{
    const char *path = c->config->properties;
    struct stat st;
    if (!path || !*path)
        return true;
    if (stat(path, &st) == 0 && st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP))
        find(c, KAFKA_WARNING, "properties_readable", path, "chmod 600, and owned by the user that runs Undam",
             "the file may hold passwords, and others may %s it", st.st_mode & (S_IWOTH | S_IWGRP) ? "change" : "read");
    return kafka_properties(path, check_property, c, err);
}

/* ---- the whole ---- */

static int by_severity(const void *a, const void *b)
{
    const struct kafka_finding *x = a, *y = b;
    if (x->severity != y->severity)
        return x->severity < y->severity ? -1 : 1;
    int c = strcmp(x->object, y->object);
    return c ? c : strcmp(x->code, y->code);
}

static bool check(const struct bus_config *config, bool cluster, struct kafka_report *ret, struct err *err)
{
    *ret = (struct kafka_report){.count = 0};
    arena_init(&ret->arena);
    struct checking c = {.config = config, .report = ret};
    const struct kafka_config kafka = kafka_config_of(config);
    if (!kafka_open(&c.client, RD_KAFKA_PRODUCER, &kafka, NULL, err))
        return false;
    bool good = (!cluster || (check_properties(&c, err) && check_brokers(&c, err))) && check_topics(&c, err);
    kafka_close(&c.client);
    if (ret->count)
        qsort(ret->findings, ret->count, sizeof *ret->findings, by_severity);
    return good;
}

bool kafka_topics_check(const struct bus_config *config, struct kafka_report *ret, struct err *err)
{
    return check(config, false, ret, err);
}

bool kafka_cluster_check(const struct bus_config *config, struct kafka_report *ret, struct err *err)
{
    return check(config, true, ret, err);
}

void kafka_report_free(struct kafka_report *report)
{
    free(report->findings);
    arena_free(&report->arena);
}
