// SPDX-License-Identifier: Apache-2.0
/* Avro schemas: vectors of the specification's own test file (fingerprints, canonical forms), and what is refused. */
#include "test.h"

#include "codec/avro_schema.h"

static struct arena arena;

static const struct avro_schema *parse(const char *text)
{
    const struct avro_schema *s = NULL;
    struct err err = {0};
    if (!avro_schema_parse(str_of(text), &arena, &s, &err))
        printf("# %s\n#   %s\n", text, err.text);
    return s;
}

TEST(canonical_forms_and_fingerprints_of_avros_own_tests)
{
    static const struct {
        const char *text, *canonical;
        int64_t fingerprint; /* 0: that of the row before */
    } rows[] = {
        {"\"null\"", "\"null\"", 7195948357588979594},
        {"{\"type\":\"null\"}", "\"null\"", 0},
        {"\"boolean\"", "\"boolean\"", -6970731678124411036},
        {"{\"type\":\"boolean\"}", "\"boolean\"", 0},
        {"\"int\"", "\"int\"", 8247732601305521295},
        {"{\"type\":\"int\"}", "\"int\"", 0},
        {"\"long\"", "\"long\"", -3434872931120570953},
        {"{\"type\":\"long\"}", "\"long\"", 0},
        {"\"float\"", "\"float\"", 5583340709985441680},
        {"{\"type\":\"float\"}", "\"float\"", 0},
        {"\"double\"", "\"double\"", -8181574048448539266},
        {"{\"type\":\"double\"}", "\"double\"", 0},
        {"\"bytes\"", "\"bytes\"", 5746618253357095269},
        {"{\"type\":\"bytes\"}", "\"bytes\"", 0},
        {"\"string\"", "\"string\"", -8142146995180207161},
        {"{\"type\":\"string\"}", "\"string\"", 0},
        {"[  ]", "[]", -1241056759729112623},
        {"[ \"int\"  ]", "[\"int\"]", -5232228896498058493},
        {"[ \"int\" , {\"type\":\"boolean\"} ]", "[\"int\",\"boolean\"]", 5392556393470105090},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\"}",
         "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}", -4824392279771201922},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"namespace\":\"x.y\"}",
         "{\"name\":\"x.y.foo\",\"type\":\"record\",\"fields\":[]}", 5916914534497305771},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"a.b.foo\", \"namespace\":\"x.y\"}",
         "{\"name\":\"a.b.foo\",\"type\":\"record\",\"fields\":[]}", -4616218487480524110},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"doc\":\"Useful info\"}",
         "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}", -4824392279771201922},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"aliases\":[\"foo\",\"bar\"]}",
         "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}", 0},
        {"{\"fields\":[{\"type\":{\"type\":\"boolean\"}, \"name\":\"f1\"}], \"type\":\"record\", \"name\":\"foo\"}",
         "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[{\"name\":\"f1\",\"type\":\"boolean\"}]}",
         7843277075252814651},
        {"{ \"fields\":[{\"type\":\"boolean\", \"aliases\":[], \"name\":\"f1\", \"default\":true},\n"
         "{\"order\":\"descending\",\"name\":\"f2\",\"doc\":\"Hello\",\"type\":\"int\"}],\n"
         "\"type\":\"record\", \"name\":\"foo\"\n}",
         "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[{\"name\":\"f1\",\"type\":\"boolean\"},"
         "{\"name\":\"f2\",\"type\":\"int\"}]}",
         -4860222112080293046},
        {"{\"type\":\"enum\", \"name\":\"foo\", \"symbols\":[\"A1\"]}",
         "{\"name\":\"foo\",\"type\":\"enum\",\"symbols\":[\"A1\"]}", -6342190197741309591},
        {"{\"namespace\":\"x.y.z\", \"type\":\"enum\", \"name\":\"foo\", \"doc\":\"foo bar\", \"symbols\":[\"A1\", "
         "\"A2\"]}",
         "{\"name\":\"x.y.z.foo\",\"type\":\"enum\",\"symbols\":[\"A1\",\"A2\"]}", -4448647247586288245},
        {"{\"name\":\"foo\",\"type\":\"fixed\",\"size\":15}", "{\"name\":\"foo\",\"type\":\"fixed\",\"size\":15}",
         1756455273707447556},
        {"{\"namespace\":\"x.y.z\", \"type\":\"fixed\", \"name\":\"foo\", \"doc\":\"foo bar\", \"size\":32}",
         "{\"name\":\"x.y.z.foo\",\"type\":\"fixed\",\"size\":32}", -3064184465700546786},
        {"{ \"items\":{\"type\":\"null\"}, \"type\":\"array\"}", "{\"type\":\"array\",\"items\":\"null\"}",
         -589620603366471059},
        {"{ \"values\":\"string\", \"type\":\"map\"}", "{\"type\":\"map\",\"values\":\"string\"}",
         -8732877298790414990},
        {"{\"name\":\"PigValue\",\"type\":\"record\","
         "\"fields\":[{\"name\":\"value\", \"type\":[\"null\", \"int\", \"long\", \"PigValue\"]}]}",
         "{\"name\":\"PigValue\",\"type\":\"record\",\"fields\":[{\"name\":\"value\",\"type\":"
         "[\"null\",\"int\",\"long\",\"PigValue\"]}]}",
         -1759257747318642341},
    };
    int64_t want = 0;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct avro_schema *s = parse(rows[i].text);
        struct buf out;
        CHECK(s != NULL);
        if (!s)
            continue;
        buf_init(&out, 0);
        avro_schema_canonical(s, &out);
        CHECK_STR(buf_str(&out), rows[i].canonical);
        want = rows[i].fingerprint ? rows[i].fingerprint : want;
        CHECK_INT((int64_t)avro_schema_fingerprint(s), want);
        buf_free(&out);
    }
    arena_free(&arena);
}

TEST(names_namespaces_and_references)
{
    arena_init(&arena);
    const struct avro_schema *s = parse(
        "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a.b\",\"aliases\":[\"Old\",\"x.Other\"],\"fields\":["
        "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\",\"Y\"],\"default\":\"Y\"}},"
        "{\"name\":\"again\",\"type\":[\"null\",\"E\",\"a.b.R\"],\"aliases\":[\"was\"],\"default\":null,\"doc\":\"d\"},"
        "{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"c.F\",\"size\":3,\"namespace\":\"ignored\"}},"
        "{\"name\":\"g\",\"type\":{\"type\":\"c.F\"}},"
        "{\"name\":\"n\",\"type\":{\"type\":\"record\",\"name\":\"N\",\"namespace\":\"\",\"fields\":["
        "{\"name\":\"self\",\"type\":[\"N\",\"null\"],\"default\":null}]}},"
        "{\"name\":\"m\",\"type\":\"N\"}]}");
    CHECK(s != NULL);
    if (s) {
        CHECK_STR(s->name, "a.b.R");
        CHECK_INT(s->alias_count, 2);
        CHECK_STR(s->aliases[0], "a.b.Old");
        CHECK_STR(s->aliases[1], "x.Other");
        CHECK_STR(s->fields[0].type->name, "a.b.E");
        CHECK_STR(s->fields[0].type->default_symbol, "Y");
        CHECK(s->fields[1].type->branches[1] == s->fields[0].type && s->fields[1].type->branches[2] == s);
        CHECK_STR(s->fields[1].default_json, "null");
        CHECK_STR(s->fields[1].aliases[0], "was");
        CHECK_STR(s->fields[1].doc, "d");
        CHECK(!s->fields[0].default_json.data);
        CHECK_STR(s->fields[2].type->name, "c.F");
        CHECK(s->fields[3].type == s->fields[2].type);
        CHECK_STR(s->fields[4].type->name, "N");
        CHECK(s->fields[5].type == s->fields[4].type); /* not in a.b, so outside of any */
    }
    arena_free(&arena);
}

TEST(logical_types_and_those_that_are_ignored)
{
    static const struct {
        const char *text;
        enum avro_logical logical;
        int precision, scale;
    } rows[] = {
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":12,\"scale\":2}", AVRO_DECIMAL, 12, 2},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4}", AVRO_DECIMAL, 4, 0},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":5}", AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":-1}", AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":0}", AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":\"4\"}", AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\"}", AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":1,\"logicalType\":\"decimal\",\"precision\":2}", AVRO_DECIMAL, 2,
         0},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":1,\"logicalType\":\"decimal\",\"precision\":3}",
         AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":8,\"logicalType\":\"decimal\",\"precision\":18}", AVRO_DECIMAL,
         18, 0},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":8,\"logicalType\":\"decimal\",\"precision\":19}",
         AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"string\",\"logicalType\":\"decimal\",\"precision\":4}", AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"string\",\"logicalType\":\"uuid\"}", AVRO_UUID, 0, 0},
        {"{\"type\":\"int\",\"logicalType\":\"date\"}", AVRO_DATE, 0, 0},
        {"{\"type\":\"long\",\"logicalType\":\"date\"}", AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"int\",\"logicalType\":\"time-millis\"}", AVRO_TIME_MILLIS, 0, 0},
        {"{\"type\":\"long\",\"logicalType\":\"time-micros\"}", AVRO_TIME_MICROS, 0, 0},
        {"{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", AVRO_TIMESTAMP_MILLIS, 0, 0},
        {"{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", AVRO_TIMESTAMP_MICROS, 0, 0},
        {"{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}", AVRO_LOCAL_TIMESTAMP_MILLIS, 0, 0},
        {"{\"type\":\"long\",\"logicalType\":\"local-timestamp-micros\"}", AVRO_LOCAL_TIMESTAMP_MICROS, 0, 0},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":12,\"logicalType\":\"duration\"}", AVRO_DURATION, 0, 0},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":11,\"logicalType\":\"duration\"}", AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"long\",\"logicalType\":\"tomorrow\"}", AVRO_LOGICAL_NONE, 0, 0},
        {"{\"type\":\"long\",\"logicalType\":7}", AVRO_LOGICAL_NONE, 0, 0},
    };
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct avro_schema *s = parse(rows[i].text);
        CHECK(s != NULL);
        if (!s)
            continue;
        CHECK_INT(s->logical, rows[i].logical);
        CHECK_INT(s->precision, rows[i].precision);
        CHECK_INT(s->scale, rows[i].scale);
        if (s->logical != rows[i].logical)
            printf("#   %s\n", rows[i].text);
    }
    arena_free(&arena);
}

#define RECORD(fields)     "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(type, value) RECORD("{\"name\":\"f\",\"type\":" type ",\"default\":" value "}")

TEST(defaults_that_fit)
{
    static const char *const rows[] = {
        FIELD("\"null\"", "null"),
        FIELD("\"int\"", "-2147483648"),
        FIELD("\"long\"", "9223372036854775807"),
        FIELD("\"float\"", "1"),
        FIELD("\"double\"", "1.5e3"),
        FIELD("\"string\"", "\"\\u20ac\""),
        FIELD("\"bytes\"", "\"\\u00ff\\u0000\""),
        FIELD("{\"type\":\"fixed\",\"name\":\"x\",\"size\":2}", "\"\\u00ff\\u0000\""),
        FIELD("{\"type\":\"enum\",\"name\":\"x\",\"symbols\":[\"A\"]}", "\"A\""),
        FIELD("{\"type\":\"array\",\"items\":\"int\"}", "[1, 2]"),
        FIELD("{\"type\":\"array\",\"items\":[\"null\",\"R\"]}", "[null, {}, {\"f\":[]}]"),
        FIELD("{\"type\":\"map\",\"values\":\"int\"}", "{\"a\":1, \"b\" : 2}"),
        FIELD("[\"null\",\"int\"]", "null"),
        FIELD("[\"null\",\"int\"]", "3"), /* since 1.12 */
        FIELD("{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
              "{\"name\":\"b\",\"type\":\"int\",\"default\":1}]}",
              "{\"a\":1,\"unknown\":[]}"),
    };
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(parse(rows[i]) != NULL);
    arena_free(&arena);
}

TEST(what_is_refused_and_where)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "schema: the text ends early at byte 0"},
        {"\"int\" 1", "schema: something follows the value at byte 6"},
        {"\"in\"", "schema: unknown type \"in\" at byte 0"},
        {"7", "schema: a schema (a name, an object or a list) is not a string at byte 0"},
        {"{\"name\":\"x\"}", "schema: schema without \"type\" at byte 0"},
        {"{\"type\":{\"type\":\"int\"}}", "schema: a schema's \"type\" is not a string at byte 8"},
        {"{\"type\":\"int\",\"type\":\"int\"}", "schema: \"type\" is given twice at byte 21"},
        {"{\"type\":\"record\",\"fields\":[]}", "schema: record without \"name\" at byte 0"},
        {"{\"type\":\"record\",\"name\":\"R\"}", "schema: record without \"fields\" at byte 0"},
        {"{\"type\":\"record\",\"name\":\"1R\",\"fields\":[]}",
         "schema: \"1R\" is not a name ([A-Za-z_][A-Za-z0-9_]*) at byte 24"},
        {"{\"type\":\"record\",\"name\":\"a..R\",\"fields\":[]}",
         "schema: \"a..R\" is not a name ([A-Za-z_][A-Za-z0-9_]*) at byte 24"},
        {"{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}",
         "schema: \"int\" has the name of a primitive type at byte 24"},
        {RECORD("{\"name\":\"f\"}"), "schema: field without \"type\" at byte 38"},
        {RECORD("{\"name\":\"f-\",\"type\":\"int\"}"),
         "schema: field \"f-\" is not a name ([A-Za-z_][A-Za-z0-9_]*) at byte 46"},
        {RECORD("{\"name\":\"f\",\"type\":\"int\"},{\"name\":\"f\",\"type\":\"int\"}"),
         "schema: record R has field \"f\" twice at byte 0"},
        {"[\"int\",{\"type\":\"int\"}]", "schema: a union has int twice at byte 0"},
        {"[\"int\",[\"string\"]]", "schema: a union directly in a union at byte 7"},
        {"[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"enum\",\"name\":\"F\",\"symbols\":[]}]",
         "schema: type F is defined twice at byte 60"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}",
         "schema: enum E has symbol \"A\" twice at byte 0"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A b\"]}", "schema: symbol \"A b\" is not a name at byte 36"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
         "schema: default \"B\" is no symbol of enum E at byte 52"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
         "schema: \"size\" is not a whole number from 0 to 2147483647 at byte 34"},
        {"{\"type\":\"array\"}", "schema: array without \"items\" at byte 0"},
        {"{\"type\":\"map\"}", "schema: map without \"values\" at byte 0"},
    };
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct avro_schema *s = NULL;
        struct err err = {0};
        CHECK(!avro_schema_parse(str_of(rows[i].text), &arena, &s, &err));
        CHECK_INT(err.class, ERR_DATA);
        CHECK_STR(str_of(err.text), rows[i].error);
        CHECK(s == NULL);
    }
    arena_free(&arena);
}

TEST(defaults_that_do_not_fit)
{
    static const char *const rows[] = {
        FIELD("\"null\"", "0"),
        FIELD("\"boolean\"", "\"true\""),
        FIELD("\"int\"", "2147483648"),
        FIELD("\"int\"", "1.0"),
        FIELD("\"long\"", "9223372036854775808"),
        FIELD("\"double\"", "\"1\""),
        FIELD("\"string\"", "1"),
        FIELD("\"bytes\"", "\"\\u0100\""),
        FIELD("{\"type\":\"fixed\",\"name\":\"x\",\"size\":2}", "\"\\u00ff\""),
        FIELD("{\"type\":\"enum\",\"name\":\"x\",\"symbols\":[\"A\"]}", "\"B\""),
        FIELD("{\"type\":\"array\",\"items\":\"int\"}", "[1, \"2\"]"),
        FIELD("{\"type\":\"array\",\"items\":\"int\"}", "{}"),
        FIELD("{\"type\":\"map\",\"values\":\"int\"}", "{\"a\":null}"),
        FIELD("[\"null\",\"int\"]", "\"x\""),
        FIELD("{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}", "{}"),
    };
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct avro_schema *s = NULL;
        struct err err = {0};
        CHECK(!avro_schema_parse(str_of(rows[i]), &arena, &s, &err));
        CHECK(strstr(err.text, "the default of field \"f\" does not fit its type at byte ") != NULL);
    }
    arena_free(&arena);
}

/* A default that could be tried in 10^20 ways ends, with an error. */
TEST(default_of_many_ways_ends)
{
    struct buf text;
    struct err err = {0};
    const struct avro_schema *s;
    arena_init(&arena);
    buf_init(&text, 0);
    buf_adds(&text, "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"f\",\"default\":");
    for (int i = 0; i < 40; i++)
        buf_adds(&text, "{\"f\":");
    buf_adds(&text, "1");
    for (int i = 0; i < 40; i++)
        buf_adds(&text, "}");
    buf_adds(&text, ",\"type\":[\"null\"");
    for (int i = 0; i < 10; i++)
        buf_printf(&text, ",{\"type\":\"record\",\"name\":\"B%d\",\"fields\":[{\"name\":\"f\",\"type\":\"A\"}]}", i);
    buf_adds(&text, "]}]}");
    CHECK(!avro_schema_parse(buf_str(&text), &arena, &s, &err));
    CHECK_STR(str_of(err.text), "schema: the default of field \"f\" does not fit its type, or is too large at byte 60");
    buf_free(&text);
    arena_free(&arena);
}

/* Types that refer to one another in a chain of 20,000: no stack is used up by it. */
TEST(long_chains_of_references)
{
    enum { LENGTH = 20000 };
    struct buf text, out;
    const char *why = NULL;
    arena_init(&arena);
    buf_init(&text, 0);
    buf_init(&out, 0);
    buf_adds(&text, "[\"null\"");
    for (int i = 0; i < LENGTH; i++)
        buf_printf(&text,
                   ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"f\",\"type\":[\"null\",\"R%d\"]}]}",
                   i, i ? i - 1 : 0);
    buf_adds(&text, "]");
    const struct avro_schema *s = parse(text.data);
    CHECK(s != NULL);
    if (s) {
        const struct avro_schema *last = s->branches[LENGTH];
        CHECK_STR(last->name, "R19999");
        avro_schema_canonical(last, &out);
        CHECK(out.len > LENGTH * 50);
        CHECK(!avro_can_read(last, last, &arena, &why));
        CHECK(why && strstr(why, "nested more than 256 deep"));
    }
    buf_free(&text);
    buf_free(&out);
    arena_free(&arena);
}

TEST_MAIN
