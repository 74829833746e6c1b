// SPDX-License-Identifier: Apache-2.0
/* Which schema reads what another wrote: every rule of schema resolution, and the reason when the answer is no. */
#include "test.h"

#include "codec/avro_schema.h"

#define REC(fields)      "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define F(name, rest)    "{\"name\":\"" name "\",\"type\":" rest "}"
#define ENUM(name, rest) "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":" rest "}"
#define FIXED(name, n)   "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" n "}"
#define ARRAY(item)      "{\"type\":\"array\",\"items\":" item "}"
#define MAP(item)        "{\"type\":\"map\",\"values\":" item "}"
#define DEC(p, s)        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" p ",\"scale\":" s "}"

static void check(const char *reader, const char *writer, const char *want)
{
    struct arena arena;
    struct err err = {0};
    const struct avro_schema *r = NULL, *w = NULL;
    const char *why = NULL;
    arena_init(&arena);
    CHECK(avro_schema_parse(str_of(reader), &arena, &r, &err));
    CHECK(avro_schema_parse(str_of(writer), &arena, &w, &err));
    if (err.text[0])
        printf("# %s\n", err.text);
    if (r && w) {
        bool good = avro_can_read(r, w, &arena, &why);
        CHECK(good == avro_can_read(r, w, &arena, NULL));
        CHECK_STR(str_of(good ? "yes" : why), want ? want : "yes");
    }
    arena_free(&arena);
}

TEST(promotions)
{
    static const char *const types[] = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"};
    /* Row: writer; column: reader. */
    static const char *const can[] = {"y.......", ".y......", "..yyyy..", "...yyy..",
                                      "....yy..", ".....y..", "......yy", "......yy"};
    for (size_t w = 0; w < COUNT(types); w++)
        for (size_t r = 0; r < COUNT(types); r++) {
            char writer[16], reader[16], want[64];
            snprintf(writer, sizeof writer, "\"%s\"", types[w]);
            snprintf(reader, sizeof reader, "\"%s\"", types[r]);
            snprintf(want, sizeof want, "/: writer has %s, reader wants %s", types[w], types[r]);
            check(reader, writer, can[w][r] == 'y' ? NULL : want);
        }
}

TEST(unions_on_either_side)
{
    check("[\"null\",\"int\"]", "\"int\"", NULL);
    check("[\"null\",\"long\"]", "\"int\"", NULL);
    check("[\"null\",\"int\"]", "\"long\"", "/: writer has long, reader wants union of null, int");
    check("[\"string\",\"null\",\"int\"]", "[\"null\",\"int\"]", NULL);
    check("[\"null\",\"int\"]", "[\"null\",\"int\",\"string\"]",
          "/: writer has string, reader wants union of null, int");
    check("\"long\"", "[\"int\",\"long\"]", NULL);
    check("\"int\"", "[\"int\",\"null\"]", "/: writer has null, reader wants int");
    check("\"int\"", "[]", NULL);
    check("[]", "\"int\"", "/: writer has int, reader wants union of nothing");
    check("[\"null\"," ARRAY("\"int\"") "]", ARRAY("\"string\""), "[]: writer has string, reader wants int");
}

TEST(arrays_and_maps)
{
    check(ARRAY("\"long\""), ARRAY("\"int\""), NULL);
    check(ARRAY("\"int\""), ARRAY("\"long\""), "[]: writer has long, reader wants int");
    check(MAP("[\"null\",\"int\"]"), MAP("\"int\""), NULL);
    check(MAP("\"int\""), ARRAY("\"int\""), "/: writer has array, reader wants map");
    check(MAP(ARRAY("\"int\"")), MAP(ARRAY("\"null\"")), "{}[]: writer has null, reader wants int");
}

TEST(records_and_their_fields)
{
    check(REC(""), REC(F("a", "\"int\"")), NULL);
    check(REC(F("a", "\"long\"") "," F("b", "\"int\"")), REC(F("b", "\"int\"") "," F("a", "\"int\"")), NULL);
    check(REC(F("a", "\"int\",\"default\":1")), REC(""), NULL);
    check(REC(F("a", "\"int\"")), REC(""), "/a: writer has no such field, and the reader's has no default");
    check(REC(F("a", "[\"null\",\"int\"]")), REC(""), "/a: writer has no such field, and the reader's has no default");
    check(REC(F("amount", "\"int\"")), REC(F("amount", "\"string\"")), "/amount: writer has string, reader wants int");
    check(REC(F("a", ARRAY("{\"type\":\"record\",\"name\":\"S\",\"fields\":[" F("x", "\"int\"") "]}"))),
          REC(F("a", ARRAY("{\"type\":\"record\",\"name\":\"S\",\"fields\":[" F("x", "\"null\"") "]}"))),
          "/a[]/x: writer has null, reader wants int");
}

TEST(names_and_aliases)
{
    check("{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[]}",
          "{\"type\":\"record\",\"name\":\"b.c.R\",\"fields\":[]}", NULL);
    check("{\"type\":\"record\",\"name\":\"S\",\"fields\":[]}", REC(""),
          "/: writer has record R, reader wants record S");
    check("{\"type\":\"record\",\"name\":\"S\",\"aliases\":[\"R\"],\"fields\":[]}", REC(""), NULL);
    check("{\"type\":\"record\",\"name\":\"a.S\",\"aliases\":[\"R\"],\"fields\":[]}", REC(""),
          "/: writer has record R, reader wants record a.S");
    check("{\"type\":\"record\",\"name\":\"a.S\",\"aliases\":[\"R\"],\"fields\":[]}",
          "{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[]}", NULL);
    check(REC(F("a", "\"int\",\"aliases\":[\"x\",\"old\"]")), REC(F("old", "\"int\"")), NULL);
    check(REC(F("a", "\"int\",\"aliases\":[\"old\"]")), REC(F("old", "\"string\"")),
          "/a: writer has string, reader wants int");
    /* The field of that very name has it, not the alias. */
    check(REC(F("a", "\"int\",\"aliases\":[\"b\"]") "," F("b", "\"int\"")), REC(F("b", "\"int\"")),
          "/a: writer has no such field, and the reader's has no default");
    check(REC(F("a", "\"int\",\"aliases\":[\"b\"],\"default\":0") "," F("b", "\"int\"")), REC(F("b", "\"int\"")), NULL);
}

TEST(enums)
{
    check(ENUM("E", "[\"A\",\"B\"]"), ENUM("E", "[\"B\"]"), NULL);
    check(ENUM("E", "[\"B\"]"), ENUM("E", "[\"A\",\"B\"]"),
          "/: writer has symbol A, reader's enum has neither it nor a default");
    check(ENUM("E", "[\"B\"],\"default\":\"B\""), ENUM("E", "[\"A\",\"B\"]"), NULL);
    check(ENUM("E", "[\"B\"]"), ENUM("D", "[\"B\"]"), "/: writer has enum D, reader wants enum E");
    check(ENUM("E", "[\"B\"],\"aliases\":[\"D\"]"), ENUM("D", "[\"B\"]"), NULL);
    check("\"string\"", ENUM("E", "[\"A\"]"), "/: writer has enum E, reader wants string");
}

TEST(fixed_and_decimals)
{
    check(FIXED("F", "4"), FIXED("F", "4"), NULL);
    check(FIXED("F", "4"), FIXED("F", "5"), "/: writer has fixed F(5), reader wants fixed F(4)");
    check(FIXED("F", "4"), FIXED("G", "4"), "/: writer has fixed G(4), reader wants fixed F(4)");
    check(FIXED("F", "4"), "\"bytes\"", "/: writer has bytes, reader wants fixed F(4)");
    check(DEC("12", "2"), DEC("12", "2"), NULL);
    check(DEC("12", "2"), DEC("10", "2"), NULL);
    check(DEC("10", "2"), DEC("12", "2"), NULL);
    check(DEC("12", "3"), DEC("12", "2"),
          "/: writer has decimal(12,2), reader wants decimal(12,3): with another scale the same bytes are another "
          "number");
    check("[\"null\"," DEC("12", "3") "]", "[\"null\"," DEC("12", "2") "]",
          "/: writer has decimal(12,2), reader wants decimal(12,3): with another scale the same bytes are another "
          "number");
    /* Nor by way of a string: bytes are one by promotion, a number's are not. */
    check("[\"null\"," DEC("12", "3") ",\"string\"]", "[\"null\"," DEC("12", "2") ",\"string\"]",
          "/: writer has decimal(12,2), reader wants decimal(12,3): with another scale the same bytes are another "
          "number");
    check("[\"null\",\"string\"]", "[\"null\"," DEC("12", "2") ",\"string\"]",
          "/: writer has bytes decimal(12,2), reader wants union of null, string");
    check("[\"null\"," DEC("12", "2") ",\"string\"]", "[\"null\",\"string\"]", NULL);
    check(DEC("12", "2"), "\"string\"", "/: writer has string, reader wants bytes decimal(12,2)");
    check("\"bytes\"", DEC("12", "2"), NULL);
    check(DEC("12", "2"), "\"bytes\"", NULL);
    check("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
          "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", NULL); /* as Java and Confluent */
}

#define LIST(name, item, more)                                                                                      \
    "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" F("v", item) "," F("next", "[\"null\",\"" name "\"]") \
        more "]}"

TEST(types_that_contain_themselves)
{
    check(LIST("L", "\"int\"", ""), LIST("L", "\"int\"", ""), NULL);
    check(LIST("L", "\"long\"", ""), LIST("L", "\"int\"", ""), NULL);
    check(LIST("L", "\"int\"", ""), LIST("L", "\"long\"", ""), "/v: writer has long, reader wants int");
    check(LIST("L", "\"int\"", "," F("z", "\"int\"")), LIST("L", "\"int\"", ""),
          "/z: writer has no such field, and the reader's has no default");
}

/* The pair (B, B) is first found to match under the wrong assumption that (A, X) does. */
TEST(a_yes_found_under_a_wrong_assumption_is_forgotten)
{
    check("[{\"type\":\"record\",\"name\":\"a.A\",\"fields\":["
          "{\"name\":\"b\",\"type\":{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"up\",\"type\":"
          "[\"null\",\"a.A\"]}]}},{\"name\":\"missing\",\"type\":\"int\"}]},"
          "{\"type\":\"record\",\"name\":\"c.A\",\"fields\":[{\"name\":\"b\",\"type\":\"a.B\"}]}]",
          "{\"type\":\"record\",\"name\":\"A\",\"fields\":["
          "{\"name\":\"b\",\"type\":{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"up\",\"type\":"
          "[\"null\",\"A\"]}]}}]}",
          "/b/up/missing: writer has no such field, and the reader's has no default");
}

TEST_MAIN
