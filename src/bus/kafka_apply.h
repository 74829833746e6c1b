// SPDX-License-Identifier: Apache-2.0
/*
 * What `undam bus topics --apply` does to a cluster: topics that are missing are made, retention and
 * min.insync.replicas become what the configuration says. Partition counts and replicas are never touched, and a topic
 * that the log has written to and that is gone is not made again: that would hide the loss.
 */
#pragma once
#include "bus/kafka_check.h"

struct kafka_change {
    const char *topic;
    const char *setting;   /* NULL: the topic is missing */
    const char *from, *to; /* values of the setting */
};

/* wanted: full names of topics that should be there, besides the commits topic. Everything in *ret is in the report's
 * arena. */
void kafka_changes(const struct bus_config *config, const char *const *wanted, size_t wanted_count,
                   struct kafka_report *report, struct kafka_change **ret, size_t *ret_count);
bool kafka_changes_apply(const struct bus_config *config, const struct kafka_change *changes, size_t count,
                         struct err *err) MUST_USE;
