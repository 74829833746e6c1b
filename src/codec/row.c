// SPDX-License-Identifier: Apache-2.0
/* Plans, and the framing of values; see row.h. */
#include "codec/row.h"

#include "base/bytes.h"
#include "codec/pgtext.h"
#include "codec/row_value.h"

/* What decoding needs at d->out. */
static size_t bounded_text(const struct row_type *t, enum row_kind kind)
{
    switch (kind) {
    case ROW_BOOLEAN: return 1;
    case ROW_INT2:
    case ROW_INT4:
    case ROW_INT8:
    case ROW_OID: return PGTEXT_INT_SIZE;
    case ROW_FLOAT4:
    case ROW_FLOAT8: return PGTEXT_FLOAT_SIZE;
    case ROW_DECIMAL: return (size_t)t->precision + 3;
    case ROW_DATE: return PGTEXT_DATE_SIZE;
    case ROW_TIME: return PGTEXT_TIME_SIZE;
    case ROW_TIMESTAMP:
    case ROW_TIMESTAMPTZ: return PGTEXT_TIMESTAMP_SIZE;
    case ROW_STRING:
    case ROW_UUID:
    case ROW_BYTEA: break; /* views, or as long as they happen to be */
    case ROW_ARRAY: break; /* the caller asks for the element */
    }
    return 0;
}

void row_plan_make(const struct row_schema *schema, struct arena *arena, struct row_plan *ret)
{
    *ret = (struct row_plan){.schema = schema};
    ret->types = arena_calloc(arena, schema->column_count + 1, sizeof *ret->types);
    for (size_t i = 0; i < schema->column_count; i++) {
        ret->types[i] = row_type_of(&schema->columns[i]);
        const struct row_type *t = &ret->types[i];
        ret->text_max += bounded_text(t, t->kind == ROW_ARRAY ? t->element : t->kind); /* one element at a time */
    }
}

void row_plan_skip(struct row_plan *plan, size_t column, struct arena *arena)
{
    if (!plan->skipped)
        plan->skipped = arena_calloc(arena, plan->schema->column_count, sizeof *plan->skipped);
    plan->skipped[column] = true;
}

bool row_schema_id(struct str value, int32_t *ret, struct err *err)
{
    if (value.len < ROW_FRAME_SIZE || value.data[0] != 0)
        return err_set(err, ERR_DATA, "value without the framing of a schema id (byte 0 and 4 bytes)");
    *ret = (int32_t)get_be32(value.data + 1);
    return true;
}
