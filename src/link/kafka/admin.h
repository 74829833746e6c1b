// SPDX-License-Identifier: Apache-2.0
/*
 * What is asked of a cluster besides reading and writing: topics and their settings, offsets, deletion of records.
 * Any open client will do. Waits are cut in slices with idle calls between; brokers that do not answer for
 * KAFKA_ADMIN_MS are ERR_TARGET, retriable.
 */
#pragma once
#include "base/mem.h"
#include "link/kafka/kafka.h"

enum { KAFKA_ADMIN_MS = 10 * 1000 };

struct kafka_topic_meta {
    const char *name;
    bool found;
    int32_t partitions;
    int32_t replicas; /* of the partition that has the fewest */
};

/* One topic; it is not created by asking. */
bool kafka_topic_meta(struct kafka *k, const char *name, const struct kafka_idle *idle, struct kafka_topic_meta *ret,
                      struct err *err) MUST_USE;
/* The same of a topic that must be there: brokers hear of a new one at different times, so they are asked for up to
 * KAFKA_ADMIN_MS before the answer is "not found". */
bool kafka_topic_await(struct kafka *k, const char *name, const struct kafka_idle *idle, struct kafka_topic_meta *ret,
                       struct err *err) MUST_USE;
/* All topics of the cluster whose name starts with the prefix, in the arena. */
bool kafka_topic_list(struct kafka *k, const char *prefix, const struct kafka_idle *idle, struct arena *arena,
                      struct kafka_topic_meta **ret, size_t *ret_count, struct err *err) MUST_USE;
/* *ret_created false: it was there. settings ends with a NULL name. Waits until the topic can be written to. */
bool kafka_topic_create(struct kafka *k, const char *name, int32_t partitions, int32_t replication,
                        const struct kafka_setting *settings, const struct kafka_idle *idle, bool *ret_created,
                        struct err *err) MUST_USE;

struct kafka_value {
    const char *name, *value; /* value "" when it is secret */
    bool set_here;            /* on the topic itself, not the broker's or Kafka's default */
};
struct kafka_values {
    struct kafka_value *values;
    size_t count;
};
/* NULL when there is no such setting. */
const char *kafka_values_get(const struct kafka_values *values, const char *name);
bool kafka_values_i64(const struct kafka_values *values, const char *name, int64_t *ret);

/* The settings of topics (names[i] -> ret[i]) and of a broker. ERR_CONFIG when that is not allowed. */
bool kafka_topic_settings(struct kafka *k, const char *const *names, size_t count, const struct kafka_idle *idle,
                          struct arena *arena, struct kafka_values *ret, struct err *err) MUST_USE;
bool kafka_broker_settings(struct kafka *k, int32_t broker, const struct kafka_idle *idle, struct arena *arena,
                           struct kafka_values *ret, struct err *err) MUST_USE;
/* Changes these settings of a topic (the list ends with a NULL name) and leaves its others as they are. The request
 * that librdkafka 2.0 has replaces all of a topic's settings, so those set on it are read and sent along: two who
 * change one topic in the same moment can undo each other's. */
bool kafka_topic_set(struct kafka *k, const char *name, const struct kafka_setting *settings,
                     const struct kafka_idle *idle, struct err *err) MUST_USE;
/* Number of brokers, and the id of one of them. */
bool kafka_brokers(struct kafka *k, const struct kafka_idle *idle, int *ret_count, int32_t *ret_id,
                   struct err *err) MUST_USE;

/* One partition and an offset or a time in it. */
struct kafka_at {
    const char *topic;
    int32_t partition;
    int64_t offset;
};
/* For each: the first offset whose message's time is at least time_ms, or an earlier one; when there is none, -1.
 * time_ms -1: the end, -2: the start of what is there. */
bool kafka_offsets_for_time(struct kafka *k, struct kafka_at *at, size_t count, int64_t time_ms,
                            const struct kafka_idle *idle, struct err *err) MUST_USE;
/*
 * Every partition's leader has the partition. Metadata names leaders before those have heard of it, and a producer must
 * not meet that: the broker refuses its first batch, which is sent again, and may take the second, already on its way,
 * as the first of a producer it does not know. It then takes the first for a duplicate, and so does librdkafka: a
 * message counted as stored is lost.
 */
bool kafka_topic_ready(struct kafka *k, const char *name, int32_t partitions, const struct kafka_idle *idle,
                       struct err *err) MUST_USE;
/* First offset that is still there, and the one that comes next. */
bool kafka_watermarks(struct kafka *k, const char *topic, int32_t partition, const struct kafka_idle *idle,
                      int64_t *ret_low, int64_t *ret_high, struct err *err) MUST_USE;
/* Everything before the offset is gone. */
bool kafka_delete_before(struct kafka *k, const char *topic, int32_t partition, int64_t offset,
                         const struct kafka_idle *idle, struct err *err) MUST_USE;
