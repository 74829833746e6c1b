// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "codec/json_compare.h"
#include "codec/json_read.h"
#include "codec/json_scalar.h"

static struct arena arena;
static struct json_comparison result;

/* Compares under rules separated by ';'; the result is in `result`. */
static bool equal(const char *old, const char *new, const char *rule_lines)
{
    static struct json_rules rules;
    rules.count = 0;
    for (struct str rest = str_of(rule_lines), line; rest.len;) {
        line = str_cut(rest, ';', &rest);
        struct err err;
        if (!json_rules_add(&rules, line, &arena, &err))
            printf("# %s\n", err.text);
    }
    json_compare(str_of(old), str_of(new), &rules, &arena, &result);
    return result.equal;
}

/* Differences as "kind path, kind path". */
static struct str differences(void)
{
    static struct buf out;
    buf_free(&out);
    buf_init(&out, 0);
    for (unsigned i = 0; i < result.difference_count; i++)
        buf_printf(&out, "%s%s " STR_FMT, i ? ", " : "", json_difference_name(result.differences[i].kind),
                   STR_ARG(result.differences[i].path));
    return out.data ? buf_str(&out) : STR("");
}

TEST(numbers_are_exact_decimals)
{
    static const char *const same[][2] = {
        {"1", "1.0"},
        {"1", "1e0"},
        {"100", "1E2"},
        {"0.001", "1e-3"},
        {"-0", "0"},
        {"0e5", "0.000"},
        {"123456789012345678901234567890.10", "123456789012345678901234567890.1"},
        {"12.5e1", "125"},
        {"0.0", "-0e999999999999999999999"},
        {"1e007", "1E+7"},
    };
    static const char *const other[][2] = {
        {"1", "2"},
        {"1", "-1"},
        {"0.1", "0.10000000000000001"},
        {"9007199254740993", "9007199254740992"},
        {"1e400", "1e401"},
        {"1e99999999999999999999", "1e99999999999999999998"},
        {"10", "1"},
        {"0.30000000000000004", "0.3"},
    };
    for (size_t i = 0; i < COUNT(same); i++) {
        CHECK(equal(same[i][0], same[i][1], ""));
        CHECK(equal(same[i][1], same[i][0], ""));
    }
    for (size_t i = 0; i < COUNT(other); i++) {
        CHECK(!equal(other[i][0], other[i][1], ""));
        CHECK_STR(differences(), "value $");
    }
    CHECK(equal("[1.0]", "[1]", "") && result.excused[JSON_EXCUSE_NUMBER] == 1);
    CHECK(!equal("\"1.10\"", "1.1", ""));
    CHECK_STR(differences(), "type $");
    CHECK(equal("{\"a\":\"1.10\"}", "{\"a\":1.1}", "decimal-string $.a"));
    CHECK(!equal("{\"a\":\"1.10\"}", "{\"a\":\"1.1\"}", ""));
    CHECK(!equal("{\"a\":\"x\"}", "{\"a\":\"y\"}", "decimal-string $.a"));
}

TEST(members_have_no_order_and_missing_null_empty_differ)
{
    CHECK(equal("{\"a\":1,\"b\":[{}]}", " { \"b\" : [ { } ] , \"a\" : 1 } ", ""));
    CHECK(!equal("{\"a\":null}", "{}", ""));
    CHECK_STR(differences(), "missing $.a");
    CHECK(equal("{\"a\":null}", "{}", "null-missing $.a"));
    CHECK(equal("{}", "{\"a\":null}", "null-missing $.a"));
    CHECK(!equal("{\"a\":null}", "{\"a\":\"\"}", ""));
    CHECK_STR(differences(), "type $.a");
    CHECK(!equal("{\"a\":[]}", "{\"a\":{}}", ""));
    CHECK(equal("{}", "{\"new\":1}", "") && result.excused[JSON_EXCUSE_ADDITIVE] == 1);
    CHECK(!equal("{\"x\":{}}", "{\"x\":{\"new\":1}}", "closed"));
    CHECK_STR(differences(), "extra $.x.new");
    CHECK(equal("{\"x\":{}}", "{\"x\":{\"new\":1}}", "closed $.y"));
    CHECK(equal("{\"a\":1,\"a\":2}", "{\"a\":2}", "") && result.excused[JSON_EXCUSE_DUPLICATE] == 1);
    CHECK(!equal("{\"a\":2,\"a\":1}", "{\"a\":2}", ""));
}

TEST(arrays_are_strict_unless_declared)
{
    CHECK(!equal("[1,2]", "[2,1]", ""));
    CHECK_STR(differences(), "order $");
    CHECK(equal("[1,2.0]", "[2,1]", "unordered $") && result.excused[JSON_EXCUSE_UNORDERED] == 1);
    CHECK(!equal("[1,1,2]", "[1,2,2]", "unordered $"));
    CHECK(!equal("[{\"a\":1},{\"a\":2},{\"a\":3}]", "[{\"a\":1},{\"a\":3}]", ""));
    CHECK_STR(differences(), "length $, missing $[1]");
    CHECK(!equal("{\"i\":[{\"id\":1,\"v\":5},{\"id\":2,\"v\":6}]}", "{\"i\":[{\"id\":2,\"v\":6},{\"id\":1,\"v\":7}]}",
                 "key=id $.i"));
    CHECK_STR(differences(), "value $.i[0].v");
    CHECK(!equal("{\"i\":[{\"id\":1}]}", "{\"i\":[{\"id\":2}]}", "key=id $.i"));
    CHECK_STR(differences(), "missing $.i[0], extra $.i[0]");
    CHECK(!equal("[[1,2],[3]]", "[[3],[2,9]]", "unordered $"));
    CHECK(equal("[[1,2],[3]]", "[[3],[2,1]]", "unordered $;unordered $[*]"));
    CHECK(!equal("[1,2]", "[1,3]", ""));
    CHECK_STR(differences(), "value $[1]");
}

TEST(timestamps_are_instants)
{
    CHECK(equal("\"2026-01-02T03:04:05.600+01:00\"", "\"2026-01-02 02:04:05.6Z\"", "") &&
          result.excused[JSON_EXCUSE_TIMESTAMP] == 1);
    CHECK(equal("\"2024-02-29T23:30:00-00:30\"", "\"2024-03-01T00:00:00+00:00\"", ""));
    CHECK(equal("\"1969-12-31T23:59:59Z\"", "\"1970-01-01T00:59:59+01:00\"", ""));
    CHECK(!equal("\"2026-01-02T03:04:05.600001Z\"", "\"2026-01-02T03:04:05.6Z\"", ""));
    CHECK(!equal("\"2026-01-02T03:04:05\"", "\"2026-01-02 03:04:05\"", "")); /* no offset: no instant */
    CHECK(!equal("\"2023-02-29T00:00:00Z\"", "\"2023-03-01T00:00:00Z\"", ""));
    CHECK(!equal("{\"a\":\"2026-01-02T03:04:05Z\"}", "{\"a\":\"2026-01-02T03:04:05.0Z\"}", "exact $.a"));
}

TEST(strings_and_ignored_paths)
{
    CHECK(equal("\"\\u00e9\\ud83d\\ude00\\/\"", "\"\xc3\xa9\xf0\x9f\x98\x80/\"", ""));
    CHECK(!equal("\"e\\u0301\"", "\"\\u00e9\"", "")); /* exact code points */
    CHECK(!equal("\"a \"", "\"a\"", ""));
    CHECK(equal("{\"i\":[{\"t\":1,\"v\":2}]}", "{\"i\":[{\"t\":9,\"v\":2}]}", "ignore $.i[*].t") &&
          result.excused[JSON_EXCUSE_IGNORE] == 1);
    CHECK(equal("{\"i\":[{\"v\":2}]}", "{\"i\":[{\"t\":9,\"v\":2}]}", "ignore $.i[*].t;closed"));
    CHECK(equal("{\"a.b\":{\"x\":1}}", "{\"a.b\":{\"x\":2}}", "ignore $[\"a.b\"].*"));
    CHECK(equal("[1,{\"x\":1}]", "[1,{\"x\":2}]", "ignore $[1]"));
    CHECK(!equal("{\"a b\":1}", "{\"a b\":2}", ""));
    CHECK_STR(differences(), "value $[\"a b\"]");
}

TEST(broken_and_large_texts)
{
    CHECK(!equal("{", "{}", "") && result.broken_old && !result.broken_new);
    CHECK_STR(differences(), "not-json $");
    CHECK(!equal("1", "<html>", "") && result.broken_new);
    CHECK(equal("<html>", "<html>", "")); /* the same bytes are the same answer */
    struct buf deep;
    buf_init(&deep, 0);
    for (int i = 0; i < 100000; i++)
        buf_addc(&deep, '[');
    CHECK(!equal(deep.data, "1", "") && result.broken_old);
    buf_clear(&deep);
    buf_addc(&deep, '[');
    for (int i = 0; i < 600000; i++)
        buf_adds(&deep, "1,");
    buf_adds(&deep, "1]");
    CHECK(!equal(deep.data, "[]", "") && result.too_large && result.difference_total == 0);
    buf_clear(&deep);
    buf_addc(&deep, '[');
    for (int i = 0; i < 100; i++)
        buf_adds(&deep, "1,");
    buf_adds(&deep, "1]");
    char *twos = xstrdup(deep.data);
    for (char *p = twos; *p; p++)
        *p = *p == '1' ? '2' : *p;
    CHECK(!equal(deep.data, twos, "") && result.difference_total == 101 &&
          result.difference_count == JSON_DIFFERENCES_MAX);
    free(twos);
    buf_free(&deep);
}

TEST(bad_rules_say_what)
{
    static const char *const bad[] = {"",          "unordered",   "sorted $.a",   "ignore a",    "key= $.a",
                                      "ignore $.", "ignore $[x]", "ignore $[\"a", "ignore $.a[", "key $.a"};
    struct json_rules rules = {.count = 0};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err err = {0};
        CHECK(!json_rules_add(&rules, str_of(bad[i]), &arena, &err));
        CHECK(err.class == ERR_CONFIG && err.hint[0]);
    }
    CHECK_INT(rules.count, 0);
}

static uint32_t seed = 12345;
static uint32_t roll(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

/* A random number as two of its many texts. */
static void put_number(struct buf *a, struct buf *b)
{
    unsigned v = roll(100000);
    buf_printf(a, "%u.%02u", v / 100, v % 100);
    buf_printf(b, roll(2) ? "%u.%02u000e0" : "%u.%02ue+0", v / 100, v % 100);
}

static void put_string(struct buf *a, struct buf *b)
{
    buf_addc(a, '"');
    buf_addc(b, '"');
    for (unsigned n = roll(6); n; n--) {
        char c = (char)('a' + roll(26));
        buf_addc(a, c);
        if (roll(2))
            buf_printf(b, "\\u%04x", (unsigned)c);
        else
            buf_addc(b, c);
    }
    buf_addc(a, '"');
    buf_addc(b, '"');
}

/* The same value written twice: other number forms, escapes, spaces; members in reverse. Depth is bounded here. */
static void put_value(struct buf *a, struct buf *b, int depth)
{
    unsigned kind = roll(depth ? 5 : 3), n = roll(5);
    if (kind == 0) {
        put_number(a, b);
    } else if (kind == 1) {
        put_string(a, b);
    } else if (kind == 2) {
        const char *word = roll(2) ? "null" : "true";
        buf_adds(a, word);
        buf_adds(b, word);
    } else {
        bool object = kind == 3;
        struct buf parts[5];
        buf_addc(a, object ? '{' : '[');
        for (unsigned i = 0; i < n; i++) {
            buf_init(&parts[i], 0);
            if (i)
                buf_addc(a, ',');
            if (object) {
                buf_printf(a, "\"k%u\":", i);
                buf_printf(&parts[i], "\"k%u\" : ", i);
            }
            put_value(a, &parts[i], depth - 1);
        }
        buf_addc(a, object ? '}' : ']');
        buf_adds(b, object ? "{ " : "[\n");
        for (unsigned i = 0; i < n; i++) {
            buf_adds(b, i ? " ," : "");
            buf_add_str(b, buf_str(&parts[object ? n - 1 - i : i]));
        }
        for (unsigned i = 0; i < n; i++)
            buf_free(&parts[i]);
        buf_adds(b, object ? " }" : " ]");
    }
}

TEST(a_value_equals_itself_written_otherwise)
{
    for (int i = 0; i < 3000; i++) {
        struct buf a, b;
        buf_init(&a, 0);
        buf_init(&b, 0);
        put_value(&a, &b, 5);
        bool same = equal(a.data, b.data, "closed") && equal(b.data, a.data, "closed");
        CHECK(same);
        if (!same)
            printf("# %s\n# %s\n", a.data, b.data);
        /* and differs from itself with one digit changed */
        char *digit = NULL;
        for (char *p = a.data; *p; p++)
            if (*p >= '0' && *p <= '8' && p > a.data && p[-1] == '.')
                digit = p;
        if (digit) {
            ++*digit;
            CHECK(!equal(a.data, b.data, ""));
            CHECK_INT(result.difference_total, 1);
        }
        buf_free(&a);
        buf_free(&b);
        arena_reset(&arena);
    }
}

TEST_MAIN
