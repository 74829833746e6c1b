// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a program over a tape and writes bytes; see avro_codec.h. Arrays and maps are one block without a byte size, as
 * libavro and Java write them. Invariant: at every instruction there are SPARE bytes of room, enough for any value that
 * is no text, and for the length of one.
 */
#include "codec/avro_program.h"
#include "codec/avro_varint.h"
#include "codec/utf8.h"

enum { SPARE = 2 * AVRO_LONG_MAX + 12 };

struct encoder {
    const struct avro_program *program;
    struct buf *out;
    char *limit; /* up to here there are SPARE bytes of room */
    const char *why;
};

/* Sets the limit of the room that is there (SPARE bytes at least), the buffer's own observed; returns where to write.
 */
static char *take_room(struct encoder *e)
{
    struct buf *out = e->out;
    size_t max = out->max ? out->max : BUF_MAX_DEFAULT;
    e->limit = out->data + (out->cap - 1 < max ? out->cap - 1 : max) - SPARE;
    return out->data + out->len;
}

/* Room for `more` bytes behind p; where to go on, or NULL. */
static __attribute__((noinline)) char *grow(struct encoder *e, char *p, size_t more)
{
    if (p)
        e->out->len = (size_t)(p - e->out->data);
    if (!buf_reserve(e->out, more)) {
        e->why = "the buffer's limit is reached";
        return NULL;
    }
    return take_room(e);
}

/* Length and bytes; NULL with e->why. utf8: they must be. */
static inline __attribute__((always_inline)) char *put_text(struct encoder *e, char *p, struct str text, bool utf8)
{
    if ((ptrdiff_t)text.len > e->limit - p && !(p = grow(e, p, text.len + SPARE)))
        return NULL;
    p = avro_put_unsigned(p, (uint64_t)text.len << 1);
    if (!avro_copy_ascii(p, text.data, text.len) && utf8 && !utf8_valid(text)) {
        e->why = "the string is not UTF-8";
        return NULL;
    }
    return p + text.len;
}

static char *put_fixed(struct encoder *e, char *p, const struct avro_op *op, struct str text)
{
    if (text.len != op->a) {
        e->why = "not as many bytes as the fixed has";
        return NULL;
    }
    if ((ptrdiff_t)text.len > e->limit - p && !(p = grow(e, p, text.len + SPARE)))
        return NULL;
    if (text.len)
        memcpy(p, text.data, text.len);
    return p + text.len;
}

/* A map's key, before its value. */
static char *put_key(struct encoder *e, char *p, const struct avro_item *item, const struct avro_item *last)
{
    e->why = "a map's key is missing";
    return item == last || item->type != AVRO_STRING ? NULL : put_text(e, p, item->text, true);
}

static __attribute__((cold, noinline)) bool fail(struct encoder *e, const struct avro_frame *stack, unsigned depth,
                                                 const struct avro_op *op, size_t before, struct err *err)
{
    struct buf path;
    buf_init(&path, 500);
    avro_program_path(e->program, stack, depth, (uint32_t)(op - e->program->ops), &path);
    err_set(err, ERR_DATA, "%s: %s", path.data ? path.data : "/", e->why);
    buf_free(&path);
    e->out->len = before;
    if (e->out->data)
        e->out->data[before] = '\0';
    return false;
}

/*
 * The loop keeps all it needs in registers: what is called in it takes and gives values. Each instruction jumps to the
 * code of the next by itself, which is a fifth faster than a switch in a loop: GO.
 */
#define REFUSE(what)    \
    do {                \
        e.why = (what); \
        goto failed;    \
    } while (0)
#define GO(to)                 \
    do {                       \
        op = (to);             \
        if (p > e.limit)       \
            goto full;         \
        goto *codes[op->code]; \
    } while (0)
#define GO_ON()                 \
    do {                        \
        item++;                 \
        GO(avro_next(ops, op)); \
    } while (0)
#define NEED_ITEM()                                                      \
    do {                                                                 \
        if (__builtin_expect(item == last || item->type != op->type, 0)) \
            goto misfit;                                                 \
    } while (0)
/* Only while p is set: a callee says by NULL that it refuses. */
#define PUT(call)         \
    do {                  \
        char *q = (call); \
        if (!q)           \
            goto failed;  \
        p = q;            \
    } while (0)

bool avro_encode(const struct avro_program *program, const struct avro_item *items, size_t count, struct buf *out,
                 struct err *err)
{
    static const void *const codes[] = {
        [OP_NULL] = &&null,     [OP_BOOLEAN] = &&boolean, [OP_INT] = &&number_int, [OP_LONG] = &&number_long,
        [OP_FLOAT] = &&single,  [OP_DOUBLE] = &&real,     [OP_BYTES] = &&bytes,    [OP_STRING] = &&string,
        [OP_RECORD] = &&record, [OP_ENUM] = &&symbol,     [OP_ARRAY] = &&array,    [OP_MAP] = &&array,
        [OP_UNION] = &&branch,  [OP_FIXED] = &&fixed,     [OP_RETURN] = &&back,    [OP_LOOP] = &&loop,
        [OP_END] = &&end, /* what only resolution has does not come here */
    };
    AVRO_UNINITIALIZED struct avro_frame stack[AVRO_DEPTH_MAX];
    struct encoder e = {.program = program, .out = out};
    const struct avro_op *const ops = program->ops, *op = &ops[program->start];
    const struct avro_item *item = items, *const last = count ? items + count : items;
    const size_t before = out->len;
    unsigned depth = 0;
    if (program->resolving)
        return err_set(err, ERR_INTERNAL, "encoding with the program of a resolution");
    char *p = out->cap > out->len + SPARE && !out->overflow ? take_room(&e) : grow(&e, NULL, SPARE);
    if (!p)
        goto failed;
    GO(op);
full:
    PUT(grow(&e, p, SPARE));
    goto *codes[op->code];
null:
    NEED_ITEM();
    GO_ON();
boolean:
    NEED_ITEM();
    *p++ = item->boolean;
    GO_ON();
number_int:
    NEED_ITEM();
    if (item->number < INT32_MIN || item->number > INT32_MAX)
        REFUSE("the number is no int");
    p = avro_put_long(p, item->number);
    GO_ON();
number_long:
    NEED_ITEM();
    p = avro_put_long(p, item->number);
    GO_ON();
single:
    NEED_ITEM();
    memcpy(p, &item->single, sizeof item->single);
    p += sizeof item->single;
    GO_ON();
real:
    NEED_ITEM();
    memcpy(p, &item->real, sizeof item->real);
    p += sizeof item->real;
    GO_ON();
bytes:
    NEED_ITEM();
    PUT(put_text(&e, p, item->text, false));
    GO_ON();
string:
    NEED_ITEM();
    PUT(put_text(&e, p, item->text, true));
    GO_ON();
fixed:
    NEED_ITEM();
    PUT(put_fixed(&e, p, op, item->text));
    GO_ON();
symbol:
    NEED_ITEM();
    if (item->number < 0 || item->number >= op->a)
        REFUSE("the enum has no such symbol");
    p = avro_put_long(p, item->number);
    GO_ON();
branch:
    if (item == last)
        goto misfit;
    if (item->branch >= op->b)
        REFUSE("the union has no such branch");
    p = avro_put_unsigned(p, (uint64_t)item->branch << 1);
    GO(&ops[program->targets[op->a + item->branch]]);
record:
    NEED_ITEM();
    if (depth == AVRO_DEPTH_MAX)
        REFUSE("values are nested too deep");
    if (item->count != op->b)
        REFUSE("not as many fields as the record has");
    stack[depth++].call = (uint32_t)(op - ops);
    item++;
    GO(&ops[op->a]);
array:
    NEED_ITEM();
    if (depth == AVRO_DEPTH_MAX)
        REFUSE("values are nested too deep");
    p = avro_put_unsigned(p, (uint64_t)item->count << 1);
    if (!item->count)
        GO_ON();
    stack[depth].call = (uint32_t)(op - ops);
    stack[depth++].left = item++->count;
    if (op->code == OP_MAP) {
        PUT(put_key(&e, p, item, last));
        item++;
    }
    GO(&ops[op->a]);
loop:
    if (--stack[depth - 1].left) {
        if (op->b) {
            PUT(put_key(&e, p, item, last));
            item++;
        }
        GO(&ops[op->a]);
    }
    *p++ = 0; /* no further block */
    depth--;
    GO(avro_next(ops, op));
back:
    op = &ops[stack[--depth].call];
    GO(avro_next(ops, op));
end:
    if (item != last)
        REFUSE("more values than the schema has");
    *p = '\0';
    out->len = (size_t)(p - out->data);
    return true;
misfit:
    e.why = item == last ? "a value is missing" : "the value is of another type";
failed:
    return fail(&e, stack, depth, op, before, err);
}
