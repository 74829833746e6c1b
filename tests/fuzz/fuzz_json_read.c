// SPDX-License-Identifier: Apache-2.0
/* Tokens written back as JSON give the same tokens: the reader neither invents nor loses. */
#include <assert.h>

#include "codec/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_token(struct buf *out, enum json_token t, struct str value, bool *comma)
{
    bool closes = t <= JSON_END || t == JSON_OBJECT_END || t == JSON_ARRAY_END;
    if (*comma && !closes)
        buf_addc(out, ',');
    *comma = t != JSON_OBJECT && t != JSON_ARRAY && t != JSON_KEY;
    switch (t) {
    case JSON_OBJECT: buf_addc(out, '{'); return;
    case JSON_OBJECT_END: buf_addc(out, '}'); return;
    case JSON_ARRAY: buf_addc(out, '['); return;
    case JSON_ARRAY_END: buf_addc(out, ']'); return;
    case JSON_KEY:
        buf_add_json(out, value);
        buf_addc(out, ':');
        return;
    case JSON_STRING: buf_add_json(out, value); return;
    case JSON_NUMBER: buf_add_str(out, value); return;
    case JSON_TRUE: buf_adds(out, "true"); return;
    case JSON_FALSE: buf_adds(out, "false"); return;
    case JSON_NULL: buf_adds(out, "null"); return;
    case JSON_ERROR:
    case JSON_END: return;
    }
}

static enum json_token rewrite(struct str in, struct arena *arena, struct buf *out)
{
    struct json_reader r;
    enum json_token t;
    bool comma = false;
    json_reader_init(&r, in, arena);
    do {
        t = json_next(&r);
        write_token(out, t, r.value, &comma);
    } while (t != JSON_END && t != JSON_ERROR);
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buf once, twice;
    arena_init(&arena);
    buf_init(&once, 0);
    buf_init(&twice, 0);
    if (rewrite(str_n((const char *)data, size), &arena, &once) == JSON_END) {
        enum json_token t = rewrite(buf_str(&once), &arena, &twice);
        assert(t == JSON_END && str_eq(buf_str(&once), buf_str(&twice)));
    }
    buf_free(&once);
    buf_free(&twice);
    arena_free(&arena);
    return 0;
}
