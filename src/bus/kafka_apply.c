// SPDX-License-Identifier: Apache-2.0
/* Topics made and corrected; see kafka_apply.h. */
#include "bus/kafka_apply.h"

#include "bus/kafka.h"
#include "bus/kafka_topics.h"

struct planning {
    const struct bus_config *config;
    struct kafka_report *report;
    struct kafka_change *changes;
    size_t count;
};

static bool is_there(const struct kafka_report *r, const char *topic)
{
    for (size_t i = 0; i < r->topic_count; i++)
        if (strcmp(r->topics[i].name, topic) == 0)
            return true;
    return false;
}

static bool is_gone(const struct kafka_report *r, const char *topic)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->findings[i].code, "topic_gone") == 0 &&
            str_starts(str_of(r->findings[i].object), STR("topic ")) &&
            strcmp(r->findings[i].object + strlen("topic "), topic) == 0)
            return true;
    return false;
}

static void plan_create(struct planning *p, const char *topic)
{
    if (!is_there(p->report, topic) && !is_gone(p->report, topic))
        p->changes[p->count++] = (struct kafka_change){.topic = arena_strdup(&p->report->arena, topic)};
}

static void plan_setting(struct planning *p, const char *topic, const char *setting, int64_t from, int64_t to)
{
    struct arena *a = &p->report->arena;
    if (from != to)
        p->changes[p->count++] = (struct kafka_change){topic, setting, arena_printf(a, "%lld", (long long)from),
                                                       arena_printf(a, "%lld", (long long)to)};
}

void kafka_changes(const struct bus_config *config, const char *const *wanted, size_t wanted_count,
                   struct kafka_report *report, struct kafka_change **ret, size_t *ret_count)
{
    struct planning p = {.config = config, .report = report};
    CLEANUP(free_ptr)
    char *commits = kafka_commits_topic(config);
    p.changes = arena_calloc(&report->arena, wanted_count + 2 * report->topic_count + 2, sizeof *p.changes);
    plan_create(&p, commits);
    for (size_t i = 0; i < wanted_count; i++)
        plan_create(&p, wanted[i]);
    for (size_t i = 0; i < report->topic_count; i++) {
        const struct kafka_topic_state *t = &report->topics[i];
        plan_setting(&p, t->name, "retention.ms", t->retention_ms, t->commits ? -1 : kafka_retention_ms(config));
        if (config->min_insync > 0 && config->min_insync <= t->replicas) /* else nothing could be written */
            plan_setting(&p, t->name, "min.insync.replicas", t->min_insync, config->min_insync);
    }
    *ret = p.changes;
    *ret_count = p.count;
}

bool kafka_changes_apply(const struct bus_config *config, const struct kafka_change *changes, size_t count,
                         struct err *err)
{
    const struct kafka_config kafka = kafka_config_of(config);
    struct kafka k;
    CLEANUP(free_ptr)
    char *commits = kafka_commits_topic(config);
    if (!kafka_open(&k, RD_KAFKA_PRODUCER, &kafka, NULL, err))
        return false;
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        const struct kafka_change *c = &changes[i];
        const struct kafka_setting settings[] = {{c->setting, c->to, false}, {NULL, NULL, false}};
        struct kafka_ensured is;
        good = c->setting ? kafka_topic_set(&k, c->topic, settings, NULL, err)
                          : kafka_topic_ensure(&k, config, c->topic, strcmp(c->topic, commits) == 0, NULL, &is, err);
    }
    kafka_close(&k);
    return good;
}
