// SPDX-License-Identifier: Apache-2.0
/* Oracle: what was accepted once is accepted again in the form it was printed, and prints the same. */
#include <stdlib.h>

#include "codec/outbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buf out, again;
    struct err err;
    arena_init(&arena);
    buf_init(&out, 0);
    buf_init(&again, 0);
    buf_addc(&out, '{');
    buf_addc(&again, '{');
    if (outbox_headers((struct str){(const char *)data, size}, &arena, &out, &err)) {
        buf_addc(&out, '}');
        if (!outbox_headers(buf_str(&out), &arena, &again, &err))
            abort();
        buf_addc(&again, '}');
        if (!str_eq(buf_str(&out), buf_str(&again)))
            abort();
    }
    buf_free(&out);
    buf_free(&again);
    arena_free(&arena);
    return 0;
}
