// SPDX-License-Identifier: Apache-2.0
/* The compiler's state, shared by avro_compile.c (a schema as it is) and avro_resolve.c (writer against reader). */
#pragma once
#include "codec/avro_match.h"
#include "codec/avro_program.h"

enum {
    AVRO_OPS_MAX = 4 << 20,        /* instructions: a schema of 8 MB has fewer */
    AVRO_CONSTANTS_MAX = 64 << 10, /* items of all defaults: one default may refer to others, doubling at every level */
};

/* A record's fields, compiled once for each pair of writer and reader. */
struct avro_routine {
    const struct avro_schema *writer, *reader; /* the same: as it is */
    uint32_t entry;
};

struct avro_compiler {
    struct arena *arena;
    struct err *err;
    bool failed;
    struct avro_op *ops;
    uint32_t *targets;
    int32_t *symbols;
    uint32_t *order;
    const char **reasons;
    struct avro_origin *origins;
    size_t op_count, op_capacity, target_count, target_capacity, symbol_count, symbol_capacity;
    size_t order_count, order_capacity, reason_count, reason_capacity, origin_count, origin_capacity;
    struct avro_tape constants;
    struct avro_routine *routines;
    size_t routine_count, routine_capacity;
    uint32_t *table; /* of routines by hash: number + 1, 0 free */
    size_t table_size;
    struct avro_compat *compat; /* only with resolution */
};

/* Each returns the number of the instruction it made; 0 once the program is too large (c->failed). */
uint32_t avro_emit(struct avro_compiler *c, const struct avro_op *op);
uint32_t avro_origin_add(struct avro_compiler *c, struct str label, uint32_t up);
/* The instruction that calls the routine of the pair, which is compiled later. */
uint32_t avro_emit_record(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                          uint32_t branch, uint32_t next, uint32_t origin);
/* Array or map: `body` compiles an item that goes on at the given instruction. */
uint32_t avro_emit_loop(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                        uint32_t branch, uint32_t next, uint32_t origin);
/* What reads (or writes) a value of the schema and goes on at `next`. */
uint32_t avro_emit_plain(struct avro_compiler *c, const struct avro_schema *s, uint32_t branch, uint32_t next,
                         uint32_t origin);
/* The same with resolution. */
uint32_t avro_emit_resolved(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                            uint32_t branch, uint32_t next, uint32_t origin);
/* The body of a routine of two records. */
uint32_t avro_emit_fields(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader);
/* Compiles all, with what has been asked for meanwhile, and makes the program. */
bool avro_compiler_run(struct avro_compiler *c, const struct avro_schema *writer, const struct avro_schema *reader,
                       const struct avro_program **ret) MUST_USE;
