// SPDX-License-Identifier: Apache-2.0
/* Our Avro against its own vectors and against libavro, which knows nothing of us. */
#include "test.h"

#include <avro.h>

#include "codec/row.h"

static struct row_column columns[] = {
    {.name = STR("id"), .type = STR("bigint"), .type_oid = 20, .typmod = -1, .key = 1, .doc = STR("who \"it\" is")},
    {.name = STR("Ünï \"q\""), .type = STR("numeric(12,2)"), .type_oid = 1700, .typmod = 786438, .preset = STR("0.00")},
    {.name = STR("2nd_x"), .type = STR("text[]"), .type_oid = 1009, .typmod = -1, .key = 2},
    {.name = STR("p"),
     .type = STR("public.positive"),
     .type_oid = 16385,
     .typmod = -1,
     .base_oid = 23,
     .base_typmod = -1},
};
static const struct row_schema schema = {.namespace = STR("fintech.transactions"),
                                         .name = STR("TransactionsCreated"),
                                         .doc = STR("money that moved"),
                                         .entity = STR("public.transactions"),
                                         .verb = STR("created"),
                                         .columns = columns,
                                         .column_count = 4,
                                         .dynamic = true};

static const char printed[] =
    "{\"type\":\"record\",\"name\":\"TransactionsCreated\",\"namespace\":\"fintech.transactions\","
    "\"doc\":\"money that moved\",\"undam.entity\":\"public.transactions\",\"undam.verb\":\"created\",\"fields\":["
    "{\"name\":\"id\",\"type\":[\"null\",\"long\"],\"default\":null,\"doc\":\"who \\\"it\\\" is\","
    "\"undam.column\":\"id\",\"undam.type\":\"bigint\",\"undam.oid\":20,\"undam.typmod\":-1,\"undam.key\":1},"
    "{\"name\":\"_xC3__x9C_n_xC3__xAF__x20__x22_q_x22_\",\"type\":[\"null\",{\"type\":\"bytes\","
    "\"logicalType\":\"decimal\",\"precision\":12,\"scale\":2},\"string\"],\"default\":null,"
    "\"undam.column\":\"Ünï \\\"q\\\"\",\"undam.type\":\"numeric(12,2)\",\"undam.oid\":1700,\"undam.typmod\":786438,"
    "\"undam.default\":\"0.00\"},"
    "{\"name\":\"_x32_nd_x5F_x\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"string\"]},\"string\"],"
    "\"default\":null,\"undam.column\":\"2nd_x\","
    "\"undam.type\":\"text[]\",\"undam.oid\":1009,\"undam.typmod\":-1,\"undam.key\":2},"
    "{\"name\":\"p\",\"type\":[\"null\",\"int\"],\"default\":null,\"undam.column\":\"p\",\"undam.type\":"
    "\"public.positive\",\"undam.oid\":16385,\"undam.typmod\":-1,\"undam.base_oid\":23,\"undam.base_typmod\":-1},"
    "{\"name\":\"undam_dynamic\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"string\"]},\"default\":{}}]}";

TEST(schema_prints_the_contract)
{
    struct buf out;
    buf_init(&out, 0);
    row_schema_print(&schema, &out);
    CHECK_STR(buf_str(&out), printed);
    buf_free(&out);
}

TEST(schema_comes_back)
{
    struct arena a;
    struct err err = {0};
    struct row_schema got;
    arena_init(&a);
    CHECK(row_schema_parse(str_of(printed), &a, &got, &err));
    CHECK_STR(str_of(err.text), "");
    CHECK(str_eq(got.namespace, schema.namespace) && str_eq(got.name, schema.name));
    CHECK(str_eq(got.entity, schema.entity) && str_eq(got.verb, schema.verb));
    CHECK(str_eq(got.doc, schema.doc));
    CHECK(got.dynamic);
    CHECK_INT(got.column_count, 4);
    for (size_t i = 0; i < 4; i++) {
        CHECK_INT(got.columns[i].base_oid, columns[i].base_oid);
        CHECK(str_eq(got.columns[i].doc, columns[i].doc) && str_eq(got.columns[i].preset, columns[i].preset));
        CHECK(str_eq(got.columns[i].name, columns[i].name) && str_eq(got.columns[i].type, columns[i].type));
        CHECK_INT(got.columns[i].type_oid, columns[i].type_oid);
        CHECK_INT(got.columns[i].typmod, columns[i].typmod);
        CHECK_INT(got.columns[i].key, columns[i].key);
    }
    arena_free(&a);
}

TEST(schema_layout_and_unknown_members_do_not_matter)
{
    static const char text[] =
        " { \"fields\" : [ {\"undam.typmod\":-1, \"undam.oid\":25,\"later\":{\"a\":[1]},\"undam.type\":\"text\",\n"
        "\"undam.column\":\"a\",\"type\":[ \"null\" , \"string\" ],\"name\":\"\\u0061\"} ],\"doc\":null,"
        "\"undam.verb\":\"deleted\",\"undam.entity\":\"s.t\",\"namespace\":\"p.s\",\"name\":\"TDeleted\",\"type\":"
        "\"record\"}";
    struct arena a;
    struct err err = {0};
    struct row_schema got;
    arena_init(&a);
    CHECK(row_schema_parse(str_of(text), &a, &got, &err));
    CHECK_INT(got.column_count, 1);
    CHECK_STR(got.columns[0].name, "a");
    CHECK_INT(got.columns[0].key, 0);
    arena_free(&a);
}

/* Each is the printed schema with one piece changed. */
TEST(broken_schemas_are_refused)
{
    static const struct {
        const char *from, *to, *error;
    } cases[] = {
        {"\"record\"", "\"enum\"", "another word"},
        {",\"undam.verb\":\"created\"", "", "lacks one of"},
        {"\"namespace\":\"fintech.transactions\"", "\"name\":\"x\"", "given twice"},
        {"\"name\":\"id\"", "\"name\":\"ID\"", "not that of its column"},
        {"[\"null\",\"long\"]", "[\"long\",\"null\"]", "another word"},
        {"[\"null\",\"long\"]", "\"long\"", "not the one that its undam.oid"},
        {"[\"null\",\"long\"]", "[\"null\",\"int\"]", "not the one that its undam.oid"},
        {"[\"null\",\"long\"]", "[\"null\",\"long\",\"string\"]", "not the one that its undam.oid"},
        {"[\"null\",\"long\"]", "[\"null\",[\"null\"]]", "the type must be"},
        {"[\"null\",\"long\"]", "[\"null\"]", "the type must be"},
        {"\"precision\":12", "\"precision\":13", "not the one that its undam.oid"},
        {"\"scale\":2", "\"scale\":3", "not the one that its undam.oid"},
        {"\"logicalType\":\"decimal\",", "", "not the one that its undam.oid"},
        {"\"items\":[\"null\",\"string\"]", "\"items\":[\"null\",\"int\"]", "not the one that its undam.oid"},
        {"\"items\":[\"null\",\"string\"]", "\"items\":\"string\"", "the type must be"},
        {",\"undam.base_typmod\":-1", "", "undam.base_oid and undam.base_typmod"},
        {"\"undam.base_oid\":23", "\"undam.base_oid\":20", "not the one that its undam.oid"},
        {"\"values\":[\"null\",\"string\"]", "\"values\":[\"null\",\"int\"]", "has another type"},
        {"\"default\":{}}", "\"default\":{}},{}", "not the last field"},
        {"\"undam.oid\":20", "\"undam.oid\":4294967296", "whole number"},
        {"\"undam.oid\":20,", "", "lacks one of"},
        {"\"undam.key\":1", "\"undam.key\":0", "whole number"},
        {"\"undam.key\":1", "\"undam.key\":1.5", "whole number"},
        {"\"undam.key\":1", "\"undam.oid\":20", "given twice"},
        {"\"fields\":[", "\"fields\":[1,", "must be an object"},
        {"}]}", "}]", "comma is missing"},
        {"}]}", "}]}}", "something follows"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf text;
        struct arena a;
        struct err err = {0};
        struct row_schema got;
        const char *at = strstr(printed, cases[i].from);
        CHECK(at);
        if (!at)
            continue;
        buf_init(&text, 0);
        arena_init(&a);
        buf_add(&text, printed, (size_t)(at - printed));
        buf_adds(&text, cases[i].to);
        buf_adds(&text, at + strlen(cases[i].from));
        CHECK(!row_schema_parse(buf_str(&text), &a, &got, &err));
        CHECK_INT(err.class, ERR_DATA);
        CHECK(strstr(err.text, cases[i].error));
        if (!strstr(err.text, cases[i].error))
            printf("# case %zu: %s\n", i, err.text);
        arena_free(&a);
        buf_free(&text);
    }
}

TEST(names_come_back)
{
    static const char *const good[] = {"id", "Ünï", "2nd_x", "_x41", "a b", "_", "x_", "_x_", "_xx41_"};
    static const char *const bad[] = {"_x41_", "a b", "1", "_x2_", "_x4g_", "_xc3_", "ä"};
    struct buf name, back;
    buf_init(&name, 0);
    buf_init(&back, 0);
    for (size_t i = 0; i < COUNT(good); i++) {
        buf_clear(&name);
        buf_clear(&back);
        row_name_escape(str_of(good[i]), &name);
        CHECK(row_name_unescape(buf_str(&name), &back));
        CHECK_STR(buf_str(&back), good[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        buf_clear(&back);
        CHECK(!row_name_unescape(str_of(bad[i]), &back));
        CHECK_INT(back.len, 0);
    }
    buf_free(&name);
    buf_free(&back);
}

/* ---- values ---- */

/* A text under a type, and the field's bytes; NULL: refused. */
static const struct {
    uint32_t oid;
    int32_t typmod;
    const char *text, *bytes;
    size_t len;
} fields[] = {
#define FIELD(oid, typmod, text, bytes)                 \
    {                                                   \
        oid, typmod, text, bytes, sizeof(bytes "") - 1, \
    }
#define REFUSED(oid, text)      \
    {                           \
        oid, -1, text, NULL, 0, \
    }
    FIELD(25, -1, "42", "\2\4\64\62"),
    FIELD(25, -1, "", "\2\0"),
    FIELD(16, -1, "t", "\2\1"),
    FIELD(16, -1, "f", "\2\0"),
    REFUSED(16, "true"),
    REFUSED(16, ""),
    FIELD(21, -1, "-32768", "\2\xff\xff\3"),
    REFUSED(21, "32768"),
    FIELD(23, -1, "0", "\2\0"),
    FIELD(23, -1, "-1", "\2\1"),
    FIELD(23, -1, "64", "\2\x80\1"),
    FIELD(23, -1, "2147483647", "\2\xfe\xff\xff\xff\x0f"),
    REFUSED(23, "2147483648"),
    REFUSED(23, "-0"),
    REFUSED(23, "01"),
    REFUSED(23, "+1"),
    REFUSED(23, " 1"),
    REFUSED(23, "-"),
    FIELD(20, -1, "-9223372036854775808", "\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"),
    FIELD(20, -1, "9223372036854775807", "\2\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1"),
    REFUSED(20, "9223372036854775808"),
    REFUSED(20, "-9223372036854775809"),
    REFUSED(20, "99999999999999999999"),
    FIELD(26, -1, "4294967295", "\2\xfe\xff\xff\xff\x1f"),
    REFUSED(26, "4294967296"),
    REFUSED(26, "-1"),
    FIELD(700, -1, "1.5", "\2\0\0\xc0\x3f"),
    FIELD(700, -1, "1e+06", "\2\0\x24\x74\x49"),
    REFUSED(700, "1000000"),
    FIELD(701, -1, "-0", "\2\0\0\0\0\0\0\0\x80"),
    FIELD(701, -1, "Infinity", "\2\0\0\0\0\0\0\xf0\x7f"),
    FIELD(701, -1, "NaN", "\2\0\0\0\0\0\0\xf8\x7f"),
    REFUSED(701, "1.50"),
    REFUSED(701, "inf"),
    REFUSED(701, "0x10"),
    REFUSED(701, ""),
    FIELD(2950, -1, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
          "\2\x48"
          "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    REFUSED(2950, "A0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    REFUSED(2950, "a0eebc999c0b-4ef8-bb6d-6bb9bd380a11x"),
    FIELD(17, -1, "\\x", "\2\0"),
    FIELD(17, -1, "\\x00ff", "\2\4\0\xff"),
    REFUSED(17, "\\x0"),
    REFUSED(17, "\\xFF"),
    REFUSED(17, "a"),
    FIELD(1700, 786438, "0.00", "\2\2\0"),
    FIELD(1700, 786438, "1.27", "\2\2\x7f"),
    FIELD(1700, 786438, "1.28", "\2\4\0\x80"),
    FIELD(1700, 786438, "-1.28", "\2\2\x80"),
    FIELD(1700, 786438, "-1.29", "\2\4\xff\x7f"),
    FIELD(1700, 786438, "1.5",
          "\4\6"
          "1.5"),
    FIELD(1700, 786438, "-0.00",
          "\4\x0a"
          "-0.00"),
    FIELD(1700, 786438, "NaN", "\4\6NaN"),
    FIELD(1700, 786438, "10000000000.00",
          "\4\x1c"
          "10000000000.00"),
    FIELD(1700, 786438, "9999999999.99", "\2\x0c\0\xe8\xd4\xa5\x0f\xff"),
    FIELD(1700, 196615, "0.127", "\2\2\x7f"), /* numeric(3,3) */
    FIELD(1700, 196616, "0.0127",
          "\2\x0c"
          "0.0127"), /* numeric(3,4): no decimal */
    FIELD(1700, 198658, "1230",
          "\2\x08"
          "1230"), /* numeric(3,-2) */
    FIELD(1700, -1, "1.5",
          "\2\6"
          "1.5"),
    FIELD(1082, -1, "1970-01-01", "\2\0"),
    FIELD(1082, -1, "1969-12-31", "\2\1"),
    FIELD(1082, -1, "2000-02-29", "\2\x90\xac\1"),
    FIELD(1082, -1, "infinity", "\4\x10infinity"),
    FIELD(1082, -1, "1900-02-29",
          "\4\x14"
          "1900-02-29"),
    FIELD(1083, -1, "00:00:00.000001", "\2\2"),
    FIELD(1083, -1, "24:00:00",
          "\4\x10"
          "24:00:00"),
    FIELD(1114, -1, "1970-01-01 00:00:01", "\2\x80\x89\x7a"),
    FIELD(1184, -1, "1970-01-01 00:00:00+00", "\2\0"),
    FIELD(1184, -1, "1970-01-01 01:00:00+01",
          "\4\x2c"
          "1970-01-01 01:00:00+01"),
    FIELD(1114, -1, "1970-01-01 00:00:00+00",
          "\4\x2c"
          "1970-01-01 00:00:00+00"),
    FIELD(1007, -1, "{}", "\2\0"),
    FIELD(1007, -1, "{1,NULL,3}", "\2\6\2\2\0\2\6\0"),
    FIELD(1007, -1, "{{1}}", "\4\x0a{{1}}"),
    FIELD(1007, -1, "[0:0]={1}", "\4\x12[0:0]={1}"),
    FIELD(1007, -1, "{1,}", "\4\x08{1,}"),
    FIELD(1007, -1, "{\"1\"}", "\4\x0a{\"1\"}"),
    FIELD(1009, -1, "{a,\"b c\",\"\",\"q\\\"\"}", "\2\x08\2\2a\2\6b c\2\0\2\4q\"\0"),
    FIELD(1009, -1, "{null}", "\4\x0c{null}"),
    FIELD(1001, -1, "{\"\\\\x00\"}", "\2\2\2\2\0\0"),
    FIELD(1231, 786438, "{1.10,NaN}", "\4\x14{1.10,NaN}"),
    FIELD(1020, -1, "{(3,4),(1,2);(1,1),(0,0)}", "\2\4\2\x16(3,4),(1,2)\2\x16(1,1),(0,0)\0"),
    FIELD(3802, -1, "{\"a\": 1}", "\2\x10{\"a\": 1}"),
};

static void check_field(size_t i, struct buf *out, struct arena *a)
{
    struct row_column column = {
        .name = STR("secret"), .type = STR("some type"), .type_oid = fields[i].oid, .typmod = fields[i].typmod};
    struct row_schema one = {.columns = &column, .column_count = 1};
    struct row_value value = {.text = str_of(fields[i].text)};
    struct row_plan plan;
    struct row_texts got;
    struct err err = {0};
    int before = test_failures;
    row_plan_make(&one, a, &plan);
    buf_clear(out);
    buf_adds(out, "kept");
    bool good = row_encode(&plan, 1, &value, NULL, 0, out, &err);
    CHECK(good == (fields[i].bytes != NULL));
    if (!good) {
        CHECK_STR(buf_str(out), "kept");
        CHECK_INT(err.class, ERR_DATA);
        CHECK(strstr(err.text, "column secret") && strstr(err.text, "some type"));
    }
    if (good && fields[i].bytes) {
        CHECK(str_eq(str_n(out->data + 9, out->len - 9), str_n(fields[i].bytes, fields[i].len)));
        CHECK(row_decode(&plan, str_n(out->data + 4, out->len - 4), a, &got, &err));
        CHECK(!got.values[0].null);
        CHECK_STR(got.values[0].text, fields[i].text);
    }
    if (test_failures != before)
        printf("# type %u: %s\n", fields[i].oid, fields[i].text);
}

TEST(fields_have_their_bytes)
{
    struct buf out;
    struct arena a;
    buf_init(&out, 0);
    arena_init(&a);
    for (size_t i = 0; i < COUNT(fields); i++)
        check_field(i, &out, &a);
    arena_free(&a);
    buf_free(&out);
}

static const struct row_value values[] = {
    {STR("42"), false}, {{NULL, 0}, true}, {STR("{x}"), false}, {STR("-7"), false}};
static const struct row_dynamic dynamic[] = {{STR("note"), {STR("n"), false}},
                                             {STR("compliance_x"), {{NULL, 0}, true}}};

TEST(value_bytes)
{
    static const char want[] = {0,   0,   0,   1,   2,   2,   84,  0,   2,   2,   2,   2,  'x', 0,
                                2,   13,  4,   8,   'n', 'o', 't', 'e', 2,   2,   'n', 24, 'c', 'o',
                                'm', 'p', 'l', 'i', 'a', 'n', 'c', 'e', '_', 'x', 0,   0};
    struct buf out;
    struct arena a;
    struct row_plan plan;
    struct row_texts got;
    struct err err = {0};
    int32_t id;
    buf_init(&out, 0);
    arena_init(&a);
    row_plan_make(&schema, &a, &plan);
    CHECK(row_encode(&plan, 258, values, dynamic, 2, &out, &err));
    CHECK(str_eq(buf_str(&out), str_n(want, sizeof want)));
    CHECK(row_schema_id(buf_str(&out), &id, &err));
    CHECK_INT(id, 258);
    CHECK(row_decode(&plan, buf_str(&out), &a, &got, &err));
    CHECK_STR(got.values[0].text, "42");
    CHECK(got.values[1].null && !got.values[0].null && !got.values[2].null);
    CHECK_STR(got.values[2].text, "{x}");
    CHECK_STR(got.values[3].text, "-7");
    CHECK_INT(got.dynamic_count, 2);
    CHECK_STR(got.dynamic[0].name, "note");
    CHECK_STR(got.dynamic[0].value.text, "n");
    CHECK(got.dynamic[1].value.null);
    arena_free(&a);
    buf_free(&out);
}

/* A value of one column. */
TEST(broken_values_are_refused)
{
    static const struct {
        uint32_t oid;
        const char *bytes;
        size_t len;
        const char *error;
    } cases[] = {
#define BROKEN(oid, bytes, error) \
    {                             \
        oid,                      \
        "\0\0\0\0\1" bytes,       \
        4 + sizeof(bytes),        \
        error,                    \
    }
        {25, "", 0, "framing"},
        {25, "\0\0\0\0", 4, "framing"},
        {25, "\1\0\0\0\1", 5, "framing"},
        BROKEN(25, "", "column c (1 of 1)"),
        BROKEN(25, "\4\0", "column c"),     /* no such branch */
        BROKEN(25, "\2", "column c"),       /* no length */
        BROKEN(25, "\2\4a", "column c"),    /* one byte short */
        BROKEN(25, "\2\1", "column c"),     /* negative length */
        BROKEN(25, "\2\x80\0", "column c"), /* zero in two bytes */
        BROKEN(25, "\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", "column c"),
        BROKEN(25, "\0\0", "1 bytes left"),
        BROKEN(16, "\2\2", "column c"),
        BROKEN(21, "\2\x80\x80\4", "column c"), /* 32768 */
        BROKEN(26, "\2\1", "column c"),
        BROKEN(701, "\2\0\0\0\0\0\0\0", "column c"),
        BROKEN(2950, "\2\2a", "column c"),
        BROKEN(1083, "\2\1", "column c"),
        BROKEN(1007, "\2\2", "column c"),       /* an element is missing */
        BROKEN(1007, "\2\2\2\2", "column c"),   /* and the end */
        BROKEN(1007, "\2\2\4\2\0", "column c"), /* an element's second branch */
        BROKEN(1007, "\2\xfe\xff\xff\xff\x0f\0", "column c"),
        BROKEN(1007, "\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0", "column c"),
        BROKEN(1007, "\2\1\1\2\2\0", "column c"), /* a block of negative size */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        /* On the heap, so that ASan sees a read past the end. */
        char *copy = xmalloc(cases[i].len + !cases[i].len);
        struct row_column column = {.name = STR("c"), .type_oid = cases[i].oid, .typmod = -1};
        struct row_schema one = {.columns = &column, .column_count = 1};
        struct row_plan plan;
        struct row_texts got;
        struct arena a;
        struct err err = {0};
        arena_init(&a);
        row_plan_make(&one, &a, &plan);
        memcpy(copy, cases[i].bytes, cases[i].len);
        CHECK(!row_decode(&plan, str_n(copy, cases[i].len), &a, &got, &err));
        CHECK(strstr(err.text, cases[i].error));
        if (!strstr(err.text, cases[i].error))
            printf("# case %zu: %s\n", i, err.text);
        arena_free(&a);
        free(copy);
    }
}

/* Blocks as other writers make them: several, and with their sizes. */
TEST(arrays_in_blocks)
{
    static const char bytes[] = "\0\0\0\0\1\2\2\2\2\1\4\2\4\0";
    struct row_column column = {.name = STR("c"), .type_oid = 1007, .typmod = -1};
    struct row_schema one = {.columns = &column, .column_count = 1};
    struct row_plan plan;
    struct row_texts got;
    struct arena a;
    struct err err = {0};
    arena_init(&a);
    row_plan_make(&one, &a, &plan);
    CHECK(row_decode(&plan, str_n(bytes, sizeof bytes - 1), &a, &got, &err));
    CHECK_STR(got.values[0].text, "{1,2}");
    arena_free(&a);
}

/* Lengths around each step of the variable-length integer. */
TEST(value_lengths)
{
    static const size_t lengths[] = {0, 1, 63, 64, 8191, 8192, 1048575, 1048576};
    struct row_column column = {.name = STR("c"), .type_oid = 25, .typmod = -1};
    struct row_schema one = {.columns = &column, .column_count = 1};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        char *text = xcalloc(lengths[i] + 1, 1);
        struct row_value in = {{text, lengths[i]}, false};
        struct row_plan plan;
        struct row_texts got;
        struct arena a;
        struct buf out;
        struct err err = {0};
        arena_init(&a);
        buf_init(&out, 0);
        row_plan_make(&one, &a, &plan);
        CHECK(row_encode(&plan, -1, &in, NULL, 0, &out, &err));
        CHECK(row_decode(&plan, buf_str(&out), &a, &got, &err));
        CHECK_INT(got.values[0].text.len, lengths[i]);
        buf_free(&out);
        arena_free(&a);
        free(text);
    }
}

/* ---- libavro as the oracle ---- */

static avro_schema_t oracle_schema(void)
{
    avro_schema_t s = NULL;
    CHECK_INT(avro_schema_from_json_length(printed, sizeof printed - 1, &s), 0);
    if (!s)
        printf("# libavro: %s\n", avro_strerror());
    return s;
}

TEST(libavro_reads_our_schema)
{
    avro_schema_t s = oracle_schema();
    CHECK_STR(str_of(avro_schema_name(s)), "TransactionsCreated");
    CHECK_STR(str_of(avro_schema_namespace(s)), "fintech.transactions");
    CHECK_INT(avro_schema_record_size(s), 5);
    for (size_t i = 0; i < 4; i++) {
        struct buf name;
        buf_init(&name, 0);
        row_name_escape(columns[i].name, &name);
        CHECK_STR(buf_str(&name), avro_schema_record_field_name(s, (int)i));
        CHECK_INT(avro_typeof(avro_schema_record_field_get_by_index(s, (int)i)), AVRO_UNION);
        buf_free(&name);
    }
    avro_schema_decref(s);
}

/* What libavro reads from our bytes it writes as the same bytes, over a column of every basic type. */
static struct row_column every[] = {
    {.name = STR("a"), .type_oid = 16, .typmod = -1},       {.name = STR("b"), .type_oid = 23, .typmod = -1},
    {.name = STR("c"), .type_oid = 20, .typmod = -1},       {.name = STR("d"), .type_oid = 700, .typmod = -1},
    {.name = STR("e"), .type_oid = 701, .typmod = -1},      {.name = STR("f"), .type_oid = 1700, .typmod = 2490378},
    {.name = STR("g"), .type_oid = 25, .typmod = -1},       {.name = STR("h"), .type_oid = 17, .typmod = -1},
    {.name = STR("i"), .type_oid = 1184, .typmod = -1},     {.name = STR("j"), .type_oid = 1016, .typmod = -1},
    {.name = STR("k"), .type_oid = 1009, .typmod = -1},     {.name = STR("l"), .type_oid = 2950, .typmod = -1},
    {.name = STR("m"), .type_oid = 1231, .typmod = 786438},
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static struct row_value random_value(size_t column, uint64_t r, struct arena *a)
{
    int64_t n = (int64_t)(r >> (r & 63));
    unsigned len = (unsigned)(r >> 8) % 70;
    const char *text = "";
    switch (column) {
    case 0: text = r & 64 ? "t" : "f"; break;
    case 1: text = arena_printf(a, "%d", (int)n); break;
    case 2: text = arena_printf(a, "%lld", (long long)n); break;
    case 3: text = arena_printf(a, "%g", (double)(int16_t)n / 4); break;
    case 4: text = r & 128 ? "NaN" : arena_printf(a, "%g", (double)(int16_t)n / 4); break;
    case 5: text = arena_printf(a, "%lld.%06u", (long long)n, (unsigned)(r >> 20) % 1000000); break;
    case 6: text = arena_printf(a, "%*s", (int)len, "x"); break;
    case 7: text = arena_printf(a, "\\x%0*llx", (int)len / 2 * 2 + 16, (unsigned long long)r); break;
    case 8: text = r & 64 ? "infinity" : arena_printf(a, "%04u-12-24 10:00:00.%06u+00", len + 1, len + 1); break;
    case 9: text = arena_printf(a, "{%lld,NULL,%u}", (long long)n, len); break;
    case 10: text = arena_printf(a, "{\"%*s\",a,\"\"}", (int)len + 2, "x"); break;
    case 11: text = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"; break;
    case 12: text = r & 64 ? "{}" : arena_printf(a, "{%u.10,NULL}", len); break;
    default: break;
    }
    return (struct row_value){str_of(text), (r >> 60) == 3};
}

TEST(libavro_reads_and_writes_our_values)
{
    struct row_schema s = {.name = STR("Every"),
                           .namespace = STR("x.y"),
                           .entity = STR("s.t"),
                           .verb = STR("created"),
                           .columns = every,
                           .column_count = COUNT(every),
                           .dynamic = true};
    struct buf json, out;
    struct arena a;
    struct row_plan plan;
    avro_schema_t oracle = NULL;
    avro_value_t record;
    static char again[65536];
    uint64_t seed = 88172645463325252u;
    buf_init(&json, 0);
    buf_init(&out, 0);
    arena_init(&a);
    row_schema_print(&s, &json);
    CHECK_INT(avro_schema_from_json_length(json.data, json.len, &oracle), 0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(oracle);
    avro_generic_value_new(iface, &record);
    row_plan_make(&s, &a, &plan);
    for (int round = 0; round < 2000; round++) {
        struct row_value in[COUNT(every)];
        struct row_dynamic map = {STR("note"), {STR("n"), false}};
        struct row_texts got;
        struct err err = {0};
        struct arena line;
        arena_init(&line);
        struct row_plan half = plan; /* every other column is wanted */
        for (size_t i = (unsigned)round % 2; i < COUNT(every); i += 2)
            row_plan_skip(&half, i, &line);
        for (size_t i = 0; i < COUNT(every); i++)
            in[i] = random_value(i, next_random(&seed), &line);
        buf_clear(&out);
        CHECK(row_encode(&plan, 1, in, &map, (unsigned)round & 1, &out, &err));
        CHECK(row_decode(&plan, buf_str(&out), &line, &got, &err));
        for (size_t i = 0; i < COUNT(every); i++)
            CHECK(in[i].null == got.values[i].null && (in[i].null || str_eq(in[i].text, got.values[i].text)));
        CHECK(row_decode(&half, buf_str(&out), &line, &got, &err));
        for (size_t i = 0; i < COUNT(every); i++)
            CHECK(i % 2 == (unsigned)round % 2 ? got.values[i].null
                                               : in[i].null || str_eq(in[i].text, got.values[i].text));
        CHECK_INT(got.dynamic_count, (unsigned)round & 1);
        avro_reader_t reader = avro_reader_memory(out.data + 5, (int64_t)out.len - 5);
        CHECK_INT(avro_value_read(reader, &record), 0);
        avro_reader_free(reader);
        avro_writer_t writer = avro_writer_memory(again, sizeof again);
        CHECK_INT(avro_value_write(writer, &record), 0);
        CHECK(str_eq(str_n(again, (size_t)avro_writer_tell(writer)), str_n(out.data + 5, out.len - 5)));
        avro_writer_free(writer);
        arena_free(&line);
    }
    avro_value_decref(&record);
    avro_value_iface_decref(iface);
    avro_schema_decref(oracle);
    arena_free(&a);
    buf_free(&out);
    buf_free(&json);
}

TEST_MAIN
