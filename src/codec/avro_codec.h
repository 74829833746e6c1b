// SPDX-License-Identifier: Apache-2.0
/*
 * Avro binary, both ways, for any schema: a schema is compiled once into a flat program, and running that neither walks
 * a tree nor recurses nor allocates a value. A datum is a tape: its values in the order of the schema, one item each
 * (what is in a record, array or map follows it). avro_resolve compiles a program that reads what one schema wrote and
 * gives the view of another: promotions, unions, aliases, defaults, fields skipped and in another order.
 * Invariants: a program is immutable and may be shared; a decoder never reads past its input; what it accepts of
 * hostile bytes is bounded by AVRO_DEPTH_MAX and AVRO_ITEMS_MAX; encode(decode(x)) decodes to the same tape.
 */
#pragma once
#include "codec/avro_schema.h"

enum {
    AVRO_ITEMS_MAX = 4 << 20
}; /* of one datum: 100 MB. An array of nulls takes no bytes, so bytes do not bound it */

/* A value. Texts are views: of what was decoded, of the program (defaults), of the caller's memory. */
struct avro_item {
    uint8_t type;    /* enum avro_type; of a value in a union that of its branch, never AVRO_UNION */
    uint32_t branch; /* which branch, where the schema has a union; else 0 */
    union {
        bool boolean;
        int64_t number; /* int, long; enum: the symbol's place, from 0 */
        float single;
        double real;
        struct str text; /* bytes, string (UTF-8), fixed */
        struct {
            uint32_t count;  /* record: fields; array: items; map: entries, each a string (the key) and its value */
            uint32_t inside; /* items that follow and are part of it; an encoder does not look at it */
        };
    };
};

/* Items, in memory that is used again: the same tape for every event. */
struct avro_tape {
    struct avro_item *items;
    size_t count, capacity;
    uint32_t *marks; /* of a running decoder */
    size_t mark_capacity;
};
void avro_tape_init(struct avro_tape *tape);
static inline void avro_tape_clear(struct avro_tape *tape) { tape->count = 0; }
void avro_tape_free(struct avro_tape *tape);
/* Appends an item; NULL when AVRO_ITEMS_MAX are there. Valid until the next one is added. */
struct avro_item *avro_tape_add(struct avro_tape *tape);
/* The item behind a value and all that is in it. */
static inline const struct avro_item *avro_item_next(const struct avro_item *item)
{
    bool has = item->type == AVRO_RECORD || item->type == AVRO_ARRAY || item->type == AVRO_MAP;
    return item + 1 + (has ? item->inside : 0);
}

struct avro_program;
/* Programs live in the arena, and refer to the schemas, which must live as long. ERR_DATA: the schema is too large. */
bool avro_compile(const struct avro_schema *schema, struct arena *arena, const struct avro_program **ret,
                  struct err *err) MUST_USE;
/*
 * ERR_DATA with the reason when nothing that `writer` can write is readable. A branch or symbol that the reader lacks
 * is an error of the datum that has it. Of a reader's union a branch of the very type (and full name) is taken before
 * one by promotion, as Java does.
 */
bool avro_resolve(const struct avro_schema *writer, const struct avro_schema *reader, struct arena *arena,
                  const struct avro_program **ret, struct err *err) MUST_USE;
/* Whose view its tapes have: the reader's. */
const struct avro_schema *avro_program_schema(const struct avro_program *program);

/* Replaces the tape by the one datum that `bytes` are. ERR_DATA "/entries[]/amount: ... at byte 17"; the tape is then
 * empty. Varints in longer forms than needed are taken, as by every other decoder. */
bool avro_decode(const struct avro_program *program, struct str bytes, struct avro_tape *tape,
                 struct err *err) MUST_USE;
/* Appends the datum of items[count]; byte for byte what libavro writes. ERR_DATA "/name: ..." when the items do not fit
 * the schema; `out` is then as it was. Not for programs of avro_resolve. */
bool avro_encode(const struct avro_program *program, const struct avro_item *items, size_t count, struct buf *out,
                 struct err *err) MUST_USE;
