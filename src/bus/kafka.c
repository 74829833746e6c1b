// SPDX-License-Identifier: Apache-2.0
/* The kafka driver's row; see kafka.h. */
#include "bus/kafka.h"

const struct bus_driver bus_kafka = {
    .name = "kafka",
    .writer_open = kafka_writer_open,
    .writer_begin = kafka_writer_begin,
    .writer_put = kafka_writer_put,
    .writer_end = kafka_writer_end,
    .writer_quiet = bus_turn_quiet,
    .writer_flush = kafka_writer_flush,
    .writer_pending = kafka_writer_pending,
    .writer_close = kafka_writer_close,
    .reader_open = kafka_reader_open,
    .reader_fd = kafka_reader_fd,
    .reader_fetch = kafka_reader_fetch,
    .reader_close = kafka_reader_close,
    .progress_get = kafka_bus_progress,
    .info_get = kafka_bus_info,
    .position_at = kafka_position_at,
    .audit = kafka_bus_audit,
};
