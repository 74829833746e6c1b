// SPDX-License-Identifier: Apache-2.0
/*
 * Tape to JSON; see avro_json.h. The tape is the caller's, so every item is held against the schema. A walk with its
 * own stack, at most AVRO_DEPTH_MAX deep.
 */
#include "codec/avro_json.h"

#include <math.h>
#include <stdio.h>

#include "codec/avro_plain.h"
#include "codec/utf8.h"

struct frame {
    const struct avro_schema *schema;
    uint32_t done, count;
    bool wrapped; /* a brace of the union around it is open */
};

struct printer {
    enum avro_json form;
    const struct avro_item *items;
    size_t count, at;
    struct buf *out;
    const char *why;
    unsigned depth;
    struct frame stack[AVRO_DEPTH_MAX];
};

static bool bad(struct printer *p, const char *why)
{
    p->why = why;
    return false;
}

/* The shortest text that reads as the very number. */
static void print_real(double d, bool single, struct buf *out)
{
    char text[40];
    if (isnan(d) || isinf(d)) {
        buf_adds(out, isnan(d) ? "\"NaN\"" : d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    int digits = single ? 6 : 15;
    do
        snprintf(text, sizeof text, "%.*g", digits, d);
    while (digits++ < (single ? 9 : 17) && (single ? (double)strtof(text, NULL) : strtod(text, NULL)) != d);
    buf_adds(out, text);
}

/* Bytes as characters up to U+00FF. */
static void print_latin(struct str bytes, struct buf *out)
{
    buf_addc(out, '"');
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            buf_printf(out, "\\u%04x", c);
        else
            buf_addc(out, (char)c);
    }
    buf_addc(out, '"');
}

static bool print_leaf(struct printer *p, const struct avro_schema *s, const struct avro_item *item)
{
    if ((s->type == AVRO_FIXED && item->text.len != s->size) || (s->type == AVRO_STRING && !utf8_valid(item->text)))
        return bad(p, "a text that does not fit its type");
    if (p->form == AVRO_PLAIN && avro_plain_leaf(s, item, p->out))
        return true;
    switch (s->type) {
    case AVRO_NULL: buf_adds(p->out, "null"); break;
    case AVRO_BOOLEAN: buf_adds(p->out, item->boolean ? "true" : "false"); break;
    case AVRO_INT:
    case AVRO_LONG: buf_printf(p->out, "%lld", (long long)item->number); break;
    case AVRO_FLOAT: print_real((double)item->single, true, p->out); break;
    case AVRO_DOUBLE: print_real(item->real, false, p->out); break;
    case AVRO_STRING: buf_add_json(p->out, item->text); break;
    case AVRO_BYTES:
    case AVRO_FIXED: print_latin(item->text, p->out); break;
    case AVRO_ENUM:
        if (item->number < 0 || (uint64_t)item->number >= s->symbol_count)
            return bad(p, "an enum without such a symbol");
        buf_add_json(p->out, s->symbols[item->number]);
        break;
    case AVRO_RECORD:
    case AVRO_ARRAY:
    case AVRO_MAP:
    case AVRO_UNION: break;
    }
    return true;
}

static bool push(struct printer *p, const struct avro_schema *s, uint32_t count, bool wrapped)
{
    if (p->depth == AVRO_DEPTH_MAX)
        return bad(p, "values nested too deep");
    p->stack[p->depth++] = (struct frame){s, 0, count, wrapped};
    buf_addc(p->out, s->type == AVRO_ARRAY ? '[' : '{');
    return true;
}

/* A value, or what opens one that has others in it. */
static bool print_value(struct printer *p, const struct avro_schema *s)
{
    bool wrapped = false;
    if (p->at == p->count)
        return bad(p, "a value is missing");
    const struct avro_item *item = &p->items[p->at++];
    if (s->type == AVRO_UNION) {
        if (item->branch >= s->branch_count)
            return bad(p, "a union without such a branch");
        s = s->branches[item->branch];
        wrapped = p->form == AVRO_JSON && s->type != AVRO_NULL;
    }
    if (item->type != s->type)
        return bad(p, "a value of another type");
    if (wrapped) {
        buf_addc(p->out, '{');
        buf_add_json(p->out, avro_branch_name(s));
        buf_addc(p->out, ':');
    }
    if (s->type == AVRO_RECORD)
        return item->count == s->field_count ? push(p, s, item->count, wrapped) : bad(p, "a record of other fields");
    if (s->type == AVRO_ARRAY || s->type == AVRO_MAP)
        return push(p, s, item->count, wrapped);
    if (!print_leaf(p, s, item))
        return false;
    if (wrapped)
        buf_addc(p->out, '}');
    return true;
}

static bool print_key(struct printer *p)
{
    if (p->at == p->count || p->items[p->at].type != AVRO_STRING || !utf8_valid(p->items[p->at].text))
        return bad(p, "a map's key is missing");
    buf_add_json(p->out, p->items[p->at++].text);
    buf_addc(p->out, ':');
    return true;
}

/* The next value of the innermost record, array or map, or its end. */
static bool step(struct printer *p)
{
    struct frame *f = &p->stack[p->depth - 1];
    const struct avro_schema *s = f->schema;
    if (f->done == f->count) {
        buf_addc(p->out, s->type == AVRO_ARRAY ? ']' : '}');
        if (f->wrapped)
            buf_addc(p->out, '}');
        p->depth--;
        return true;
    }
    uint32_t i = f->done++;
    if (i)
        buf_addc(p->out, ',');
    if (s->type == AVRO_MAP)
        return print_key(p) && print_value(p, s->branches[0]);
    if (s->type == AVRO_ARRAY)
        return print_value(p, s->branches[0]);
    buf_add_json(p->out, s->fields[i].name);
    buf_addc(p->out, ':');
    return print_value(p, s->fields[i].type);
}

bool avro_json_print(const struct avro_schema *schema, enum avro_json form, const struct avro_item *items, size_t count,
                     struct buf *out, struct err *err)
{
    struct printer *p = xmalloc(sizeof *p);
    *p = (struct printer){.form = form, .items = items, .count = count, .out = out};
    bool good = print_value(p, schema);
    while (good && p->depth && !out->overflow)
        good = step(p);
    if (good && !out->overflow && p->at != count)
        good = bad(p, "values are left over");
    if (!good)
        err_set(err, ERR_DATA, "the data do not fit the schema: %s, item %zu of %zu", p->why, p->at, count);
    free(p);
    return good;
}
