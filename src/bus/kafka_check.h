// SPDX-License-Identifier: Apache-2.0
/*
 * What is wrong, dangerous or changed in a Kafka cluster and its topics, each with its effect: for the relay's start,
 * its preflight (`undam relay --check`) and `undam bus topics`. It only reads.
 */
#pragma once
#include "base/mem.h"
#include "bus/bus.h"

enum kafka_severity {
    KAFKA_ERROR,   /* the relay will refuse or stop */
    KAFKA_WARNING, /* events can be lost, or are kept otherwise than configured */
    KAFKA_NOTE,    /* worth knowing */
};

struct kafka_finding {
    enum kafka_severity severity;
    const char *code;   /* stable word: "retention_shorter" */
    const char *object; /* "topic shop.orders", "broker", a setting */
    const char *text;   /* what is so, and what comes of it */
    const char *hint;   /* what to do */
};

/* A topic of the log, and how it is kept. Numbers are -1 where the cluster does not say. */
struct kafka_topic_state {
    const char *name;
    bool commits; /* it is the commits topic */
    int32_t partitions, replicas;
    int64_t retention_ms, min_insync, message_max;
    const char *cleanup; /* "delete", "compact", ... */
};

struct kafka_report {
    struct arena arena; /* owns the rest */
    struct kafka_topic_state *topics;
    size_t topic_count;
    struct kafka_finding *findings; /* errors first */
    size_t count, capacity, errors, warnings;
};

/* The topics of the log with their settings and what has drifted (retention, replication, compaction, partitions, ...).
 * False only when the cluster cannot be asked. To be freed either way. */
bool kafka_topics_check(const struct bus_config *config, struct kafka_report *ret, struct err *err) MUST_USE;
/* The same, and the brokers' settings and those of the properties file. */
bool kafka_cluster_check(const struct bus_config *config, struct kafka_report *ret, struct err *err) MUST_USE;
void kafka_report_free(struct kafka_report *report);
