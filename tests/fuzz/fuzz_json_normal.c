// SPDX-License-Identifier: Apache-2.0
/* The normal form of JSON: what is accepted has one, which is its own normal form. */
#include <stddef.h>
#include <stdlib.h>

#include "codec/json_normal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buf once, twice;
    struct err err;
    arena_init(&arena);
    buf_init(&once, 0);
    buf_init(&twice, 0);
    if (json_normal(str_n((const char *)data, size), &arena, &once, &err) &&
        (!json_normal(buf_str(&once), &arena, &twice, &err) || !str_eq(buf_str(&once), buf_str(&twice))))
        abort();
    buf_free(&once);
    buf_free(&twice);
    arena_free(&arena);
    return 0;
}
