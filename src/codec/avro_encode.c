// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a program over a tape and writes bytes; see avro_codec.h. Arrays and maps are one block without a byte size, as
 * libavro and Java write them. Invariant: before anything is written there is room for it and one varint more.
 */
#include "codec/avro_program.h"
#include "codec/varint.h"

struct encoder {
    const struct avro_program *program;
    const struct avro_item *items;
    size_t count, at;
    struct buf *out;
    char *p, *end; /* p: where the next byte goes */
    const char *why;
};

static bool bad(struct encoder *e, const char *why)
{
    e->why = why;
    return false;
}

/* Slow path: room for `more` bytes. */
static bool grow(struct encoder *e, size_t more)
{
    e->out->len = (size_t)(e->p - e->out->data);
    char *at = buf_reserve(e->out, more);
    if (!at)
        return bad(e, "the buffer's limit is reached");
    e->p = at;
    e->end = e->out->data + e->out->cap - 1;
    return true;
}

static inline bool room(struct encoder *e, size_t more) { return (size_t)(e->end - e->p) >= more || grow(e, more); }

static inline uint64_t zigzag(int64_t n) { return (uint64_t)n << 1 ^ (uint64_t)(n >> 63); }

static inline bool put_text(struct encoder *e, struct str text)
{
    if (!room(e, text.len + 2 * (size_t)VARINT_MAX))
        return false;
    e->p = varint_put(e->p, (uint64_t)text.len << 1);
    if (text.len)
        memcpy(e->p, text.data, text.len);
    e->p += text.len;
    return true;
}

static inline bool put_string(struct encoder *e, struct str text)
{
    return (avro_text_valid(text.data, text.len) || bad(e, "the string is not UTF-8")) && put_text(e, text);
}

static inline __attribute__((always_inline)) bool put_leaf(struct encoder *e, const struct avro_op *op,
                                                           const struct avro_item *item)
{
    switch (op->code) {
    case OP_NULL: return true;
    case OP_BOOLEAN: *e->p++ = item->boolean; return true;
    case OP_INT:
        if (item->number < INT32_MIN || item->number > INT32_MAX)
            return bad(e, "the number is no int");
        e->p = varint_put(e->p, zigzag(item->number));
        return true;
    case OP_LONG: e->p = varint_put(e->p, zigzag(item->number)); return true;
    case OP_FLOAT:
        memcpy(e->p, &item->single, sizeof item->single);
        e->p += sizeof item->single;
        return true;
    case OP_DOUBLE:
        memcpy(e->p, &item->real, sizeof item->real);
        e->p += sizeof item->real;
        return true;
    case OP_BYTES: return put_text(e, item->text);
    case OP_STRING: return put_string(e, item->text);
    case OP_FIXED:
        if (item->text.len != op->a)
            return bad(e, "not as many bytes as the fixed has");
        if (!room(e, op->a + (size_t)VARINT_MAX))
            return false;
        if (op->a)
            memcpy(e->p, item->text.data, op->a);
        e->p += op->a;
        return true;
    case OP_ENUM:
        if (item->number < 0 || item->number >= op->a)
            return bad(e, "the enum has no such symbol");
        e->p = varint_put(e->p, zigzag(item->number));
        return true;
    default: return bad(e, "not an instruction");
    }
}

/* A map's key, before its value. */
static bool put_key(struct encoder *e)
{
    if (e->at == e->count || e->items[e->at].type != AVRO_STRING)
        return bad(e, "a map's key is missing");
    return put_string(e, e->items[e->at++].text);
}

static bool fail(struct encoder *e, const struct avro_frame *stack, unsigned depth, uint32_t pc, size_t before,
                 struct err *err)
{
    struct buf path;
    buf_init(&path, 500);
    avro_program_path(e->program, stack, depth, pc, &path);
    err_set(err, ERR_DATA, "%s: %s", path.data ? path.data : "/", e->why);
    buf_free(&path);
    e->out->len = before;
    if (e->out->data)
        e->out->data[before] = '\0';
    return false;
}

bool avro_encode(const struct avro_program *program, const struct avro_item *items, size_t count, struct buf *out,
                 struct err *err)
{
    AVRO_UNINITIALIZED struct avro_frame stack[AVRO_DEPTH_MAX];
    struct encoder e = {.program = program, .items = items, .count = count, .out = out};
    const struct avro_op *const ops = program->ops;
    const size_t before = out->len;
    uint32_t pc = program->start;
    unsigned depth = 0;
    if (program->resolving)
        return err_set(err, ERR_INTERNAL, "encoding with the program of a resolution");
    if (!buf_reserve(out, 2 * (size_t)VARINT_MAX))
        return err_set(err, ERR_DATA, "/: the buffer's limit is reached");
    e.p = out->data + out->len;
    e.end = out->data + out->cap - 1;
    for (;;) {
        const struct avro_op *op = &ops[pc];
        const struct avro_item *item = &items[e.at];
        if (!room(&e, 2 * (size_t)VARINT_MAX))
            return fail(&e, stack, depth, pc, before, err);
        if (op->code <= OP_FIXED && e.at == count) {
            e.why = "a value is missing";
            return fail(&e, stack, depth, pc, before, err);
        }
        if (op->code <= OP_FIXED && op->code != OP_UNION && item->type != op->type) {
            e.why = "the value is of another type";
            return fail(&e, stack, depth, pc, before, err);
        }
        switch (op->code) {
        case OP_UNION:
            if (item->branch >= op->b) {
                e.why = "the union has no such branch";
                return fail(&e, stack, depth, pc, before, err);
            }
            e.p = varint_put(e.p, (uint64_t)item->branch << 1);
            pc = program->targets[op->a + item->branch];
            continue;
        case OP_RECORD:
        case OP_ARRAY:
        case OP_MAP:
            if (depth == AVRO_DEPTH_MAX || (op->code == OP_RECORD && item->count != op->b)) {
                e.why = depth == AVRO_DEPTH_MAX ? "values are nested too deep" : "not as many fields as the record has";
                return fail(&e, stack, depth, pc, before, err);
            }
            e.at++;
            if (op->code != OP_RECORD)
                e.p = varint_put(e.p, (uint64_t)item->count << 1);
            if (op->code != OP_RECORD && !item->count)
                break;
            stack[depth++] = (struct avro_frame){.call = pc, .left = item->count};
            if (op->code == OP_MAP && !put_key(&e))
                return fail(&e, stack, depth, pc, before, err);
            pc = op->a;
            continue;
        case OP_LOOP:
            if (--stack[depth - 1].left) {
                if (op->b && !put_key(&e))
                    return fail(&e, stack, depth, pc, before, err);
                pc = op->a;
                continue;
            }
            *e.p++ = 0; /* no further block */
            depth--;
            break;
        case OP_RETURN: pc = ops[stack[--depth].call].next; continue;
        case OP_END:
            if (e.at != count) {
                e.why = "more values than the schema has";
                return fail(&e, stack, depth, pc, before, err);
            }
            *e.p = '\0';
            out->len = (size_t)(e.p - out->data);
            return true;
        default:
            if (!put_leaf(&e, op, item))
                return fail(&e, stack, depth, pc, before, err);
            e.at++;
        }
        pc = op->next;
    }
}
