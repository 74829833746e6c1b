// SPDX-License-Identifier: Apache-2.0
/*
 * What the rows' own encoder writes, as anybody with an Avro library sees it: our general decoder under the printed
 * schema and libavro read the same values, which mean what the texts say, and write the very bytes again. Random rows
 * over a column of every kind, every array, domains and the map of dynamic columns.
 */
#include "test.h"

#include "avro_random.h"
#include "codec/avro_json.h"
#include "codec/row.h"
#include "libavro.h"

enum { NUMERIC_12_2 = 786438, NUMERIC_40_0 = 2621444, NUMERIC_5_5 = 327689, ROWS = 4000 };

static struct row_column columns[] = {
    {.name = STR("bool"), .type_oid = 16, .typmod = -1},
    {.name = STR("int2"), .type_oid = 21, .typmod = -1},
    {.name = STR("int4"), .type_oid = 23, .typmod = -1},
    {.name = STR("int8"), .type_oid = 20, .typmod = -1},
    {.name = STR("oid"), .type_oid = 26, .typmod = -1},
    {.name = STR("float4"), .type_oid = 700, .typmod = -1},
    {.name = STR("float8"), .type_oid = 701, .typmod = -1},
    {.name = STR("money"), .type_oid = 1700, .typmod = NUMERIC_12_2},
    {.name = STR("large"), .type_oid = 1700, .typmod = NUMERIC_40_0},
    {.name = STR("part"), .type_oid = 1700, .typmod = NUMERIC_5_5},
    {.name = STR("any number"), .type_oid = 1700, .typmod = -1},
    {.name = STR("date"), .type_oid = 1082, .typmod = -1},
    {.name = STR("time"), .type_oid = 1083, .typmod = -1},
    {.name = STR("timestamp"), .type_oid = 1114, .typmod = -1},
    {.name = STR("timestamptz"), .type_oid = 1184, .typmod = -1},
    {.name = STR("uuid"), .type_oid = 2950, .typmod = -1},
    {.name = STR("bytea"), .type_oid = 17, .typmod = -1},
    {.name = STR("text"), .type_oid = 25, .typmod = -1},
    {.name = STR("jsonb"), .type_oid = 3802, .typmod = -1},
    {.name = STR("interval"), .type_oid = 1186, .typmod = -1},
    {.name = STR("domain over int8"), .type_oid = 90001, .typmod = -1, .base_oid = 20, .base_typmod = -1},
    {.name = STR("domain over numeric"),
     .type_oid = 90002,
     .typmod = -1,
     .base_oid = 1700,
     .base_typmod = NUMERIC_12_2},
    {.name = STR("enum"), .type_oid = 90003, .typmod = -1},
    {.name = STR("bool[]"), .type_oid = 1000, .typmod = -1},
    {.name = STR("int2[]"), .type_oid = 1005, .typmod = -1},
    {.name = STR("int4[]"), .type_oid = 1007, .typmod = -1},
    {.name = STR("int8[]"), .type_oid = 1016, .typmod = -1},
    {.name = STR("float4[]"), .type_oid = 1021, .typmod = -1},
    {.name = STR("float8[]"), .type_oid = 1022, .typmod = -1},
    {.name = STR("money[]"), .type_oid = 1231, .typmod = NUMERIC_12_2},
    {.name = STR("date[]"), .type_oid = 1182, .typmod = -1},
    {.name = STR("time[]"), .type_oid = 1183, .typmod = -1},
    {.name = STR("timestamp[]"), .type_oid = 1115, .typmod = -1},
    {.name = STR("timestamptz[]"), .type_oid = 1185, .typmod = -1},
    {.name = STR("uuid[]"), .type_oid = 2951, .typmod = -1},
    {.name = STR("bytea[]"), .type_oid = 1001, .typmod = -1},
    {.name = STR("text[]"), .type_oid = 1009, .typmod = -1},
};
/* The element's column of each array, in the same order. */
static const int elements[] = {0, 1, 2, 3, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17};
enum { COLUMNS = COUNT(columns), ARRAYS = COLUMNS - COUNT(elements) };

static const struct row_schema schema = {.name = STR("Everything"),
                                         .namespace = STR("x.y"),
                                         .entity = STR("public.everything"),
                                         .verb = STR("created"),
                                         .columns = columns,
                                         .column_count = COLUMNS,
                                         .dynamic = true};

#define ONE_OF(rng, ...)                                \
    ({                                                  \
        static const char *const of_[] = {__VA_ARGS__}; \
        of_[rng_below(rng, COUNT(of_))];                \
    })

static const char *fraction(struct rng *r, struct arena *a)
{
    if (rng_one_in(r, 3))
        return "";
    char *text = arena_printf(a, ".%06u", rng_below(r, 1000000));
    for (size_t n = strlen(text); n && (text[n - 1] == '0' || text[n - 1] == '.'); n--)
        text[n - 1] = '\0';
    return text;
}

static const char *random_date(struct rng *r, struct arena *a)
{
    if (rng_one_in(r, 12))
        return ONE_OF(r, "infinity", "-infinity", "0044-03-15 BC", "4713-01-01 BC", "5874897-12-31", "0001-01-01",
                      "9999-12-31", "2000-02-29", "1969-12-31", "1970-01-01");
    return arena_printf(a, "%04u-%02u-%02u", 1 + rng_below(r, 9999), 1 + rng_below(r, 12), 1 + rng_below(r, 28));
}

static const char *random_time(struct rng *r, struct arena *a)
{
    if (rng_one_in(r, 20))
        return "24:00:00";
    return arena_printf(a, "%02u:%02u:%02u%s", rng_below(r, 24), rng_below(r, 60), rng_below(r, 60), fraction(r, a));
}

static const char *random_timestamp(struct rng *r, struct arena *a, const char *zone)
{
    if (rng_one_in(r, 20))
        return ONE_OF(r, "infinity", "-infinity");
    if (rng_one_in(r, 20))
        return arena_printf(a, "0044-03-15 12:00:00%s BC", zone);
    return arena_printf(a, "%04u-%02u-%02u %02u:%02u:%02u%s%s", 1 + rng_below(r, 9999), 1 + rng_below(r, 12),
                        1 + rng_below(r, 28), rng_below(r, 24), rng_below(r, 60), rng_below(r, 60), fraction(r, a),
                        zone);
}

/* A number of at most `digits` digits, `scale` of them behind the point. */
static const char *random_decimal(struct rng *r, struct arena *a, unsigned digits, unsigned scale)
{
    unsigned whole = digits > scale ? 1 + rng_below(r, digits - scale) : 0, n = 0;
    char *text = arena_alloc(a, digits + 8);
    bool zero = true;
    if (rng_one_in(r, 30))
        return "NaN";
    if (rng_one_in(r, 2))
        text[n++] = '-';
    for (unsigned i = 0; i < whole; i++) {
        char digit = (char)('0' + rng_below(r, 10));
        if (i == 0 && whole > 1 && digit == '0')
            digit = '7';
        zero = zero && digit == '0';
        text[n++] = digit;
    }
    if (!whole)
        text[n++] = '0';
    for (unsigned i = 0; i < scale; i++) {
        if (i == 0)
            text[n++] = '.';
        text[n] = (char)('0' + rng_below(r, 10));
        zero = zero && text[n++] == '0';
    }
    text[n] = '\0';
    return zero && text[0] == '-' ? text + 1 : text;
}

static const char *random_bytea(struct rng *r, struct arena *a)
{
    unsigned len = rng_below(r, 40);
    char *text = arena_alloc(a, 2 * (size_t)len + 3);
    memcpy(text, "\\x", 3);
    for (unsigned i = 0; i < len; i++)
        snprintf(text + 2 + 2 * i, 3, "%02x", rng_below(r, 256));
    return text;
}

static const char *random_text(struct rng *r)
{
    return ONE_OF(r, "", "a", "NULL", "null", "Zürich 8.50 €", "{}", "a,b", "q\"uote", "back\\slash", " spaces ",
                  "0123456789abcdef0123456789abcdef0123", "tab\there");
}

static const char *random_scalar(struct rng *r, struct arena *a, size_t column)
{
    switch (column) {
    case 0: return rng_one_in(r, 2) ? "t" : "f";
    case 1: return arena_printf(a, "%d", (int16_t)gen_number(r));
    case 2: return arena_printf(a, "%d", (int32_t)gen_number(r));
    case 3:
    case 20: return arena_printf(a, "%lld", (long long)gen_number(r));
    case 4: return arena_printf(a, "%u", (uint32_t)gen_number(r));
    case 5:
        return ONE_OF(r, "0", "-0", "1.5", "3.4028235e+38", "1e-45", "NaN", "Infinity", "-Infinity", "0.1",
                      "123456.79");
    case 6:
        return ONE_OF(r, "0", "-0", "1.5", "1.7976931348623157e+308", "5e-324", "NaN", "-Infinity", "0.1",
                      "0.30000000000000004", "1e+15");
    case 7:
    case 21: return random_decimal(r, a, 12, 2);
    case 8: return random_decimal(r, a, 40, 0);
    case 9: return random_decimal(r, a, 5, 5);
    case 10: return random_decimal(r, a, 300, rng_below(r, 100));
    case 11: return random_date(r, a);
    case 12: return random_time(r, a);
    case 13: return random_timestamp(r, a, "");
    case 14: return random_timestamp(r, a, "+00");
    case 15:
        return arena_printf(a, "%08x-%04x-%04x-%04x-%012llx", (uint32_t)rng_next(r), rng_below(r, 65536),
                            rng_below(r, 65536), rng_below(r, 65536), (unsigned long long)rng_next(r) >> 16);
    case 16: return random_bytea(r, a);
    case 18: return ONE_OF(r, "{}", "{\"a\": [1, null, \"é\"]}", "null");
    case 19: return ONE_OF(r, "1 mon 2 days 03:04:05.006", "00:00:00", "-1 days");
    case 22: return ONE_OF(r, "open", "closed", "a b");
    default: return random_text(r);
    }
}

/* As array_out prints it. */
static const char *random_array(struct rng *r, struct arena *a, size_t element)
{
    unsigned count = rng_below(r, 5);
    struct buf out;
    if (rng_one_in(r, 12))
        return element == 2 || element == 3 ? ONE_OF(r, "{{1,2},{3,4}}", "[0:1]={1,2}", "{{NULL}}") : "{}";
    buf_init(&out, 0);
    buf_addc(&out, '{');
    for (unsigned i = 0; i < count; i++) {
        const char *text = random_scalar(r, a, element);
        if (i)
            buf_addc(&out, ',');
        if (rng_one_in(r, 6)) {
            buf_adds(&out, "NULL");
            continue;
        }
        bool quote = !*text || strcasecmp(text, "null") == 0 || strpbrk(text, "{},\"\\ \t");
        if (quote)
            buf_addc(&out, '"');
        for (; *text; text++) {
            if (*text == '"' || *text == '\\')
                buf_addc(&out, '\\');
            buf_addc(&out, *text);
        }
        if (quote)
            buf_addc(&out, '"');
    }
    buf_addc(&out, '}');
    const char *made = arena_memdup(a, out.data, out.len);
    buf_free(&out);
    return made;
}

static struct row_value random_value(struct rng *r, struct arena *a, size_t column)
{
    if (rng_one_in(r, 8))
        return (struct row_value){.null = true};
    const char *text =
        column < ARRAYS ? random_scalar(r, a, column) : random_array(r, a, (size_t)elements[column - ARRAYS]);
    return (struct row_value){.text = str_of(text)};
}

/* What a reader without our code shows of a value, in PostgreSQL's form where the two differ by form only; floats and
 * arrays are left to the bytes. */
static void check_meaning(size_t column, const struct avro_schema *type, const struct avro_item *item, struct str text)
{
    struct buf out;
    struct err err = {0};
    buf_init(&out, 0);
    CHECK(avro_json_print(type, AVRO_PLAIN, item, (size_t)(avro_item_next(item) - item), &out, &err));
    char *at = out.data, *end = out.data + out.len;
    if (at[0] == '"') {
        *--end = '\0';
        at++;
    }
    bool typed = item->branch == 1;
    if (typed && (column == 12 || column == 13 || column == 14)) { /* trailing zeros, T and Z */
        if (end[-1] == 'Z')
            *--end = '\0';
        while (end[-1] == '0' || end[-1] == '.') {
            bool point = *--end == '.';
            *end = '\0';
            if (point)
                break;
        }
        char *t = strchr(at, 'T');
        if (t)
            *t = ' ';
    }
    if (typed && column == 11 && at[0] == '+')
        at++; /* ISO 8601 has a sign before a year of five digits */
    struct str shown = str_of(at), want = text;
    if (typed && column == 14)
        want.len -= 3; /* +00 */
    if (typed && column == 0)
        want = want.data[0] == 't' ? STR("true") : STR("false");
    if (typed && column == 16)
        shown = str_of(at + 1); /* of JSON's two backslashes */
    bool other_form = item->type == AVRO_FLOAT || item->type == AVRO_DOUBLE || item->type == AVRO_ARRAY ||
                      memchr(text.data, '"', text.len) || memchr(text.data, '\t', text.len) ||
                      (column != 16 && memchr(text.data, '\\', text.len)) || strstr(text.data, " BC");
    if (!other_form && !str_eq(shown, want)) {
        CHECK(str_eq(shown, want));
        printf("# column %zu: " STR_FMT " for " STR_FMT "\n", column, STR_ARG(shown), STR_ARG(want));
    }
    buf_free(&out);
}

static void check_libavro(avro_value_t *record, const struct avro_schema *s, const struct avro_tape *tape,
                          struct str bytes)
{
    static char again[1 << 16];
    struct avro_tape theirs;
    int rc = 0;
    avro_tape_init(&theirs);
    avro_value_reset(record);
    avro_reader_t in = avro_reader_memory(bytes.data, (int64_t)bytes.len);
    CHECK_INT(avro_value_read(in, record), 0);
    libavro_tape(record, s, &theirs, &rc);
    CHECK_INT(rc, 0);
    CHECK(items_equal(tape->items, tape->count, theirs.items, theirs.count));
    avro_writer_t to = avro_writer_memory(again, sizeof again);
    CHECK_INT(avro_value_write(to, record), 0);
    CHECK(str_eq(str_n(again, (size_t)avro_writer_tell(to)), bytes));
    avro_writer_free(to);
    avro_reader_free(in);
    avro_tape_free(&theirs);
}

TEST(rows_mean_the_same_to_every_reader)
{
    struct arena a, line;
    struct buf json, value, again;
    struct err err = {0};
    struct row_plan plan;
    struct avro_tape tape;
    struct rng rng = {20260301};
    const struct avro_schema *s = NULL;
    const struct avro_program *program = NULL;
    avro_schema_t theirs = NULL;
    avro_value_t record;
    arena_init(&a);
    arena_init(&line);
    buf_init(&json, 0);
    buf_init(&value, 0);
    buf_init(&again, 0);
    avro_tape_init(&tape);
    row_schema_print(&schema, &json);
    row_plan_make(&schema, &a, &plan);
    CHECK(avro_schema_parse(buf_str(&json), &a, &s, &err) && avro_compile(s, &a, &program, &err));
    CHECK_STR(str_of(err.text), "");
    CHECK_INT(avro_schema_from_json_length(json.data, json.len, &theirs), 0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(theirs);
    avro_generic_value_new(iface, &record);
    for (int row = 0; row < ROWS && !test_failures; row++) {
        struct row_value in[COLUMNS];
        struct row_dynamic map[] = {{STR("note"), {STR("n"), false}}, {STR("é"), {{NULL, 0}, true}}};
        struct row_texts back;
        for (size_t i = 0; i < COLUMNS; i++)
            in[i] = random_value(&rng, &line, i);
        buf_clear(&value);
        CHECK(row_encode(&plan, 7, in, map, rng_below(&rng, 3), &value, &err));
        CHECK_STR(str_of(err.text), "");
        struct str bytes = {value.data + 5, value.len - 5};
        CHECK(avro_decode(program, bytes, &tape, &err));
        CHECK_STR(str_of(err.text), "");
        buf_clear(&again);
        CHECK(avro_encode(program, tape.items, tape.count, &again, &err));
        CHECK(str_eq(buf_str(&again), bytes));
        const struct avro_item *item = tape.items + 1;
        for (size_t i = 0; i < COLUMNS; i++, item = avro_item_next(item)) {
            CHECK(in[i].null == (item->type == AVRO_NULL));
            if (!in[i].null)
                check_meaning(i, s->fields[i].type, item, in[i].text);
        }
        check_libavro(&record, s, &tape, bytes);
        CHECK(row_decode(&plan, buf_str(&value), &line, &back, &err));
        for (size_t i = 0; i < COLUMNS; i++)
            CHECK(in[i].null == back.values[i].null && (in[i].null || str_eq(in[i].text, back.values[i].text)));
        arena_reset(&line);
    }
    avro_value_decref(&record);
    avro_value_iface_decref(iface);
    avro_schema_decref(theirs);
    avro_tape_free(&tape);
    buf_free(&json);
    buf_free(&value);
    buf_free(&again);
    arena_free(&line);
    arena_free(&a);
}

TEST_MAIN
