// SPDX-License-Identifier: Apache-2.0
/*
 * Whether a field's default is a value of its type, in the form that the specification gives defaults: JSON without the
 * branch of a union, bytes as characters up to U+00FF. A record's member may be missing where that field has a default.
 * Invariant: recursion goes down the JSON text only, and every comparison counts against AVRO_DEFAULT_STEPS.
 */
#include "codec/avro_parse.h"

/* Characters of a decoded string when each is at most U+00FF, else -1. */
static int64_t latin_length(struct str text)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c > 0xC3)
            return -1;
        n += (c & 0xC0) != 0x80;
    }
    return n;
}

static bool text_fits(const struct avro_schema *s, struct str text)
{
    if (s->type == AVRO_STRING)
        return true;
    if (s->type == AVRO_BYTES)
        return latin_length(text) >= 0;
    if (s->type == AVRO_FIXED)
        return latin_length(text) == s->size;
    for (size_t i = 0; s->type == AVRO_ENUM && i < s->symbol_count; i++)
        if (str_eq(s->symbols[i], text))
            return true;
    return false;
}

static bool number_fits(const struct avro_schema *s, struct str raw)
{
    int64_t n;
    if (s->type == AVRO_FLOAT || s->type == AVRO_DOUBLE)
        return true;
    if (!str_to_i64(raw, &n))
        return false;
    return s->type == AVRO_LONG || (s->type == AVRO_INT && n >= INT32_MIN && n <= INT32_MAX);
}

static bool items_fit(struct avro_parser *p, const struct avro_schema *s, struct json_reader *r)
{
    enum json_token first;
    struct str item;
    while (avro_slice(r, &first, &item))
        if (!avro_default_fits(p, s->branches[0], item))
            return false;
    return true;
}

static const struct avro_field *find_field(struct avro_parser *p, const struct avro_schema *s, struct str name)
{
    for (size_t i = 0; i < s->field_count && p->steps++ <= AVRO_DEFAULT_STEPS; i++)
        if (str_eq(s->fields[i].name, name))
            return &s->fields[i];
    return NULL;
}

static bool record_fits(struct avro_parser *p, const struct avro_schema *s, struct json_reader *r)
{
    bool *given = arena_calloc(&p->scratch, s->field_count + 1, sizeof *given), good = true;
    p->steps += (uint32_t)s->field_count;
    while (good && json_next(r) == JSON_KEY) {
        const struct avro_field *f = find_field(p, s, r->value);
        enum json_token first;
        struct str value;
        good = avro_slice(r, &first, &value) && (!f || avro_default_fits(p, f->type, value));
        if (f)
            given[f - s->fields] = true;
    }
    for (size_t i = 0; good && i < s->field_count; i++)
        good = given[i] || s->fields[i].default_json.data;
    return good;
}

static bool members_fit(struct avro_parser *p, const struct avro_schema *s, struct json_reader *r)
{
    while (json_next(r) == JSON_KEY) {
        enum json_token first;
        struct str value;
        if (!avro_slice(r, &first, &value) || !avro_default_fits(p, s->branches[0], value))
            return false;
    }
    return true;
}

bool avro_default_fits(struct avro_parser *p, const struct avro_schema *s, struct str raw)
{
    struct json_reader r;
    if (p->steps++ > AVRO_DEFAULT_STEPS)
        return false;
    if (s->type == AVRO_UNION) {
        for (size_t i = 0; i < s->branch_count; i++)
            if (avro_default_fits(p, s->branches[i], raw))
                return true;
        return false;
    }
    json_reader_init(&r, raw, &p->scratch);
    switch (json_next(&r)) {
    case JSON_NULL: return s->type == AVRO_NULL;
    case JSON_TRUE:
    case JSON_FALSE: return s->type == AVRO_BOOLEAN;
    case JSON_NUMBER: return number_fits(s, r.value);
    case JSON_STRING: return text_fits(s, r.value);
    case JSON_ARRAY: return s->type == AVRO_ARRAY && items_fit(p, s, &r);
    case JSON_OBJECT:
        return s->type == AVRO_RECORD ? record_fits(p, s, &r) : s->type == AVRO_MAP && members_fit(p, s, &r);
    case JSON_ERROR:
    case JSON_END:
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
    case JSON_KEY: break;
    }
    return false;
}
