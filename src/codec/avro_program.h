// SPDX-License-Identifier: Apache-2.0
/*
 * What a compiled program is made of, for avro_compile.c, avro_resolve.c, avro_decode.c and avro_encode.c; nobody else
 * includes it. An instruction names the one to run after it, so that branches of a union meet again without jumps. The
 * fields of a record are a subroutine, called by OP_RECORD and ended by OP_RETURN: a type may contain itself.
 */
#pragma once
#include "codec/avro_codec.h"

enum avro_code {
    OP_NULL, /* in the order of enum avro_type */
    OP_BOOLEAN,
    OP_INT,
    OP_LONG,
    OP_FLOAT,
    OP_DOUBLE,
    OP_BYTES,
    OP_STRING,
    OP_RECORD, /* a: first instruction of its fields; b: their number */
    OP_ENUM,   /* a: number of symbols */
    OP_ARRAY,  /* a: first instruction of an item */
    OP_MAP,    /* a: first instruction of a value */
    OP_UNION,  /* a: in targets, b: branches */
    OP_FIXED,  /* a: bytes */
    OP_RETURN, /* behind a record's fields */
    OP_LOOP,   /* behind an item; a: its first instruction, b: 1 = of a map */
    OP_END,
    /* Only with resolution. */
    OP_ENUM_MAP,     /* a: in symbols, b: number of the writer's symbols */
    OP_INT_FLOAT,    /* reads an int, gives a float */
    OP_INT_DOUBLE,   /**/
    OP_LONG_FLOAT,   /**/
    OP_LONG_DOUBLE,  /**/
    OP_FLOAT_DOUBLE, /**/
    OP_DEFAULT,      /* a: in constants, b: number of items */
    OP_MARK,         /* notes how long the tape is */
    OP_DROP,         /* cuts the tape back to the last mark */
    OP_ORDER,        /* a: in order, b: reader's fields; pops `marks` marks and puts their segments in that order */
    OP_FAIL,         /* a: in reasons: the reader cannot read this branch */
};

struct avro_op {
    uint8_t type;    /* as in the item it makes: these two are copied in one go */
    uint32_t branch; /**/
    uint32_t code;   /* enum avro_code */
    uint32_t next;   /* AVRO_FALL: the one behind it */
    uint32_t a, b;
    uint32_t marks;
    uint32_t origin; /* where in the schema, for errors */
};

/* Straight on is a guess that the processor makes right; looking up where to go on would be waited for. */
enum { AVRO_FALL = UINT32_MAX };
static inline const struct avro_op *avro_next(const struct avro_op *ops, const struct avro_op *op)
{
    return __builtin_expect(op->next == AVRO_FALL, 1) ? op + 1 : &ops[op->next];
}

enum { AVRO_NOWHERE = UINT32_MAX };
/* A step of a path within one record: a field's name, "[]" or "{}". */
struct avro_origin {
    struct str label;
    uint32_t up; /* AVRO_NOWHERE: the record itself */
};

struct avro_program {
    const struct avro_schema *schema;
    bool resolving;
    uint32_t start;
    struct avro_op *ops;
    uint32_t *targets;           /* entry of each branch of a union */
    int32_t *symbols;            /* reader's symbol for each of the writer's, -1: none */
    uint32_t *order;             /* segment of each of the reader's fields */
    struct avro_item *constants; /* defaults */
    const char **reasons;
    struct avro_origin *origins;
};

/* The frame of a record (`call` is OP_RECORD), array or map. */
struct avro_frame {
    uint32_t call; /* the instruction that began it */
    uint32_t item; /* decoding: its item on the tape */
    uint32_t left; /* items to come in this block */
    uint32_t end;  /* decoding: where the block says it ends, from the start of the input; 0: it does not say */
};

/* 4 KB on the stack that need not be zeroed for every datum (-ftrivial-auto-var-init). */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define AVRO_UNINITIALIZED __attribute__((uninitialized))
#endif
#endif
#ifndef AVRO_UNINITIALIZED
#define AVRO_UNINITIALIZED
#endif

/* "/entries[]/amount", appended. */
void avro_program_path(const struct avro_program *p, const struct avro_frame *stack, unsigned depth, uint32_t pc,
                       struct buf *out);
