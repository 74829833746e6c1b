// SPDX-License-Identifier: Apache-2.0
/* The table of mappings; see row_type.h. */
#include "codec/row_type.h"

#include "codec/pgtext.h"
#include "codec/pgtypes.h"

static const struct {
    uint32_t oid;
    enum row_kind kind;
} scalars[] = {
    {16, ROW_BOOLEAN},     {17, ROW_BYTEA},         {20, ROW_INT8},      {21, ROW_INT2},   {23, ROW_INT4},
    {26, ROW_OID},         {700, ROW_FLOAT4},       {701, ROW_FLOAT8},   {1082, ROW_DATE}, {1083, ROW_TIME},
    {1114, ROW_TIMESTAMP}, {1184, ROW_TIMESTAMPTZ}, {1700, ROW_DECIMAL}, {2950, ROW_UUID},
};

static const struct {
    const char *avro, *logical;
} kinds[] = {
    [ROW_STRING] = {"string", NULL},
    [ROW_BOOLEAN] = {"boolean", NULL},
    [ROW_INT2] = {"int", NULL},
    [ROW_INT4] = {"int", NULL},
    [ROW_INT8] = {"long", NULL},
    [ROW_OID] = {"long", NULL},
    [ROW_FLOAT4] = {"float", NULL},
    [ROW_FLOAT8] = {"double", NULL},
    [ROW_UUID] = {"string", "uuid"},
    [ROW_BYTEA] = {"bytes", NULL},
    [ROW_DECIMAL] = {"bytes", "decimal"},
    [ROW_DATE] = {"int", "date"},
    [ROW_TIME] = {"long", "time-micros"},
    [ROW_TIMESTAMP] = {"long", "local-timestamp-micros"},
    [ROW_TIMESTAMPTZ] = {"long", "timestamp-micros"},
    [ROW_ARRAY] = {"array", NULL},
};

const char *row_kind_avro(enum row_kind kind) { return kinds[kind].avro; }
const char *row_kind_logical(enum row_kind kind) { return kinds[kind].logical; }

/* numeric's modifier is precision << 16 | scale, plus 4; the scale has 11 bits and a sign since PostgreSQL 15. What has
 * no precision, or a scale outside of it, is no Avro decimal. */
static bool decimal_of(int32_t typmod, struct row_type *t)
{
    if (typmod < 4)
        return false;
    unsigned v = (unsigned)typmod - 4;
    int scale = (int)((v & 0x7ff) ^ 1024) - 1024, precision = (int)(v >> 16 & 0xffff);
    if (scale < 0 || scale > precision || precision < 1 || precision > PGTEXT_DIGITS_MAX)
        return false;
    t->precision = precision;
    t->scale = scale;
    return true;
}

static enum row_kind scalar(uint32_t oid, int32_t typmod, struct row_type *t)
{
    for (size_t i = 0; i < COUNT(scalars); i++)
        if (scalars[i].oid == oid)
            return scalars[i].kind == ROW_DECIMAL && !decimal_of(typmod, t) ? ROW_STRING : scalars[i].kind;
    return ROW_STRING;
}

struct row_type row_type_of(const struct row_column *column)
{
    enum { TYPE_BOX = 603 };
    uint32_t oid = column->base_oid ? column->base_oid : column->type_oid;
    int32_t typmod = column->base_oid ? column->base_typmod : column->typmod;
    struct row_type t = {.kind = ROW_STRING, .element = ROW_STRING};
    uint32_t element = pgtypes_element(oid);
    if (!element) {
        t.kind = scalar(oid, typmod, &t);
        return t;
    }
    t.kind = ROW_ARRAY;
    t.delimiter = element == TYPE_BOX ? ';' : ',';
    t.element = scalar(element, typmod, &t);
    return t;
}

static void print_kind(enum row_kind kind, const struct row_type *t, struct buf *out)
{
    const char *logical = kinds[kind].logical;
    if (!logical) {
        buf_printf(out, "\"%s\"", kinds[kind].avro);
        return;
    }
    buf_printf(out, "{\"type\":\"%s\",\"logicalType\":\"%s\"", kinds[kind].avro, logical);
    if (kind == ROW_DECIMAL)
        buf_printf(out, ",\"precision\":%d,\"scale\":%d", t->precision, t->scale);
    buf_addc(out, '}');
}

void row_type_print(const struct row_type *type, struct buf *out)
{
    buf_adds(out, "[\"null\",");
    if (type->kind == ROW_ARRAY) {
        buf_adds(out, "{\"type\":\"array\",\"items\":[\"null\",");
        print_kind(type->element, type, out);
        buf_adds(out, "]}");
    } else {
        print_kind(type->kind, type, out);
    }
    buf_adds(out, row_kind_has_text(type->kind) ? ",\"string\"]" : "]");
}
