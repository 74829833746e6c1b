// SPDX-License-Identifier: Apache-2.0
/* Oracle: what was accepted once is accepted again in the form it was printed, and prints the same; placements that
 * were accepted have a column and an alias within the text. */
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
    struct outbox_field fields[OUTBOX_FIELDS_MAX];
    struct str text = {(const char *)data, size};
    size_t count = 0;
    if (outbox_fields_parse(text, fields, &count, &err))
        for (size_t i = 0; i < count; i++)
            if (!fields[i].column.len || !fields[i].alias.len ||
                fields[i].alias.data + fields[i].alias.len > text.data + size)
                abort();
    if (outbox_columns_check(text, "id|payload", &err) && !outbox_column(text, STR("id")).len)
        abort();
    buf_clear(&out);
    if (outbox_bytes(text, &out) && out.len * 2 + 2 != size)
        abort();
    buf_free(&out);
    buf_free(&again);
    arena_free(&arena);
    return 0;
}
