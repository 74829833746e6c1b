// SPDX-License-Identifier: Apache-2.0
/* The schema's JSON read back, as strictly as values need it; see row.h. */
#include "codec/json_read.h"
#include "codec/row_type.h"

/* ---- parsing: members in any order, each at most once, unknown ones passed over ---- */

struct parse {
    struct json_reader json;
    struct err *err;
    struct row_column *columns; /* malloc'ed while they grow */
    size_t count, capacity;
    bool dynamic;
};

static bool wrong(struct parse *p, const char *what)
{
    if (p->json.problem)
        return json_fail(&p->json, "schema", p->err);
    return err_set(p->err, ERR_DATA, "schema: %s at byte %zu", what, p->json.at);
}

static bool get_string(struct parse *p, struct str *ret)
{
    if (json_next(&p->json) != JSON_STRING)
        return wrong(p, "a string is expected");
    *ret = p->json.value;
    return true;
}

static bool get_int(struct parse *p, int64_t min, int64_t max, int64_t *ret)
{
    if (json_next(&p->json) != JSON_NUMBER || !str_to_i64(p->json.value, ret) || *ret < min || *ret > max)
        return wrong(p, "a whole number in range is expected");
    return true;
}

static bool get_word(struct parse *p, const char *word)
{
    struct str got = {NULL, 0};
    return get_string(p, &got) && (str_is(got, word) || wrong(p, "another word is expected"));
}

static bool skip(struct parse *p)
{
    return json_skip(&p->json, json_next(&p->json)) || wrong(p, "a value is expected");
}

/* ---- the Avro type of a field ---- */

struct item {
    struct str type, logical;
    int64_t precision, scale;
};

struct field_type {
    struct item item;
    struct item element; /* of an array or map */
    bool in_union, has_text;
};

static bool type_wrong(struct parse *p) { return wrong(p, "the type must be a union of null and the column's type"); }

static bool item_member(struct parse *p, struct str member, struct item *item, bool *ret_nested)
{
    if (str_is(member, "type"))
        return get_string(p, &item->type);
    if (str_is(member, "logicalType"))
        return get_string(p, &item->logical);
    if (str_is(member, "precision"))
        return get_int(p, 1, INT32_MAX, &item->precision);
    if (str_is(member, "scale"))
        return get_int(p, 0, INT32_MAX, &item->scale);
    *ret_nested = str_is(member, "items") || str_is(member, "values");
    return *ret_nested || skip(p);
}

/* A type that is a name or an object; without other types inside. */
static bool get_item(struct parse *p, enum json_token token, struct item *item)
{
    bool nested = false;
    *item = (struct item){.precision = 0};
    item->type = p->json.value;
    if (token == JSON_STRING)
        return true;
    if (token != JSON_OBJECT)
        return type_wrong(p);
    item->type = (struct str){NULL, 0};
    while ((token = json_next(&p->json)) == JSON_KEY)
        if (!item_member(p, p->json.value, item, &nested) || (nested && !type_wrong(p)))
            return false;
    return token == JSON_OBJECT_END || type_wrong(p);
}

/* ["null", item] */
static bool get_element(struct parse *p, struct item *item)
{
    return (json_next(&p->json) == JSON_ARRAY || type_wrong(p)) && get_word(p, "null") &&
           get_item(p, json_next(&p->json), item) && (json_next(&p->json) == JSON_ARRAY_END || type_wrong(p));
}

/* The same, and an array or map with its items. */
static bool get_outer(struct parse *p, enum json_token token, struct field_type *t)
{
    if (token != JSON_OBJECT)
        return get_item(p, token, &t->item);
    while ((token = json_next(&p->json)) == JSON_KEY) {
        bool nested = false;
        if (!item_member(p, p->json.value, &t->item, &nested) || (nested && !get_element(p, &t->element)))
            return false;
    }
    return token == JSON_OBJECT_END || type_wrong(p);
}

static bool get_type(struct parse *p, struct field_type *t)
{
    enum json_token token = json_next(&p->json);
    *t = (struct field_type){.in_union = token == JSON_ARRAY};
    if (!t->in_union)
        return get_outer(p, token, t);
    if (!get_word(p, "null") || !get_outer(p, json_next(&p->json), t))
        return false;
    token = json_next(&p->json);
    if (token == JSON_STRING && str_is(p->json.value, "string")) {
        t->has_text = true;
        token = json_next(&p->json);
    }
    return token == JSON_ARRAY_END || type_wrong(p);
}

static bool item_is(const struct item *item, enum row_kind kind, const struct row_type *want)
{
    const char *logical = row_kind_logical(kind);
    bool decimal = kind == ROW_DECIMAL;
    return str_is(item->type, row_kind_avro(kind)) && str_is(item->logical, logical ? logical : "") &&
           item->precision == (decimal ? want->precision : 0) && item->scale == (decimal ? want->scale : 0);
}

/* The type that row_schema_print() writes for the column; a value could not be read by another one. */
static bool type_is(const struct field_type *t, const struct row_column *c)
{
    struct row_type want = row_type_of(c);
    bool element = want.kind != ROW_ARRAY ? !t->element.type.data : item_is(&t->element, want.element, &want);
    return t->in_union && t->has_text == row_kind_has_text(want.kind) && item_is(&t->item, want.kind, &want) && element;
}

static bool type_is_dynamic(const struct field_type *t)
{
    static const struct row_type none = {.kind = ROW_STRING};
    return !t->in_union && str_is(t->item.type, "map") && item_is(&t->element, ROW_STRING, &none);
}

/* ---- fields ---- */

enum {
    SEEN_NAME = 1,
    SEEN_TYPE = 2,
    SEEN_COLUMN = 4,
    SEEN_PGTYPE = 8,
    SEEN_OID = 16,
    SEEN_TYPMOD = 32,
    SEEN_KEY = 64,
    SEEN_BASE_OID = 128,
    SEEN_BASE_TYPMOD = 256,
    SEEN_DEFAULT = 512,
    SEEN_DOC = 1024,
};

struct field {
    struct row_column column;
    struct str name;
    struct field_type type;
    unsigned seen;
};

static unsigned field_bit(struct str member)
{
    static const struct {
        const char *name;
        unsigned bit;
    } members[] = {{"name", SEEN_NAME},
                   {"type", SEEN_TYPE},
                   {"doc", SEEN_DOC},
                   {"undam.column", SEEN_COLUMN},
                   {"undam.type", SEEN_PGTYPE},
                   {"undam.oid", SEEN_OID},
                   {"undam.typmod", SEEN_TYPMOD},
                   {"undam.base_oid", SEEN_BASE_OID},
                   {"undam.base_typmod", SEEN_BASE_TYPMOD},
                   {"undam.default", SEEN_DEFAULT},
                   {"undam.key", SEEN_KEY}};
    for (size_t i = 0; i < COUNT(members); i++)
        if (str_is(member, members[i].name))
            return members[i].bit;
    return 0;
}

static bool get_doc(struct parse *p, struct str *ret)
{
    enum json_token token = json_next(&p->json);
    if (token == JSON_STRING)
        *ret = p->json.value;
    return token == JSON_STRING || token == JSON_NULL || wrong(p, "a string is expected");
}

static bool get_u32(struct parse *p, int64_t min, uint32_t *ret)
{
    int64_t n;
    if (!get_int(p, min, UINT32_MAX, &n))
        return false;
    *ret = (uint32_t)n;
    return true;
}

static bool get_i32(struct parse *p, int64_t min, int32_t *ret)
{
    int64_t n;
    if (!get_int(p, min, INT32_MAX, &n))
        return false;
    *ret = (int32_t)n;
    return true;
}

static bool field_member(struct parse *p, struct str member, struct field *f)
{
    struct row_column *c = &f->column;
    unsigned bit = field_bit(member);
    if (f->seen & bit)
        return wrong(p, "a member is given twice");
    f->seen |= bit;
    switch (bit) {
    case SEEN_NAME: return get_string(p, &f->name);
    case SEEN_TYPE: return get_type(p, &f->type);
    case SEEN_DOC: return get_doc(p, &c->doc);
    case SEEN_COLUMN: return get_string(p, &c->name);
    case SEEN_PGTYPE: return get_string(p, &c->type);
    case SEEN_OID: return get_u32(p, 0, &c->type_oid);
    case SEEN_TYPMOD: return get_i32(p, INT32_MIN, &c->typmod);
    case SEEN_BASE_OID: return get_u32(p, 1, &c->base_oid);
    case SEEN_BASE_TYPMOD: return get_i32(p, INT32_MIN, &c->base_typmod);
    case SEEN_DEFAULT: return get_string(p, &c->preset);
    case SEEN_KEY: return get_i32(p, 1, &c->key);
    default: return skip(p);
    }
}

/* The Avro name must be the column's: a schema where they differ was not written by row_schema_print. */
static bool name_matches(const struct row_column *c, struct str name)
{
    struct buf want;
    buf_init(&want, 0);
    row_name_escape(c->name, &want);
    bool same = str_eq(buf_str(&want), name);
    buf_free(&want);
    return same;
}

static bool take_column(struct parse *p, const struct field *f)
{
    unsigned all = SEEN_NAME | SEEN_TYPE | SEEN_COLUMN | SEEN_PGTYPE | SEEN_OID | SEEN_TYPMOD;
    if ((f->seen & all) != all)
        return wrong(p, "a field lacks one of name, type, undam.column, undam.type, undam.oid, undam.typmod");
    if (!(f->seen & SEEN_BASE_OID) != !(f->seen & SEEN_BASE_TYPMOD))
        return wrong(p, "a field lacks one of undam.base_oid and undam.base_typmod");
    if (!name_matches(&f->column, f->name))
        return wrong(p, "a field's name is not that of its column");
    if (!type_is(&f->type, &f->column))
        return wrong(p, "a field's type is not the one that its undam.oid and undam.typmod have");
    GROW(p->columns, p->count, p->capacity);
    p->columns[p->count++] = f->column;
    return true;
}

static bool get_field(struct parse *p)
{
    struct field f = {.column = {.typmod = -1}};
    enum json_token token;
    while ((token = json_next(&p->json)) == JSON_KEY)
        if (!field_member(p, p->json.value, &f))
            return false;
    if (token != JSON_OBJECT_END)
        return wrong(p, "a member is expected");
    if (p->dynamic)
        return wrong(p, "the map of dynamic columns is not the last field");
    p->dynamic = str_is(f.name, ROW_DYNAMIC_FIELD) && !(f.seen & SEEN_COLUMN);
    if (p->dynamic)
        return type_is_dynamic(&f.type) || wrong(p, "the map of dynamic columns has another type");
    return take_column(p, &f);
}

static bool get_fields(struct parse *p)
{
    if (json_next(&p->json) != JSON_ARRAY)
        return wrong(p, "fields must be an array");
    enum json_token token;
    while ((token = json_next(&p->json)) == JSON_OBJECT)
        if (!get_field(p))
            return false;
    return token == JSON_ARRAY_END || wrong(p, "a field must be an object");
}

static bool record_member(struct parse *p, struct str member, struct row_schema *s, unsigned *seen)
{
    struct {
        const char *name;
        struct str *into;
    } strings[] = {
        {"name", &s->name}, {"namespace", &s->namespace}, {"undam.entity", &s->entity}, {"undam.verb", &s->verb}};
    unsigned bit = 0;
    for (unsigned i = 0; i < COUNT(strings); i++)
        if (str_is(member, strings[i].name))
            bit = 1u << i;
    if (str_is(member, "type"))
        bit = 1u << 4;
    if (str_is(member, "fields"))
        bit = 1u << 5;
    if (str_is(member, "doc"))
        bit = 1u << 6;
    if (*seen & bit)
        return wrong(p, "a member is given twice");
    *seen |= bit;
    if (!bit)
        return skip(p);
    if (bit == 1u << 4)
        return get_word(p, "record");
    if (bit == 1u << 6)
        return get_doc(p, &s->doc);
    return bit == 1u << 5 ? get_fields(p) : get_string(p, strings[__builtin_ctz(bit)].into);
}

static bool parse_record(struct parse *p, struct row_schema *s)
{
    unsigned seen = 0;
    enum json_token token;
    if (json_next(&p->json) != JSON_OBJECT)
        return wrong(p, "an object is expected");
    while ((token = json_next(&p->json)) == JSON_KEY)
        if (!record_member(p, p->json.value, s, &seen))
            return false;
    if (token != JSON_OBJECT_END || json_next(&p->json) != JSON_END)
        return wrong(p, "the end of the record is expected");
    if ((seen & 0x3f) != 0x3f)
        return wrong(p, "the record lacks one of type, name, namespace, undam.entity, undam.verb, fields");
    return true;
}

bool row_schema_parse(struct str json, struct arena *arena, struct row_schema *ret, struct err *err)
{
    struct parse p = {.err = err};
    struct row_schema s = {.columns = NULL};
    /* Strings are views into this copy. */
    json_reader_init(&p.json, str_n(arena_memdup(arena, json.data ? json.data : "", json.len), json.len), arena);
    bool good = parse_record(&p, &s);
    if (good) {
        s.column_count = p.count;
        s.dynamic = p.dynamic;
        s.columns = arena_alloc(arena, (p.count + !p.count) * sizeof *s.columns);
        if (p.count)
            memcpy(s.columns, p.columns, p.count * sizeof *s.columns);
        *ret = s;
    }
    free(p.columns);
    return good;
}
