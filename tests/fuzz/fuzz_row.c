// SPDX-License-Identifier: Apache-2.0
/*
 * The typed mapping in both directions, over a schema with a column of every kind. The first byte says which:
 * 0: the rest is a value; what is accepted gives texts that encode, and then decode to the same texts.
 * else: the rest is a text for the column of that number; what is accepted decodes to that very text, and a column with
 * a string branch accepts everything.
 */
#include <assert.h>

#include "codec/row.h"
#include "codec/row_type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct row_column columns[] = {
    {.type_oid = 25, .typmod = -1},       {.type_oid = 16, .typmod = -1},
    {.type_oid = 21, .typmod = -1},       {.type_oid = 23, .typmod = -1},
    {.type_oid = 20, .typmod = -1},       {.type_oid = 26, .typmod = -1},
    {.type_oid = 700, .typmod = -1},      {.type_oid = 701, .typmod = -1},
    {.type_oid = 2950, .typmod = -1},     {.type_oid = 17, .typmod = -1},
    {.type_oid = 1700, .typmod = 786438}, {.type_oid = 1700, .typmod = 65536000 + 4},
    {.type_oid = 1082, .typmod = -1},     {.type_oid = 1083, .typmod = -1},
    {.type_oid = 1114, .typmod = -1},     {.type_oid = 1184, .typmod = -1},
    {.type_oid = 1009, .typmod = -1},     {.type_oid = 1007, .typmod = -1},
    {.type_oid = 1001, .typmod = -1},     {.type_oid = 1022, .typmod = -1},
    {.type_oid = 1231, .typmod = 786438}, {.type_oid = 1185, .typmod = -1},
    {.type_oid = 2951, .typmod = -1},     {.type_oid = 1020, .typmod = -1},
    {.type_oid = 1700, .typmod = 196615}, {.type_oid = 1021, .typmod = -1},
    {.type_oid = 1182, .typmod = -1},     {.type_oid = 1183, .typmod = -1},
};

static void same_values(const struct row_value *a, const struct row_value *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert(a[i].null == b[i].null && str_eq(a[i].text, b[i].text));
}

static void round_trip(const struct row_plan *plan, const struct row_texts *row, struct arena *arena)
{
    struct buf out;
    struct row_texts again;
    struct err err;
    buf_init(&out, 0);
    bool good = row_encode(plan, 7, row->values, row->dynamic, row->dynamic_count, &out, &err);
    assert(good);
    good = row_decode(plan, buf_str(&out), arena, &again, &err);
    assert(good && again.dynamic_count == row->dynamic_count);
    same_values(row->values, again.values, plan->schema->column_count);
    for (size_t i = 0; i < row->dynamic_count; i++) {
        assert(str_eq(row->dynamic[i].name, again.dynamic[i].name));
        same_values(&row->dynamic[i].value, &again.dynamic[i].value, 1);
    }
    buf_free(&out);
}

static void one_text(struct row_column *column, struct str text, struct arena *arena)
{
    struct row_schema schema = {.columns = column, .column_count = 1};
    struct row_value value = {.text = text};
    struct row_texts row = {.values = &value};
    struct row_plan plan;
    struct buf out;
    struct err err;
    row_plan_make(&schema, arena, &plan);
    buf_init(&out, 0);
    bool good = row_encode(&plan, 7, &value, NULL, 0, &out, &err);
    assert(good || !row_kind_has_text(plan.types[0].kind));
    assert(good || (err.class == ERR_DATA && out.len == 0));
    if (good)
        round_trip(&plan, &row, arena);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct row_schema schema = {.columns = columns, .column_count = COUNT(columns), .dynamic = true};
    struct row_plan plan;
    struct row_texts row;
    struct arena arena;
    struct err err;
    if (size == 0 || size > 4096)
        return 0;
    struct str rest = {(const char *)data + 1, size - 1};
    arena_init(&arena);
    row_plan_make(&schema, &arena, &plan);
    if (data[0] == 0) {
        bool good = row_decode(&plan, rest, &arena, &row, &err);
        if (good)
            round_trip(&plan, &row, &arena);
        for (size_t i = 0; i < COUNT(columns); i++)
            row_plan_skip(&plan, i, &arena);
        bool passed = row_decode(&plan, rest, &arena, &row, &err);
        assert(passed || !good);
    } else {
        one_text(&columns[(data[0] - 1u) % COUNT(columns)], rest, &arena);
    }
    arena_free(&arena);
    return 0;
}
