// SPDX-License-Identifier: Apache-2.0
/* Our Avro against its own vectors and against libavro, which knows nothing of us. */
#include "test.h"

#include <avro.h>

#include "codec/row.h"

static struct row_column columns[] = {
    {STR("id"), STR("bigint"), 20, -1, 1},
    {STR("Ünï \"q\""), STR("numeric(12,2)"), 1700, 786438, 0},
    {STR("2nd_x"), STR("text[]"), 1009, -1, 2},
};
static const struct row_schema schema = {
    STR("fintech.transactions"), STR("TransactionsCreated"), STR("public.transactions"), STR("created"), columns, 3};

static const char printed[] =
    "{\"type\":\"record\",\"name\":\"TransactionsCreated\",\"namespace\":\"fintech.transactions\","
    "\"undam.entity\":\"public.transactions\",\"undam.verb\":\"created\",\"fields\":["
    "{\"name\":\"id\",\"type\":[\"null\",\"string\"],\"default\":null,\"undam.column\":\"id\",\"undam.type\":"
    "\"bigint\","
    "\"undam.oid\":20,\"undam.typmod\":-1,\"undam.key\":1},"
    "{\"name\":\"_xC3__x9C_n_xC3__xAF__x20__x22_q_x22_\",\"type\":[\"null\",\"string\"],\"default\":null,"
    "\"undam.column\":\"Ünï \\\"q\\\"\",\"undam.type\":\"numeric(12,2)\",\"undam.oid\":1700,\"undam.typmod\":786438},"
    "{\"name\":\"_x32_nd_x5F_x\",\"type\":[\"null\",\"string\"],\"default\":null,\"undam.column\":\"2nd_x\","
    "\"undam.type\":\"text[]\",\"undam.oid\":1009,\"undam.typmod\":-1,\"undam.key\":2}]}";

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
    CHECK_INT(got.column_count, 3);
    for (size_t i = 0; i < 3; i++) {
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
        {"[\"null\",\"string\"]", "[\"string\",\"null\"]", "another word"},
        {"[\"null\",\"string\"]", "\"string\"", "the type must be"},
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

static const struct row_value values[] = {{STR("42"), false}, {{NULL, 0}, true}, {STR(""), false}};

TEST(value_bytes)
{
    static const char want[] = {0, 0, 0, 1, 2, 2, 4, '4', '2', 0, 2, 0};
    struct buf out;
    struct row_value got[3];
    struct err err = {0};
    int32_t id;
    buf_init(&out, 0);
    row_encode(258, values, 3, &out);
    CHECK(str_eq(buf_str(&out), str_n(want, sizeof want)));
    CHECK(row_schema_id(buf_str(&out), &id, &err));
    CHECK_INT(id, 258);
    CHECK(row_decode(buf_str(&out), got, 3, &err));
    CHECK_STR(got[0].text, "42");
    CHECK(got[1].null && !got[0].null && !got[2].null);
    CHECK_INT(got[2].text.len, 0);
    buf_free(&out);
}

TEST(broken_values_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len, fields;
        const char *error;
    } cases[] = {
        {"", 0, 1, "framing"},
        {"\0\0\0\0", 4, 0, "framing"},
        {"\1\0\0\0\1", 5, 0, "framing"},
        {"\0\0\0\0\1", 5, 1, "field 1 of 1"},
        {"\0\0\0\0\1\4", 6, 1, "field 1 of 1"},       /* no such branch */
        {"\0\0\0\0\1\2", 6, 1, "field 1 of 1"},       /* no length */
        {"\0\0\0\0\1\2\4a", 8, 1, "field 1 of 1"},    /* one byte short */
        {"\0\0\0\0\1\2\1", 7, 1, "field 1 of 1"},     /* negative length */
        {"\0\0\0\0\1\2\x80\0", 8, 1, "field 1 of 1"}, /* zero in two bytes */
        {"\0\0\0\0\1\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 16, 1, "field 1 of 1"},
        {"\0\0\0\0\1\0\0", 7, 1, "1 bytes left"},
        {"\0\0\0\0\1\0\0", 7, 3, "field 3 of 3"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        /* On the heap, so that ASan sees a read past the end. */
        char *copy = xmalloc(cases[i].len + !cases[i].len);
        struct row_value got[3];
        struct err err = {0};
        memcpy(copy, cases[i].bytes, cases[i].len);
        CHECK(!row_decode(str_n(copy, cases[i].len), got, cases[i].fields, &err));
        CHECK(strstr(err.text, cases[i].error));
        if (!strstr(err.text, cases[i].error))
            printf("# case %zu: %s\n", i, err.text);
        free(copy);
    }
}

/* Lengths around each step of the variable-length integer. */
TEST(value_lengths)
{
    static const size_t lengths[] = {0, 1, 63, 64, 8191, 8192, 1048575, 1048576};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        char *text = xcalloc(lengths[i] + 1, 1);
        struct row_value in = {{text, lengths[i]}, false}, got;
        struct buf out;
        struct err err = {0};
        buf_init(&out, 0);
        row_encode(-1, &in, 1, &out);
        CHECK(row_decode(buf_str(&out), &got, 1, &err));
        CHECK_INT(got.text.len, lengths[i]);
        buf_free(&out);
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
    CHECK_INT(avro_schema_record_size(s), 3);
    for (size_t i = 0; i < 3; i++) {
        struct buf name;
        buf_init(&name, 0);
        row_name_escape(columns[i].name, &name);
        CHECK_STR(buf_str(&name), avro_schema_record_field_name(s, (int)i));
        CHECK_INT(avro_typeof(avro_schema_record_field_get_by_index(s, (int)i)), AVRO_UNION);
        buf_free(&name);
    }
    avro_schema_decref(s);
}

static void oracle_check_field(avro_value_t *record, size_t i, const struct row_value *want)
{
    avro_value_t field, branch;
    int which = -1;
    CHECK_INT(avro_value_get_by_index(record, i, &field, NULL), 0);
    CHECK_INT(avro_value_get_discriminant(&field, &which), 0);
    CHECK_INT(which, want->null ? 0 : 1);
    if (want->null || which != 1)
        return;
    const char *text = "";
    size_t size = 1;
    CHECK_INT(avro_value_get_current_branch(&field, &branch), 0);
    CHECK_INT(avro_value_get_string(&branch, &text, &size), 0);
    CHECK(str_eq(str_n(text, size - 1), want->text)); /* libavro counts its NUL */
}

TEST(libavro_reads_and_writes_our_values)
{
    avro_schema_t s = oracle_schema();
    avro_value_iface_t *iface = avro_generic_class_from_schema(s);
    avro_value_t record;
    struct buf out;
    char again[4096];
    avro_generic_value_new(iface, &record);
    buf_init(&out, 0);
    unsigned seed = 7;
    for (int round = 0; round < 500; round++) {
        char text[3][300];
        struct row_value in[3];
        for (size_t i = 0; i < 3; i++) {
            seed = seed * 1103515245u + 12345u;
            size_t len = (seed >> 16) % sizeof text[i];
            memset(text[i], 'a' + (int)((seed >> 8) % 26), len);
            in[i] = (struct row_value){{text[i], len}, (seed >> 28) == 3};
        }
        buf_clear(&out);
        row_encode(1, in, 3, &out);
        avro_reader_t reader = avro_reader_memory(out.data + 5, (int64_t)out.len - 5);
        CHECK_INT(avro_value_read(reader, &record), 0);
        avro_reader_free(reader);
        for (size_t i = 0; i < 3; i++)
            oracle_check_field(&record, i, &in[i]);
        avro_writer_t writer = avro_writer_memory(again, sizeof again);
        CHECK_INT(avro_value_write(writer, &record), 0);
        CHECK(str_eq(str_n(again, (size_t)avro_writer_tell(writer)), str_n(out.data + 5, out.len - 5)));
        avro_writer_free(writer);
    }
    buf_free(&out);
    avro_value_decref(&record);
    avro_value_iface_decref(iface);
    avro_schema_decref(s);
}

TEST_MAIN
