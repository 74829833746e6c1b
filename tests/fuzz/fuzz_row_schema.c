// SPDX-License-Identifier: Apache-2.0
/* A schema that is accepted prints to a canonical text that is accepted again and prints the same. */
#include <assert.h>

#include "codec/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct row_schema schema;
    struct err err;
    struct buf once, twice;
    arena_init(&arena);
    buf_init(&once, 0);
    buf_init(&twice, 0);
    if (row_schema_parse(str_n((const char *)data, size), &arena, &schema, &err)) {
        row_schema_print(&schema, &once);
        bool again = row_schema_parse(buf_str(&once), &arena, &schema, &err);
        assert(again);
        row_schema_print(&schema, &twice);
        assert(str_eq(buf_str(&once), buf_str(&twice)));
    }
    buf_free(&once);
    buf_free(&twice);
    arena_free(&arena);
    return 0;
}
