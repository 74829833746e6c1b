// SPDX-License-Identifier: Apache-2.0
/* First byte: inside a stream block or not; the rest is a message. Oracle: encode(decode(x)) == x. */
#include <stdlib.h>
#include <string.h>

#include "codec/pgoutput.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pgoutput_scratch scratch;
    struct pgoutput m;
    struct err err;
    if (size < 1)
        return 0;
    struct str bytes = {(const char *)data + 1, size - 1};
    if (!pgoutput_decode(bytes, data[0] & 1, &scratch, &m, &err))
        return 0;
    struct buf out;
    buf_init(&out, 0);
    pgoutput_encode(&m, &out);
    if (!str_eq(buf_str(&out), bytes))
        abort();
    buf_free(&out);
    return 0;
}
