// SPDX-License-Identifier: Apache-2.0
/*
 * A program that reads one schema's bytes and makes another's tape; see avro_codec.h. The rules are those of
 * avro_match.h. A record whose fields come in the reader's order is read straight through, with the defaults put in
 * between; otherwise its fields are marked and put in order at its end.
 */
#include "codec/avro_compiler.h"
#include "codec/avro_json.h"

static uint32_t emit_fail(struct avro_compiler *c, const char *why, uint32_t next, uint32_t origin)
{
    GROW(c->reasons, c->reason_count, c->reason_capacity);
    c->reasons[c->reason_count++] = why;
    return avro_emit(
        c, &(struct avro_op){.code = OP_FAIL, .next = next, .a = (uint32_t)c->reason_count - 1, .origin = origin});
}

/* The branch of a reader's union for a writer that is none; -1: there is none. */
static int64_t pick_branch(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader)
{
    int64_t found = -1;
    for (size_t i = 0; i < reader->branch_count; i++) {
        const struct avro_schema *b = reader->branches[i];
        if (avro_match(b, writer) != AVRO_MATCH_YES || !avro_compat_ask(c->compat, b, writer, NULL))
            continue;
        if (b->type == writer->type && (!b->number || str_eq(b->name, writer->name)))
            return (int64_t)i;
        if (found < 0)
            found = (int64_t)i;
    }
    return found;
}

/* One branch of a writer's union. What no reader can make of it is an error when it comes. */
static uint32_t emit_branch(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                            uint32_t branch, uint32_t next, uint32_t origin)
{
    const char *why = NULL;
    if (avro_compat_ask(c->compat, reader, writer, &why))
        return avro_emit_resolved(c, writer, reader, branch, next, origin);
    return emit_fail(c, why, next, origin);
}

static uint32_t emit_union(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                           uint32_t branch, uint32_t next, uint32_t origin)
{
    size_t base = c->target_count;
    for (size_t i = 0; i < writer->branch_count; i++) {
        GROW(c->targets, c->target_count, c->target_capacity);
        c->targets[c->target_count++] = 0;
    }
    for (size_t i = 0; i < writer->branch_count && !c->failed; i++) {
        uint32_t entry = emit_branch(c, writer->branches[i], reader, branch, next, origin);
        c->targets[base + i] = entry;
    }
    return avro_emit(c, &(struct avro_op){.code = OP_UNION,
                                          .next = next,
                                          .a = (uint32_t)base,
                                          .b = (uint32_t)writer->branch_count,
                                          .origin = origin});
}

static uint32_t emit_enum(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                          struct avro_op *op)
{
    op->code = OP_ENUM_MAP;
    op->a = (uint32_t)c->symbol_count;
    op->b = (uint32_t)writer->symbol_count;
    for (size_t i = 0; i < writer->symbol_count; i++) {
        GROW(c->symbols, c->symbol_count, c->symbol_capacity);
        c->symbols[c->symbol_count++] = (int32_t)avro_match_symbol(reader, writer->symbols[i]);
    }
    return avro_emit(c, op);
}

/* The instruction that reads a writer's number or text and gives the reader's. */
static uint32_t promotion(enum avro_type writer, enum avro_type reader)
{
    if (writer == AVRO_FLOAT && reader == AVRO_DOUBLE)
        return OP_FLOAT_DOUBLE;
    if (reader == AVRO_FLOAT && writer != AVRO_FLOAT)
        return writer == AVRO_INT ? OP_INT_FLOAT : OP_LONG_FLOAT;
    if (reader == AVRO_DOUBLE && writer != AVRO_DOUBLE)
        return writer == AVRO_INT ? OP_INT_DOUBLE : OP_LONG_DOUBLE;
    if (reader == AVRO_STRING)
        return OP_STRING; /* of bytes: they must be UTF-8 */
    return (uint32_t)writer;
}

uint32_t avro_emit_resolved(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                            uint32_t branch, uint32_t next, uint32_t origin)
{
    if (c->failed || writer == reader)
        return avro_emit_plain(c, writer, branch, next, origin);
    if (writer->type == AVRO_UNION)
        return emit_union(c, writer, reader, branch, next, origin);
    if (reader->type == AVRO_UNION) {
        int64_t i = pick_branch(c, writer, reader);
        return i < 0 ? emit_fail(c, "no branch of the reader's union fits", next, origin)
                     : avro_emit_resolved(c, writer, reader->branches[i], (uint32_t)i, next, origin);
    }
    if (avro_match(reader, writer) != AVRO_MATCH_YES)
        return emit_fail(c, "the reader's type does not fit", next, origin);
    struct avro_op op = {.type = (uint8_t)reader->type,
                         .branch = branch,
                         .next = next,
                         .origin = origin,
                         .code = promotion(writer->type, reader->type),
                         .a = writer->size};
    switch (writer->type) {
    case AVRO_RECORD: return avro_emit_record(c, writer, reader, branch, next, origin);
    case AVRO_ARRAY:
    case AVRO_MAP: return avro_emit_loop(c, writer, reader, branch, next, origin);
    case AVRO_ENUM: return emit_enum(c, writer, reader, &op);
    case AVRO_NULL:
    case AVRO_BOOLEAN:
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_UNION:
    case AVRO_FIXED: break;
    }
    return avro_emit(c, &op);
}

/* --- records ---------------------------------------------------------------------------------------------------------
 */

enum { NONE = UINT32_MAX };

struct record {
    const struct avro_schema *writer, *reader;
    uint32_t *from; /* by reader's field: the writer's, NONE: default */
    uint32_t *to;   /* by writer's field: the first of the reader's that takes it, NONE: skipped */
    bool in_order;  /* straight through gives the reader's order */
};

static void match_fields(struct avro_compiler *c, struct record *m)
{
    const struct avro_schema *w = m->writer, *r = m->reader;
    m->from = xcalloc(r->field_count + 1, sizeof *m->from);
    m->to = xcalloc(w->field_count + 1, sizeof *m->to);
    m->in_order = true;
    for (size_t i = 0; i < w->field_count; i++)
        m->to[i] = NONE;
    size_t last = 0;
    for (size_t i = 0; i < r->field_count && !c->failed; i++) {
        const struct avro_field *f = avro_match_field(r, &r->fields[i], w);
        m->from[i] = f ? (uint32_t)(f - w->fields) : NONE;
        if (!f)
            continue;
        m->in_order = m->in_order && m->to[m->from[i]] == NONE && m->from[i] + 1 > last;
        last = m->from[i] + 1;
        if (m->to[m->from[i]] == NONE)
            m->to[m->from[i]] = (uint32_t)i;
    }
}

static uint32_t emit_default(struct avro_compiler *c, const struct avro_schema *s, size_t field, uint32_t next)
{
    const struct avro_field *f = &s->fields[field];
    size_t before = c->constants.count;
    uint32_t origin = avro_origin_add(c, f->name, AVRO_NOWHERE);
    if (!f->default_json.data)
        return emit_fail(c, "the writer has no such field, and the reader's has no default", next, origin);
    if (!avro_json_default(f, c->arena, &c->constants, AVRO_CONSTANTS_MAX)) {
        if (!c->failed)
            err_set(c->err, ERR_DATA,
                    "schema: the default of field " STR_FMT " of record " STR_FMT
                    " is too large, or has itself within itself",
                    STR_ARG(f->name), STR_ARG(s->name));
        c->failed = true;
        return 0;
    }
    return avro_emit(c, &(struct avro_op){.code = OP_DEFAULT,
                                          .next = next,
                                          .a = (uint32_t)before,
                                          .b = (uint32_t)(c->constants.count - before),
                                          .origin = origin});
}

static uint32_t emit_simple(struct avro_compiler *c, uint32_t code, uint32_t next)
{
    return avro_emit(c, &(struct avro_op){.code = code, .next = next, .origin = AVRO_NOWHERE});
}

/* A writer's field that nobody wants. */
static uint32_t emit_skipped(struct avro_compiler *c, const struct avro_field *f, uint32_t next)
{
    next = emit_simple(c, OP_DROP, next);
    next = avro_emit_plain(c, f->type, 0, next, avro_origin_add(c, f->name, AVRO_NOWHERE));
    return emit_simple(c, OP_MARK, next);
}

static uint32_t emit_kept(struct avro_compiler *c, const struct record *m, size_t from, uint32_t next)
{
    const struct avro_field *w = &m->writer->fields[from], *r = &m->reader->fields[m->to[from]];
    return avro_emit_resolved(c, w->type, r->type, 0, next, avro_origin_add(c, w->name, AVRO_NOWHERE));
}

/* From the last of the writer's fields to the first; before a field's code come the defaults that stand before it. */
static uint32_t emit_straight(struct avro_compiler *c, const struct record *m, uint32_t next)
{
    size_t r = m->reader->field_count;
    for (size_t w = m->writer->field_count; w-- > 0 && !c->failed;) {
        if (m->to[w] == NONE) {
            next = emit_skipped(c, &m->writer->fields[w], next);
            continue;
        }
        while (r > m->to[w] + 1)
            next = emit_default(c, m->reader, --r, next);
        next = emit_kept(c, m, w, next);
        r--;
    }
    while (r > 0 && !c->failed)
        next = emit_default(c, m->reader, --r, next);
    return next;
}

/* Segments: the kept fields as the writer has them, then the defaults as the reader has them. */
static uint32_t emit_shuffled(struct avro_compiler *c, const struct record *m, uint32_t next)
{
    size_t base = c->order_count, segments = 0, defaults = 0;
    uint32_t *segment = xcalloc(m->writer->field_count + 1, sizeof *segment);
    for (size_t w = 0; w < m->writer->field_count; w++)
        if (m->to[w] != NONE)
            segment[w] = (uint32_t)segments++;
    for (size_t r = 0; r < m->reader->field_count; r++) {
        GROW(c->order, c->order_count, c->order_capacity);
        c->order[c->order_count++] = m->from[r] == NONE ? (uint32_t)(segments + defaults++) : segment[m->from[r]];
    }
    free(segment);
    next = avro_emit(c, &(struct avro_op){.code = OP_ORDER,
                                          .next = next,
                                          .a = (uint32_t)base,
                                          .b = (uint32_t)m->reader->field_count,
                                          .marks = (uint32_t)(segments + defaults),
                                          .origin = AVRO_NOWHERE});
    for (size_t r = m->reader->field_count; r-- > 0 && !c->failed;)
        if (m->from[r] == NONE)
            next = emit_simple(c, OP_MARK, emit_default(c, m->reader, r, next));
    for (size_t w = m->writer->field_count; w-- > 0 && !c->failed;)
        next = m->to[w] == NONE ? emit_skipped(c, &m->writer->fields[w], next)
                                : emit_simple(c, OP_MARK, emit_kept(c, m, w, next));
    return next;
}

uint32_t avro_emit_fields(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader)
{
    struct record m = {.writer = writer, .reader = reader};
    match_fields(c, &m);
    uint32_t next = emit_simple(c, OP_RETURN, 0);
    next = m.in_order ? emit_straight(c, &m, next) : emit_shuffled(c, &m, next);
    free(m.from);
    free(m.to);
    return next;
}

bool avro_resolve(const struct avro_schema *writer, const struct avro_schema *reader, struct arena *arena,
                  const struct avro_program **ret, struct err *err)
{
    struct avro_compiler c = {.arena = arena, .err = err, .compat = avro_compat_new(arena, true)};
    const char *why = NULL;
    bool good = avro_compat_ask(c.compat, reader, writer, &why);
    if (good)
        good = avro_compiler_run(&c, writer, reader, ret);
    else
        err_set(err, ERR_DATA, "the reader's schema cannot read the writer's: %.900s", why);
    avro_compat_free(c.compat);
    return good;
}
