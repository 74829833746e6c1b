// SPDX-License-Identifier: Apache-2.0
/* Two schemas, a zero byte between them: the comparison ends, says why when it says no, and a schema reads itself. */
#include <assert.h>

#include "codec/avro_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct avro_schema *reader, *writer;
    struct arena arena;
    struct err err;
    const char *why = NULL;
    struct str rest, first = str_cut(str_n((const char *)data, size), '\0', &rest);
    arena_init(&arena);
    if (avro_schema_parse(first, &arena, &reader, &err) && avro_schema_parse(rest, &arena, &writer, &err)) {
        bool good = avro_can_read(reader, writer, &arena, &why);
        assert(good == !why && (good || why[0] == '/'));
        assert(good == avro_can_read(reader, writer, &arena, NULL));
        assert(avro_can_read(writer, reader, &arena, &why) || why);
        assert(avro_can_read(writer, writer, &arena, &why));
    }
    arena_free(&arena);
    return 0;
}
