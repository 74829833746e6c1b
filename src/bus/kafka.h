// SPDX-License-Identifier: Apache-2.0
/* The kafka driver's functions (bus.h says what they promise), and what its parts share. */
#pragma once
#include "bus/driver.h"
#include "link/kafka/kafka.h"

bool kafka_writer_open(const struct bus_config *config, const struct lineage *lineage, bus_idle_fn *idle,
                       void *idle_arg, struct bus_writer **ret, struct bus_progress *ret_progress,
                       struct err *err) MUST_USE;
bool kafka_writer_begin(struct bus_writer *w, const struct event_txn *txn, struct err *err) MUST_USE;
bool kafka_writer_put(struct bus_writer *w, const struct event *event, struct err *err) MUST_USE;
bool kafka_writer_end(struct bus_writer *w, struct err *err) MUST_USE;
bool kafka_writer_flush(struct bus_writer *w, struct err *err) MUST_USE;
void kafka_writer_pending(const struct bus_writer *w, uint64_t *ret_events, uint64_t *ret_bytes);
void kafka_writer_close(struct bus_writer *w);

bool kafka_reader_open(const struct bus_config *config, const struct lineage *lineage, const char *const *topics,
                       size_t topic_count, uint64_t after, struct bus_reader **ret, struct err *err) MUST_USE;
int kafka_reader_fd(const struct bus_reader *r);
bool kafka_reader_fetch(struct bus_reader *r, const struct bus_read_limits *limits, struct bus_batch *batch,
                        struct err *err) MUST_USE;
void kafka_reader_close(struct bus_reader *r);
bool kafka_bus_progress(const struct bus_config *config, struct bus_progress *ret, struct err *err) MUST_USE;
bool kafka_bus_info(const struct bus_config *config, struct bus_info *ret, struct err *err) MUST_USE;

bool kafka_position_at(const struct bus_config *config, int64_t before_us, uint64_t *ret_lsn, struct err *err) MUST_USE;
bool kafka_bus_audit(const struct bus_config *config, const struct bus_audit_watch *watch, struct bus_audit *ret,
                     struct err *err) MUST_USE;

static inline bool kafka_ordered(const struct bus_config *config)
{
    return config->delivery && strcmp(config->delivery, "ordered") == 0;
}
static inline struct kafka_config kafka_config_of(const struct bus_config *config)
{
    return (struct kafka_config){.brokers = config->dsn, .properties = config->properties};
}
