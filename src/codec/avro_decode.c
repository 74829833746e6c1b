// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a program over bytes; see avro_codec.h. Invariants: `p` never passes `end`; there is always room for one more
 * item on the tape; frames are at most AVRO_DEPTH_MAX; every turn of a loop leaves an item, so that AVRO_ITEMS_MAX
 * bounds time as well.
 */
#include "codec/avro_program.h"

struct decoder {
    const struct avro_program *program;
    struct avro_tape *tape;
    struct avro_frame *stack;
    const char *start, *end;
    size_t mark_count, dropped; /* dropped: items cut off the tape, which count too */
    const char *why;
};

static inline bool get_long(const char **p, const char *end, int64_t *ret)
{
    uint64_t n = 0;
    const char *at = *p;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)*at++;
        if (shift == 63 && c > 1)
            return false;
        n |= (uint64_t)(c & 0x7f) << shift;
        if (c & 0x80)
            continue;
        *ret = (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
        *p = at;
        return true;
    }
    return false;
}

static inline bool get_text(const char **p, const char *end, struct str *ret)
{
    int64_t len;
    if (!get_long(p, end, &len) || len < 0 || len > end - *p)
        return false;
    *ret = (struct str){*p, (size_t)len};
    *p += len;
    return true;
}

static inline bool get_bytes(const char **p, const char *end, void *ret, size_t n)
{
    if ((size_t)(end - *p) < n)
        return false;
    memcpy(ret, *p, n);
    *p += n;
    return true;
}

static inline void head(struct avro_item *item, const struct avro_op *op)
{
    _Static_assert(offsetof(struct avro_item, branch) == offsetof(struct avro_op, branch), "copied together");
    memcpy(item, op, offsetof(struct avro_item, branch) + sizeof item->branch);
}

static bool make_room(struct decoder *d, size_t more)
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

static bool put_mark(struct decoder *d)
{
    GROW(d->tape->marks, d->mark_count, d->tape->mark_capacity);
    d->tape->marks[d->mark_count++] = (uint32_t)d->tape->count;
    return true;
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

/* The segments behind the last marks, put in the order of the reader's fields; one may be there twice. */
static bool put_in_order(struct decoder *d, const struct avro_op *op)
{
    struct avro_tape *t = d->tape;
    const uint32_t *marks = t->marks + d->mark_count - op->marks;
    const size_t first = op->marks ? marks[0] : t->count, end = t->count;
    size_t total = 0;
    for (uint32_t i = 0; i < op->b; i++) {
        uint32_t s = d->program->order[op->a + i];
        size_t from = marks[s], to = s + 1 < op->marks ? marks[s + 1] : end;
        if (!make_room(d, total + to - from))
            return false;
        memcpy(t->items + end + total, t->items + from, (to - from) * sizeof *t->items);
        total += to - from;
    }
    memmove(t->items + first, t->items + end, total * sizeof *t->items);
    t->count = first + total;
    d->mark_count -= op->marks;
    return true;
}

static bool bad(struct decoder *d, const char *why)
{
    d->why = why;
    return false;
}

/* The next block of an array or map, into its frame; left 0: there is none. */
static bool get_block(struct decoder *d, const char **p, struct avro_frame *f)
{
    int64_t n, size;
    if (!get_long(p, d->end, &n) || n == INT64_MIN)
        return bad(d, "not a block's count");
    f->end = 0;
    if (n < 0) {
        n = -n;
        if (!get_long(p, d->end, &size) || size < 0 || size > d->end - *p)
            return bad(d, "not a block's size");
        f->end = (uint32_t)(*p - d->start + size);
    }
    if (n > AVRO_ITEMS_MAX - d->tape->items[f->item].count)
        return bad(d, "more values than a datum may have");
    f->left = (uint32_t)n;
    d->tape->items[f->item].count += (uint32_t)n;
    return true;
}

static bool get_key(struct decoder *d, const char **p)
{
    struct avro_item *item = &d->tape->items[d->tape->count];
    *item = (struct avro_item){.type = AVRO_STRING};
    if (!get_text(p, d->end, &item->text) || !avro_text_valid(item->text.data, item->text.len))
        return bad(d, "not a map's key");
    d->tape->count++;
    return true;
}

static bool get_symbol(struct decoder *d, const struct avro_op *op, const char **p, int64_t *ret)
{
    int64_t n;
    if (!get_long(p, d->end, &n) || n < 0 || n >= (op->code == OP_ENUM ? op->a : op->b))
        return bad(d, "not a symbol of the enum");
    *ret = op->code == OP_ENUM ? n : d->program->symbols[op->a + (size_t)n];
    return *ret >= 0 || bad(d, "the reader's enum has neither this symbol nor a default");
}

static bool get_number(struct decoder *d, uint32_t code, const char **p, struct avro_item *item)
{
    int64_t n;
    float f;
    if (code == OP_FLOAT_DOUBLE) {
        if (!get_bytes(p, d->end, &f, sizeof f))
            return bad(d, "not a float");
        item->real = (double)f;
        return true;
    }
    bool is_int = code == OP_INT_FLOAT || code == OP_INT_DOUBLE;
    if (!get_long(p, d->end, &n) || (is_int && (n < INT32_MIN || n > INT32_MAX)))
        return bad(d, is_int ? "not an int" : "not a long");
    if (code == OP_INT_FLOAT || code == OP_LONG_FLOAT)
        item->single = (float)n;
    else
        item->real = (double)n;
    return true;
}

/* One value without others in it. */
static inline __attribute__((always_inline)) bool get_leaf(struct decoder *d, const struct avro_op *op, const char **p,
                                                           struct avro_item *item)
{
    head(item, op);
    switch ((enum avro_code)op->code) {
    case OP_NULL: return true;
    case OP_BOOLEAN:
        if (*p == d->end || (unsigned char)**p > 1)
            return bad(d, "not a boolean");
        item->boolean = *(*p)++ == 1;
        return true;
    case OP_INT:
        if (!get_long(p, d->end, &item->number) || item->number < INT32_MIN || item->number > INT32_MAX)
            return bad(d, "not an int");
        return true;
    case OP_LONG: return get_long(p, d->end, &item->number) || bad(d, "not a long");
    case OP_FLOAT: return get_bytes(p, d->end, &item->single, sizeof item->single) || bad(d, "not a float");
    case OP_DOUBLE: return get_bytes(p, d->end, &item->real, sizeof item->real) || bad(d, "not a double");
    case OP_BYTES: return get_text(p, d->end, &item->text) || bad(d, "the length is not one, or more than is left");
    case OP_STRING:
        if (!get_text(p, d->end, &item->text))
            return bad(d, "the length is not one, or more than is left");
        return avro_text_valid(item->text.data, item->text.len) || bad(d, "the string is not UTF-8");
    case OP_FIXED:
        if ((size_t)(d->end - *p) < op->a)
            return bad(d, "fewer bytes than the fixed has");
        item->text = (struct str){*p, op->a};
        *p += op->a;
        return true;
    case OP_ENUM:
    case OP_ENUM_MAP: return get_symbol(d, op, p, &item->number);
    case OP_INT_FLOAT:
    case OP_INT_DOUBLE:
    case OP_LONG_FLOAT:
    case OP_LONG_DOUBLE:
    case OP_FLOAT_DOUBLE: return get_number(d, op->code, p, item);
    case OP_FAIL: return bad(d, d->program->reasons[op->a]);
    case OP_RECORD:
    case OP_ARRAY:
    case OP_MAP:
    case OP_UNION:
    case OP_RETURN:
    case OP_LOOP:
    case OP_END:
    case OP_DEFAULT:
    case OP_MARK:
    case OP_DROP:
    case OP_ORDER: break;
    }
    return bad(d, "not an instruction");
}

static bool fail(struct decoder *d, unsigned depth, uint32_t pc, const char *p, struct err *err)
{
    struct buf path;
    buf_init(&path, 500);
    avro_program_path(d->program, d->stack, depth, pc, &path);
    err_set(err, ERR_DATA, "%s: %.400s at byte %td", path.data ? path.data : "/", d->why, p - d->start);
    buf_free(&path);
    d->tape->count = 0;
    return false;
}

/* The end of a record, array or map: its item learns how many are in it. */
static inline void close_item(struct avro_tape *t, uint32_t item)
{
    t->items[item].inside = (uint32_t)(t->count - item - 1);
}

bool avro_decode(const struct avro_program *program, struct str bytes, struct avro_tape *tape, struct err *err)
{
    AVRO_UNINITIALIZED struct avro_frame stack[AVRO_DEPTH_MAX];
    struct decoder d = {.program = program, .tape = tape, .stack = stack};
    const struct avro_op *const ops = program->ops;
    const char *p = bytes.len ? bytes.data : "";
    uint32_t pc = program->start;
    unsigned depth = 0;
    struct avro_frame *f;
    int64_t n;
    d.start = p;
    d.end = p + bytes.len;
    tape->count = 0;
    if (bytes.len > UINT32_MAX)
        return err_set(err, ERR_DATA, "a datum of %zu bytes", bytes.len);
    for (;;) {
        const struct avro_op *op = &ops[pc];
        if (tape->count >= tape->capacity && !make_room(&d, 1))
            return fail(&d, depth, pc, p, err);
        switch ((enum avro_code)op->code) {
        case OP_NULL:
        case OP_BOOLEAN:
        case OP_INT:
        case OP_LONG:
        case OP_FLOAT:
        case OP_DOUBLE:
        case OP_BYTES:
        case OP_STRING:
        case OP_FIXED:
        case OP_ENUM:
        case OP_ENUM_MAP:
        case OP_INT_FLOAT:
        case OP_INT_DOUBLE:
        case OP_LONG_FLOAT:
        case OP_LONG_DOUBLE:
        case OP_FLOAT_DOUBLE:
        case OP_FAIL:
            if (!get_leaf(&d, op, &p, &tape->items[tape->count]))
                return fail(&d, depth, pc, p, err);
            tape->count++;
            break;
        case OP_UNION:
            if (!get_long(&p, d.end, &n) || n < 0 || n >= op->b) {
                d.why = "not a branch of the union";
                return fail(&d, depth, pc, p, err);
            }
            pc = program->targets[op->a + (size_t)n];
            continue;
        case OP_RECORD:
        case OP_ARRAY:
        case OP_MAP:
            if (depth == AVRO_DEPTH_MAX) {
                d.why = "values are nested too deep";
                return fail(&d, depth, pc, p, err);
            }
            stack[depth++] = (struct avro_frame){.call = pc, .item = (uint32_t)tape->count};
            head(&tape->items[tape->count], op);
            tape->items[tape->count].count = op->b; /* of array and map 0 */
            tape->count++;
            if (op->code == OP_RECORD) {
                pc = op->a;
                continue;
            }
            goto block;
        case OP_LOOP:
            if (--stack[depth - 1].left)
                goto turn;
            if (stack[depth - 1].end && stack[depth - 1].end != (uint32_t)(p - d.start)) {
                d.why = "a block's size is not what its items take";
                return fail(&d, depth, pc, p, err);
            }
        block:
            f = &stack[depth - 1];
            if (!get_block(&d, &p, f))
                return fail(&d, depth, pc, p, err);
            if (!f->left) {
                close_item(tape, f->item);
                pc = ops[f->call].next;
                depth--;
                continue;
            }
        turn:
            f = &stack[depth - 1];
            if (ops[f->call].code == OP_MAP && (!make_room(&d, 1) || !get_key(&d, &p)))
                return fail(&d, depth, pc, p, err);
            pc = ops[f->call].a;
            continue;
        case OP_RETURN:
            f = &stack[--depth];
            close_item(tape, f->item);
            pc = ops[f->call].next;
            continue;
        case OP_DEFAULT:
            if (!add_constants(&d, op))
                return fail(&d, depth, pc, p, err);
            break;
        case OP_MARK: put_mark(&d); break;
        case OP_DROP: drop(&d); break;
        case OP_ORDER:
            if (!put_in_order(&d, op))
                return fail(&d, depth, pc, p, err);
            break;
        case OP_END:
            if (p == d.end)
                return true;
            d.why = "more bytes than the datum takes";
            return fail(&d, depth, pc, p, err);
        }
        pc = op->next;
    }
}
