// SPDX-License-Identifier: Apache-2.0
/* Texts to Avro: the relay's hot path; see row.h. Room is made once for the whole value, then everything is written
 * without looking. A put_ function returns the end of what it wrote, NULL when the text has no value of the type. */
#include "base/bytes.h"
#include "codec/pgtext.h"
#include "codec/row_array.h"
#include "codec/row_value.h"
#include "codec/varint.h"

static char *put_long(char *p, int64_t n) { return varint_put(p, row_zigzag(n)); }

static char *put_text(char *p, struct str text)
{
    p = put_long(p, (int64_t)text.len);
    if (text.len)
        memcpy(p, text.data, text.len);
    return p + text.len;
}

static char *put_int(char *p, struct str text, int64_t min, int64_t max)
{
    int64_t n;
    return pgtext_int(text, &n) && n >= min && n <= max ? put_long(p, n) : NULL;
}

/* A bytea's length is known before its bytes are. */
static char *put_bytea(char *p, struct str text)
{
    return text.len < 2 ? NULL : pgtext_bytea(text, put_long(p, (int64_t)(text.len - 2) / 2));
}

/* The length is one byte up to 63 of the value: written behind it at once, and moved where it takes two. */
static char *put_decimal(char *p, struct str text, const struct row_type *t)
{
    enum { SHORT = 63 };
    size_t len = pgtext_decimal(text, t->precision, t->scale, p + 1);
    if (len == 0)
        return NULL;
    if (len > SHORT)
        memmove(p + 2, p + 1, len);
    return put_long(p, (int64_t)len) + len;
}

static char *put_float4(char *p, struct str text)
{
    float value;
    if (!pgtext_float4(text, &value))
        return NULL;
    memcpy(p, &value, sizeof value); /* little-endian, as this machine is: base/bytes.h */
    return p + sizeof value;
}

static char *put_float8(char *p, struct str text)
{
    double value;
    if (!pgtext_float8(text, &value))
        return NULL;
    memcpy(p, &value, sizeof value);
    return p + sizeof value;
}

static char *put_date(char *p, struct str text)
{
    int32_t days;
    return pgtext_date(text, &days) ? put_long(p, days) : NULL;
}

static char *put_time(char *p, struct str text)
{
    int64_t us;
    return pgtext_time(text, &us) ? put_long(p, us) : NULL;
}

static char *put_timestamp(char *p, struct str text, bool zone)
{
    int64_t us;
    return pgtext_timestamp(text, zone, &us) ? put_long(p, us) : NULL;
}

static char *put_boolean(char *p, struct str text)
{
    if (text.len != 1 || (text.data[0] != 't' && text.data[0] != 'f'))
        return NULL;
    *p = text.data[0] == 't';
    return p + 1;
}

static char *put_scalar(char *p, const struct row_type *t, enum row_kind kind, struct str text)
{
    switch (kind) {
    case ROW_STRING: return put_text(p, text);
    case ROW_BOOLEAN: return put_boolean(p, text);
    case ROW_INT2: return put_int(p, text, INT16_MIN, INT16_MAX);
    case ROW_INT4: return put_int(p, text, INT32_MIN, INT32_MAX);
    case ROW_INT8: return put_int(p, text, INT64_MIN, INT64_MAX);
    case ROW_OID: return put_int(p, text, 0, UINT32_MAX);
    case ROW_FLOAT4: return put_float4(p, text);
    case ROW_FLOAT8: return put_float8(p, text);
    case ROW_UUID: return pgtext_is_uuid(text) ? put_text(p, text) : NULL;
    case ROW_BYTEA: return put_bytea(p, text);
    case ROW_DECIMAL: return put_decimal(p, text, t);
    case ROW_DATE: return put_date(p, text);
    case ROW_TIME: return put_time(p, text);
    case ROW_TIMESTAMP: return put_timestamp(p, text, false);
    case ROW_TIMESTAMPTZ: return put_timestamp(p, text, true);
    case ROW_ARRAY: break; /* has its own function */
    }
    return NULL;
}

static char *put_element(char *p, const struct row_type *t, const struct row_element *e)
{
    if (e->null) {
        *p = ROW_BRANCH_NULL;
        return p + 1;
    }
    *p++ = ROW_BRANCH_TYPED;
    if (t->element == ROW_STRING)
        return row_element_put(put_long(p, (int64_t)(e->text.len - e->escapes)), e);
    /* Of the typed ones only a bytea has an escape, at its front: "\\x00". */
    if (e->escapes == 0)
        return put_scalar(p, t, t->element, e->text);
    return t->element == ROW_BYTEA && e->escapes == 1 && e->text.data[0] == '\\'
               ? put_bytea(p, str_n(e->text.data + 1, e->text.len - 1))
               : NULL;
}

/* One block of all elements, and the empty one that ends an array. */
static char *put_array(char *p, const struct row_type *t, struct str text)
{
    struct row_array a;
    struct row_element e;
    int64_t count = 0;
    row_array_begin(&a, text, t->delimiter);
    while (row_array_next(&a, &e))
        count++;
    if (a.state != ROW_ARRAY_DONE)
        return NULL;
    if (count)
        p = put_long(p, count);
    row_array_begin(&a, text, t->delimiter);
    while (p && row_array_next(&a, &e))
        p = put_element(p, t, &e);
    if (!p)
        return NULL;
    *p = 0;
    return p + 1;
}

static char *put_value(char *p, const struct row_type *t, const struct row_value *v)
{
    if (v->null) {
        *p = ROW_BRANCH_NULL;
        return p + 1;
    }
    char *end = t->kind == ROW_ARRAY ? put_array(p + 1, t, v->text) : put_scalar(p + 1, t, t->kind, v->text);
    *p = ROW_BRANCH_TYPED;
    if (end || !row_kind_has_text(t->kind))
        return end;
    *p = ROW_BRANCH_TEXT;
    return put_text(p + 1, v->text);
}

static char *put_dynamic(char *p, const struct row_dynamic *dynamic, size_t count)
{
    static const struct row_type text = {.kind = ROW_STRING};
    if (count)
        p = put_long(p, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        p = put_value(put_text(p, dynamic[i].name), &text, &dynamic[i].value);
    *p = 0;
    return p + 1;
}

/* At most this many bytes for a value: a branch, a length, what follows, and the eight bytes at once that the end of a
 * decimal is written in; in arrays a float of one digit becomes
 * nine bytes, any other element of one character at most three. */
static size_t value_max(const struct row_type *t, const struct row_value *v)
{
    if (v->null)
        return 1;
    size_t factor = t->kind != ROW_ARRAY ? 1 : t->element == ROW_FLOAT8 || t->element == ROW_FLOAT4 ? 5 : 2;
    return 3 * VARINT_MAX + factor * v->text.len;
}

static size_t row_max(const struct row_plan *plan, const struct row_value *values, const struct row_dynamic *dynamic,
                      size_t dynamic_count)
{
    size_t need = ROW_FRAME_SIZE + VARINT_MAX + 1;
    for (size_t i = 0; i < plan->schema->column_count; i++)
        need += value_max(&plan->types[i], &values[i]);
    for (size_t i = 0; i < dynamic_count; i++)
        need += 2 * VARINT_MAX + dynamic[i].name.len + dynamic[i].value.text.len + 1;
    return need;
}

bool row_encode(const struct row_plan *plan, int32_t schema_id, const struct row_value *values,
                const struct row_dynamic *dynamic, size_t dynamic_count, struct buf *out, struct err *err)
{
    char *start = buf_reserve(out, row_max(plan, values, dynamic, dynamic_count));
    if (!start)
        return true; /* the caller looks at out->overflow */
    char *p = start;
    *p++ = 0;
    put_be32(p, (uint32_t)schema_id);
    p += 4;
    for (size_t i = 0; i < plan->schema->column_count; i++) {
        p = put_value(p, &plan->types[i], &values[i]);
        if (p)
            continue;
        const struct row_column *c = &plan->schema->columns[i];
        *start = '\0';
        err_set(err, ERR_DATA, "column " STR_FMT ": a text that no " STR_FMT " prints", STR_ARG(c->name),
                STR_ARG(c->type));
        return err_hint(err, "the session's settings or the server's version print this type in another way; nothing "
                             "is rounded, so the event is refused");
    }
    if (plan->schema->dynamic)
        p = put_dynamic(p, dynamic, dynamic_count);
    *p = '\0';
    out->len += (size_t)(p - start);
    return true;
}
