// SPDX-License-Identifier: Apache-2.0
/* A value under every field count from 0 to 8: what is accepted must encode to the same bytes. */
#include <assert.h>

#include "codec/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    struct row_value values[8];
    struct err err;
    int32_t id;
    for (size_t count = 0; count <= COUNT(values); count++) {
        if (!row_decode(in, values, count, &err))
            continue;
        struct buf out;
        buf_init(&out, 0);
        bool framed = row_schema_id(in, &id, &err);
        assert(framed);
        row_encode(id, values, count, &out);
        assert(str_eq(buf_str(&out), in));
        buf_free(&out);
    }
    return 0;
}
