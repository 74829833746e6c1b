// SPDX-License-Identifier: Apache-2.0
/*
 * Parsing Canonical Form and its fingerprint; see avro_schema.h. A walk with its own stack, because through references
 * a tree is as deep as it has types: a named type is printed in full where it comes first and by its name after that.
 */
#include "codec/avro_schema.h"

struct frame {
    const struct avro_schema *schema;
    size_t next; /* child to print */
};

struct printer {
    struct buf *out;
    struct frame *stack;
    size_t depth, capacity;
    bool *seen; /* by avro_schema.number */
    size_t seen_count;
};

static void add_quoted(struct buf *out, struct str text)
{
    buf_addc(out, '"'); /* names hold nothing that needs an escape */
    buf_add_str(out, text);
    buf_addc(out, '"');
}

static void push(struct printer *p, const struct avro_schema *schema)
{
    GROW(p->stack, p->depth, p->capacity);
    p->stack[p->depth++] = (struct frame){schema, 0};
}

/* Whether it was there before. */
static bool seen(struct printer *p, uint32_t number)
{
    if (number >= p->seen_count) {
        size_t grown = number * 2 + 16;
        p->seen = xrealloc(p->seen, grown * sizeof *p->seen);
        memset(p->seen + p->seen_count, 0, (grown - p->seen_count) * sizeof *p->seen);
        p->seen_count = grown;
    }
    bool was = p->seen[number];
    p->seen[number] = true;
    return was;
}

static void print_symbols(const struct avro_schema *s, struct buf *out)
{
    buf_adds(out, ",\"symbols\":[");
    for (size_t i = 0; i < s->symbol_count; i++) {
        if (i)
            buf_addc(out, ',');
        add_quoted(out, s->symbols[i]);
    }
    buf_adds(out, "]}");
}

/* A named type up to its fields; those of a record are for the stack. */
static void print_named(struct printer *p, const struct avro_schema *s)
{
    if (seen(p, s->number)) {
        add_quoted(p->out, s->name);
        return;
    }
    buf_adds(p->out, "{\"name\":");
    add_quoted(p->out, s->name);
    buf_printf(p->out, ",\"type\":\"%s\"", avro_type_word(s->type));
    if (s->type == AVRO_ENUM) {
        print_symbols(s, p->out);
    } else if (s->type == AVRO_FIXED) {
        buf_printf(p->out, ",\"size\":%u}", s->size);
    } else {
        buf_adds(p->out, ",\"fields\":[");
        push(p, s);
    }
}

/* What begins a type; what has children goes on the stack. */
static void begin(struct printer *p, const struct avro_schema *s)
{
    if (s->number) {
        print_named(p, s);
    } else if (s->type == AVRO_UNION) {
        buf_addc(p->out, '[');
        push(p, s);
    } else if (s->type == AVRO_ARRAY || s->type == AVRO_MAP) {
        buf_printf(p->out, "{\"type\":\"%s\",\"%s\":", avro_type_word(s->type),
                   s->type == AVRO_ARRAY ? "items" : "values");
        push(p, s);
    } else {
        add_quoted(p->out, str_of(avro_type_word(s->type)));
    }
}

/* Prints what stands between children, begins the next one, or ends the type. */
static void step(struct printer *p)
{
    struct frame *f = &p->stack[p->depth - 1];
    const struct avro_schema *s = f->schema;
    size_t i = f->next++, count = s->type == AVRO_RECORD ? s->field_count : s->branch_count;
    if (s->type == AVRO_RECORD && i > 0)
        buf_addc(p->out, '}');
    if (i == count) {
        buf_adds(p->out, s->type == AVRO_UNION ? "]" : s->type == AVRO_RECORD ? "]}" : "}");
        p->depth--;
        return;
    }
    if (i > 0)
        buf_addc(p->out, ',');
    if (s->type == AVRO_RECORD) {
        buf_adds(p->out, "{\"name\":");
        add_quoted(p->out, s->fields[i].name);
        buf_adds(p->out, ",\"type\":");
        begin(p, s->fields[i].type);
    } else {
        begin(p, s->branches[i]);
    }
}

void avro_schema_canonical(const struct avro_schema *schema, struct buf *out)
{
    struct printer p = {.out = out};
    begin(&p, schema);
    while (p.depth)
        step(&p);
    free(p.stack);
    free(p.seen);
}

uint64_t avro_schema_fingerprint(const struct avro_schema *schema)
{
    static const uint64_t empty = 0xc15d213aa4d7a795;
    uint64_t fp = empty;
    struct buf text;
    buf_init(&text, 0);
    avro_schema_canonical(schema, &text);
    for (size_t i = 0; i < text.len; i++) {
        fp ^= (unsigned char)text.data[i];
        for (int bit = 0; bit < 8; bit++)
            fp = fp >> 1 ^ (empty & -(fp & 1));
    }
    buf_free(&text);
    return fp;
}
