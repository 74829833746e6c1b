// SPDX-License-Identifier: Apache-2.0
/*
 * Schema resolution one level deep: the rules that the compatibility check (avro_compat.c) and the resolving decoder
 * (avro_resolve.c) must share. Nobody else includes it.
 */
#pragma once
#include "codec/avro_schema.h"

enum avro_match {
    AVRO_MATCH_NO,
    AVRO_MATCH_YES,
    AVRO_MATCH_NAME,  /* named types of different names */
    AVRO_MATCH_SIZE,  /* fixed of different sizes */
    AVRO_MATCH_SCALE, /* decimals of different scales */
    AVRO_MATCH_TEXT,  /* a decimal and a string */
};

/* Neither may be a union. Of records, enums, arrays and maps what they contain is not looked at. */
enum avro_match avro_match(const struct avro_schema *reader, const struct avro_schema *writer);
/* The writer's field that fills the reader's field, or NULL. */
const struct avro_field *avro_match_field(const struct avro_schema *reader, const struct avro_field *field,
                                          const struct avro_schema *writer);
/* The reader's symbol for a writer's one (its own or the reader's default), or -1. */
int64_t avro_match_symbol(const struct avro_schema *reader, struct str symbol);

/*
 * avro_can_read for many questions about one pair of schemas, with answers kept: avro_compat_new, any number of
 * avro_compat_ask about parts of the two trees, avro_compat_free.
 */
struct avro_compat;
/* partly: whether anything the writer can write is readable; a branch or symbol that is not is left for the datum that
 * has it. */
struct avro_compat *avro_compat_new(struct arena *arena, bool partly);
/* *ret_why may be NULL. */
bool avro_compat_ask(struct avro_compat *c, const struct avro_schema *reader, const struct avro_schema *writer,
                     const char **ret_why);
void avro_compat_free(struct avro_compat *c);
