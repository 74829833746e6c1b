// SPDX-License-Identifier: Apache-2.0
/*
 * Avro schemas from JSON; see avro_schema.h. The text is read once as JSON, and then value by value as slices of it,
 * because an object's members come in any order and a type must have its name before its fields refer to it.
 * Invariant: recursion is bounded by the depth of the JSON text (JSON_DEPTH_MAX); each level scans its slice once.
 */
#include "codec/avro_schema.h"

#include "codec/avro_parse.h"

static const struct avro_schema primitives[] = {
    {.type = AVRO_NULL},  {.type = AVRO_BOOLEAN}, {.type = AVRO_INT},   {.type = AVRO_LONG},
    {.type = AVRO_FLOAT}, {.type = AVRO_DOUBLE},  {.type = AVRO_BYTES}, {.type = AVRO_STRING},
};

const char *avro_type_word(enum avro_type type)
{
    static const char *const words[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                        "string", "record",  "enum", "array", "map",   "union",  "fixed"};
    return words[type];
}

static const struct avro_schema *primitive(struct str word)
{
    for (size_t i = 0; i < COUNT(primitives); i++)
        if (str_is(word, avro_type_word(primitives[i].type)))
            return &primitives[i];
    return NULL;
}

/* --- slices of the text ------------------------------------------------------------------------------------------ */

bool(avro_parse_fail)(struct avro_parser *p, struct str at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *what = arena_vprintf(&p->scratch, fmt, ap);
    va_end(ap);
    return err_set(p->err, ERR_DATA, "schema: %.400s at byte %td", what, at.data - p->text.data);
}

bool avro_slice(struct json_reader *r, enum json_token *ret_first, struct str *ret)
{
    size_t from = r->at;
    *ret_first = json_next(r);
    if (*ret_first == JSON_ARRAY_END || *ret_first == JSON_OBJECT_END || !json_skip(r, *ret_first))
        return false;
    while (from < r->at && strchr(" \t\r\n,", r->text.data[from]))
        from++;
    *ret = (struct str){r->text.data + from, r->at - from};
    return true;
}

/* The members of an object that have a name in `names`, as slices; the others are passed over. */
static bool read_members(struct avro_parser *p, struct str raw, const char *const *names, size_t count,
                         struct str *ret_members)
{
    struct json_reader r;
    json_reader_init(&r, raw, &p->scratch);
    if (json_next(&r) != JSON_OBJECT)
        return avro_parse_fail(p, raw, "an object is expected");
    while (json_next(&r) == JSON_KEY) {
        struct str key = r.value, value;
        enum json_token first;
        if (!avro_slice(&r, &first, &value))
            return avro_parse_fail(p, raw, "broken JSON");
        for (size_t i = 0; i < count; i++) {
            if (!str_is(key, names[i]))
                continue;
            if (ret_members[i].data)
                return avro_parse_fail(p, value, "\"%s\" is given twice", names[i]);
            ret_members[i] = value;
        }
    }
    return true;
}

static bool read_text(struct avro_parser *p, struct str raw, const char *what, struct str *ret)
{
    struct json_reader r;
    json_reader_init(&r, raw, &p->scratch);
    if (json_next(&r) != JSON_STRING)
        return avro_parse_fail(p, raw, "%s is not a string", what);
    *ret = (struct str){arena_memdup(p->arena, r.value.data, r.value.len), r.value.len};
    return true;
}

/* The items of a list as slices in the scratch arena. */
static bool read_list(struct avro_parser *p, struct str raw, const char *what, struct str **ret, size_t *ret_count)
{
    struct json_reader r;
    struct str item, *items = NULL;
    size_t count = 0, capacity = 0;
    enum json_token first;
    json_reader_init(&r, raw, &p->scratch);
    if (json_next(&r) != JSON_ARRAY)
        return avro_parse_fail(p, raw, "%s is not a list", what);
    while (avro_slice(&r, &first, &item)) {
        GROW(items, count, capacity);
        items[count++] = item;
    }
    *ret = arena_alloc(&p->scratch, (count + 1) * sizeof **ret);
    if (count)
        memcpy(*ret, items, count * sizeof **ret);
    *ret_count = count;
    free(items);
    return true;
}

static bool read_texts(struct avro_parser *p, struct str raw, const char *what, struct str **ret, size_t *ret_count)
{
    struct str *slices;
    if (!read_list(p, raw, what, &slices, ret_count))
        return false;
    *ret = arena_alloc(p->arena, (*ret_count + 1) * sizeof **ret);
    for (size_t i = 0; i < *ret_count; i++)
        if (!read_text(p, slices[i], what, &(*ret)[i]))
            return false;
    return true;
}

/* --- names ------------------------------------------------------------------------------------------------------- */

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool name_good(struct str name)
{
    if (!name.len || !is_letter(name.data[0]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_letter(name.data[i]) && !is_digit(name.data[i]))
            return false;
    return true;
}

/* Parts of letters, digits, underscores and dashes, with dots between them; none at all is good too. */
static bool namespace_good(struct str space)
{
    bool part = false;
    for (size_t i = 0; i < space.len; i++) {
        char c = space.data[i];
        if (c == '.' ? !part : !is_letter(c) && !is_digit(c) && c != '-')
            return false;
        part = c != '.';
    }
    return part || !space.len;
}

static struct str name_space(struct str full)
{
    const char *dot = full.len ? memrchr(full.data, '.', full.len) : NULL;
    return dot ? str_n(full.data, (size_t)(dot - full.data)) : STR("");
}

struct str avro_name_last(struct str full)
{
    size_t skip = name_space(full).len;
    return skip ? str_n(full.data + skip + 1, full.len - skip - 1) : full;
}

static struct str full_name(struct arena *arena, struct str name, struct str space)
{
    if (!space.len || (name.len && memchr(name.data, '.', name.len)))
        return name;
    char *full = arena_alloc(arena, space.len + 1 + name.len);
    memcpy(full, space.data, space.len);
    full[space.len] = '.';
    if (name.len)
        memcpy(full + space.len + 1, name.data, name.len);
    return (struct str){full, space.len + 1 + name.len};
}

static int by_text(const void *a, const void *b) { return str_cmp(*(const struct str *)a, *(const struct str *)b); }

/* The first in order of text that is there twice, or data NULL. Sorted, because there may be a hundred thousand. */
static struct str duplicate(const struct str *names, size_t count)
{
    struct str found = {NULL, 0};
    if (count < 2)
        return found;
    struct str *sorted = xmalloc(count * sizeof *sorted);
    memcpy(sorted, names, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_text);
    for (size_t i = 1; i < count && !found.data; i++)
        if (str_eq(sorted[i - 1], sorted[i]))
            found = sorted[i];
    free(sorted);
    return found;
}

static struct avro_named **named_bucket(struct avro_parser *p, struct str full)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < full.len; i++)
        h = (h ^ (unsigned char)full.data[i]) * 16777619u;
    return &p->named[h % COUNT(p->named)];
}

static const struct avro_schema *named_find(struct avro_parser *p, struct str full)
{
    for (struct avro_named *n = *named_bucket(p, full); n; n = n->next)
        if (str_eq(n->schema->name, full))
            return n->schema;
    return NULL;
}

static const struct avro_schema *reference(struct avro_parser *p, struct str name, struct str space)
{
    const struct avro_schema *found = named_find(p, full_name(&p->scratch, name, space));
    return found ? found : named_find(p, name);
}

/* --- types ------------------------------------------------------------------------------------------------------- */

static const char *const members_of_type[] = {"type",        "name",      "namespace", "aliases", "fields",
                                              "symbols",     "default",   "items",     "values",  "size",
                                              "logicalType", "precision", "scale"};
enum {
    M_TYPE,
    M_NAME,
    M_NAMESPACE,
    M_ALIASES,
    M_FIELDS,
    M_SYMBOLS,
    M_DEFAULT,
    M_ITEMS,
    M_VALUES,
    M_SIZE,
    M_LOGICAL,
    M_PRECISION,
    M_SCALE,
    M_COUNT
};

static bool parse_type(struct avro_parser *p, struct str raw, struct str space, const struct avro_schema **ret);

static bool need(struct avro_parser *p, struct str raw, const struct str *members, int which, const char *of)
{
    return members[which].data || avro_parse_fail(p, raw, "%s without \"%s\"", of, members_of_type[which]);
}

static bool parse_aliases(struct avro_parser *p, struct str raw, struct str space, struct avro_schema *s)
{
    if (!read_texts(p, raw, "an alias", &s->aliases, &s->alias_count))
        return false;
    for (size_t i = 0; i < s->alias_count; i++) {
        struct str full = full_name(p->arena, s->aliases[i], space);
        if (!name_good(avro_name_last(full)) || !namespace_good(name_space(full)))
            return avro_parse_fail(p, raw, "alias \"" STR_FMT "\" is not a name", STR_ARG(full));
        s->aliases[i] = full;
    }
    return true;
}

/* Name, namespace and aliases of a record, enum or fixed; from here on it can be referred to. */
static bool parse_named(struct avro_parser *p, struct str raw, const struct str *members, struct str space,
                        struct avro_schema *s)
{
    struct str name, own = space;
    if (!need(p, raw, members, M_NAME, avro_type_word(s->type)) || !read_text(p, members[M_NAME], "\"name\"", &name))
        return false;
    if (members[M_NAMESPACE].data && !str_is(members[M_NAMESPACE], "null") &&
        !read_text(p, members[M_NAMESPACE], "\"namespace\"", &own))
        return false;
    s->name = full_name(p->arena, name, own);
    if (!name_good(avro_name_last(s->name)) || !namespace_good(name_space(s->name)))
        return avro_parse_fail(p, members[M_NAME], "\"" STR_FMT "\" is not a name ([A-Za-z_][A-Za-z0-9_]*)",
                               STR_ARG(s->name));
    if (primitive(avro_name_last(s->name)))
        return avro_parse_fail(p, members[M_NAME], "\"" STR_FMT "\" has the name of a primitive type",
                               STR_ARG(s->name));
    if (named_find(p, s->name))
        return avro_parse_fail(p, members[M_NAME], "type " STR_FMT " is defined twice", STR_ARG(s->name));
    if (members[M_ALIASES].data && !parse_aliases(p, members[M_ALIASES], name_space(s->name), s))
        return false;
    struct avro_named *n = arena_alloc(&p->scratch, sizeof *n), **bucket = named_bucket(p, s->name);
    *n = (struct avro_named){s, *bucket};
    *bucket = n;
    s->number = ++p->named_count;
    return true;
}

static bool parse_field(struct avro_parser *p, struct str raw, struct str space, struct avro_field *f)
{
    static const char *const names[] = {"name", "type", "aliases", "default", "doc"};
    struct str m[COUNT(names)] = {{NULL, 0}};
    if (!read_members(p, raw, names, COUNT(names), m))
        return false;
    if (!m[0].data || !m[1].data)
        return avro_parse_fail(p, raw, "field without \"%s\"", names[m[0].data ? 1 : 0]);
    if (!read_text(p, m[0], "a field's \"name\"", &f->name))
        return false;
    if (!name_good(f->name))
        return avro_parse_fail(p, m[0], "field \"" STR_FMT "\" is not a name ([A-Za-z_][A-Za-z0-9_]*)",
                               STR_ARG(f->name));
    if (!parse_type(p, m[1], space, &f->type))
        return false;
    if (m[2].data && !read_texts(p, m[2], "a field's alias", &f->aliases, &f->alias_count))
        return false;
    if (m[4].data && m[4].data[0] == '"' && !read_text(p, m[4], "\"doc\"", &f->doc))
        return false;
    if (m[3].data) {
        struct avro_pending *later = arena_alloc(&p->scratch, sizeof *later);
        f->default_json = (struct str){arena_memdup(p->arena, m[3].data, m[3].len), m[3].len};
        *later = (struct avro_pending){f, m[3], NULL};
        *p->pending_end = later;
        p->pending_end = &later->next;
    }
    return true;
}

static bool parse_record(struct avro_parser *p, struct str raw, const struct str *members, struct avro_schema *s)
{
    struct str *slices;
    if (!need(p, raw, members, M_FIELDS, "record") ||
        !read_list(p, members[M_FIELDS], "\"fields\"", &slices, &s->field_count))
        return false;
    s->fields = arena_calloc(p->arena, s->field_count + 1, sizeof *s->fields);
    struct str *names = arena_calloc(&p->scratch, s->field_count + 1, sizeof *names);
    for (size_t i = 0; i < s->field_count; i++) {
        if (!parse_field(p, slices[i], name_space(s->name), &s->fields[i]))
            return false;
        names[i] = s->fields[i].name;
    }
    struct str twice = duplicate(names, s->field_count);
    return !twice.data || avro_parse_fail(p, raw, "record " STR_FMT " has field \"" STR_FMT "\" twice",
                                          STR_ARG(s->name), STR_ARG(twice));
}

static bool parse_enum(struct avro_parser *p, struct str raw, const struct str *members, struct avro_schema *s)
{
    if (!need(p, raw, members, M_SYMBOLS, "enum") ||
        !read_texts(p, members[M_SYMBOLS], "a symbol", &s->symbols, &s->symbol_count))
        return false;
    for (size_t i = 0; i < s->symbol_count; i++)
        if (!name_good(s->symbols[i]))
            return avro_parse_fail(p, members[M_SYMBOLS], "symbol \"" STR_FMT "\" is not a name",
                                   STR_ARG(s->symbols[i]));
    struct str twice = duplicate(s->symbols, s->symbol_count);
    if (twice.data)
        return avro_parse_fail(p, raw, "enum " STR_FMT " has symbol \"" STR_FMT "\" twice", STR_ARG(s->name),
                               STR_ARG(twice));
    if (!members[M_DEFAULT].data)
        return true;
    if (!read_text(p, members[M_DEFAULT], "an enum's \"default\"", &s->default_symbol))
        return false;
    for (size_t i = 0; i < s->symbol_count; i++)
        if (str_eq(s->symbols[i], s->default_symbol))
            return true;
    return avro_parse_fail(p, members[M_DEFAULT], "default \"" STR_FMT "\" is no symbol of enum " STR_FMT,
                           STR_ARG(s->default_symbol), STR_ARG(s->name));
}

static bool parse_fixed(struct avro_parser *p, struct str raw, const struct str *members, struct avro_schema *s)
{
    int64_t size;
    if (!need(p, raw, members, M_SIZE, "fixed"))
        return false;
    if (!str_to_i64(members[M_SIZE], &size) || size < 0 || size > INT32_MAX)
        return avro_parse_fail(p, members[M_SIZE], "\"size\" is not a whole number from 0 to %d", INT32_MAX);
    s->size = (uint32_t)size;
    return true;
}

static bool parse_union(struct avro_parser *p, struct str raw, struct str space, struct avro_schema *s)
{
    struct str *slices, *names;
    if (!read_list(p, raw, "a union", &slices, &s->branch_count))
        return false;
    s->branches = arena_calloc(p->arena, s->branch_count + 1, sizeof *s->branches);
    names = arena_calloc(&p->scratch, s->branch_count + 1, sizeof *names);
    for (size_t i = 0; i < s->branch_count; i++) {
        if (!parse_type(p, slices[i], space, &s->branches[i]))
            return false;
        if (s->branches[i]->type == AVRO_UNION)
            return avro_parse_fail(p, slices[i], "a union directly in a union");
        names[i] = avro_branch_name(s->branches[i]);
    }
    struct str twice = duplicate(names, s->branch_count);
    return !twice.data || avro_parse_fail(p, raw, "a union has " STR_FMT " twice", STR_ARG(twice));
}

struct str avro_branch_name(const struct avro_schema *branch)
{
    return branch->number ? branch->name : str_of(avro_type_word(branch->type));
}

/* --- the three forms of a schema: a name, an object, a list ------------------------------------------------------- */

static bool complex_type(struct str word, enum avro_type *ret)
{
    static const struct {
        const char *word;
        enum avro_type type;
    } rows[] = {{"record", AVRO_RECORD}, {"error", AVRO_RECORD}, {"enum", AVRO_ENUM},
                {"fixed", AVRO_FIXED},   {"array", AVRO_ARRAY},  {"map", AVRO_MAP}};
    for (size_t i = 0; i < COUNT(rows); i++)
        if (str_is(word, rows[i].word)) {
            *ret = rows[i].type;
            return true;
        }
    return false;
}

static bool parse_complex(struct avro_parser *p, struct str raw, const struct str *members, struct str space,
                          struct avro_schema *s)
{
    if (s->type == AVRO_ARRAY || s->type == AVRO_MAP) {
        int item = s->type == AVRO_ARRAY ? M_ITEMS : M_VALUES;
        s->branches = arena_calloc(p->arena, 1, sizeof *s->branches);
        s->branch_count = 1;
        return need(p, raw, members, item, avro_type_word(s->type)) &&
               parse_type(p, members[item], space, &s->branches[0]);
    }
    if (!parse_named(p, raw, members, space, s))
        return false;
    if (s->type == AVRO_RECORD)
        return parse_record(p, raw, members, s);
    if (s->type == AVRO_ENUM)
        return parse_enum(p, raw, members, s);
    return parse_fixed(p, raw, members, s);
}

static bool parse_object(struct avro_parser *p, struct str raw, struct str space, const struct avro_schema **ret)
{
    struct str members[M_COUNT] = {{NULL, 0}}, word;
    if (!read_members(p, raw, members_of_type, M_COUNT, members) || !need(p, raw, members, M_TYPE, "schema"))
        return false;
    if (!read_text(p, members[M_TYPE], "a schema's \"type\"", &word))
        return false;
    struct avro_schema *s = arena_calloc(p->arena, 1, sizeof *s);
    const struct avro_schema *simple = primitive(word);
    if (simple) {
        *s = *simple;
    } else if (complex_type(word, &s->type)) {
        if (!parse_complex(p, raw, members, space, s))
            return false;
    } else {
        *ret = reference(p, word, space);
        return *ret || avro_parse_fail(p, members[M_TYPE], "unknown type \"" STR_FMT "\"", STR_ARG(word));
    }
    avro_logical_set(p, s, members[M_LOGICAL], members[M_PRECISION], members[M_SCALE]);
    *ret = s;
    return true;
}

static bool parse_type(struct avro_parser *p, struct str raw, struct str space, const struct avro_schema **ret)
{
    struct str word;
    if (raw.data[0] == '{')
        return parse_object(p, raw, space, ret);
    if (raw.data[0] == '[') {
        struct avro_schema *s = arena_calloc(p->arena, 1, sizeof *s);
        s->type = AVRO_UNION;
        *ret = s;
        return parse_union(p, raw, space, s);
    }
    if (!read_text(p, raw, "a schema (a name, an object or a list)", &word))
        return false;
    *ret = primitive(word);
    if (!*ret)
        *ret = reference(p, word, space);
    return *ret || avro_parse_fail(p, raw, "unknown type \"" STR_FMT "\"", STR_ARG(word));
}

static bool parse_all(struct avro_parser *p, const struct avro_schema **ret)
{
    struct json_reader r;
    enum json_token first;
    struct str whole;
    if (p->text.len > AVRO_SCHEMA_MAX)
        return err_set(p->err, ERR_DATA, "schema: %zu bytes of text, at most %d are taken", p->text.len,
                       AVRO_SCHEMA_MAX);
    json_reader_init(&r, p->text, &p->scratch);
    if (!avro_slice(&r, &first, &whole) || json_next(&r) != JSON_END)
        return json_fail(&r, "schema", p->err);
    if (!parse_type(p, whole, STR(""), ret))
        return false;
    for (struct avro_pending *d = p->pending; d; d = d->next)
        if (!avro_default_fits(p, d->field->type, d->raw))
            return avro_parse_fail(p, d->raw, "the default of field \"" STR_FMT "\" does not fit its type%s",
                                   STR_ARG(d->field->name), p->steps > AVRO_DEFAULT_STEPS ? ", or is too large" : "");
    return true;
}

bool avro_schema_parse(struct str json, struct arena *arena, const struct avro_schema **ret, struct err *err)
{
    struct avro_parser p = {.text = json, .arena = arena, .err = err};
    const struct avro_schema *schema = NULL;
    arena_init(&p.scratch);
    p.pending_end = &p.pending;
    bool good = parse_all(&p, &schema);
    if (good)
        *ret = schema;
    arena_free(&p.scratch);
    return good;
}
