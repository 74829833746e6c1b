// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a program over bytes; see avro_codec.h. Invariants: `p` never passes `end`; at every instruction there is room
 * for one item on the tape; frames are at most AVRO_DEPTH_MAX; every turn of a loop leaves an item, so that
 * AVRO_ITEMS_MAX bounds time as well.
 */
#include "codec/avro_program.h"
#include "codec/avro_varint.h"
#include "codec/utf8.h"

struct decoder {
    const struct avro_program *program;
    struct avro_tape *tape;
    const char *start, *end;
    size_t mark_count, dropped; /* dropped: items cut off the tape, which count too */
    const char *why;
};

static inline const char *get_text(const char *p, const char *end, struct str *ret)
{
    int64_t len;
    p = avro_get_long(p, end, &len);
    if (!p || len < 0 || len > end - p)
        return NULL;
    *ret = (struct str){p, (size_t)len};
    return p + len;
}

static inline bool is_text(struct str text) { return avro_is_ascii(text.data, text.len) || utf8_valid(text); }

static inline void head(struct avro_item *item, const struct avro_op *op)
{
    _Static_assert(offsetof(struct avro_item, branch) == offsetof(struct avro_op, branch), "copied together");
    memcpy(item, op, offsetof(struct avro_item, branch) + sizeof item->branch);
}

static __attribute__((noinline)) bool make_room(struct decoder *d, size_t more)
{
    struct avro_tape *t = d->tape;
    if (t->count + d->dropped + more > AVRO_ITEMS_MAX) {
        d->why = "more values than a datum may have";
        return false;
    }
    while (t->capacity < t->count + more) {
        t->capacity = t->capacity ? t->capacity * 2 : 64;
        t->items = xrealloc(t->items, t->capacity * sizeof *t->items);
    }
    return true;
}

static void put_mark(struct decoder *d)
{
    GROW(d->tape->marks, d->mark_count, d->tape->mark_capacity);
    d->tape->marks[d->mark_count++] = (uint32_t)d->tape->count;
}

static void drop(struct decoder *d)
{
    size_t mark = d->tape->marks[--d->mark_count];
    d->dropped += d->tape->count - mark;
    d->tape->count = mark;
}

static bool add_constants(struct decoder *d, const struct avro_op *op)
{
    if (!make_room(d, op->b))
        return false;
    memcpy(d->tape->items + d->tape->count, d->program->constants + op->a, op->b * sizeof(struct avro_item));
    d->tape->count += op->b;
    return true;
}

/* The segments behind the last marks, put in the order of the reader's fields. */
static bool put_in_order(struct decoder *d, const struct avro_op *op)
{
    struct avro_tape *t = d->tape;
    const uint32_t *marks = t->marks + d->mark_count - op->marks;
    const size_t first = op->marks ? marks[0] : t->count, end = t->count;
    size_t total = 0;
    if (!make_room(d, end - first))
        return false;
    for (uint32_t i = 0; i < op->b; i++) {
        uint32_t s = d->program->order[op->a + i];
        size_t from = marks[s], to = s + 1 < op->marks ? marks[s + 1] : end;
        struct avro_item *at = t->items + end + total;
        if (to - from == 1)
            *at = t->items[from];
        else
            memcpy(at, t->items + from, (to - from) * sizeof *at);
        total += to - from;
    }
    memcpy(t->items + first, t->items + end, total * sizeof *t->items);
    d->mark_count -= op->marks;
    return true;
}

static const char *bad(struct decoder *d, const char *why)
{
    d->why = why;
    return NULL;
}

/* The next block of an array or map, into its frame; left 0: there is none. */
static const char *get_block(struct decoder *d, const char *p, struct avro_frame *f)
{
    int64_t n, size;
    struct avro_item *item = &d->tape->items[f->item];
    p = avro_get_long(p, d->end, &n);
    if (!p || n == INT64_MIN)
        return bad(d, "not a block's count");
    f->end = 0;
    if (n < 0) {
        n = -n;
        p = avro_get_long(p, d->end, &size);
        if (!p || size < 0 || size > d->end - p)
            return bad(d, "not a block's size");
        f->end = (uint32_t)(p - d->start + size);
    }
    if (n > AVRO_ITEMS_MAX - item->count)
        return bad(d, "more values than a datum may have");
    f->left = (uint32_t)n;
    item->count += (uint32_t)n;
    return p;
}

/* An entry's key, as an item of its own. */
static const char *get_key(struct decoder *d, const char *p)
{
    if (d->tape->count == d->tape->capacity && !make_room(d, 1))
        return NULL;
    struct avro_item *item = &d->tape->items[d->tape->count++];
    *item = (struct avro_item){.type = AVRO_STRING};
    p = get_text(p, d->end, &item->text);
    return p && is_text(item->text) ? p : bad(d, "not a map's key");
}

static const char *get_symbol(struct decoder *d, const struct avro_op *op, const char *p, int64_t *ret)
{
    int64_t n;
    p = avro_get_long(p, d->end, &n);
    if (!p || n < 0 || n >= (op->code == OP_ENUM ? op->a : op->b))
        return bad(d, "not a symbol of the enum");
    *ret = op->code == OP_ENUM ? n : d->program->symbols[op->a + (size_t)n];
    return *ret >= 0 ? p : bad(d, "the reader's enum has neither this symbol nor a default");
}

/* A number that becomes a float or double. */
static const char *get_widened(struct decoder *d, uint32_t code, const char *p, struct avro_item *item)
{
    int64_t n;
    bool is_int = code == OP_INT_FLOAT || code == OP_INT_DOUBLE;
    p = avro_get_long(p, d->end, &n);
    if (!p || (is_int && (n < INT32_MIN || n > INT32_MAX)))
        return bad(d, is_int ? "not an int" : "not a long");
    if (code == OP_INT_FLOAT || code == OP_LONG_FLOAT)
        item->single = (float)n;
    else
        item->real = (double)n;
    return p;
}

static __attribute__((cold, noinline)) bool fail(struct decoder *d, const struct avro_frame *stack, unsigned depth,
                                                 const struct avro_op *op, const char *p, struct err *err)
{
    struct buf path;
    buf_init(&path, 500);
    avro_program_path(d->program, stack, depth, (uint32_t)(op - d->program->ops), &path);
    err_set(err, ERR_DATA, "%s: %.400s at byte %td", path.data ? path.data : "/", d->why, p - d->start);
    buf_free(&path);
    d->tape->count = 0;
    return false;
}

/*
 * The loop itself keeps what it needs in registers: where it reads (p) and how many items there are (count). What is
 * called in it takes and gives values, or finds the count on the tape between SAVE and LOAD.
 */
#define FAIL() return fail(&d, stack, depth, op, p, err)
#define REFUSE(what)  \
    do {              \
        d.why = what; \
        FAIL();       \
    } while (0)
#define SAVE() (tape->count = count)
#define LOAD() (count = tape->count)
/* q: what a reader of bytes gave. */
#define TAKE_OR(q, what)  \
    do {                  \
        if (!(q))         \
            REFUSE(what); \
        p = (q);          \
    } while (0)
#define TAKE_OR_FAIL(q) \
    do {                \
        if (!(q))       \
            FAIL();     \
        p = (q);        \
    } while (0)

bool avro_decode(const struct avro_program *program, struct str bytes, struct avro_tape *tape, struct err *err)
{
    static const char bad_length[] = "the length is not one, or more than is left";
    AVRO_UNINITIALIZED struct avro_frame stack[AVRO_DEPTH_MAX];
    struct decoder d = {.program = program, .tape = tape};
    const struct avro_op *const ops = program->ops;
    const char *p = bytes.len ? bytes.data : "", *const end = p + bytes.len, *q;
    size_t count = 0;
    const struct avro_op *op = &ops[program->start];
    unsigned depth = 0;
    struct avro_frame *f;
    int64_t n;
    d.start = p;
    d.end = end;
    tape->count = 0;
    if (bytes.len > UINT32_MAX)
        return err_set(err, ERR_DATA, "a datum of %zu bytes", bytes.len);
    for (;;) {
        if (count >= tape->capacity) {
            SAVE();
            if (!make_room(&d, 1))
                FAIL();
        }
        struct avro_item *item = &tape->items[count];
        switch (op->code) {
        case OP_NULL: head(item, op); break;
        case OP_BOOLEAN:
            if (p == end || (unsigned char)*p > 1)
                REFUSE("not a boolean");
            head(item, op);
            item->boolean = *p++ == 1;
            break;
        case OP_INT:
            q = avro_get_long(p, end, &n);
            TAKE_OR(q, "not an int");
            if (n < INT32_MIN || n > INT32_MAX)
                REFUSE("not an int");
            head(item, op);
            item->number = n;
            break;
        case OP_LONG:
            q = avro_get_long(p, end, &n);
            TAKE_OR(q, "not a long");
            head(item, op);
            item->number = n;
            break;
        case OP_FLOAT:
            if (end - p < (ptrdiff_t)sizeof item->single)
                REFUSE("not a float");
            head(item, op);
            memcpy(&item->single, p, sizeof item->single);
            p += sizeof item->single;
            break;
        case OP_FLOAT_DOUBLE:
            if (end - p < (ptrdiff_t)sizeof item->single)
                REFUSE("not a float");
            head(item, op);
            memcpy(&item->single, p, sizeof item->single);
            p += sizeof item->single;
            item->real = (double)item->single;
            break;
        case OP_DOUBLE:
            if (end - p < (ptrdiff_t)sizeof item->real)
                REFUSE("not a double");
            head(item, op);
            memcpy(&item->real, p, sizeof item->real);
            p += sizeof item->real;
            break;
        case OP_BYTES:
            head(item, op);
            q = get_text(p, end, &item->text);
            TAKE_OR(q, bad_length);
            break;
        case OP_STRING:
            head(item, op);
            q = get_text(p, end, &item->text);
            TAKE_OR(q, bad_length);
            if (!is_text(item->text))
                REFUSE("the string is not UTF-8");
            break;
        case OP_FIXED:
            if ((size_t)(end - p) < op->a)
                REFUSE("fewer bytes than the fixed has");
            head(item, op);
            item->text = (struct str){p, op->a};
            p += op->a;
            break;
        case OP_ENUM:
        case OP_ENUM_MAP:
            head(item, op);
            q = get_symbol(&d, op, p, &item->number);
            TAKE_OR_FAIL(q);
            break;
        case OP_INT_FLOAT:
        case OP_INT_DOUBLE:
        case OP_LONG_FLOAT:
        case OP_LONG_DOUBLE:
            head(item, op);
            q = get_widened(&d, op->code, p, item);
            TAKE_OR_FAIL(q);
            break;
        case OP_UNION:
            q = avro_get_long(p, end, &n);
            TAKE_OR(q, "not a branch of the union");
            if (n < 0 || n >= op->b)
                REFUSE("not a branch of the union");
            op = &ops[program->targets[op->a + (size_t)n]];
            continue;
        case OP_RECORD:
        case OP_ARRAY:
        case OP_MAP:
            if (depth == AVRO_DEPTH_MAX)
                REFUSE("values are nested too deep");
            head(item, op);
            item->count = op->b; /* of array and map 0 */
            stack[depth].call = (uint32_t)(op - ops);
            stack[depth++].item = (uint32_t)count++;
            if (op->code != OP_RECORD)
                goto block;
            op = &ops[op->a];
            continue;
        case OP_RETURN:
            f = &stack[--depth];
            tape->items[f->item].inside = (uint32_t)(count - f->item - 1);
            op = avro_next(ops, &ops[f->call]);
            continue;
        case OP_LOOP:
            f = &stack[depth - 1];
            if (--f->left)
                goto turn;
            if (f->end && f->end != (uint32_t)(p - d.start))
                REFUSE("a block's size is not what its items take");
        block:
            f = &stack[depth - 1];
            q = get_block(&d, p, f);
            TAKE_OR_FAIL(q);
            if (!f->left) {
                tape->items[f->item].inside = (uint32_t)(count - f->item - 1);
                op = avro_next(ops, &ops[f->call]);
                depth--;
                continue;
            }
        turn:
            op = &ops[f->call];
            if (op->code == OP_MAP) {
                SAVE();
                q = get_key(&d, p);
                TAKE_OR_FAIL(q);
                LOAD();
            }
            op = &ops[op->a];
            continue;
        case OP_DEFAULT:
            if (op->b == 1) {
                *item = program->constants[op->a];
                break;
            }
            SAVE();
            if (!add_constants(&d, op))
                FAIL();
            LOAD();
            op = avro_next(ops, op);
            continue;
        case OP_MARK:
            SAVE();
            put_mark(&d);
            op = avro_next(ops, op);
            continue;
        case OP_DROP:
            SAVE();
            drop(&d);
            LOAD();
            op = avro_next(ops, op);
            continue;
        case OP_ORDER:
            SAVE();
            if (!put_in_order(&d, op))
                FAIL();
            op = avro_next(ops, op);
            continue;
        case OP_FAIL: REFUSE(program->reasons[op->a]);
        case OP_END:
            if (p != end)
                REFUSE("more bytes than the datum takes");
            SAVE();
            return true;
        default: REFUSE("not an instruction");
        }
        count++;
        op = avro_next(ops, op);
    }
}
