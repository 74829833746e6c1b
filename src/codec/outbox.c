// SPDX-License-Identifier: Apache-2.0
/* Extra headers of outbox rows; see outbox.h. */
#include "codec/outbox.h"

#include <strings.h>

#include "codec/json_read.h"

static void add_name(struct str name, struct buf *out)
{
    if (out->len > 1)
        buf_addc(out, ',');
    buf_add_json(out, name);
    buf_addc(out, ':');
}

void outbox_header(struct str name, struct str value, struct buf *out)
{
    add_name(name, out);
    buf_add_json(out, value);
}

void outbox_header_null(struct str name, struct buf *out)
{
    add_name(name, out);
    buf_adds(out, "null");
}

/* The text of the value whose first token `token` was just read; its JSON source for objects and arrays. */
static bool value_text(struct json_reader *r, enum json_token token, struct str *ret)
{
    switch (token) {
    case JSON_STRING:
    case JSON_NUMBER: *ret = r->value; return true;
    case JSON_TRUE: *ret = STR("true"); return true;
    case JSON_FALSE: *ret = STR("false"); return true;
    case JSON_OBJECT:
    case JSON_ARRAY: {
        size_t start = r->at - 1; /* the bracket just read */
        if (!json_skip(r, token))
            return false;
        *ret = str_n(r->text.data + start, r->at - start);
        return true;
    }
    case JSON_ERROR:
    case JSON_END:
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
    case JSON_KEY:
    case JSON_NULL: break;
    }
    return false;
}

bool outbox_headers(struct str json, struct arena *arena, struct buf *out, struct err *err)
{
    struct json_reader r;
    json_reader_init(&r, json, arena);
    enum json_token token = json_next(&r);
    if (token == JSON_ERROR)
        return json_fail(&r, "outbox headers", err);
    if (token != JSON_OBJECT)
        return err_set(err, ERR_DATA, "outbox headers are not a JSON object");
    while ((token = json_next(&r)) == JSON_KEY) {
        struct str name = r.value, value;
        token = json_next(&r);
        if (token == JSON_NULL)
            continue;
        if (!value_text(&r, token, &value))
            return json_fail(&r, "outbox headers", err);
        outbox_header(name, value, out);
    }
    if (token != JSON_OBJECT_END || json_next(&r) != JSON_END)
        return json_fail(&r, "outbox headers", err);
    return true;
}

/* ---- Debezium's notation ---- */

static bool read_place(struct str word, enum outbox_place *ret)
{
    static const char *const names[] = {"header", "envelope", "partition"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (word.len == strlen(names[i]) && strncasecmp(word.data, names[i], word.len) == 0) {
            *ret = (enum outbox_place)i;
            return true;
        }
    }
    return false;
}

bool outbox_fields_parse(struct str text, struct outbox_field ret[OUTBOX_FIELDS_MAX], size_t *ret_count,
                         struct err *err)
{
    size_t count = 0;
    for (struct str rest = text; rest.len;) {
        struct str item = str_trim(str_cut(rest, ',', &rest)), tail, alias;
        struct str column = str_trim(str_cut(item, ':', &tail)), place = str_trim(str_cut(tail, ':', &alias));
        bool named = alias.data;
        alias = named ? str_trim(alias) : column;
        if (count == OUTBOX_FIELDS_MAX)
            return err_set(err, ERR_CONFIG, "more than %d columns are placed", OUTBOX_FIELDS_MAX);
        if (!column.len || !alias.len || memchr(alias.data, ':', alias.len) || !read_place(place, &ret[count].place)) {
            err_set(err, ERR_CONFIG, "\"" STR_FMT "\" is not of the form column:header|envelope|partition[:alias]",
                    STR_ARG(item));
            return err_hint(err, "as in Debezium's table.fields.additional.placement: type:header:eventType");
        }
        ret[count].column = column;
        ret[count++].alias = alias;
    }
    *ret_count = count;
    return true;
}

struct str outbox_column(struct str columns, struct str name)
{
    for (struct str rest = columns; rest.len;) {
        struct str column, item = str_cut(rest, ',', &rest);
        if (str_eq(str_trim(str_cut(item, '=', &column)), name))
            return str_trim(column);
    }
    return name;
}

static bool is_word_of(struct str word, const char *words)
{
    for (struct str rest = str_of(words); rest.data;)
        if (str_eq(str_cut(rest, '|', &rest), word))
            return true;
    return false;
}

bool outbox_columns_check(struct str columns, const char *names, struct err *err)
{
    for (struct str rest = columns; rest.len;) {
        struct str column, item = str_trim(str_cut(rest, ',', &rest)), name = str_trim(str_cut(item, '=', &column));
        if (!name.len || !str_trim(column).len)
            return err_set(err, ERR_CONFIG, "\"" STR_FMT "\" is not of the form name=column", STR_ARG(item));
        if (!is_word_of(name, names))
            return err_set(err, ERR_CONFIG, "an outbox has %s, not \"" STR_FMT "\"", names, STR_ARG(name));
    }
    return true;
}

/* ---- values ---- */

enum outbox_kind outbox_kind_of(uint32_t type_oid)
{
    enum { FIRST_USER_OID = 16384 };
    switch (type_oid) {
    case 16: return OUTBOX_BOOLEAN;
    case 20: /* bigint */
    case 21: /* smallint */
    case 23: /* integer */ return OUTBOX_INTEGER;
    case 25:   /* text */
    case 114:  /* json */
    case 1042: /* character */
    case 1043: /* character varying */
    case 2950: /* uuid */
    case 3802: /* jsonb */ return OUTBOX_TEXT;
    default: return type_oid >= FIRST_USER_OID ? OUTBOX_TEXT : OUTBOX_OTHER;
    }
}

struct str outbox_text(enum outbox_kind kind, struct str text)
{
    if (kind != OUTBOX_BOOLEAN)
        return text;
    return str_is(text, "t") ? STR("true") : STR("false");
}

void outbox_member(enum outbox_kind kind, struct str name, struct str text, struct buf *out)
{
    add_name(name, out);
    if (!text.data)
        buf_adds(out, "null");
    else if (kind == OUTBOX_TEXT)
        buf_add_json(out, text);
    else
        buf_add_str(out, outbox_text(kind, text));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool outbox_bytes(struct str text, struct buf *out)
{
    if (text.len < 2 || text.len % 2 || text.data[0] != '\\' || text.data[1] != 'x')
        return false;
    for (size_t i = 2; i < text.len; i += 2) {
        int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        buf_addc(out, (char)(high << 4 | low));
    }
    return true;
}
