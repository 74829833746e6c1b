// SPDX-License-Identifier: Apache-2.0
/*
 * From a schema to a program; see avro_program.h. Code is made from the end: what follows a value is known before the
 * value's own instruction is. Records are queued, so recursion goes down one record's tree only, whose depth is that of
 * the JSON text (JSON_DEPTH_MAX).
 */
#include "codec/avro_compiler.h"

uint32_t avro_emit(struct avro_compiler *c, const struct avro_op *op)
{
    if (c->op_count == AVRO_OPS_MAX && !c->failed) {
        c->failed = true;
        err_set(c->err, ERR_DATA, "schema: more than %d instructions come of it", AVRO_OPS_MAX);
    }
    if (c->failed)
        return 0;
    GROW(c->ops, c->op_count, c->op_capacity);
    c->ops[c->op_count] = *op;
    return (uint32_t)c->op_count++;
}

uint32_t avro_origin_add(struct avro_compiler *c, struct str label, uint32_t up)
{
    GROW(c->origins, c->origin_count, c->origin_capacity);
    c->origins[c->origin_count] = (struct avro_origin){label, up};
    return (uint32_t)c->origin_count++;
}

static uint32_t *routine_slot(struct avro_compiler *c, const struct avro_schema *writer,
                              const struct avro_schema *reader)
{
    uint64_t h = ((uint64_t)(uintptr_t)reader >> 4) * 0x9e3779b97f4a7c15u ^
                 ((uint64_t)(uintptr_t)writer >> 4) * 0xc2b2ae3d27d4eb4fu;
    size_t i = (size_t)(h ^ h >> 29) & (c->table_size - 1);
    for (; c->table[i]; i = (i + 1) & (c->table_size - 1)) {
        const struct avro_routine *r = &c->routines[c->table[i] - 1];
        if (r->writer == writer && r->reader == reader)
            break;
    }
    return &c->table[i];
}

static uint32_t routine_of(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader)
{
    if ((c->routine_count + 1) * 2 > c->table_size) {
        free(c->table);
        c->table_size = c->table_size ? c->table_size * 2 : 64;
        c->table = xcalloc(c->table_size, sizeof *c->table);
        for (size_t i = 0; i < c->routine_count; i++)
            *routine_slot(c, c->routines[i].writer, c->routines[i].reader) = (uint32_t)i + 1;
    }
    uint32_t *slot = routine_slot(c, writer, reader);
    if (!*slot) {
        GROW(c->routines, c->routine_count, c->routine_capacity);
        c->routines[c->routine_count++] = (struct avro_routine){writer, reader, 0};
        *slot = (uint32_t)c->routine_count;
    }
    return *slot - 1;
}

uint32_t avro_emit_record(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                          uint32_t branch, uint32_t next, uint32_t origin)
{
    /* a is the routine's number until its entry is known. */
    return avro_emit(c, &(struct avro_op){.type = AVRO_RECORD,
                                          .branch = branch,
                                          .code = OP_RECORD,
                                          .next = next,
                                          .a = routine_of(c, writer, reader),
                                          .b = (uint32_t)reader->field_count,
                                          .origin = origin});
}

uint32_t avro_emit_loop(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                        uint32_t branch, uint32_t next, uint32_t origin)
{
    bool map = writer->type == AVRO_MAP;
    uint32_t inner = avro_origin_add(c, map ? STR("{}") : STR("[]"), origin);
    uint32_t loop = avro_emit(c, &(struct avro_op){.code = OP_LOOP, .next = next, .b = map, .origin = origin});
    uint32_t body = writer == reader ? avro_emit_plain(c, writer->branches[0], 0, loop, inner)
                                     : avro_emit_resolved(c, writer->branches[0], reader->branches[0], 0, loop, inner);
    if (c->failed)
        return 0;
    c->ops[loop].a = body;
    return avro_emit(c, &(struct avro_op){.type = (uint8_t)writer->type,
                                          .branch = branch,
                                          .code = (uint32_t)writer->type,
                                          .next = next,
                                          .a = body,
                                          .origin = origin});
}

static uint32_t emit_union(struct avro_compiler *c, const struct avro_schema *s, uint32_t next, uint32_t origin)
{
    size_t base = c->target_count;
    for (size_t i = 0; i < s->branch_count; i++) {
        GROW(c->targets, c->target_count, c->target_capacity);
        c->targets[c->target_count++] = 0;
    }
    for (size_t i = 0; i < s->branch_count && !c->failed; i++) {
        uint32_t entry = avro_emit_plain(c, s->branches[i], (uint32_t)i, next, origin);
        c->targets[base + i] = entry;
    }
    return avro_emit(
        c, &(struct avro_op){
               .code = OP_UNION, .next = next, .a = (uint32_t)base, .b = (uint32_t)s->branch_count, .origin = origin});
}

uint32_t avro_emit_plain(struct avro_compiler *c, const struct avro_schema *s, uint32_t branch, uint32_t next,
                         uint32_t origin)
{
    if (c->failed)
        return 0;
    if (s->type == AVRO_UNION)
        return emit_union(c, s, next, origin);
    if (s->type == AVRO_RECORD)
        return avro_emit_record(c, s, s, branch, next, origin);
    if (s->type == AVRO_ARRAY || s->type == AVRO_MAP)
        return avro_emit_loop(c, s, s, branch, next, origin);
    return avro_emit(c, &(struct avro_op){.type = (uint8_t)s->type,
                                          .branch = branch,
                                          .code = (uint32_t)s->type,
                                          .next = next,
                                          .a = s->type == AVRO_ENUM ? (uint32_t)s->symbol_count : s->size,
                                          .origin = origin});
}

static uint32_t emit_routine(struct avro_compiler *c, const struct avro_schema *writer,
                             const struct avro_schema *reader)
{
    if (writer != reader)
        return avro_emit_fields(c, writer, reader);
    uint32_t next = avro_emit(c, &(struct avro_op){.code = OP_RETURN, .origin = AVRO_NOWHERE});
    for (size_t i = writer->field_count; i-- > 0;) {
        const struct avro_field *f = &writer->fields[i];
        next = avro_emit_plain(c, f->type, 0, next, avro_origin_add(c, f->name, AVRO_NOWHERE));
    }
    return next;
}

/* A malloc'ed array as one of the arena's. */
static void *settle(struct avro_compiler *c, const void *p, size_t count, size_t size)
{
    void *copy = arena_calloc(c->arena, count + 1, size);
    if (count)
        memcpy(copy, p, count * size);
    return copy;
}

/* Code was made from the end; the other way round, what comes next mostly stands next. Numbers of routines become those
 * of their first instructions. */
static void turn_around(struct avro_compiler *c)
{
    uint32_t last = (uint32_t)c->op_count - 1;
    for (uint32_t i = 0; i <= last; i++) {
        struct avro_op *op = &c->ops[i];
        op->next = i > 0 && op->next == i - 1 ? AVRO_FALL : last - op->next;
        if (op->code == OP_RECORD)
            op->a = last - c->routines[op->a].entry;
        else if (op->code == OP_ARRAY || op->code == OP_MAP || op->code == OP_LOOP)
            op->a = last - op->a;
    }
    for (size_t i = 0; i < c->target_count; i++)
        c->targets[i] = last - c->targets[i];
    for (uint32_t i = 0; i < last - i; i++) {
        struct avro_op op = c->ops[i];
        c->ops[i] = c->ops[last - i];
        c->ops[last - i] = op;
    }
}

static const struct avro_program *make_program(struct avro_compiler *c, const struct avro_schema *reader,
                                               uint32_t start)
{
    struct avro_program *p = arena_calloc(c->arena, 1, sizeof *p);
    uint32_t last = (uint32_t)c->op_count - 1;
    turn_around(c);
    *p = (struct avro_program){
        .schema = reader,
        .resolving = c->compat != NULL,
        .start = last - start,
        .ops = settle(c, c->ops, c->op_count, sizeof *c->ops),
        .targets = settle(c, c->targets, c->target_count, sizeof *c->targets),
        .symbols = settle(c, c->symbols, c->symbol_count, sizeof *c->symbols),
        .order = settle(c, c->order, c->order_count, sizeof *c->order),
        .constants = settle(c, c->constants.items, c->constants.count, sizeof *c->constants.items),
        .reasons = settle(c, c->reasons, c->reason_count, sizeof *c->reasons),
        .origins = settle(c, c->origins, c->origin_count, sizeof *c->origins),
    };
    return p;
}

bool avro_compiler_run(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                       const struct avro_program **ret)
{
    uint32_t end = avro_emit(c, &(struct avro_op){.code = OP_END, .origin = AVRO_NOWHERE});
    uint32_t start = c->compat ? avro_emit_resolved(c, writer, reader, 0, end, AVRO_NOWHERE)
                               : avro_emit_plain(c, writer, 0, end, AVRO_NOWHERE);
    for (size_t i = 0; i < c->routine_count && !c->failed; i++) {
        uint32_t entry = emit_routine(c, c->routines[i].writer, c->routines[i].reader);
        c->routines[i].entry = entry; /* the array may have moved */
    }
    bool good = !c->failed;
    if (good)
        *ret = make_program(c, reader, start);
    free(c->ops);
    free(c->targets);
    free(c->symbols);
    free(c->order);
    free(c->reasons);
    free(c->origins);
    free(c->routines);
    free(c->table);
    avro_tape_free(&c->constants);
    return good;
}

bool avro_compile(const struct avro_schema *schema, struct arena *arena, const struct avro_program **ret,
                  struct err *err)
{
    struct avro_compiler c = {.arena = arena, .err = err};
    return avro_compiler_run(&c, schema, schema, ret);
}

const struct avro_schema *avro_program_schema(const struct avro_program *program) { return program->schema; }

/* --- what running needs besides ------------------------------------------------------------------------------------
 */

static void add_origin(const struct avro_program *p, uint32_t at, struct buf *out)
{
    struct str labels[64];
    size_t n = 0;
    for (; at != AVRO_NOWHERE && n < COUNT(labels); at = p->origins[at].up)
        labels[n++] = p->origins[at].label;
    while (n-- > 0) {
        if (labels[n].data[0] != '[' && labels[n].data[0] != '{')
            buf_addc(out, '/');
        buf_add_str(out, labels[n]);
    }
}

void avro_program_path(const struct avro_program *p, const struct avro_frame *stack, unsigned depth, uint32_t pc,
                       struct buf *out)
{
    size_t before = out->len;
    for (unsigned i = 0; i < depth; i++)
        if (p->ops[stack[i].call].code == OP_RECORD)
            add_origin(p, p->ops[stack[i].call].origin, out);
    add_origin(p, p->ops[pc].origin, out);
    if (out->len == before)
        buf_addc(out, '/');
}

void avro_tape_init(struct avro_tape *tape) { *tape = (struct avro_tape){.items = NULL}; }

void avro_tape_free(struct avro_tape *tape)
{
    free(tape->items);
    free(tape->marks);
    avro_tape_init(tape);
}

struct avro_item *avro_tape_add(struct avro_tape *tape)
{
    if (tape->count == AVRO_ITEMS_MAX)
        return NULL;
    GROW(tape->items, tape->count, tape->capacity);
    struct avro_item *item = &tape->items[tape->count++];
    *item = (struct avro_item){.type = AVRO_NULL};
    return item;
}
