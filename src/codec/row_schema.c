// SPDX-License-Identifier: Apache-2.0
/* The schema's JSON, both ways, and Avro names of columns; see row.h. */
#include "codec/json_read.h"
#include "codec/row.h"

static bool name_char(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

void row_name_escape(struct str column, struct buf *out)
{
    for (size_t i = 0; i < column.len; i++) {
        char c = column.data[i];
        bool looks_escaped = c == '_' && i + 1 < column.len && column.data[i + 1] == 'x';
        if (name_char(c, i == 0) && !looks_escaped)
            buf_addc(out, c);
        else
            buf_printf(out, "_x%02X_", (unsigned)(unsigned char)c);
    }
}

static void print_member(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, ",\"%s\":", name);
    buf_add_json(out, value);
}

void row_schema_print(const struct row_schema *schema, struct buf *out)
{
    buf_adds(out, "{\"type\":\"record\"");
    print_member(out, "name", schema->name);
    print_member(out, "namespace", schema->namespace);
    print_member(out, "undam.entity", schema->entity);
    print_member(out, "undam.verb", schema->verb);
    buf_adds(out, ",\"fields\":[");
    for (size_t i = 0; i < schema->column_count; i++) {
        const struct row_column *c = &schema->columns[i];
        buf_adds(out, i ? ",{\"name\":\"" : "{\"name\":\"");
        row_name_escape(c->name, out);
        buf_adds(out, "\",\"type\":[\"null\",\"string\"],\"default\":null");
        print_member(out, "undam.column", c->name);
        print_member(out, "undam.type", c->type);
        buf_printf(out, ",\"undam.oid\":%u,\"undam.typmod\":%d", c->type_oid, c->typmod);
        if (c->key)
            buf_printf(out, ",\"undam.key\":%d", c->key);
        buf_addc(out, '}');
    }
    buf_adds(out, "]}");
}

/* ---- parsing: members in any order, each at most once, unknown ones passed over ---- */

struct parse {
    struct json_reader json;
    struct err *err;
    struct row_column *columns; /* malloc'ed while they grow */
    size_t count, capacity;
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

static bool get_nullable_string(struct parse *p)
{
    return (json_next(&p->json) == JSON_ARRAY || wrong(p, "the type must be [\"null\",\"string\"]")) &&
           get_word(p, "null") && get_word(p, "string") &&
           (json_next(&p->json) == JSON_ARRAY_END || wrong(p, "the type must be [\"null\",\"string\"]"));
}

static bool skip(struct parse *p)
{
    return json_skip(&p->json, json_next(&p->json)) || wrong(p, "a value is expected");
}

enum { SEEN_NAME = 1, SEEN_TYPE = 2, SEEN_COLUMN = 4, SEEN_PGTYPE = 8, SEEN_OID = 16, SEEN_TYPMOD = 32, SEEN_KEY = 64 };

static bool field_member(struct parse *p, struct str member, struct row_column *c, struct str *name, unsigned *seen)
{
    static const struct {
        const char *name;
        unsigned bit;
    } members[] = {{"name", SEEN_NAME},         {"type", SEEN_TYPE},     {"undam.column", SEEN_COLUMN},
                   {"undam.type", SEEN_PGTYPE}, {"undam.oid", SEEN_OID}, {"undam.typmod", SEEN_TYPMOD},
                   {"undam.key", SEEN_KEY}};
    unsigned bit = 0;
    int64_t n = 0;
    for (size_t i = 0; i < COUNT(members); i++)
        if (str_is(member, members[i].name))
            bit = members[i].bit;
    if (*seen & bit)
        return wrong(p, "a member is given twice");
    *seen |= bit;
    switch (bit) {
    case SEEN_NAME: return get_string(p, name);
    case SEEN_TYPE: return get_nullable_string(p);
    case SEEN_COLUMN: return get_string(p, &c->name);
    case SEEN_PGTYPE: return get_string(p, &c->type);
    case SEEN_OID:
        if (!get_int(p, 0, UINT32_MAX, &n))
            return false;
        c->type_oid = (uint32_t)n;
        return true;
    case SEEN_TYPMOD:
        if (!get_int(p, INT32_MIN, INT32_MAX, &n))
            return false;
        c->typmod = (int32_t)n;
        return true;
    case SEEN_KEY:
        if (!get_int(p, 1, INT32_MAX, &n))
            return false;
        c->key = (int)n;
        return true;
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

static bool get_field(struct parse *p)
{
    struct row_column c = {.typmod = -1};
    struct str name = {NULL, 0};
    unsigned seen = 0;
    enum json_token token;
    while ((token = json_next(&p->json)) == JSON_KEY)
        if (!field_member(p, p->json.value, &c, &name, &seen))
            return false;
    if (token != JSON_OBJECT_END)
        return wrong(p, "a member is expected");
    unsigned all = SEEN_NAME | SEEN_TYPE | SEEN_COLUMN | SEEN_PGTYPE | SEEN_OID | SEEN_TYPMOD;
    if ((seen & all) != all)
        return wrong(p, "a field lacks one of name, type, undam.column, undam.type, undam.oid, undam.typmod");
    if (!name_matches(&c, name))
        return wrong(p, "a field's name is not that of its column");
    GROW(p->columns, p->count, p->capacity);
    p->columns[p->count++] = c;
    return true;
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
    if (*seen & bit)
        return wrong(p, "a member is given twice");
    *seen |= bit;
    if (!bit)
        return skip(p);
    if (bit == 1u << 4)
        return get_word(p, "record");
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
    if (seen != 0x3f)
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
        s.columns = arena_alloc(arena, (p.count + !p.count) * sizeof *s.columns);
        if (p.count)
            memcpy(s.columns, p.columns, p.count * sizeof *s.columns);
        *ret = s;
    }
    free(p.columns);
    return good;
}
