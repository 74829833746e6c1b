// SPDX-License-Identifier: Apache-2.0
/* Our encoder and decoder against libavro's generic one, on random schemas and values; and against hostile bytes. */
#include "test.h"

#include "avro_random.h"
#include "codec/avro_json.h"
#include "libavro.h"

enum { SCHEMAS = 5000, VALUES = 4 };

/* The tape through libavro's encoder and back through its decoder. */
static void check_libavro(avro_value_iface_t *iface, const struct avro_schema *s, const struct avro_tape *tape,
                          struct str bytes, struct str blocks)
{
    static char out[1 << 20];
    avro_value_t v;
    int rc = 0;
    avro_generic_value_new(iface, &v);
    libavro_fill(&v, s, tape->items, &rc);
    CHECK_INT(rc, 0);
    avro_writer_t w = avro_writer_memory(out, sizeof out);
    CHECK_INT(avro_value_write(w, &v), 0);
    CHECK_INT(avro_writer_tell(w), bytes.len);
    CHECK(memcmp(out, bytes.data, bytes.len) == 0);
    avro_writer_free(w);
    struct str inputs[] = {bytes, blocks};
    for (size_t i = 0; i < COUNT(inputs); i++) {
        struct avro_tape got;
        avro_tape_init(&got);
        avro_value_reset(&v);
        avro_reader_t r = avro_reader_memory(inputs[i].data, (int64_t)inputs[i].len);
        rc = avro_value_read(r, &v);
        CHECK_INT(rc, 0);
        if (!rc)
            libavro_tape(&v, s, &got, &rc);
        CHECK(items_equal(tape->items, tape->count, got.items, got.count));
        avro_reader_free(r);
        avro_tape_free(&got);
    }
    avro_value_decref(&v);
}

static void check_json(const struct avro_schema *s, const struct avro_tape *tape, struct arena *arena)
{
    struct avro_tape got;
    struct buf text;
    struct err err = {0};
    avro_tape_init(&got);
    buf_init(&text, 0);
    CHECK(avro_json_print(s, AVRO_JSON, tape->items, tape->count, &text, &err));
    CHECK(avro_json_read(s, buf_str(&text), arena, &got, &err));
    CHECK_STR(str_of(err.text), "");
    CHECK(items_equal(tape->items, tape->count, got.items, got.count));
    buf_clear(&text);
    CHECK(avro_json_print(s, AVRO_PLAIN, tape->items, tape->count, &text, &err));
    buf_free(&text);
    avro_tape_free(&got);
}

static void check_value(const struct avro_program *p, avro_value_iface_t *iface, struct rng *rng, struct arena *arena)
{
    const struct avro_schema *s = avro_program_schema(p);
    struct avro_tape tape, got;
    struct buf bytes, blocks;
    struct err err = {0};
    avro_tape_init(&tape);
    avro_tape_init(&got);
    buf_init(&bytes, 0);
    buf_init(&blocks, 0);
    buf_adds(&bytes, "before");
    gen_value(rng, arena, s, &tape, 0);
    CHECK(avro_encode(p, tape.items, tape.count, &bytes, &err));
    struct str own = {bytes.data + 6, bytes.len - 6};
    CHECK(avro_decode(p, own, &got, &err));
    CHECK_STR(str_of(err.text), "");
    CHECK(items_equal(tape.items, tape.count, got.items, got.count));
    plain_encode(rng, s, tape.items, &blocks);
    buf_adds(&blocks, ""); /* never a NULL */
    CHECK(avro_decode(p, buf_str(&blocks), &got, &err));
    CHECK_STR(str_of(err.text), "");
    CHECK(items_equal(tape.items, tape.count, got.items, got.count));
    if (iface)
        check_libavro(iface, s, &tape, own, buf_str(&blocks));
    check_json(s, &tape, arena);
    /* Every shorter input is an error. In memory of its very size, so that a read past the end is seen. */
    for (size_t cut = own.len > 30 ? own.len - 30 : 0; cut < own.len; cut++) {
        char *copy = malloc(cut + !cut);
        memcpy(copy, own.data, cut);
        CHECK(!avro_decode(p, str_n(copy, cut), &got, &err));
        CHECK_INT(got.count, 0);
        free(copy);
    }
    buf_free(&bytes);
    buf_free(&blocks);
    avro_tape_free(&tape);
    avro_tape_free(&got);
}

TEST(random_schemas_and_values_as_libavro)
{
    struct arena arena;
    int known = 0;
    arena_init(&arena);
    for (int i = 0; i < SCHEMAS && !test_failures; i++) {
        struct gen g = {.rng = {(uint64_t)i}, .arena = &arena};
        const struct avro_program *p = NULL;
        struct err err = {0};
        struct pair text = gen_type(&g, false);
        const struct avro_schema *s = parse(text.w, &arena);
        avro_schema_t theirs = NULL;
        avro_value_iface_t *iface = NULL;
        CHECK(avro_compile(s, &arena, &p, &err));
        /* It makes nothing of a record without fields. */
        if (!strstr(text.w, "\"fields\":[]") && avro_schema_from_json_length(text.w, strlen(text.w), &theirs) == 0)
            iface = avro_generic_class_from_schema(theirs);
        known += iface != NULL;
        for (int k = 0; k < VALUES; k++)
            check_value(p, iface, &g.rng, &arena);
        if (test_failures)
            printf("# seed %d: %s\n", i, text.w);
        if (iface)
            avro_value_iface_decref(iface);
        if (theirs)
            avro_schema_decref(theirs);
        arena_reset(&arena);
    }
    printf("# %d schemas, %d of them with libavro beside\n", SCHEMAS, known);
    CHECK(known > SCHEMAS * 3 / 4);
    arena_free(&arena);
}

static void check_decode(const char *schema, struct str bytes, const char *want)
{
    struct arena arena;
    struct avro_tape tape;
    struct buf text;
    struct err err = {0};
    const struct avro_program *p = NULL;
    arena_init(&arena);
    avro_tape_init(&tape);
    buf_init(&text, 0);
    const struct avro_schema *s = parse(schema, &arena);
    CHECK(avro_compile(s, &arena, &p, &err));
    char *copy = malloc(bytes.len + !bytes.len);
    memcpy(copy, bytes.data, bytes.len);
    if (avro_decode(p, str_n(copy, bytes.len), &tape, &err))
        CHECK(avro_json_print(s, AVRO_JSON, tape.items, tape.count, &text, &err));
    else
        CHECK(err.class == ERR_DATA && tape.count == 0);
    CHECK_STR(err.text[0] ? str_of(err.text) : buf_str(&text), want);
    free(copy);
    buf_free(&text);
    avro_tape_free(&tape);
    arena_free(&arena);
}

#define REC(fields)   "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define F(name, rest) "{\"name\":\"" name "\",\"type\":" rest "}"
#define ARRAY(item)   "{\"type\":\"array\",\"items\":" item "}"
#define MAP(item)     "{\"type\":\"map\",\"values\":" item "}"

TEST(hostile_bytes)
{
    static const char nested[] =
        REC(F("a", ARRAY(MAP("{\"type\":\"record\",\"name\":\"S\",\"fields\":[" F("x", "\"int\"") "]}"))));
    check_decode("\"int\"", STR("\xff\xff\xff\xff\x0f"), "-2147483648");
    check_decode("\"int\"", STR("\x80\x80\x80\x80\x10"), "/: not an int at byte 5");
    check_decode("\"long\"", STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "-9223372036854775808");
    check_decode("\"long\"", STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03"), "/: not a long at byte 0");
    check_decode("\"long\"", STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "/: not a long at byte 0");
    check_decode("\"long\"", STR("\x82\x00"), "1"); /* longer than needed */
    check_decode("\"long\"", STR("\x02\x02"), "/: more bytes than the datum takes at byte 1");
    check_decode("\"boolean\"", STR("\x02"), "/: not a boolean at byte 0");
    check_decode("\"null\"", STR(""), "null");
    check_decode("\"string\"", STR("\x01"), "/: the length is not one, or more than is left at byte 0");
    check_decode("\"string\"",
                 STR("\x04"
                     "a"),
                 "/: the length is not one, or more than is left at byte 0");
    check_decode("\"bytes\"", STR("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                 "/: the length is not one, or more than is left at byte 0");
    check_decode("\"string\"", STR("\x04\xc3("), "/: the string is not UTF-8 at byte 3");
    check_decode("[\"null\",\"int\"]", STR("\x04"), "/: not a branch of the union at byte 1");
    check_decode("[\"null\",\"int\"]", STR("\x01"), "/: not a branch of the union at byte 1");
    check_decode("[]", STR("\x00"), "/: not a branch of the union at byte 1");
    check_decode("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", STR("\x02"),
                 "/: not a symbol of the enum at byte 0");
    check_decode("{\"type\":\"fixed\",\"name\":\"X\",\"size\":3}", STR("ab"),
                 "/: fewer bytes than the fixed has at byte 0");
    /* Blocks. */
    check_decode(ARRAY("\"int\""), STR("\x03\x04\x02\x04\x00"), "[1,2]");
    check_decode(ARRAY("\"int\""), STR("\x03\x06\x02\x04\x00"),
                 "/: a block's size is not what its items take at byte 4");
    check_decode(ARRAY("\"int\""), STR("\x03\x03\x02\x04\x00"), "/: not a block's size at byte 0");
    check_decode(ARRAY("\"int\""), STR("\x03\x7e\x02\x04\x00"), "/: not a block's size at byte 0");
    check_decode(ARRAY("\"int\""), STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"),
                 "/: not a block's count at byte 0");
    check_decode(ARRAY("\"int\""), STR("\xfe\xff\xff\xff\x0f\x02"), "/: more values than a datum may have at byte 0");
    check_decode(ARRAY("\"null\""), STR("\xfe\xff\xff\x03\x00"), "/: more values than a datum may have at byte 4");
    check_decode(nested, STR("\x02\x02\x02k\x02\x00\x00"), "{\"a\":[{\"k\":{\"x\":1}}]}");
    check_decode(nested, STR("\x02\x02\x02k"), "/a[]{}/x: not an int at byte 4");
    check_decode(nested, STR("\x02\x02\x03k"), "/a[]: not a map's key at byte 2");
    check_decode(nested, STR("\x02\x02\x02\xff\x02"), "/a[]: not a map's key at byte 2");
}

/* A list that goes on for as long as there are bytes. */
TEST(recursion_of_the_schema_is_bounded)
{
    struct buf bytes;
    buf_init(&bytes, 0);
    for (int i = 0; i < 100000; i++)
        buf_addc(&bytes, 2);
    struct arena arena;
    struct avro_tape tape;
    const struct avro_program *p = NULL;
    struct err err = {0};
    arena_init(&arena);
    avro_tape_init(&tape);
    CHECK(avro_compile(parse(REC(F("n", "[\"null\",\"R\"]")), &arena), &arena, &p, &err));
    CHECK(!avro_decode(p, buf_str(&bytes), &tape, &err));
    CHECK(strncmp(err.text, "/n/n/n/n", 8) == 0 && strstr(err.text, ": values are nested too deep at byte 256"));
    err_clear(&err);
    /* Depth is that of values, not of the sum over siblings. */
    buf_clear(&bytes);
    buf_adds(&bytes, "\xd0\x0f"); /* 1000 */
    for (int i = 0; i < 1000; i++)
        buf_add(&bytes, "\x02\x00", 2);
    buf_addc(&bytes, 0);
    CHECK(avro_compile(parse(ARRAY(REC(F("n", "[\"null\",\"R\"]"))), &arena), &arena, &p, &err));
    CHECK(avro_decode(p, buf_str(&bytes), &tape, &err));
    CHECK_INT(tape.count, 3001);
    avro_tape_free(&tape);
    arena_free(&arena);
    buf_free(&bytes);
}

static void check_encode(const char *schema, const struct avro_item *items, size_t count, const char *want)
{
    struct arena arena;
    struct buf out;
    struct err err = {0};
    const struct avro_program *p = NULL;
    arena_init(&arena);
    buf_init(&out, 0);
    buf_adds(&out, "kept");
    CHECK(avro_compile(parse(schema, &arena), &arena, &p, &err));
    CHECK(!avro_encode(p, items, count, &out, &err));
    CHECK_INT(err.class, ERR_DATA);
    CHECK_STR(str_of(err.text), want);
    CHECK_STR(buf_str(&out), "kept");
    buf_free(&out);
    arena_free(&arena);
}

TEST(items_that_do_not_fit_the_schema)
{
    static const char rec[] = REC(F("a", "[\"null\",\"int\"]") "," F("b", ARRAY("\"string\"")));
    struct avro_item record = {.type = AVRO_RECORD, .count = 2}, none = {.type = AVRO_NULL};
    struct avro_item big = {.type = AVRO_INT, .branch = 1, .number = 1LL << 40},
                     one = {.type = AVRO_INT, .branch = 1, .number = 1};
    struct avro_item list = {.type = AVRO_ARRAY, .count = 1}, text = {.type = AVRO_STRING, .text = STR("\xff")};
    check_encode(rec, NULL, 0, "/: a value is missing");
    check_encode(rec, &none, 1, "/: the value is of another type");
    check_encode(rec, (struct avro_item[]){{.type = AVRO_RECORD, .count = 1}}, 1,
                 "/: not as many fields as the record has");
    check_encode(rec, (struct avro_item[]){record, big}, 2, "/a: the number is no int");
    check_encode(rec, (struct avro_item[]){record, {.type = AVRO_INT, .branch = 2}}, 2,
                 "/a: the union has no such branch");
    check_encode(rec, (struct avro_item[]){record, {.type = AVRO_LONG, .branch = 1}}, 2,
                 "/a: the value is of another type");
    check_encode(rec, (struct avro_item[]){record, one}, 2, "/b: a value is missing");
    check_encode(rec, (struct avro_item[]){record, one, list, text}, 4, "/b[]: the string is not UTF-8");
    check_encode(rec, (struct avro_item[]){record, none, {.type = AVRO_ARRAY}, none}, 4,
                 "/: more values than the schema has");
    check_encode(MAP("\"int\""), (struct avro_item[]){{.type = AVRO_MAP, .count = 1}, one, one}, 3,
                 "/: a map's key is missing");
    check_encode("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}",
                 (struct avro_item[]){{.type = AVRO_ENUM, .number = 1}}, 1, "/: the enum has no such symbol");
    check_encode("{\"type\":\"fixed\",\"name\":\"X\",\"size\":3}",
                 (struct avro_item[]){{.type = AVRO_FIXED, .text = STR("ab")}}, 1,
                 "/: not as many bytes as the fixed has");
}

/* Larger than the room there is, and at the buffer's own limit. */
TEST(large_values)
{
    enum { SIZE = 70000 };
    static const char text[] = REC(F("a", "\"bytes\"") "," F("b", "\"string\"") "," F(
        "c", "{\"type\":\"fixed\",\"name\":\"X\",\"size\":70000}") "," F("d", MAP("\"null\"")));
    struct arena arena;
    struct avro_tape tape;
    struct buf out;
    struct err err = {0};
    const struct avro_program *p = NULL;
    arena_init(&arena);
    avro_tape_init(&tape);
    buf_init(&out, 0);
    char *data = arena_alloc(&arena, SIZE);
    memset(data, 'x', SIZE);
    struct avro_item items[] = {{.type = AVRO_RECORD, .count = 4, .inside = 5},
                                {.type = AVRO_BYTES, .text = {data, SIZE}},
                                {.type = AVRO_STRING, .text = {data, SIZE}},
                                {.type = AVRO_FIXED, .text = {data, SIZE}},
                                {.type = AVRO_MAP, .count = 1, .inside = 2},
                                {.type = AVRO_STRING, .text = {data, SIZE}},
                                {.type = AVRO_NULL}};
    items[0].inside = COUNT(items) - 1;
    CHECK(avro_compile(parse(text, &arena), &arena, &p, &err));
    CHECK(avro_encode(p, items, COUNT(items), &out, &err));
    CHECK_INT(out.len, 4 * SIZE + 3 * 3 + 2);
    CHECK(avro_decode(p, buf_str(&out), &tape, &err));
    CHECK(items_equal(tape.items, tape.count, items, COUNT(items)));
    for (size_t max = 10; max < 4 * SIZE; max += 9973) {
        struct buf small;
        buf_init(&small, max);
        CHECK(!avro_encode(p, items, COUNT(items), &small, &err));
        CHECK(small.len == 0 && strstr(err.text, ": the buffer's limit is reached"));
        buf_free(&small);
    }
    buf_free(&out);
    avro_tape_free(&tape);
    arena_free(&arena);
}

TEST_MAIN
