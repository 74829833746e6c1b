// SPDX-License-Identifier: Apache-2.0
/*
 * JSON to tape, for data (avro_json_read) and for defaults (avro_json_default); see avro_json.h. As with schemas, a
 * value is a slice of the text that is read when its type is known, because members come in any order. Recursion goes
 * down the text (JSON_DEPTH_MAX) and, for defaults, into the defaults of missing fields (AVRO_DEPTH_MAX).
 */
#include <errno.h>

#include "codec/avro_json.h"
#include "codec/avro_parse.h"

struct reader {
    struct arena *arena;
    struct arena scratch;
    struct avro_tape *tape;
    size_t max; /* items on the tape */
    bool defaults;
    uint32_t steps;
    struct err *err; /* NULL: whether it fits is all that is asked */
    unsigned depth;
    struct str path[AVRO_DEPTH_MAX];
};

static bool read_value(struct reader *r, const struct avro_schema *s, struct str raw, uint32_t branch);

static bool bad(struct reader *r, const struct avro_schema *s, const char *what)
{
    struct buf path;
    if (!r->err)
        return false;
    buf_init(&path, 400);
    for (unsigned i = 0; i < r->depth; i++) {
        if (r->path[i].data[0] != '[' && r->path[i].data[0] != '{')
            buf_addc(&path, '/');
        buf_add_str(&path, r->path[i]);
    }
    err_set(r->err, ERR_DATA, "%s: %s (%s)", path.len ? path.data : "/", what, avro_type_word(s->type));
    buf_free(&path);
    return false;
}

static struct avro_item *add(struct reader *r, const struct avro_schema *s, uint32_t branch)
{
    struct avro_item *item = r->tape->count < r->max ? avro_tape_add(r->tape) : NULL;
    if (item)
        *item = (struct avro_item){.type = (uint8_t)s->type, .branch = branch};
    else
        (void)bad(r, s, "more values than a datum may have");
    return item;
}

static bool enter(struct reader *r, const struct avro_schema *s, struct str label)
{
    if (r->depth == AVRO_DEPTH_MAX)
        return bad(r, s, "values are nested too deep");
    r->path[r->depth++] = label;
    return true;
}

/* --- leaves --------------------------------------------------------------------------------------------------------
 */

/* Characters up to U+00FF as bytes, in place of the text's own (they are fewer). */
static bool to_latin(struct str text, struct arena *arena, struct str *ret)
{
    char *out = arena_memdup(arena, text.data, text.len);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c > 0xC3)
            return false;
        if (c >= 0xC2)
            c = (unsigned char)((c & 3) << 6 | (text.data[++i] & 0x3F));
        out[n++] = (char)c;
    }
    *ret = (struct str){out, n};
    return true;
}

static bool read_text(struct reader *r, const struct avro_schema *s, struct str text, struct avro_item *item)
{
    if (s->type == AVRO_STRING) {
        item->text = (struct str){arena_memdup(r->arena, text.data, text.len), text.len};
        return true;
    }
    if (s->type == AVRO_BYTES || s->type == AVRO_FIXED) {
        if (!to_latin(text, r->arena, &item->text))
            return bad(r, s, "a character over U+00FF, which is no byte");
        return s->type == AVRO_BYTES || item->text.len == s->size || bad(r, s, "not as many characters as bytes");
    }
    for (size_t i = 0; s->type == AVRO_ENUM && i < s->symbol_count; i++)
        if (str_eq(s->symbols[i], text)) {
            item->number = (int64_t)i;
            return true;
        }
    if ((s->type == AVRO_FLOAT || s->type == AVRO_DOUBLE) && !r->defaults) {
        double d = str_is(text, "NaN") ? __builtin_nan("") : __builtin_inf();
        if (str_is(text, "-Infinity"))
            d = -d;
        else if (!str_is(text, "NaN") && !str_is(text, "Infinity"))
            return bad(r, s, "a string that is no number");
        if (s->type == AVRO_FLOAT)
            item->single = (float)d;
        else
            item->real = d;
        return true;
    }
    return bad(r, s, s->type == AVRO_ENUM ? "no symbol of the enum" : "a string does not fit");
}

static bool read_number(struct reader *r, const struct avro_schema *s, struct str raw, struct avro_item *item)
{
    if (s->type == AVRO_FLOAT || s->type == AVRO_DOUBLE) {
        const char *text = arena_memdup(&r->scratch, raw.data, raw.len);
        if (s->type == AVRO_FLOAT)
            item->single = strtof(text, NULL);
        else
            item->real = strtod(text, NULL);
        return true;
    }
    if (s->type != AVRO_INT && s->type != AVRO_LONG)
        return bad(r, s, "a number does not fit");
    if (!str_to_i64(raw, &item->number) ||
        (s->type == AVRO_INT && (item->number < INT32_MIN || item->number > INT32_MAX)))
        return bad(r, s, "not a whole number in its range");
    return true;
}

/* --- what has others in it -------------------------------------------------------------------------------------------
 */

struct member {
    struct str key, value;
};

/* The members of an object, its brace behind us, in the scratch arena. */
static bool read_members(struct reader *r, struct json_reader *j, struct member **ret, size_t *ret_count)
{
    struct member *list = NULL;
    size_t count = 0, capacity = 0;
    bool good = true;
    while (good && json_next(j) == JSON_KEY) {
        enum json_token first;
        GROW(list, count, capacity);
        list[count].key = j->value;
        good = avro_slice(j, &first, &list[count].value);
        count += good;
    }
    *ret = arena_calloc(&r->scratch, count + 1, sizeof **ret);
    if (count)
        memcpy(*ret, list, count * sizeof **ret);
    *ret_count = count;
    free(list);
    return good;
}

static bool read_field(struct reader *r, const struct avro_schema *s, const struct avro_field *f,
                       const struct member *members, size_t count)
{
    const struct member *found = NULL;
    for (size_t i = 0; i < count && r->steps++ <= AVRO_DEFAULT_STEPS; i++)
        if (str_eq(members[i].key, f->name))
            found = &members[i];
    if (!enter(r, s, f->name))
        return false;
    bool good;
    if (found)
        good = read_value(r, f->type, found->value, 0);
    else if (r->defaults && f->default_json.data)
        good = read_value(r, f->type, f->default_json, 0);
    else
        good = bad(r, f->type, "the field is missing");
    r->depth--;
    return good;
}

static bool read_record(struct reader *r, const struct avro_schema *s, struct json_reader *j)
{
    struct member *members;
    size_t count;
    if (!read_members(r, j, &members, &count))
        return bad(r, s, "broken JSON");
    r->tape->items[r->tape->count - 1].count = (uint32_t)s->field_count;
    if (count > s->field_count && !r->defaults)
        return bad(r, s, "members that the record does not have");
    for (size_t i = 0; i < s->field_count; i++)
        if (!read_field(r, s, &s->fields[i], members, count))
            return false;
    return true;
}

static bool read_items(struct reader *r, const struct avro_schema *s, struct json_reader *j)
{
    size_t own = r->tape->count - 1;
    enum json_token first;
    struct str item;
    if (!enter(r, s, STR("[]")))
        return false;
    while (avro_slice(j, &first, &item)) {
        if (!read_value(r, s->branches[0], item, 0))
            return false;
        r->tape->items[own].count++;
    }
    r->depth--;
    return true;
}

static bool read_map(struct reader *r, const struct avro_schema *s, struct json_reader *j)
{
    static const struct avro_schema key_type = {.type = AVRO_STRING};
    size_t own = r->tape->count - 1, count;
    struct member *members;
    if (!read_members(r, j, &members, &count))
        return bad(r, s, "broken JSON");
    if (!enter(r, s, STR("{}")))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct avro_item *key = add(r, &key_type, 0);
        if (!key || !read_text(r, &key_type, members[i].key, key) ||
            !read_value(r, s->branches[0], members[i].value, 0))
            return false;
        r->tape->items[own].count++;
    }
    r->depth--;
    return true;
}

/* {"branch": value}, or null. */
static bool read_union(struct reader *r, const struct avro_schema *s, struct str raw)
{
    struct json_reader j;
    struct member *members = NULL;
    size_t count = 0;
    json_reader_init(&j, raw, &r->scratch);
    enum json_token token = json_next(&j);
    if (token != JSON_NULL && (token != JSON_OBJECT || !read_members(r, &j, &members, &count) || count != 1))
        return bad(r, s, "neither null nor an object of one member, a branch's name");
    for (size_t i = 0; i < s->branch_count; i++) {
        struct str name = avro_branch_name(s->branches[i]);
        if (token == JSON_NULL ? s->branches[i]->type == AVRO_NULL : str_eq(name, members[0].key))
            return read_value(r, s->branches[i], token == JSON_NULL ? raw : members[0].value, (uint32_t)i);
    }
    return bad(r, s, "no branch of that name");
}

/* A default: the first branch that it fits. */
static bool read_union_bare(struct reader *r, const struct avro_schema *s, struct str raw)
{
    size_t count = r->tape->count;
    unsigned depth = r->depth;
    for (size_t i = 0; i < s->branch_count; i++) {
        if (read_value(r, s->branches[i], raw, (uint32_t)i))
            return true;
        r->tape->count = count;
        r->depth = depth;
    }
    return false;
}

static bool read_token(struct reader *r, const struct avro_schema *s, struct json_reader *j, size_t own)
{
    struct avro_item *item = &r->tape->items[own];
    switch (json_next(j)) {
    case JSON_NULL: return s->type == AVRO_NULL || bad(r, s, "null does not fit");
    case JSON_TRUE:
    case JSON_FALSE:
        if (s->type != AVRO_BOOLEAN)
            return bad(r, s, "a boolean does not fit");
        item->boolean = j->text.data[0] == 't';
        return true;
    case JSON_NUMBER: return read_number(r, s, j->value, item);
    case JSON_STRING: return read_text(r, s, j->value, item);
    case JSON_ARRAY: return s->type == AVRO_ARRAY ? read_items(r, s, j) : bad(r, s, "a list does not fit");
    case JSON_OBJECT:
        if (s->type == AVRO_RECORD)
            return read_record(r, s, j);
        return s->type == AVRO_MAP ? read_map(r, s, j) : bad(r, s, "an object does not fit");
    case JSON_ERROR:
    case JSON_END:
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
    case JSON_KEY: break;
    }
    return bad(r, s, "broken JSON");
}

static bool read_value(struct reader *r, const struct avro_schema *s, struct str raw, uint32_t branch)
{
    struct json_reader j;
    size_t own = r->tape->count;
    if (r->defaults && r->steps++ > AVRO_DEFAULT_STEPS)
        return false;
    if (s->type == AVRO_UNION)
        return r->defaults ? read_union_bare(r, s, raw) : read_union(r, s, raw);
    if (!add(r, s, branch))
        return false;
    json_reader_init(&j, raw, &r->scratch);
    if (!read_token(r, s, &j, own))
        return false;
    if (s->type == AVRO_RECORD || s->type == AVRO_ARRAY || s->type == AVRO_MAP)
        r->tape->items[own].inside = (uint32_t)(r->tape->count - own - 1);
    return true;
}

bool avro_json_read(const struct avro_schema *schema, struct str json, struct arena *arena, struct avro_tape *tape,
                    struct err *err)
{
    struct reader *r = xcalloc(1, sizeof *r);
    struct json_reader j;
    struct str whole;
    enum json_token first;
    *r = (struct reader){.arena = arena, .tape = tape, .max = AVRO_ITEMS_MAX, .err = err};
    avro_tape_clear(tape);
    json_reader_init(&j, json, &r->scratch);
    bool good = avro_slice(&j, &first, &whole) && json_next(&j) == JSON_END;
    if (!good)
        json_fail(&j, "datum", err);
    else
        good = read_value(r, schema, whole, 0);
    if (!good)
        avro_tape_clear(tape);
    arena_free(&r->scratch);
    free(r);
    return good;
}

bool avro_json_default(const struct avro_field *field, struct arena *arena, struct avro_tape *tape, size_t max)
{
    struct reader *r = xcalloc(1, sizeof *r);
    *r = (struct reader){.arena = arena, .tape = tape, .max = max, .defaults = true};
    bool good = read_value(r, field->type, field->default_json, 0);
    arena_free(&r->scratch);
    free(r);
    return good;
}
