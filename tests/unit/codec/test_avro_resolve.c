// SPDX-License-Identifier: Apache-2.0
/*
 * Reading with another schema than was written with: cases by hand (where libavro is known to fail: defaults, aliases,
 * string to bytes), random pairs against a plain interpreter of the specification's rules, and libavro where it can.
 */
#include "test.h"

#include "avro_random.h"
#include "codec/avro_json.h"
#include "codec/avro_match.h"
#include "codec/utf8.h"
#include "libavro.h"

#define REC(fields)   "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define F(name, rest) "{\"name\":\"" name "\",\"type\":" rest "}"
#define ENUM(rest)    "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":" rest "}"

static void check(const char *writer, const char *datum, const char *reader, const char *want)
{
    struct arena arena;
    struct err err = {0};
    struct avro_tape tape;
    struct buf bytes, text;
    const struct avro_program *w = NULL, *p = NULL;
    arena_init(&arena);
    avro_tape_init(&tape);
    buf_init(&bytes, 0);
    buf_init(&text, 0);
    const struct avro_schema *ws = parse(writer, &arena), *rs = parse(reader, &arena);
    CHECK(avro_compile(ws, &arena, &w, &err));
    CHECK(avro_json_read(ws, str_of(datum), &arena, &tape, &err));
    CHECK(avro_encode(w, tape.items, tape.count, &bytes, &err));
    CHECK_STR(str_of(err.text), "");
    if (avro_resolve(ws, rs, &arena, &p, &err) && avro_decode(p, buf_str(&bytes), &tape, &err))
        CHECK(avro_json_print(rs, AVRO_JSON, tape.items, tape.count, &text, &err));
    CHECK_STR(err.text[0] ? str_of(err.text) : buf_str(&text), want);
    buf_free(&bytes);
    buf_free(&text);
    avro_tape_free(&tape);
    arena_free(&arena);
}

TEST(promotions)
{
    check("\"int\"", "7", "\"long\"", "7");
    check("\"int\"", "7", "\"float\"", "7");
    check("\"int\"", "-2147483648", "\"double\"", "-2147483648");
    check("\"long\"", "9007199254740993", "\"double\"", "9007199254740992");
    check("\"long\"", "3", "\"float\"", "3");
    check("\"float\"", "1.5", "\"double\"", "1.5");
    check("\"string\"", "\"é\"", "\"bytes\"", "\"\\u00c3\\u00a9\"");
    check("\"bytes\"", "\"\\u00c3\\u00a9\"", "\"string\"", "\"é\"");
    check("\"bytes\"", "\"\\u00c3\"", "\"string\"", "/: the string is not UTF-8 at byte 2");
    check("\"long\"", "7", "\"int\"",
          "the reader's schema cannot read the writer's: /: writer has long, reader wants int");
}

TEST(fields_skipped_added_renamed_and_in_another_order)
{
    static const char writer[] = REC(F("a", "\"int\"") "," F("b", "\"string\"") "," F(
        "c", "{\"type\":\"array\",\"items\":\"int\"}") "," F("d", "[\"null\",\"long\"]"));
    static const char datum[] = "{\"a\":1,\"b\":\"two\",\"c\":[1,2,3],\"d\":{\"long\":4}}";
    check(writer, datum, writer, datum);
    check(writer, datum, REC(F("a", "\"int\"") "," F("d", "[\"null\",\"long\"]")), "{\"a\":1,\"d\":{\"long\":4}}");
    check(writer, datum, REC(F("d", "[\"null\",\"long\"]") "," F("a", "\"int\"")), "{\"d\":{\"long\":4},\"a\":1}");
    check(writer, datum, REC(F("c", "{\"type\":\"array\",\"items\":\"long\"}") "," F("b", "\"bytes\"")),
          "{\"c\":[1,2,3],\"b\":\"two\"}");
    check(writer, datum, REC(F("x", "\"string\",\"aliases\":[\"y\",\"b\"]")), "{\"x\":\"two\"}");
    check(writer, datum,
          REC(F("n0", "\"int\",\"default\":0") "," F("a", "\"int\"") "," F("n1", "\"int\",\"default\":1") "," F(
              "n2",
              "\"string\",\"default\":\"n\\u20ac\"") "," F("c",
                                                           "{\"type\":\"array\",\"items\":\"int\"}") "," F("n3",
                                                                                                           "[\"null\","
                                                                                                           "\"int\"],"
                                                                                                           "\"default\""
                                                                                                           ":null")),
          "{\"n0\":0,\"a\":1,\"n1\":1,\"n2\":\"n€\",\"c\":[1,2,3],\"n3\":null}");
    check(writer, datum,
          REC(F("n0", "\"int\",\"default\":0") "," F("c", "{\"type\":\"array\",\"items\":\"int\"}") "," F(
              "n1", "\"int\",\"default\":1") "," F("a", "\"int\"")),
          "{\"n0\":0,\"c\":[1,2,3],\"n1\":1,\"a\":1}");
    check(writer, datum,
          REC(F("x", "\"int\",\"aliases\":[\"a\"]") "," F("y", "\"int\",\"aliases\":[\"a\"],\"default\":9")),
          "{\"x\":1,\"y\":9}");
    check(writer, datum, REC(""), "{}");
    check(REC(""), "{}", writer,
          "the reader's schema cannot read the writer's: /a: writer has no such field, and the "
          "reader's has no default");
}

TEST(defaults_of_every_type)
{
    check(REC(""), "{}",
          REC(
              F(
                  "a", "\"null\",\"default\":null") "," F("b", "\"boolean\",\"default\":true") "," F("c",
                                                                                                     "\"long\","
                                                                                                     "\"default\":-"
                                                                                                     "5") "," F("d", "\"double\",\"default\":1") "," F("e", "\"bytes\",\"default\":\"\\u00ff\"") "," F("f", "{\"type\":\"fixed\",\"name\":\"X\",\"size\":2},\"default\":\"\\u0000z\"") "," F("g",
                                                                                                                                                                                                                                                                                             ENUM(
                                                                                                                                                                                                                                                                                                 "[\"A\",\"B\"]") ",\"default\":\"B\"") "," F("h",
                                                                                                                                                                                                                                                                                                                                              "{\"type\":\"array\",\"items\":\"E\"},\"default\":["
                                                                                                                                                                                                                                                                                                                                              "\"A\",\"B\"]") "," F("i", "{\"type\":\"map\",\"values\":"
                                                                                                                                                                                                                                                                                                                                                                         "[\"null\",\"int\"]},"
                                                                                                                                                                                                                                                                                                                                                                         "\"default\":{\"k\":null,"
                                                                                                                                                                                                                                                                                                                                                                         "\"l\":2}") "," F("j",
                                                                                                                                                                                                                                                                                                                                                                                           "{\"type\":"
                                                                                                                                                                                                                                                                                                                                                                                           "\"record\","
                                                                                                                                                                                                                                                                                                                                                                                           "\"name\":"
                                                                                                                                                                                                                                                                                                                                                                                           "\"S\","
                                                                                                                                                                                                                                                                                                                                                                                           "\"fields\":"
                                                                                                                                                                                                                                                                                                                                                                                           "[" F(
                                                                                                                                                                                                                                                                                                                                                                                               "x",
                                                                                                                                                                                                                                                                                                                                                                                               "\"int\"") "," F("y",
                                                                                                                                                                                                                                                                                                                                                                                                                "\"int\""
                                                                                                                                                                                                                                                                                                                                                                                                                ",\"defa"
                                                                                                                                                                                                                                                                                                                                                                                                                "ult\":"
                                                                                                                                                                                                                                                                                                                                                                                                                "8") "]}"
                                                                                                                                                                                                                                                                                                                                                                                                                     ","
                                                                                                                                                                                                                                                                                                                                                                                                                     "\""
                                                                                                                                                                                                                                                                                                                                                                                                                     "de"
                                                                                                                                                                                                                                                                                                                                                                                                                     "fa"
                                                                                                                                                                                                                                                                                                                                                                                                                     "ul"
                                                                                                                                                                                                                                                                                                                                                                                                                     "t"
                                                                                                                                                                                                                                                                                                                                                                                                                     "\""
                                                                                                                                                                                                                                                                                                                                                                                                                     ":{"
                                                                                                                                                                                                                                                                                                                                                                                                                     "\""
                                                                                                                                                                                                                                                                                                                                                                                                                     "x"
                                                                                                                                                                                                                                                                                                                                                                                                                     "\""
                                                                                                                                                                                                                                                                                                                                                                                                                     ":1"
                                                                                                                                                                                                                                                                                                                                                                                                                     "}") "," F("k", "[\"null\",\"S\"],\"default\":{\"x\":1}")),
          "{\"a\":null,\"b\":true,\"c\":-5,\"d\":1,\"e\":\"\\u00ff\",\"f\":\"\\u0000z\",\"g\":\"B\",\"h\":[\"A\",\"B\"]"
          ","
          "\"i\":{\"k\":null,\"l\":{\"int\":2}},\"j\":{\"x\":1,\"y\":8},\"k\":{\"S\":{\"x\":1,\"y\":8}}}");
}

TEST(unions)
{
    check("\"int\"", "1", "[\"null\",\"int\"]", "{\"int\":1}");
    check("\"int\"", "1", "[\"long\",\"int\"]", "{\"int\":1}"); /* the very type first, as Java */
    check("\"int\"", "1", "[\"string\",\"double\",\"long\"]", "{\"double\":1}");
    check("[\"null\",\"int\"]", "{\"int\":1}", "\"long\"", "1");
    check("[\"null\",\"int\"]", "null", "\"long\"", "/: /: writer has null, reader wants long at byte 1");
    check("[\"string\",\"null\",\"int\"]", "{\"int\":1}", "[\"null\",\"long\"]", "{\"long\":1}");
    check("[\"string\",\"null\",\"int\"]", "null", "[\"null\",\"long\"]", "null");
    check("[\"string\",\"null\",\"int\"]", "{\"string\":\"x\"}", "[\"null\",\"long\"]",
          "/: /: writer has string, reader wants union of null, long at byte 1");
    check(REC(F("f", "[\"int\",\"string\"]")), "{\"f\":{\"int\":3}}", REC(F("f", "\"long\"")), "{\"f\":3}");
}

TEST(enums)
{
    check(ENUM("[\"A\",\"B\"]"), "\"B\"", ENUM("[\"C\",\"B\",\"A\"]"), "\"B\"");
    check(ENUM("[\"A\",\"B\"]"), "\"B\"", ENUM("[\"A\"],\"default\":\"A\""), "\"A\"");
    check(ENUM("[\"A\",\"B\"]"), "\"A\"", ENUM("[\"A\"]"), "\"A\"");
    check(ENUM("[\"A\",\"B\"]"), "\"B\"", ENUM("[\"A\"]"),
          "/: the reader's enum has neither this symbol nor a default at byte 0");
}

TEST(types_that_contain_themselves)
{
    static const char writer[] = "{\"type\":\"record\",\"name\":\"L\",\"fields\":[" F("v", "\"int\"") "," F(
        "skip", "\"string\"") "," F("next", "[\"null\",\"L\"]") "]}";
    static const char reader[] = "{\"type\":\"record\",\"name\":\"M\",\"aliases\":[\"L\"],\"fields\":[" F(
        "next", "[\"null\",\"M\"]") "," F("w", "\"long\",\"aliases\":[\"v\"]") "," F("x", "\"int\",\"default\":5") "]}";
    check(writer, "{\"v\":1,\"skip\":\"a\",\"next\":{\"L\":{\"v\":2,\"skip\":\"b\",\"next\":null}}}", reader,
          "{\"next\":{\"M\":{\"next\":null,\"w\":2,\"x\":5}},\"w\":1,\"x\":5}");
}

static void check_too_large(const char *reader)
{
    struct arena arena;
    struct err err = {0};
    const struct avro_program *p = NULL;
    arena_init(&arena);
    CHECK(!avro_resolve(parse(REC(""), &arena), parse(reader, &arena), &arena, &p, &err));
    CHECK(strstr(err.text, "is too large, or has itself within itself") != NULL);
    arena_free(&arena);
}

TEST(defaults_without_end_and_doubling)
{
    struct buf text;
    check_too_large(REC(
        F("f", "{\"type\":\"record\",\"name\":\"S\",\"fields\":[" F("g", "\"S\",\"default\":{}") "]},\"default\":{}")));
    buf_init(&text, 0);
    buf_adds(&text, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
    for (int i = 0; i < 40; i++) {
        buf_printf(&text,
                   "%s{\"name\":\"f%d\",\"default\":{},\"type\":{\"type\":\"record\",\"name\":\"S%d\",\"fields\":[",
                   i ? "," : "", i, i);
        if (i)
            buf_printf(&text, F("a", "\"S%d\",\"default\":{}") "," F("b", "\"S%d\",\"default\":{}"), i - 1, i - 1);
        buf_adds(&text, "]}}");
    }
    buf_adds(&text, "]}");
    check_too_large(text.data);
    buf_free(&text);
}

/* --- random pairs ----------------------------------------------------------------------------------------------------
 */

static const struct avro_item *ref_value(const struct avro_schema *w, const struct avro_item *item,
                                         const struct avro_schema *r, struct avro_tape *out, struct arena *arena,
                                         bool *ok);

static bool ref_names(const struct avro_schema *w, const struct avro_schema *r)
{
    return !r->number || (w->number && str_eq(w->name, r->name));
}

static bool ref_promotes(enum avro_type w, enum avro_type r)
{
    return (w >= AVRO_INT && w < r && r <= AVRO_DOUBLE) || (w == AVRO_STRING && r == AVRO_BYTES) ||
           (w == AVRO_BYTES && r == AVRO_STRING);
}

static void ref_record(const struct avro_schema *w, const struct avro_item *item, const struct avro_schema *r,
                       struct avro_tape *out, struct arena *arena, bool *ok)
{
    const struct avro_item *starts[16];
    for (size_t i = 0; i < w->field_count; i++, item = avro_item_next(item))
        starts[i] = item;
    for (size_t i = 0; i < r->field_count && *ok; i++) {
        const struct avro_field *f = &r->fields[i];
        size_t k = 0;
        while (k < w->field_count && !str_eq(w->fields[k].name, f->name))
            k++;
        for (size_t a = 0; k == w->field_count && a < f->alias_count; a++)
            for (k = 0; k < w->field_count && !str_eq(w->fields[k].name, f->aliases[a]);)
                k++;
        if (k < w->field_count)
            ref_value(w->fields[k].type, starts[k], f->type, out, arena, ok);
        else if (f->default_json.data)
            CHECK(avro_json_default(f, arena, out, AVRO_ITEMS_MAX));
        else
            *ok = false;
    }
}

static void ref_leaf(const struct avro_schema *w, const struct avro_item *item, const struct avro_schema *r,
                     struct avro_item *made, bool *ok)
{
    enum avro_type type = w->type;
    if (r->type == AVRO_FLOAT)
        made->single = type == AVRO_FLOAT ? item->single : (float)item->number;
    else if (r->type == AVRO_DOUBLE)
        made->real = type == AVRO_DOUBLE  ? item->real
                     : type == AVRO_FLOAT ? (double)item->single
                                          : (double)item->number;
    else if (r->type == AVRO_ENUM)
        *ok &= (made->number = avro_match_symbol(r, w->symbols[item->number])) >= 0;
    else if (r->type == AVRO_BOOLEAN)
        made->boolean = item->boolean;
    else if (r->type == AVRO_INT || r->type == AVRO_LONG)
        made->number = item->number;
    else if (r->type != AVRO_NULL)
        made->text = item->text;
    if (r->type == AVRO_STRING)
        *ok &= utf8_valid(item->text);
}

static const struct avro_item *ref_value(const struct avro_schema *w, const struct avro_item *item,
                                         const struct avro_schema *r, struct avro_tape *out, struct arena *arena,
                                         bool *ok)
{
    uint32_t branch = 0;
    if (w->type == AVRO_UNION)
        w = w->branches[item->branch];
    if (r->type == AVRO_UNION) {
        while (branch < r->branch_count && (r->branches[branch]->type != w->type || !ref_names(w, r->branches[branch])))
            branch++;
        if (branch == r->branch_count)
            for (branch = 0; branch < r->branch_count && !ref_promotes(w->type, r->branches[branch]->type);)
                branch++;
        if (branch == r->branch_count) {
            *ok = false;
            return avro_item_next(item);
        }
        r = r->branches[branch];
    }
    *ok = *ok && (w->type == r->type ? ref_names(w, r) && w->size == r->size : ref_promotes(w->type, r->type));
    if (!*ok)
        return avro_item_next(item);
    size_t own = out->count;
    struct avro_item *made = avro_tape_add(out);
    *made = (struct avro_item){.type = (uint8_t)r->type, .branch = branch};
    if (r->type == AVRO_RECORD) {
        made->count = (uint32_t)r->field_count;
        ref_record(w, item + 1, r, out, arena, ok);
    } else if (r->type == AVRO_ARRAY || r->type == AVRO_MAP) {
        const struct avro_item *at = item + 1;
        made->count = item->count;
        for (uint32_t i = 0; i < item->count && *ok; i++) {
            if (r->type == AVRO_MAP) {
                struct avro_item *key = avro_tape_add(out);
                *key = *at++;
            }
            at = ref_value(w->branches[0], at, r->branches[0], out, arena, ok);
        }
    } else {
        ref_leaf(w, item, r, made, ok);
        return item + 1;
    }
    out->items[own].inside = (uint32_t)(out->count - own - 1);
    return avro_item_next(item);
}

static struct {
    int can, cannot, read, refused, libavro;
} seen;

/* Whether a union has branches that promote to one another. */
static bool ambiguous(const struct avro_schema *s, int depth)
{
    int numbers = 0, texts = 0;
    bool found = false;
    for (size_t i = 0; i < s->branch_count; i++) {
        enum avro_type t = s->branches[i]->type;
        numbers += t >= AVRO_INT && t <= AVRO_DOUBLE;
        texts += t == AVRO_BYTES || t == AVRO_STRING;
        found = found || (depth < 8 && ambiguous(s->branches[i], depth + 1));
    }
    for (size_t i = 0; i < s->field_count && !found; i++)
        found = depth < 8 && ambiguous(s->fields[i].type, depth + 1);
    return found || numbers > 1 || texts > 1;
}

static int occurrences(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)); text++)
        n++;
    return n;
}

/* libavro's view of the bytes, where it has one. It knows no defaults, aliases,
 * string to bytes, symbols in another order, and takes the first
 * branch of a reader's union that can be made to fit, where we take the very type first. */
static void check_libavro(const char *writer, const char *reader, const struct avro_schema *r, struct str bytes,
                          const struct avro_tape *got)
{
    avro_schema_t ws = NULL, rs = NULL;
    avro_value_t dest, resolved;
    struct avro_tape theirs;
    int rc = 0;
    if (ambiguous(r, 0) || occurrences(writer, "\"bytes\"") != occurrences(reader, "\"bytes\"") ||
        strstr(reader, "\"D\"") || strstr(reader, "\"default\"") || strstr(reader, "\"aliases\"") ||
        strstr(writer, "\"fields\":[]") || strstr(reader, "\"fields\":[]") ||
        avro_schema_from_json_length(writer, strlen(writer), &ws) ||
        avro_schema_from_json_length(reader, strlen(reader), &rs))
        return;
    avro_value_iface_t *generic = avro_generic_class_from_schema(rs), *iface = avro_resolved_writer_new(ws, rs);
    if (iface) {
        avro_tape_init(&theirs);
        avro_generic_value_new(generic, &dest);
        avro_resolved_writer_new_value(iface, &resolved);
        avro_resolved_writer_set_dest(&resolved, &dest);
        avro_reader_t in = avro_reader_memory(bytes.data, (int64_t)bytes.len);
        if (avro_value_read(in, &resolved) == 0) {
            libavro_tape(&dest, r, &theirs, &rc);
            /* A union in maps of maps it leaves without a branch. */
            CHECK(rc || items_equal(theirs.items, theirs.count, got->items, got->count));
            seen.libavro += !rc;
        }
        avro_reader_free(in);
        avro_value_decref(&resolved);
        avro_value_decref(&dest);
        avro_value_iface_decref(iface);
        avro_tape_free(&theirs);
    }
    avro_value_iface_decref(generic);
    avro_schema_decref(ws);
    avro_schema_decref(rs);
}

/* What can_read promises is kept; without it, whatever is read is what the rules say. */
static void check_pair(struct pair json, const struct avro_schema *w, const struct avro_schema *r, bool broken,
                       struct rng *rng, struct arena *arena)
{
    const struct avro_program *plain = NULL, *p = NULL;
    struct err err = {0};
    const char *why = NULL;
    bool can = avro_can_read(r, w, arena, &why);
    CHECK(avro_compile(w, arena, &plain, &err));
    bool made = avro_resolve(w, r, arena, &p, &err);
    CHECK(made || !can);
    CHECK(can || broken);
    seen.can += can;
    seen.cannot += !can;
    for (int k = 0; k < 6; k++) {
        struct avro_tape tape, got, want;
        struct buf bytes;
        bool ok = true;
        avro_tape_init(&tape);
        avro_tape_init(&got);
        avro_tape_init(&want);
        buf_init(&bytes, 0);
        gen_value(rng, arena, w, &tape, 0);
        CHECK(avro_encode(plain, tape.items, tape.count, &bytes, &err));
        ref_value(w, tape.items, r, &want, arena, &ok);
        bool good = made && avro_decode(p, buf_str(&bytes), &got, &err);
        /* Bytes that are not UTF-8 are refused where a string is wanted, which is no matter of schemas. */
        bool text = strstr(err.text, "UTF-8") != NULL;
        CHECK(good || !can || text);
        CHECK(!good || ok || text);
        CHECK(!good || !ok || items_equal(want.items, want.count, got.items, got.count));
        if (good && !broken)
            check_libavro(json.w, json.r, r, buf_str(&bytes), &got);
        seen.read += good;
        seen.refused += !good;
        if (test_failures)
            printf("# made %d can %d (%s) good %d ok %d: %s\n", made, can, why ? why : "", good, ok, err.text);
        err_clear(&err);
        buf_free(&bytes);
        avro_tape_free(&tape);
        avro_tape_free(&got);
        avro_tape_free(&want);
    }
}

TEST(random_pairs_by_the_rules)
{
    struct arena arena;
    arena_init(&arena);
    for (uint64_t i = 0; i < 5000 && !test_failures; i++) {
        struct gen g = {.rng = {i + 1000000}, .arena = &arena, .vary = true, .broken = i % 3 == 0};
        struct pair text = gen_type(&g, false);
        struct arena schemas;
        arena_init(&schemas);
        const struct avro_schema *w = parse(text.w, &schemas), *r = parse(text.r, &schemas);
        check_pair(text, w, r, g.broken, &g.rng, &arena);
        if (test_failures)
            printf("# seed %d\n# writer %s\n# reader %s\n", (int)i, text.w, text.r);
        arena_free(&schemas);
        arena_reset(&arena);
    }
    printf("# %d pairs can be read, %d cannot; %d data read, %d of them by libavro too, %d refused\n", seen.can,
           seen.cannot, seen.read, seen.libavro, seen.refused);
    CHECK(seen.can > 2000 && seen.cannot > 100 && seen.refused > 100 && seen.libavro > 2000);
    arena_free(&arena);
}

TEST_MAIN
