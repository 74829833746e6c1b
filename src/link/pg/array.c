// SPDX-License-Identifier: Apache-2.0
/* Array parameters; see array.h. The binary layout is array_recv's: dimensions, has-null flag, element type, then
 * length and lower bound of the one dimension, then each element as length and bytes (-1: null). */
#include "link/pg/array.h"

#include "base/bytes.h"

enum { HEADER = 20, EMPTY_HEADER = 12, TEXT_OID = 25 };

void pg_array_begin(struct buf *b)
{
    buf_clear(b);
    char *at = buf_reserve(b, HEADER);
    if (!at)
        return;
    put_be32(at, 1);
    put_be32(at + 4, 0);
    put_be32(at + 8, TEXT_OID);
    put_be32(at + 12, 0);
    put_be32(at + 16, 1);
    b->len = HEADER;
}

void pg_array_add(struct buf *b, struct str element, bool null)
{
    size_t len = null ? 0 : element.len;
    char *at = buf_reserve(b, 4 + len);
    if (!at)
        return;
    put_be32(at, null ? UINT32_MAX : (uint32_t)len);
    if (len)
        memcpy(at + 4, element.data, len);
    b->len += 4 + len;
    if (null)
        put_be32(b->data + 4, 1);
}

void pg_array_end(struct buf *b, size_t count)
{
    if (b->overflow)
        return;
    put_be32(b->data + 12, (uint32_t)count);
    if (count == 0) { /* an empty array has no dimension at all */
        put_be32(b->data, 0);
        b->len = EMPTY_HEADER;
    }
}

void pg_array_literal_add(struct buf *b, struct str element, bool null)
{
    if (null) {
        buf_adds(b, "NULL");
        return;
    }
    buf_addc(b, '"');
    for (size_t i = 0; i < element.len; i++) {
        if (element.data[i] == '"' || element.data[i] == '\\')
            buf_addc(b, '\\');
        buf_addc(b, element.data[i]);
    }
    buf_addc(b, '"');
}
