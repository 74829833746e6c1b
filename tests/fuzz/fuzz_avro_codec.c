// SPDX-License-Identifier: Apache-2.0
/*
 * Schema, reader's schema and bytes with a zero byte between them: what decodes encodes to bytes of the same tape, and
 * comes back from JSON; what resolution promises it keeps.
 */
#include <assert.h>

#include "codec/avro_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* By their encoding: NaNs, and texts in other memory, are no matter. */
static void same(const struct avro_program *p, const struct avro_tape *tape, struct str bytes)
{
    struct buf out;
    struct err err;
    buf_init(&out, 0);
    bool good = avro_encode(p, tape->items, tape->count, &out, &err);
    assert(good && str_eq(buf_str(&out), bytes));
    buf_free(&out);
}

static void through_json(const struct avro_program *p, const struct avro_tape *tape, struct str bytes,
                         struct arena *arena)
{
    const struct avro_schema *s = avro_program_schema(p);
    struct avro_tape again;
    struct buf text;
    struct err err;
    avro_tape_init(&again);
    buf_init(&text, 0);
    bool good = avro_json_print(s, AVRO_JSON, tape->items, tape->count, &text, &err);
    assert(good);
    /* JSON is read 64 levels deep only, and a NaN has one form there. */
    if (avro_json_read(s, buf_str(&text), arena, &again, &err)) {
        if (!strstr(text.data, "\"NaN\""))
            same(p, &again, bytes);
    } else {
        assert(strstr(err.text, "nested too deeply"));
    }
    buf_clear(&text);
    good = avro_json_print(s, AVRO_PLAIN, tape->items, tape->count, &text, &err);
    assert(good);
    buf_free(&text);
    avro_tape_free(&again);
}

static void decode(const struct avro_schema *s, struct str bytes, struct arena *arena)
{
    const struct avro_program *p;
    struct avro_tape tape, again;
    struct buf out;
    struct err err;
    avro_tape_init(&tape);
    avro_tape_init(&again);
    buf_init(&out, 0);
    bool good = avro_compile(s, arena, &p, &err);
    assert(good);
    if (avro_decode(p, bytes, &tape, &err)) {
        good = avro_encode(p, tape.items, tape.count, &out, &err);
        assert(good);
        buf_adds(&out, "");
        good = avro_decode(p, buf_str(&out), &again, &err);
        assert(good && again.count == tape.count);
        same(p, &again, buf_str(&out));
        if (tape.count < 100000)
            through_json(p, &tape, buf_str(&out), arena);
    } else {
        assert(err.class == ERR_DATA && tape.count == 0);
    }
    buf_free(&out);
    avro_tape_free(&tape);
    avro_tape_free(&again);
}

static void resolve(const struct avro_schema *writer, const struct avro_schema *reader, struct str bytes,
                    struct arena *arena)
{
    const struct avro_program *p, *plain, *view;
    struct avro_tape tape;
    struct buf out;
    struct err err;
    const char *why;
    bool can = avro_can_read(reader, writer, arena, &why);
    if (!avro_resolve(writer, reader, arena, &p, &err)) {
        assert(!can || strstr(err.text, "too large"));
        return;
    }
    avro_tape_init(&tape);
    buf_init(&out, 0);
    bool good = avro_compile(writer, arena, &plain, &err) && avro_compile(reader, arena, &view, &err);
    assert(good);
    bool written = avro_decode(plain, bytes, &tape, &err);
    if (avro_decode(p, bytes, &tape, &err)) {
        assert(written);
        good = avro_encode(view, tape.items, tape.count, &out, &err);
        assert(good || strstr(err.text, "nested too deep"));
    } else {
        /* What the writer's own decoder takes, and can be read, is; but for UTF-8, and what defaults add in size and
         * depth. */
        assert(!written || !can || strstr(err.text, "UTF-8") || strstr(err.text, "more values"));
    }
    buf_free(&out);
    avro_tape_free(&tape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct avro_schema *writer, *reader;
    struct arena arena;
    struct err err;
    struct str rest, bytes, first = str_cut(str_n((const char *)data, size), '\0', &rest);
    arena_init(&arena);
    if (rest.data && avro_schema_parse(first, &arena, &writer, &err)) {
        struct str second = str_cut(rest, '\0', &bytes);
        decode(writer, bytes, &arena);
        if (avro_schema_parse(second, &arena, &reader, &err))
            resolve(writer, reader, bytes, &arena);
    }
    arena_free(&arena);
    return 0;
}
