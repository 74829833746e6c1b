// SPDX-License-Identifier: Apache-2.0
/* Avro values of table events; see row.h. The schema's JSON is in row_schema.c. */
#include "codec/row.h"

#include "base/bytes.h"

enum { FRAME_SIZE = 5 }; /* byte 0, schema id */

/* Avro's long: zigzag, then base 128, low bits first. */
static char *put_long(char *out, int64_t value)
{
    uint64_t n = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    for (; n >= 0x80; n >>= 7)
        *out++ = (char)(n | 0x80);
    *out++ = (char)n;
    return out;
}

/* NULL when the bytes end, do not fit 64 bits, or are not the shortest form (there is one encoding of a value). */
static const char *get_long(const char *p, const char *end, int64_t *ret)
{
    uint64_t n = 0;
    for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)*p++;
        if (shift == 63 && c > 1)
            return NULL;
        n |= (uint64_t)(c & 0x7f) << shift;
        if (c & 0x80)
            continue;
        if (c == 0 && shift > 0)
            return NULL;
        *ret = (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
        return p;
    }
    return NULL;
}

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
        p = put_long(p, (int64_t)v->text.len);
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
    int64_t len;
    if (p == end || (*p != 0 && *p != 2))
        return NULL;
    if (*p++ == 0) {
        *ret = (struct row_value){.null = true};
        return p;
    }
    p = get_long(p, end, &len);
    if (!p || len < 0 || len > end - p)
        return NULL;
    *ret = (struct row_value){.text = {p, (size_t)len}};
    return p + len;
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
