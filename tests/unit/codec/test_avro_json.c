// SPDX-License-Identifier: Apache-2.0
/* Avro data as JSON: the specification's encoding there and back, and the plain one for people. */
#include "test.h"

#include "codec/avro_json.h"

static const struct avro_schema *parse(const char *text, struct arena *arena)
{
    const struct avro_schema *s = NULL;
    struct err err = {0};
    CHECK(avro_schema_parse(str_of(text), arena, &s, &err));
    CHECK_STR(str_of(err.text), "");
    return s;
}

/* From Avro's JSON to both forms. */
static void check(const char *schema, const char *json, const char *avro, const char *plain)
{
    struct arena arena;
    struct avro_tape tape;
    struct buf text;
    struct err err = {0};
    arena_init(&arena);
    avro_tape_init(&tape);
    buf_init(&text, 0);
    const struct avro_schema *s = parse(schema, &arena);
    if (s && avro_json_read(s, str_of(json), &arena, &tape, &err)) {
        CHECK(avro_json_print(s, AVRO_JSON, tape.items, tape.count, &text, &err));
        CHECK_STR(buf_str(&text), avro ? avro : json);
        buf_clear(&text);
        CHECK(avro_json_print(s, AVRO_PLAIN, tape.items, tape.count, &text, &err));
        CHECK_STR(buf_str(&text), plain ? plain : json);
    }
    CHECK_STR(str_of(err.text), "");
    buf_free(&text);
    avro_tape_free(&tape);
    arena_free(&arena);
}

#define REC(fields)         "{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[" fields "]}"
#define F(name, rest)       "{\"name\":\"" name "\",\"type\":" rest "}"
#define LOGICAL(type, word) "{\"type\":\"" type "\",\"logicalType\":\"" word "\"}"
#define DECIMAL(p, s)       "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" p ",\"scale\":" s "}"
#define FIXED(size, rest)   "{\"type\":\"fixed\",\"name\":\"X\",\"size\":" size rest "}"

TEST(both_forms)
{
    check("\"null\"", " null ", "null", "null");
    check("\"boolean\"", "true", NULL, NULL);
    check("\"int\"", "-7", NULL, NULL);
    check("\"long\"", "-9223372036854775808", NULL, NULL);
    check("\"float\"", "0.1", NULL, NULL);
    check("\"float\"", "16777216", NULL, NULL);
    check("\"double\"", "0.1", NULL, NULL);
    check("\"double\"", "1e300", "1e+300", "1e+300");
    check("\"double\"", "\"NaN\"", NULL, NULL);
    check("\"double\"", "\"-Infinity\"", NULL, NULL);
    check("\"float\"", "\"Infinity\"", NULL, NULL);
    check("\"string\"", "\"a\\u20ac\\n\\\"\"", "\"a€\\n\\\"\"", "\"a€\\n\\\"\"");
    check("\"bytes\"", "\"a\\u00ff\\u0000\"", NULL, "\"\\\\x61ff00\"");
    check(FIXED("2", ""), "\"\\u00ff\\u0001\"", NULL, "\"\\\\xff01\"");
    check("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "\"B\"", NULL, NULL);
    check("{\"type\":\"array\",\"items\":\"int\"}", "[1, 2,3]", "[1,2,3]", "[1,2,3]");
    check("{\"type\":\"map\",\"values\":\"int\"}", "{\"a\\u00e9\":1,\"b\":2}", "{\"aé\":1,\"b\":2}",
          "{\"aé\":1,\"b\":2}");
    check("[\"null\",\"int\"]", "null", NULL, NULL);
    check("[\"null\",\"int\"]", "{\"int\":3}", NULL, "3");
    check(REC(F("x", "[\"null\",\"a.R\"]") "," F("y", "\"int\"")), "{\"y\":1,\"x\":{\"a.R\":{\"x\":null,\"y\":2}}}",
          "{\"x\":{\"a.R\":{\"x\":null,\"y\":2}},\"y\":1}", "{\"x\":{\"x\":null,\"y\":2},\"y\":1}");
    check(REC(""), "{}", NULL, NULL);
}

TEST(logical_types_for_people)
{
    check(DECIMAL("12", "2"), "\"\\u0004\\u00e2\"", NULL, "\"12.50\"");
    check(DECIMAL("12", "2"), "\"\\u00fb\\u001e\"", NULL, "\"-12.50\"");
    check(DECIMAL("12", "2"), "\"\\u0005\"", NULL, "\"0.05\"");
    check(DECIMAL("12", "2"), "\"\\u00ff\"", NULL, "\"-0.01\"");
    check(DECIMAL("12", "2"), "\"\"", NULL, "\"0.00\"");
    check(DECIMAL("12", "0"), "\"\\u0080\"", NULL, "\"-128\"");
    check(DECIMAL("40", "0"),
          "\"\\u0000\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\\u00ff\"", NULL,
          "\"79228162514264337593543950335\"");
    check(FIXED("4", ",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":9"), "\"\\u00ff\\u00ff\\u00ff\\u00fe\"",
          NULL, "\"-0.000000002\"");
    check(LOGICAL("int", "date"), "0", NULL, "\"1970-01-01\"");
    check(LOGICAL("int", "date"), "-1", NULL, "\"1969-12-31\"");
    check(LOGICAL("int", "date"), "20513", NULL, "\"2026-03-01\"");
    check(LOGICAL("int", "date"), "11016", NULL, "\"2000-02-29\"");
    check(LOGICAL("int", "date"), "-719162", NULL, "\"0001-01-01\"");
    check(LOGICAL("int", "date"), "-719893", NULL, "\"-000001-01-01\"");
    check(LOGICAL("int", "date"), "2932897", NULL, "\"+010000-01-01\"");
    check(LOGICAL("int", "date"), "2147483647", NULL, "\"+5881580-07-11\"");
    check(LOGICAL("int", "time-millis"), "11045678", NULL, "\"03:04:05.678\"");
    check(LOGICAL("int", "time-millis"), "86400000", NULL, "86400000");
    check(LOGICAL("long", "time-micros"), "11045678901", NULL, "\"03:04:05.678901\"");
    check(LOGICAL("long", "time-micros"), "-1", NULL, "-1");
    check(LOGICAL("long", "timestamp-micros"), "1767323045678901", NULL, "\"2026-01-02T03:04:05.678901Z\"");
    check(LOGICAL("long", "timestamp-millis"), "-1", NULL, "\"1969-12-31T23:59:59.999Z\"");
    check(LOGICAL("long", "local-timestamp-micros"), "1767323045678901", NULL, "\"2026-01-02T03:04:05.678901\"");
    check(LOGICAL("long", "local-timestamp-millis"), "0", NULL, "\"1970-01-01T00:00:00.000\"");
    check(LOGICAL("long", "timestamp-micros"), "9223372036854775807", NULL, "\"+294247-01-10T04:00:54.775807Z\"");
    check(LOGICAL("long", "timestamp-millis"), "-9223372036854775808", NULL, "\"-292275055-05-16T16:47:04.192Z\"");
    check(LOGICAL("string", "uuid"), "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"", NULL, NULL);
    check(FIXED("12", ",\"logicalType\":\"duration\""),
          "\"\\u0001\\u0000\\u0000\\u0000\\u0002\\u0000\\u0000\\u0000\\u00bc\\u000b\\u0000\\u0000\"", NULL,
          "\"P1M2DT3.004S\"");
    check("[\"null\"," DECIMAL("4", "1") "]", "{\"bytes\":\"\\u000f\"}", NULL, "\"1.5\"");
}

TEST(json_that_does_not_fit)
{
    static const struct {
        const char *schema, *json, *error;
    } rows[] = {
        {"\"int\"", "1.0", "/: not a whole number in its range (int)"},
        {"\"int\"", "2147483648", "/: not a whole number in its range (int)"},
        {"\"int\"", "\"1\"", "/: a string does not fit (int)"},
        {"\"string\"", "1", "/: a number does not fit (string)"},
        {"\"bytes\"", "\"\\u0100\"", "/: a character over U+00FF, which is no byte (bytes)"},
        {"\"double\"", "\"one\"", "/: a string that is no number (double)"},
        {FIXED("2", ""), "\"abc\"", "/: not as many characters as bytes (fixed)"},
        {"[\"null\",\"int\"]", "1", "/: neither null nor an object of one member, a branch's name (union)"},
        {"[\"int\"]", "null", "/: no branch of that name (union)"},
        {"[\"null\",\"int\"]", "{\"long\":1}", "/: no branch of that name (union)"},
        {REC(F("x", "\"int\",\"default\":1")), "{}", "/x: the field is missing (int)"},
        {REC(F("x", "\"int\"")), "{\"x\":1,\"y\":2}", "/: members that the record does not have (record)"},
        {REC(F("x", "{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":\"int\"}}")), "{\"x\":[{\"k\":null}]}",
         "/x[]{}: null does not fit (int)"},
        {"\"int\"", "", "datum: the text ends early at byte 0"},
        {"\"int\"", "1 2", "datum: something follows the value at byte 2"},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct avro_tape tape;
        struct err err = {0};
        const struct avro_schema *s = parse(rows[i].schema, &arena);
        avro_tape_init(&tape);
        CHECK(s && !avro_json_read(s, str_of(rows[i].json), &arena, &tape, &err));
        CHECK_INT(err.class, ERR_DATA);
        CHECK_STR(str_of(err.text), rows[i].error);
        CHECK_INT(tape.count, 0);
        avro_tape_free(&tape);
    }
    arena_free(&arena);
}

TEST(tapes_that_do_not_fit_the_schema_are_not_printed)
{
    struct arena arena;
    struct buf out;
    struct err err = {0};
    arena_init(&arena);
    buf_init(&out, 0);
    const struct avro_schema *s = parse(REC(F("x", "[\"null\",\"int\"]")), &arena);
    struct avro_item good[] = {{.type = AVRO_RECORD, .count = 1}, {.type = AVRO_INT, .branch = 1, .number = 5}};
    struct avro_item branch[] = {good[0], {.type = AVRO_INT, .branch = 2}}, type[] = {good[0], {.type = AVRO_INT}};
    CHECK(avro_json_print(s, AVRO_PLAIN, good, 2, &out, &err));
    CHECK(!avro_json_print(s, AVRO_PLAIN, good, 1, &out, &err));
    CHECK(!avro_json_print(s, AVRO_PLAIN, branch, 2, &out, &err));
    CHECK(!avro_json_print(s, AVRO_PLAIN, type, 2, &out, &err));
    CHECK(!avro_json_print(s, AVRO_PLAIN, &good[1], 1, &out, &err));
    CHECK_STR(str_of(err.text), "the data do not fit the schema: a value of another type, item 1 of 1");
    buf_free(&out);
    arena_free(&arena);
}

TEST_MAIN
