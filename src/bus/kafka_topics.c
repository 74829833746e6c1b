// SPDX-License-Identifier: Apache-2.0
/* Topics of the kafka driver; see kafka_topics.h. */
#include "bus/kafka_topics.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

char *kafka_commits_topic(const struct bus_config *config) { return xasprintf("%s.commits", config->prefix); }

int64_t kafka_retention_ms(const struct bus_config *config)
{
    return config->retention_days > 0 ? config->retention_days * 86400 * 1000 : -1;
}

bool kafka_topic_name_check(struct str name, struct err *err)
{
    const char *why = NULL;
    if (name.len == 0)
        why = "it is empty";
    else if (name.len > KAFKA_TOPIC_NAME_MAX)
        why = "it is longer than 249 characters";
    else if (str_is(name, ".") || str_is(name, ".."))
        why = "\".\" and \"..\" are no names";
    for (size_t i = 0; i < name.len && !why; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
              c == '-'))
            why = "only A-Z a-z 0-9 . _ - may be in it";
    }
    if (!why)
        return true;
    /* A name that is broken may be anything: it is shown without what a terminal would obey. */
    char shown[64];
    size_t n = 0;
    for (; n < name.len && n + 1 < sizeof shown; n++)
        shown[n] = name.data[n] > ' ' && name.data[n] < 127 ? name.data[n] : '?';
    shown[n] = '\0';
    err_set(err, ERR_DATA, "bus: \"%s\"%s cannot be a topic: %s", shown, n < name.len ? "..." : "", why);
    return err_hint(err, "topics are bus.prefix and the service, or source.outbox_topic_prefix and the outbox row's "
                         "aggregatetype: correct what writes it");
}

bool kafka_pin_refuse(const char *topic, int32_t pinned, const struct bus_config *config, struct err *err)
{
    err_set(err, ERR_CONFIG, "bus.partitions: is %d, but topic %s has %d partitions", config->partitions, topic,
            pinned);
    return err_hint(err,
                    "keys would move to other partitions and lose their order: write bus.partitions: %d, or take "
                    "another bus.prefix and rebuild the read models",
                    pinned);
}

static bool refuse(const char *name, const char *setting, const char *value, const char *effect, const char *want,
                   struct err *err)
{
    err_set(err, ERR_CONFIG, "kafka: topic %s has %s=%s: %s", name, setting, value, effect);
    return err_hint(err, "set it on the topic: %s=%s", setting, want);
}

bool kafka_topic_usable(const char *name, bool commits, const struct kafka_values *values, struct err *err)
{
    const char *cleanup = kafka_values_get(values, "cleanup.policy");
    const char *type = kafka_values_get(values, "message.timestamp.type");
    const char *retention = kafka_values_get(values, "retention.ms"),
               *bytes = kafka_values_get(values, "retention.bytes");
    if (cleanup && strstr(cleanup, "compact"))
        return refuse(name, "cleanup.policy", cleanup,
                      commits ? "compaction throws all but the newest record away"
                              : "compaction throws older events of a key away and refuses events without a key",
                      "delete", err);
    if (type && strcmp(type, "CreateTime") != 0)
        return refuse(name, "message.timestamp.type", type,
                      "readers find their place by the times that the writer gives messages", "CreateTime", err);
    if (commits && retention && strcmp(retention, "-1") != 0)
        return refuse(name, "retention.ms", retention,
                      "the position of the log would be forgotten when the source is quiet for so long", "-1", err);
    if (commits && bytes && strcmp(bytes, "-1") != 0)
        return refuse(name, "retention.bytes", bytes, "events that are still there would be unreadable", "-1", err);
    return true;
}

static bool create(struct kafka *k, const struct bus_config *config, const char *name, bool commits,
                   const struct kafka_idle *idle, struct err *err)
{
    char retention[24], insync[16];
    bool created;
    snprintf(retention, sizeof retention, "%lld", (long long)(commits ? -1 : kafka_retention_ms(config)));
    snprintf(insync, sizeof insync, "%d", config->min_insync > 0 ? config->min_insync : 1);
    const struct kafka_setting settings[] = {{"retention.ms", retention, false},
                                             {"retention.bytes", "-1", false},
                                             {"min.insync.replicas", insync, false},
                                             {"cleanup.policy", "delete", false},
                                             {"message.timestamp.type", "CreateTime", false},
                                             {"unclean.leader.election.enable", "false", false},
                                             {NULL, NULL, false}};
    int32_t replication = config->replication > 0 ? config->replication : 1;
    if (config->min_insync > replication) {
        err_set(err, ERR_CONFIG, "bus.min_insync: is %d, more than bus.replication, which is %d", config->min_insync,
                replication);
        return err_hint(err, "nothing could be written; one less than bus.replication is good");
    }
    return kafka_topic_create(k, name, commits ? 1 : config->partitions, replication, settings, idle, &created, err);
}

bool kafka_topic_ensure(struct kafka *k, const struct bus_config *config, const char *name, bool commits,
                        const struct kafka_idle *idle, struct kafka_ensured *ret, struct err *err)
{
    struct kafka_topic_meta meta;
    struct kafka_values values = {NULL, 0};
    struct arena arena;
    int32_t partitions = commits ? 1 : config->partitions;
    if (!kafka_topic_meta(k, name, idle, &meta, err))
        return false;
    bool created = !meta.found;
    if (created && (!create(k, config, name, commits, idle, err) || !kafka_topic_await(k, name, idle, &meta, err)))
        return false;
    if (!meta.found)
        return err_again(err, ERR_TARGET, "kafka: topic %s was created, but not every broker knows of it yet", name);
    if (meta.partitions != partitions) {
        if (!commits)
            return kafka_pin_refuse(name, meta.partitions, config, err);
        err_set(err, ERR_CONFIG, "kafka: topic %s has %d partitions, not one", name, meta.partitions);
        return err_hint(err, "commit records have one order: delete the topic, if it is not another log's, or take "
                             "another bus.prefix");
    }
    arena_init(&arena);
    bool good = kafka_topic_settings(k, &name, 1, idle, &arena, &values, err) &&
                kafka_topic_usable(name, commits, &values, err) && kafka_topic_ready(k, name, partitions, idle, err);
    int64_t max = 0;
    if (good && (!kafka_values_i64(&values, "max.message.bytes", &max) || max <= 0))
        max = 1048588; /* Kafka's default */
    arena_free(&arena);
    if (good)
        *ret = (struct kafka_ensured){created, max};
    return good;
}
