// SPDX-License-Identifier: Apache-2.0
/*
 * What partitions end in, and whose it is. A topic belongs to one source: places of two sources have no common order,
 * so one would take the other's last event for its own and leave out what it must write.
 */
#pragma once
#include "bus/bus.h"
#include "link/kafka/consumer.h"

/* The place of the last event in a partition; {0, 0} when it never had one, all are past retention (what is gone may be
 * written again: nobody can have it twice) or the last message is not Undam's (a topic that was taken over). */
struct kafka_last {
    const char *topic;
    int32_t partition;
    struct position pos;
};

/* Fills in the positions. ERR_CONFIG: one is of another source than `source`. */
bool kafka_lasts_read(struct kafka_consumer *c, const char *source, const struct kafka_idle *idle,
                      struct kafka_last *lasts, size_t count, struct err *err) MUST_USE;
/* ERR_CONFIG when a partition of the topic ends in an event of another source. Connects for itself. */
bool kafka_topic_owned(const struct bus_config *config, const struct kafka_idle *idle, const char *topic,
                       int32_t partitions, struct err *err) MUST_USE;
