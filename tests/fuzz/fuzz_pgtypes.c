// SPDX-License-Identifier: Apache-2.0
/* Any oid with any type modifier gives a bounded printable name or nothing: relations carry both from the wire. */
#include <stdlib.h>

#include "base/bytes.h"
#include "codec/pgtypes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out;
    if (size < 8)
        return 0;
    buf_init(&out, 256);
    bool known = pgtypes_name(get_be32(data), (int32_t)get_be32(data + 4), &out);
    if (out.overflow || known != (out.len > 0))
        abort();
    for (size_t i = 0; i < out.len; i++)
        if (out.data[i] < ' ' || out.data[i] > '~')
            abort();
    buf_free(&out);
    return 0;
}
