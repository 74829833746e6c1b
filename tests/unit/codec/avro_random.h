// SPDX-License-Identifier: Apache-2.0
/*
 * Random Avro from a seed: pairs of schemas, the reader's made of the writer's by what evolution does to schemas
 * (sometimes by what it must not), values of a schema, and a plain encoder that cuts arrays and maps into blocks.
 */
#pragma once
#include <math.h>

#include "codec/avro_codec.h"

/* A schema that must be one. */
static inline const struct avro_schema *parse(const char *text, struct arena *arena)
{
    const struct avro_schema *s = NULL;
    struct err err = {0};
    if (!avro_schema_parse(str_of(text), arena, &s, &err)) {
        printf("Bail out! %s: %s\n", text, err.text);
        abort();
    }
    return s;
}

struct rng {
    uint64_t state;
};

static uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
static uint32_t rng_below(struct rng *r, uint32_t n) { return (uint32_t)(rng_next(r) >> 32) % n; }
static bool rng_one_in(struct rng *r, uint32_t n) { return rng_below(r, n) == 0; }

struct gen {
    struct rng rng;
    struct arena *arena;
    bool vary;   /* the reader differs */
    bool broken; /* it may be incompatible */
    int names;
    const char *enclosing[8]; /* records that are being made */
    int depth;
};
/* The writer's and the reader's text. */
struct pair {
    const char *w, *r;
};

static bool gen_vary(struct gen *g, uint32_t n) { return g->vary && rng_one_in(&g->rng, n); }

static const char *const gen_primitives[] = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"};

static struct pair gen_primitive(struct gen *g)
{
    static const char *const logical[] = {
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":12,\"scale\":2}",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
        "{\"type\":\"int\",\"logicalType\":\"date\"}",
        "{\"type\":\"string\",\"logicalType\":\"uuid\"}",
        "{\"type\":\"int\",\"logicalType\":\"time-millis\"}",
    };
    if (!g->vary && rng_one_in(&g->rng, 6)) {
        const char *t = logical[rng_below(&g->rng, COUNT(logical))];
        return (struct pair){t, t};
    }
    uint32_t w = rng_below(&g->rng, 8), r = w;
    if (gen_vary(g, 3)) {
        if (w >= 2 && w <= 4)
            r = w + 1 + rng_below(&g->rng, 5 - w);
        else if (w >= 6)
            r = 13 - w;
    }
    if (g->broken && rng_one_in(&g->rng, 10))
        r = rng_below(&g->rng, 8);
    return (struct pair){arena_printf(g->arena, "\"%s\"", gen_primitives[w]),
                         arena_printf(g->arena, "\"%s\"", gen_primitives[r])};
}

static struct pair gen_type(struct gen *g, bool in_union);

/* A default of the type, for a reader's new field; only for simple ones. */
static const char *gen_new_field(struct gen *g, int n)
{
    static const char *const rows[] = {
        "\"int\",\"default\":-7",
        "\"string\",\"default\":\"d\\u00e9\"",
        "[\"null\",\"int\"],\"default\":null",
        "[\"long\",\"null\"],\"default\":12345678901",
        "\"double\",\"default\":1.25",
        "\"bytes\",\"default\":\"\\u00ff\\u0001\"",
        "{\"type\":\"array\",\"items\":[\"null\",\"int\"]},\"default\":[1,null,3]",
        "{\"type\":\"map\",\"values\":\"boolean\"},\"default\":{\"a\":true}",
    };
    return arena_printf(g->arena, "{\"name\":\"new%d\",\"type\":%s}", n, rows[rng_below(&g->rng, COUNT(rows))]);
}

static struct pair gen_record(struct gen *g)
{
    const char *w = "", *fields[12];
    int count = rng_one_in(&g->rng, 20) ? 0 : 1 + (int)rng_below(&g->rng, 6), kept = 0;
    const char *name = arena_printf(g->arena, "%sR%d", rng_one_in(&g->rng, 3) ? "a.b." : "", g->names++);
    g->enclosing[g->depth - 1] = name;
    for (int i = 0; i < count; i++) {
        struct pair t = gen_type(g, false);
        const char *alias = "", *rname = arena_printf(g->arena, "f%d", i);
        w = arena_printf(g->arena, "%s%s{\"name\":\"f%d\",\"type\":%s}", w, i ? "," : "", i, t.w);
        if (gen_vary(g, 6))
            continue;
        if (gen_vary(g, 6)) {
            alias = arena_printf(g->arena, ",\"aliases\":[\"other\",\"f%d\"]", i);
            rname = arena_printf(g->arena, "renamed%d", i);
        }
        fields[kept++] = arena_printf(g->arena, "{\"name\":\"%s\",\"type\":%s%s}", rname, t.r, alias);
    }
    for (int i = 0; gen_vary(g, 3) && i < 3; i++)
        fields[kept++] = gen_new_field(g, i);
    if (g->broken && rng_one_in(&g->rng, 8))
        fields[kept++] = "{\"name\":\"wanted\",\"type\":\"int\"}";
    if (gen_vary(g, 2))
        for (int i = kept; i > 1; i--) {
            uint32_t k = rng_below(&g->rng, (uint32_t)i);
            const char *t = fields[k];
            fields[k] = fields[i - 1];
            fields[i - 1] = t;
        }
    const char *r = "";
    for (int i = 0; i < kept; i++)
        r = arena_printf(g->arena, "%s%s%s", r, i ? "," : "", fields[i]);
    static const char form[] = "{\"type\":\"record\",\"name\":\"%s\",\"fields\":[%s]}";
    return (struct pair){arena_printf(g->arena, form, name, w), arena_printf(g->arena, form, name, r)};
}

static struct pair gen_enum(struct gen *g)
{
    static const char form[] = "{\"type\":\"enum\",\"name\":\"E%d\",\"symbols\":[%s]%s}";
    static const char *const sets[] = {"\"A\",\"B\",\"C\"", "\"C\",\"A\",\"D\",\"B\"", "\"B\""};
    uint32_t r = gen_vary(g, 2) ? 1 : 0;
    const char *rest = "";
    if (gen_vary(g, 4) || (g->broken && rng_one_in(&g->rng, 3))) {
        r = 2;
        rest = g->broken && rng_one_in(&g->rng, 2) ? "" : ",\"default\":\"B\"";
    }
    int n = g->names++;
    return (struct pair){arena_printf(g->arena, form, n, sets[0], ""), arena_printf(g->arena, form, n, sets[r], rest)};
}

static struct pair gen_fixed(struct gen *g)
{
    static const char form[] = "{\"type\":\"fixed\",\"name\":\"F%d\",\"size\":%d}";
    int n = g->names++, size = 1 + (int)rng_below(&g->rng, 20);
    int rsize = g->broken && rng_one_in(&g->rng, 10) ? size + 1 : size;
    return (struct pair){arena_printf(g->arena, form, n, size), arena_printf(g->arena, form, n, rsize)};
}

static struct pair gen_complex(struct gen *g)
{
    uint32_t which = rng_below(&g->rng, 6);
    struct pair t;
    g->depth++;
    g->enclosing[g->depth - 1] = NULL;
    if (which < 2) {
        t = gen_record(g);
    } else if (which == 2) {
        t = gen_enum(g);
    } else if (which == 3) {
        t = gen_fixed(g);
    } else {
        struct pair item = gen_type(g, false);
        const char *form = which == 4 ? "{\"type\":\"array\",\"items\":%s}" : "{\"type\":\"map\",\"values\":%s}";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        t = (struct pair){arena_printf(g->arena, form, item.w), arena_printf(g->arena, form, item.r)};
#pragma GCC diagnostic pop
    }
    g->depth--;
    return t;
}

/* Some primitives in any order, and at most one other type. */
static struct pair gen_union(struct gen *g)
{
    const char *w[10], *r[12], *wt = "", *rt = "";
    int n = 0, m = 0;
    for (uint32_t mask = rng_below(&g->rng, 255) + 1, i = 0; i < 8; i++)
        if (mask >> i & 1)
            w[n++] = arena_printf(g->arena, "\"%s\"", gen_primitives[(i * 3 + mask) % 8]);
    for (int i = 0; i < n; i++)
        if (!g->broken || !rng_one_in(&g->rng, 6))
            r[m++] = w[i];
    if (g->depth < 5 && rng_one_in(&g->rng, 2)) {
        struct pair t = gen_complex(g);
        w[n++] = t.w;
        r[m++] = t.r;
    } else if (g->depth > 0 && g->enclosing[g->depth - 1] && strstr(w[0], "null")) {
        w[n++] = arena_printf(g->arena, "\"%s\"", g->enclosing[g->depth - 1]);
        r[m++] = w[n - 1];
    }
    if (gen_vary(g, 2))
        for (int i = m; i > 1; i--) {
            uint32_t k = rng_below(&g->rng, (uint32_t)i);
            const char *t = r[k];
            r[k] = r[i - 1];
            r[i - 1] = t;
        }
    for (int i = 0; i < n; i++)
        wt = arena_printf(g->arena, "%s%s%s", wt, i ? "," : "", w[i]);
    for (int i = 0; i < m; i++)
        rt = arena_printf(g->arena, "%s%s%s", rt, i ? "," : "", r[i]);
    return (struct pair){arena_printf(g->arena, "[%s]", wt), arena_printf(g->arena, "[%s]", rt)};
}

static __attribute__((unused)) struct pair gen_type(struct gen *g, bool in_union)
{
    if (!in_union && rng_one_in(&g->rng, 4))
        return gen_union(g);
    struct pair t = g->depth < 5 && rng_one_in(&g->rng, 2) ? gen_complex(g) : gen_primitive(g);
    if (!in_union && gen_vary(g, 6)) {
        if (!strcmp(t.r, "\"string\""))
            t.r = "[\"null\",\"string\"]";
        else
            t.r = strcmp(t.r, "\"null\"") ? arena_printf(g->arena, "[\"null\",%s]", t.r) : t.r;
        if (t.r[0] == '[' && t.r[8] == '[') /* no union in a union */
            t.r = t.w;
    }
    return t;
}

/* --- values ----------------------------------------------------------------------------------------------------------
 */

static int64_t gen_number(struct rng *r)
{
    uint64_t n = rng_next(r) >> rng_below(r, 64);
    return rng_one_in(r, 2) ? (int64_t)n : (int64_t)(0 - n);
}

static struct str gen_text(struct rng *r, struct arena *arena, bool utf8)
{
    static const char *const words[] = {
        "", "a", "payment", "Zürich, 8.50 €", "0123456789abcdef0123456789abcdef", "a\tb\"c\\d\n", "\xf0\x9f\x92\xb6"};
    if (utf8)
        return str_of(words[rng_below(r, COUNT(words))]);
    size_t n = rng_below(r, 200) / (1 + rng_below(r, 20));
    char *text = arena_alloc(arena, n + 1);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)rng_next(r);
    return str_n(text, n);
}

static void gen_leaf(struct rng *r, struct arena *arena, const struct avro_schema *s, struct avro_item *item)
{
    switch (s->type) {
    case AVRO_BOOLEAN: item->boolean = rng_one_in(r, 2); break;
    case AVRO_INT: item->number = (int32_t)gen_number(r); break;
    case AVRO_LONG: item->number = gen_number(r); break;
    case AVRO_FLOAT: item->single = rng_one_in(r, 20) ? (float)INFINITY : (float)gen_number(r) / 7; break;
    case AVRO_DOUBLE: item->real = rng_one_in(r, 20) ? -(double)INFINITY : (double)gen_number(r) / 7; break;
    case AVRO_BYTES: item->text = gen_text(r, arena, false); break;
    case AVRO_STRING: item->text = gen_text(r, arena, true); break;
    case AVRO_FIXED: item->text = (struct str){arena_calloc(arena, s->size + 1, 1), s->size}; break;
    case AVRO_ENUM: item->number = rng_below(r, (uint32_t)s->symbol_count); break;
    case AVRO_NULL:
    case AVRO_RECORD:
    case AVRO_ARRAY:
    case AVRO_MAP:
    case AVRO_UNION: break;
    }
}

/* A value of the schema, appended. Where a type contains itself, it does so in a union whose first branch is null. */
static __attribute__((unused)) void gen_value(struct rng *r, struct arena *arena, const struct avro_schema *s,
                                              struct avro_tape *tape, int depth)
{
    static const struct avro_schema key_type = {.type = AVRO_STRING};
    uint32_t branch = 0;
    if (s->type == AVRO_UNION) {
        branch = rng_below(r, (uint32_t)s->branch_count);
        if (depth > 8)
            branch = 0;
        s = s->branches[branch];
    }
    size_t own = tape->count;
    struct avro_item *item = avro_tape_add(tape);
    *item = (struct avro_item){.type = (uint8_t)s->type, .branch = branch};
    gen_leaf(r, arena, s, item);
    uint32_t count = s->type == AVRO_RECORD ? (uint32_t)s->field_count : depth > 8 ? 0 : rng_below(r, 4);
    if (s->type != AVRO_RECORD && s->type != AVRO_ARRAY && s->type != AVRO_MAP)
        return;
    item->count = count;
    for (uint32_t i = 0; i < count; i++) {
        if (s->type == AVRO_MAP) {
            struct avro_item *key = avro_tape_add(tape);
            *key = (struct avro_item){.type = (uint8_t)key_type.type};
            key->text = str_of(arena_printf(arena, "k%u %s", i, i == 1 ? "é" : ""));
        }
        gen_value(r, arena, s->type == AVRO_RECORD ? s->fields[i].type : s->branches[0], tape, depth + 1);
    }
    tape->items[own].inside = (uint32_t)(tape->count - own - 1);
}

static __attribute__((unused)) bool items_equal(const struct avro_item *a, size_t na, const struct avro_item *b,
                                                size_t nb)
{
    if (na != nb)
        return false;
    for (size_t i = 0; i < na; i++, a++, b++) {
        if (a->type != b->type || a->branch != b->branch)
            return false;
        bool same = true;
        switch (a->type) {
        case AVRO_BOOLEAN: same = a->boolean == b->boolean; break;
        case AVRO_INT:
        case AVRO_LONG:
        case AVRO_ENUM: same = a->number == b->number; break;
        case AVRO_FLOAT: same = memcmp(&a->single, &b->single, sizeof a->single) == 0; break;
        case AVRO_DOUBLE: same = memcmp(&a->real, &b->real, sizeof a->real) == 0; break;
        case AVRO_BYTES:
        case AVRO_STRING:
        case AVRO_FIXED: same = str_eq(a->text, b->text); break;
        case AVRO_RECORD:
        case AVRO_ARRAY:
        case AVRO_MAP: same = a->count == b->count && a->inside == b->inside; break;
        default: break;
        }
        if (!same)
            return false;
    }
    return true;
}

/* --- an encoder of its own, with arrays and maps in blocks, some of them with their size
 * ------------------------------- */

static void plain_long(struct buf *out, int64_t n)
{
    uint64_t z = (uint64_t)n << 1 ^ (uint64_t)(n >> 63);
    for (; z >= 0x80; z >>= 7)
        buf_addc(out, (char)(z | 0x80));
    buf_addc(out, (char)z);
}

static __attribute__((unused)) const struct avro_item *plain_encode(struct rng *r, const struct avro_schema *s,
                                                                    const struct avro_item *item, struct buf *out)
{
    if (s->type == AVRO_UNION) {
        plain_long(out, item->branch);
        s = s->branches[item->branch];
    }
    switch (s->type) {
    case AVRO_NULL:
    case AVRO_UNION: break;
    case AVRO_BOOLEAN: buf_addc(out, item->boolean); break;
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_ENUM: plain_long(out, item->number); break;
    case AVRO_FLOAT: buf_add(out, &item->single, 4); break;
    case AVRO_DOUBLE: buf_add(out, &item->real, 8); break;
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_FIXED:
        if (s->type != AVRO_FIXED)
            plain_long(out, (int64_t)item->text.len);
        buf_add_str(out, item->text);
        break;
    case AVRO_RECORD: {
        const struct avro_item *at = item + 1;
        for (size_t i = 0; i < s->field_count; i++)
            at = plain_encode(r, s->fields[i].type, at, out);
        return at;
    }
    case AVRO_ARRAY:
    case AVRO_MAP: {
        const struct avro_item *at = item + 1;
        for (uint32_t left = item->count, n; left; left -= n) {
            n = 1 + rng_below(r, left);
            struct buf block;
            buf_init(&block, 0);
            for (uint32_t i = 0; i < n; i++) {
                if (s->type == AVRO_MAP) {
                    plain_long(&block, (int64_t)at->text.len);
                    buf_add_str(&block, at++->text);
                }
                at = plain_encode(r, s->branches[0], at, &block);
            }
            bool sized = rng_one_in(r, 2);
            plain_long(out, sized ? -(int64_t)n : (int64_t)n);
            if (sized)
                plain_long(out, (int64_t)block.len);
            buf_add_str(out, buf_str(&block));
            buf_free(&block);
        }
        plain_long(out, 0);
        return at;
    }
    }
    return item + 1;
}
