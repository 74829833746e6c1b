// SPDX-License-Identifier: Apache-2.0
/* Avro values of table events; see row.h. The schema's JSON is in row_schema.c. */
#include "codec/row.h"

#include "base/bytes.h"
#include "codec/varint.h"

enum { FRAME_SIZE = 5 }; /* byte 0, schema id */

void row_encode(int32_t schema_id, const struct row_value *values, size_t count, struct buf *out)
{
    size_t need = FRAME_SIZE;
    for (size_t i = 0; i < count; i++)
        need += 1 + (values[i].null ? 0 : 10 + values[i].text.len);
    char *start = buf_reserve(out, need);
    if (!start)
        return;
    char *p = start;
    *p++ = 0;
    put_be32(p, (uint32_t)schema_id);
    p += 4;
    for (size_t i = 0; i < count; i++) {
        const struct row_value *v = &values[i];
        *p++ = v->null ? 0 : 2; /* the union's branch, 0 or 1, zigzag */
        if (v->null)
            continue;
        p = varint_put(p, (uint64_t)v->text.len << 1); /* zigzag of a length */
        if (v->text.len)
            memcpy(p, v->text.data, v->text.len);
        p += v->text.len;
    }
    *p = '\0';
    out->len += (size_t)(p - start);
}

bool row_schema_id(struct str value, int32_t *ret, struct err *err)
{
    if (value.len < FRAME_SIZE || value.data[0] != 0)
        return err_set(err, ERR_DATA, "value without the framing of a schema id (byte 0 and 4 bytes)");
    *ret = (int32_t)get_be32(value.data + 1);
    return true;
}

/* One field; NULL when it does not fit. */
static const char *get_field(const char *p, const char *end, struct row_value *ret)
{
    uint64_t len; /* zigzag: an odd number is negative */
    if (p == end || (*p != 0 && *p != 2))
        return NULL;
    if (*p++ == 0) {
        *ret = (struct row_value){.null = true};
        return p;
    }
    p = varint_get(p, end, &len);
    if (!p || len & 1 || len >> 1 > (size_t)(end - p))
        return NULL;
    *ret = (struct row_value){.text = {p, len >> 1}};
    return p + (len >> 1);
}

bool row_decode(struct str value, struct row_value *ret_values, size_t count, struct err *err)
{
    int32_t id;
    if (!row_schema_id(value, &id, err))
        return false;
    const char *p = value.data + FRAME_SIZE, *end = value.data + value.len;
    for (size_t i = 0; i < count; i++) {
        p = get_field(p, end, &ret_values[i]);
        if (!p)
            return err_set(err, ERR_DATA, "value of schema %d: field %zu of %zu does not fit the bytes", id, i + 1,
                           count);
    }
    if (p != end)
        return err_set(err, ERR_DATA, "value of schema %d: %td bytes left after its %zu fields", id, end - p, count);
    return true;
}
