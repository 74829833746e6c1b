// SPDX-License-Identifier: Apache-2.0
/* A record that is accepted is printed, and what was printed reads and prints the same. */
#include <assert.h>

#include "bus/kafka_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buf once, twice;
    struct kafka_record record;
    struct err err;
    arena_init(&arena);
    buf_init(&once, 0);
    buf_init(&twice, 0);
    if (kafka_record_parse(str_n((const char *)data, size), &arena, &record, &err)) {
        kafka_record_print(&record, &once);
        bool again = kafka_record_parse(buf_str(&once), &arena, &record, &err);
        assert(again);
        kafka_record_print(&record, &twice);
        assert(str_eq(buf_str(&once), buf_str(&twice)));
    } else {
        assert(err.class == ERR_DATA);
    }
    buf_free(&once);
    buf_free(&twice);
    arena_free(&arena);
    return 0;
}
