// SPDX-License-Identifier: Apache-2.0
/* Topics, settings and offsets of a cluster; see admin.h. */
#include "link/kafka/admin.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

/* ---- asking again ---- */

/* Calls of librdkafka that block without being resumable get longer and longer slices: a broker that answers within
 * the first never keeps idle waiting, and a slower one is answered in the end. */
struct attempt {
    int slice_ms;
    int64_t until_us;
};

static struct attempt attempt_start(void)
{
    return (struct attempt){KAFKA_SLICE_MS * 2, mono_us() + (int64_t)KAFKA_ADMIN_MS * 1000};
}

static bool again(struct kafka *k, struct attempt *a, rd_kafka_resp_err_t code, const struct kafka_idle *idle)
{
    bool retriable;
    if (kafka_class(code, &retriable) != ERR_TARGET || !retriable || mono_us() >= a->until_us)
        return false;
    rd_kafka_poll(k->rk, code == RD_KAFKA_RESP_ERR__TIMED_OUT ? 0 : 50); /* error callbacks; no spinning */
    kafka_idle(idle);
    if (a->slice_ms < 4000)
        a->slice_ms = a->slice_ms * 3 / 2;
    return true;
}

/* ---- metadata ---- */

static bool metadata(struct kafka *k, bool all, rd_kafka_topic_t *topic, const struct kafka_idle *idle,
                     const struct rd_kafka_metadata **ret, struct err *err)
{
    struct attempt a = attempt_start();
    for (;;) {
        rd_kafka_resp_err_t code = rd_kafka_metadata(k->rk, all, topic, ret, a.slice_ms);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            return true;
        if (!again(k, &a, code, idle))
            return kafka_fail(k, "cannot read the cluster's metadata", code, NULL, err);
    }
}

static struct kafka_topic_meta meta_of(const rd_kafka_metadata_topic_t *t, const char *name)
{
    struct kafka_topic_meta m = {.name = name, .found = true, .partitions = t->partition_cnt, .replicas = INT32_MAX};
    for (int i = 0; i < t->partition_cnt; i++)
        if (t->partitions[i].replica_cnt < m.replicas)
            m.replicas = t->partitions[i].replica_cnt;
    return m;
}

bool kafka_topic_meta(struct kafka *k, const char *name, const struct kafka_idle *idle, struct kafka_topic_meta *ret,
                      struct err *err)
{
    const struct rd_kafka_metadata *md = NULL;
    struct attempt a = attempt_start();
    rd_kafka_topic_t *topic = rd_kafka_topic_new(k->rk, name, NULL);
    char doing[320];
    snprintf(doing, sizeof doing, "cannot look at topic %s", name);
    if (!topic)
        return kafka_fail(k, doing, rd_kafka_last_error(), NULL, err);
    for (bool good = true; good;) {
        good = metadata(k, false, topic, idle, &md, err);
        if (!good)
            break;
        rd_kafka_resp_err_t code = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        bool there = code == RD_KAFKA_RESP_ERR_NO_ERROR && md->topics[0].partition_cnt > 0;
        if (there)
            *ret = meta_of(&md->topics[0], name);
        rd_kafka_metadata_destroy(md);
        if (there || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            if (!there)
                *ret = (struct kafka_topic_meta){.name = name};
            rd_kafka_topic_destroy(topic);
            return true;
        }
        if (!again(k, &a, code, idle))
            good = kafka_fail(k, doing, code, NULL, err);
    }
    rd_kafka_topic_destroy(topic);
    return false;
}

bool kafka_topic_list(struct kafka *k, const char *prefix, const struct kafka_idle *idle, struct arena *arena,
                      struct kafka_topic_meta **ret, size_t *ret_count, struct err *err)
{
    const struct rd_kafka_metadata *md = NULL;
    size_t n = 0;
    if (!metadata(k, true, NULL, idle, &md, err))
        return false;
    struct kafka_topic_meta *all = arena_calloc(arena, (size_t)md->topic_cnt + 1, sizeof *all);
    for (int i = 0; i < md->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *t = &md->topics[i];
        if (str_starts(str_of(t->topic), str_of(prefix)) && t->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            all[n++] = meta_of(t, arena_strdup(arena, t->topic));
    }
    rd_kafka_metadata_destroy(md);
    *ret = all;
    *ret_count = n;
    return true;
}

bool kafka_brokers(struct kafka *k, const struct kafka_idle *idle, int *ret_count, int32_t *ret_id, struct err *err)
{
    const struct rd_kafka_metadata *md = NULL;
    struct attempt a = attempt_start();
    while (metadata(k, false, NULL, idle, &md, err)) {
        int count = md->broker_cnt;
        int32_t id = count > 0 ? md->brokers[0].id : -1;
        rd_kafka_metadata_destroy(md);
        if (count > 0) {
            *ret_count = count;
            *ret_id = id;
            return true;
        }
        if (!again(k, &a, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, idle))
            return kafka_fail(k, "cannot read the cluster's metadata", RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, NULL, err);
    }
    return false;
}

/* ---- operations with an event as their answer ---- */

struct operation {
    struct kafka *k;
    const struct kafka_idle *idle;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
};

static struct operation operation_start(struct kafka *k, rd_kafka_admin_op_t what, const struct kafka_idle *idle)
{
    char text[200];
    struct operation o = {k, idle, rd_kafka_queue_new(k->rk), rd_kafka_AdminOptions_new(k->rk, what)};
    rd_kafka_AdminOptions_set_request_timeout(o.options, KAFKA_ADMIN_MS, text, sizeof text);
    return o;
}

static void operation_end(struct operation *o, rd_kafka_event_t *event)
{
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(o->options);
    rd_kafka_queue_destroy(o->queue);
}

/* The answer, or NULL with an error. */
static rd_kafka_event_t *operation_wait(struct operation *o, const char *doing, struct err *err)
{
    int64_t until_us = mono_us() + (int64_t)(KAFKA_ADMIN_MS + 2000) * 1000;
    rd_kafka_event_t *event;
    while (!(event = rd_kafka_queue_poll(o->queue, KAFKA_SLICE_MS))) {
        rd_kafka_poll(o->k->rk, 0);
        kafka_idle(o->idle);
        if (mono_us() > until_us) {
            (void)!kafka_fail(o->k, doing, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, err);
            return NULL;
        }
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    rd_kafka_poll(o->k->rk, 0);
    (void)!kafka_fail(o->k, doing, code, rd_kafka_event_error_string(event), err);
    rd_kafka_event_destroy(event);
    return NULL;
}

/* ---- topics ---- */

static bool created(rd_kafka_event_t *event, struct kafka *k, const char *doing, bool *ret_created, struct err *err)
{
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    rd_kafka_resp_err_t code = count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return kafka_fail(k, doing, code, count == 1 ? rd_kafka_topic_result_error_string(results[0]) : NULL, err);
    *ret_created = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    return true;
}

bool kafka_topic_await(struct kafka *k, const char *name, const struct kafka_idle *idle, struct kafka_topic_meta *ret,
                       struct err *err)
{
    struct attempt a = attempt_start();
    do {
        if (!kafka_topic_meta(k, name, idle, ret, err))
            return false;
    } while (!ret->found && again(k, &a, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, idle));
    return true;
}

static bool wait_until_there(struct kafka *k, const char *name, const struct kafka_idle *idle, struct err *err)
{
    struct kafka_topic_meta meta;
    if (!kafka_topic_await(k, name, idle, &meta, err))
        return false;
    return meta.found || err_again(err, ERR_TARGET, "kafka: topic %s was created but is not there", name);
}

bool kafka_topic_create(struct kafka *k, const char *name, int32_t partitions, int32_t replication,
                        const struct kafka_setting *settings, const struct kafka_idle *idle, bool *ret_created,
                        struct err *err)
{
    char doing[320], text[256];
    snprintf(doing, sizeof doing, "cannot create topic %s", name);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, replication, text, sizeof text);
    if (!topic)
        return err_set(err, ERR_CONFIG, "kafka: %s: %s", doing, text);
    for (const struct kafka_setting *s = settings; s && s->name; s++)
        rd_kafka_NewTopic_set_config(topic, s->name, s->value);
    struct operation o = operation_start(k, RD_KAFKA_ADMIN_OP_CREATETOPICS, idle);
    rd_kafka_AdminOptions_set_operation_timeout(o.options, KAFKA_ADMIN_MS, text, sizeof text);
    rd_kafka_CreateTopics(k->rk, &topic, 1, o.options, o.queue);
    rd_kafka_event_t *event = operation_wait(&o, doing, err);
    bool good = event && created(event, k, doing, ret_created, err) && wait_until_there(k, name, idle, err);
    operation_end(&o, event);
    rd_kafka_NewTopic_destroy(topic);
    return good;
}

/* ---- settings ---- */

const char *kafka_values_get(const struct kafka_values *values, const char *name)
{
    for (size_t i = 0; i < values->count; i++)
        if (strcmp(values->values[i].name, name) == 0)
            return values->values[i].value;
    return NULL;
}

bool kafka_values_i64(const struct kafka_values *values, const char *name, int64_t *ret)
{
    const char *text = kafka_values_get(values, name);
    return text && str_to_i64(str_of(text), ret);
}

static struct kafka_values values_of(const rd_kafka_ConfigResource_t *resource, struct arena *arena)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    struct kafka_values values = {arena_calloc(arena, count + 1, sizeof *values.values), count};
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        bool secret = rd_kafka_ConfigEntry_is_sensitive(entries[i]);
        values.values[i] = (struct kafka_value){.name = arena_strdup(arena, rd_kafka_ConfigEntry_name(entries[i])),
                                                .value = arena_strdup(arena, value && !secret ? value : ""),
                                                .set_here = rd_kafka_ConfigEntry_source(entries[i]) ==
                                                            RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG};
    }
    return values;
}

static bool described(rd_kafka_event_t *event, struct kafka *k, const char *const *names, size_t count,
                      struct arena *arena, struct kafka_values *ret, const char *doing, rd_kafka_resp_err_t *ret_code,
                      struct err *err)
{
    size_t got;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &got);
    size_t found = 0;
    for (size_t i = 0; i < got; i++) {
        *ret_code = rd_kafka_ConfigResource_error(resources[i]);
        if (*ret_code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_fail(k, doing, *ret_code, rd_kafka_ConfigResource_error_string(resources[i]), err);
        for (size_t n = 0; n < count; n++) {
            if (strcmp(names[n], rd_kafka_ConfigResource_name(resources[i])) == 0) {
                ret[n] = values_of(resources[i], arena);
                found++;
            }
        }
    }
    return found >= count || kafka_fail(k, doing, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, NULL, err);
}

static bool describe(struct kafka *k, rd_kafka_ResourceType_t type, const char *const *names, size_t count,
                     const struct kafka_idle *idle, struct arena *arena, struct kafka_values *ret, const char *doing,
                     rd_kafka_resp_err_t *ret_code, struct err *err)
{
    if (count == 0)
        return true;
    rd_kafka_ConfigResource_t **resources = arena_calloc(arena, count, sizeof(rd_kafka_ConfigResource_t *));
    for (size_t i = 0; i < count; i++)
        resources[i] = rd_kafka_ConfigResource_new(type, names[i]);
    struct operation o = operation_start(k, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, idle);
    rd_kafka_DescribeConfigs(k->rk, resources, count, o.options, o.queue);
    rd_kafka_event_t *event = operation_wait(&o, doing, err);
    bool good = event && described(event, k, names, count, arena, ret, doing, ret_code, err);
    operation_end(&o, event);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    return good;
}

bool kafka_topic_settings(struct kafka *k, const char *const *names, size_t count, const struct kafka_idle *idle,
                          struct arena *arena, struct kafka_values *ret, struct err *err)
{
    struct attempt a = attempt_start();
    rd_kafka_resp_err_t code;
    bool good;
    do { /* of a topic that was just created, brokers hear at different times */
        code = RD_KAFKA_RESP_ERR_NO_ERROR;
        good = describe(k, RD_KAFKA_RESOURCE_TOPIC, names, count, idle, arena, ret,
                        "cannot read the settings of topics", &code, err);
    } while (!good && code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && again(k, &a, code, idle));
    return good;
}

static bool is_changed(const struct kafka_setting *settings, const char *name)
{
    for (; settings->name; settings++)
        if (strcmp(settings->name, name) == 0)
            return true;
    return false;
}

static bool altered(rd_kafka_event_t *event, struct kafka *k, const char *doing, struct err *err)
{
    size_t count;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count);
    rd_kafka_resp_err_t code = count == 1 ? rd_kafka_ConfigResource_error(resources[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           kafka_fail(k, doing, code, count == 1 ? rd_kafka_ConfigResource_error_string(resources[0]) : NULL, err);
}

bool kafka_topic_set(struct kafka *k, const char *name, const struct kafka_setting *settings,
                     const struct kafka_idle *idle, struct err *err)
{
    struct arena arena;
    struct kafka_values now;
    char doing[320];
    snprintf(doing, sizeof doing, "cannot change the settings of topic %s", name);
    arena_init(&arena);
    bool good = kafka_topic_settings(k, &name, 1, idle, &arena, &now, err);
    if (good) {
        rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
        for (size_t i = 0; i < now.count; i++)
            if (now.values[i].set_here && !is_changed(settings, now.values[i].name))
                rd_kafka_ConfigResource_set_config(resource, now.values[i].name, now.values[i].value);
        for (const struct kafka_setting *s = settings; s->name; s++)
            rd_kafka_ConfigResource_set_config(resource, s->name, s->value);
        struct operation o = operation_start(k, RD_KAFKA_ADMIN_OP_ALTERCONFIGS, idle);
        rd_kafka_AlterConfigs(k->rk, &resource, 1, o.options, o.queue);
        rd_kafka_event_t *event = operation_wait(&o, doing, err);
        good = event && altered(event, k, doing, err);
        operation_end(&o, event);
        rd_kafka_ConfigResource_destroy(resource);
    }
    arena_free(&arena);
    return good;
}

bool kafka_broker_settings(struct kafka *k, int32_t broker, const struct kafka_idle *idle, struct arena *arena,
                           struct kafka_values *ret, struct err *err)
{
    char id[16];
    snprintf(id, sizeof id, "%d", broker);
    const char *names[] = {id};
    rd_kafka_resp_err_t code;
    return describe(k, RD_KAFKA_RESOURCE_BROKER, names, 1, idle, arena, ret, "cannot read the brokers' settings", &code,
                    err);
}

/* ---- offsets ---- */

/* librdkafka asks again by itself, but goes on asking the leader that it remembers of a topic it does not produce to or
 * consume from: a broker that is gone, or that says it is not the leader. */
static void leader_refresh(struct kafka *k, const char *name, const struct attempt *a)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(k->rk, name, NULL);
    if (!topic)
        return;
    if (rd_kafka_metadata(k->rk, false, topic, &md, a->slice_ms) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(md);
    rd_kafka_topic_destroy(topic);
}

enum { LATEST = -1, EARLIEST = -2 };

/* time_ms may be one of these too. */
static bool look_up(struct kafka *k, struct kafka_at *at, size_t count, int64_t time_ms, const struct kafka_idle *idle,
                    struct err *err)
{
    struct attempt a = attempt_start();
    for (;;) {
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
        for (size_t i = 0; i < count; i++)
            rd_kafka_topic_partition_list_add(list, at[i].topic, at[i].partition)->offset = time_ms;
        rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(k->rk, list, a.slice_ms);
        for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
            code = list->elems[i].err;
        for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
            for (size_t n = 0; n < count; n++)
                if (at[n].partition == list->elems[i].partition && strcmp(at[n].topic, list->elems[i].topic) == 0)
                    at[n].offset = list->elems[i].offset >= 0 ? list->elems[i].offset : -1;
        rd_kafka_topic_partition_list_destroy(list);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            return true;
        if (!again(k, &a, code, idle))
            return kafka_fail(k, "cannot look up offsets", code, NULL, err);
        for (size_t i = 0; i < count; i++)
            if (i == 0 || strcmp(at[i].topic, at[i - 1].topic) != 0)
                leader_refresh(k, at[i].topic, &a);
    }
}

/* Brokers look in the first segment that has so late a message, also when all of it was deleted (DeleteRecords moves
 * the start of the log before the segment goes) and then find none at all. They find none for time 0 either then. */
static bool look_again(struct kafka *k, struct kafka_at *at, size_t count, const struct kafka_idle *idle,
                       struct err *err)
{
    struct kafka_at *any = xcalloc(3 * count + 1, sizeof *any), *first = any + count, *end = first + count;
    for (size_t i = 0; i < count; i++)
        any[i] = first[i] = end[i] = at[i];
    bool good = look_up(k, any, count, 0, idle, err) && look_up(k, first, count, EARLIEST, idle, err) &&
                look_up(k, end, count, LATEST, idle, err);
    for (size_t i = 0; good && i < count; i++)
        if (at[i].offset < 0 && any[i].offset < 0 && first[i].offset >= 0 && first[i].offset < end[i].offset)
            at[i].offset = first[i].offset;
    free(any);
    return good;
}

bool kafka_offsets_for_time(struct kafka *k, struct kafka_at *at, size_t count, int64_t time_ms,
                            const struct kafka_idle *idle, struct err *err)
{
    bool none = false;
    if (!look_up(k, at, count, time_ms, idle, err))
        return false;
    for (size_t i = 0; i < count; i++)
        none = none || at[i].offset < 0;
    return !none || time_ms < 0 || look_again(k, at, count, idle, err);
}

bool kafka_topic_ready(struct kafka *k, const char *name, int32_t partitions, const struct kafka_idle *idle,
                       struct err *err)
{
    size_t count = partitions > 0 ? (size_t)partitions : 0;
    struct kafka_at *at = xcalloc(count + 1, sizeof *at);
    for (size_t i = 0; i < count; i++)
        at[i] = (struct kafka_at){.topic = name, .partition = (int32_t)i};
    bool good = kafka_offsets_for_time(k, at, count, LATEST, idle, err);
    free(at);
    return good;
}

bool kafka_watermarks(struct kafka *k, const char *topic, int32_t partition, const struct kafka_idle *idle,
                      int64_t *ret_low, int64_t *ret_high, struct err *err)
{
    struct attempt a = attempt_start();
    for (;;) {
        int64_t low, high;
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(k->rk, topic, partition, &low, &high, a.slice_ms);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            *ret_low = low;
            *ret_high = high;
            return true;
        }
        if (!again(k, &a, code, idle))
            return kafka_fail(k, "cannot look up offsets", code, topic, err);
        leader_refresh(k, topic, &a);
    }
}

bool kafka_delete_before(struct kafka *k, const char *topic, int32_t partition, int64_t offset,
                         const struct kafka_idle *idle, struct err *err)
{
    char doing[320], text[200];
    snprintf(doing, sizeof doing, "cannot delete old records of topic %s", topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *what = rd_kafka_DeleteRecords_new(list);
    struct operation o = operation_start(k, RD_KAFKA_ADMIN_OP_DELETERECORDS, idle);
    rd_kafka_AdminOptions_set_operation_timeout(o.options, KAFKA_ADMIN_MS, text, sizeof text);
    rd_kafka_DeleteRecords(k->rk, &what, 1, o.options, o.queue);
    rd_kafka_event_t *event = operation_wait(&o, doing, err);
    bool good = event != NULL;
    if (event) {
        const rd_kafka_topic_partition_list_t *done =
            rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
        if (done->cnt == 1 && done->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            good = kafka_fail(k, doing, done->elems[0].err, NULL, err);
    }
    operation_end(&o, event);
    rd_kafka_DeleteRecords_destroy(what);
    rd_kafka_topic_partition_list_destroy(list);
    return good;
}
