// SPDX-License-Identifier: Apache-2.0
/*
 * Topics of the kafka driver: their names, how they are made, and what of an existing one cannot be lived with.
 * What can be, but is not as configured, is for kafka_check.h.
 */
#pragma once
#include "bus/bus.h"
#include "link/kafka/admin.h"

enum { KAFKA_TOPIC_NAME_MAX = 249 };

/* "<prefix>.commits", to be freed. */
char *kafka_commits_topic(const struct bus_config *config);
/* What Kafka accepts as a topic's name; else ERR_DATA saying why. */
bool kafka_topic_name_check(struct str name, struct err *err) MUST_USE;
int64_t kafka_retention_ms(const struct bus_config *config); /* -1: for ever */

struct kafka_ensured {
    bool created;        /* it was not there before */
    int64_t message_max; /* bytes of the largest batch it takes */
};
/* The topic is there on return, created if need be, and usable.
 * ERR_CONFIG: another number of partitions, compaction, times that are not ours, or a commits topic that forgets. */
bool kafka_topic_ensure(struct kafka *k, const struct bus_config *config, const char *name, bool commits,
                        const struct kafka_idle *idle, struct kafka_ensured *ret, struct err *err) MUST_USE;
/* ERR_CONFIG naming both counts. */
bool kafka_pin_refuse(const char *topic, int32_t pinned, const struct bus_config *config, struct err *err);
/* What ensure() refuses in settings. */
bool kafka_topic_usable(const char *name, bool commits, const struct kafka_values *values, struct err *err) MUST_USE;
