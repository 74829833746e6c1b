// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "codec/endpoint.h"

#define HEAD "-- endpoint: GET /users/{user_id}/transactions\n-- service: transactions\n-- flag: tx-read\n"

static struct arena arena;
static struct endpoint e;
static struct err err;

static bool parse(const char *text)
{
    arena_reset(&arena);
    err_clear(&err);
    return endpoint_parse(STR("t.sql"), str_of(text), &arena, &e, &err);
}

static void refused(const char *text, const char *message, const char *hint)
{
    bool ok = parse(text);
    CHECK(!ok);
    if (ok || !strstr(err.text, message) || (hint && !strstr(err.hint, hint))) {
        test_failures++;
        printf("# wanted \"%s\" (%s), got \"%s\" (%s)\n", message, hint ? hint : "", err.text, err.hint);
    }
    CHECK_INT(err.class, ERR_CONFIG);
}

TEST(whole_file)
{
    CHECK(parse(
        "-- A plain comment: this is not a setting.\n" HEAD
        "-- user: path.user_id\n-- param: user_id path bigint min 1\n"
        "-- param: page query.p int default 1 min 1 max 100\n-- param: tenant header.X-Tenant text optional\n"
        "-- ignore: utm_source, debug\n-- cache: private\n-- not-found: 404 {\"error\":\"no\"}\n"
        "-- enumerate: SELECT id AS user_id\n-- enumerate: FROM users\n-- compare: unordered $.items\n\n"
        "SELECT body, etag FROM api.t WHERE user_id = :user_id AND t = :tenant::text LIMIT 20 OFFSET :page * 20;\n"));
    CHECK_STR(e.name, "GET /users/{user_id}/transactions");
    CHECK_INT(e.segment_count, 3);
    CHECK_INT(e.segments[1].param, 0);
    CHECK_INT(e.user, ENDPOINT_USER_PARAM);
    CHECK_STR(e.params[1].wire, "p");
    CHECK_STR(e.params[2].wire, "x-tenant");
    CHECK_STR(e.ignored, "utm_source debug");
    CHECK_STR(e.enumerate, "SELECT id AS user_id\nFROM users");
    CHECK_STR(e.not_found.body, "{\"error\":\"no\"}");
    CHECK_INT(e.key, -1);
    CHECK(strstr(e.single.data, "user_id = $1 AND t = $3::text LIMIT 20 OFFSET $2 * 20\n) q) e ON true"));
    CHECK_STR(e.batch, "");
}

TEST(batch_form)
{
    CHECK(parse(HEAD "-- param: user_id path uuid\n-- key: user_id\nSELECT body FROM api.t WHERE id = :user_id"));
    CHECK(strstr(e.batch.data, "unnest($1::uuid[]) WITH ORDINALITY AS undam_key(v, n)"));
    CHECK(strstr(e.batch.data, "WHERE id = undam_key.v\n"));
    CHECK(strstr(e.single.data, "WHERE id = $1\n"));
}

TEST(refusals)
{
    static const struct {
        const char *text, *message, *hint;
    } cases[] = {
        {"", "no \"endpoint\"", "GET /users"},
        {"SELECT 1", "no \"endpoint\"", NULL},
        {"-- endpoint: POST /x\n", "t.sql:1: method \"POST\"", "legacy"},
        {"-- endpoint: GET x\n", "must start with a slash", NULL},
        {"-- endpoint: GET /a//b\n", "empty segment", NULL},
        {"-- endpoint: GET /a/x{b}\n", "whole segment", "/{name}/"},
        {"-- endpoint: GET /a/../b\n", "cannot be a path segment", NULL},
        {"-- endpoint: GET /a\n-- endpoint: GET /b\n", "t.sql:2: \"endpoint\" is set twice", NULL},
        {"-- endpont: GET /a\n", "unknown setting \"endpont\"", "did you mean `-- endpoint:"},
        {"-- service:\n", "\"service\" has no value", "users"},
        {"-- param: a path\n", "NAME PLACE TYPE", NULL},
        {"-- param: a cookie int\n", "no place for a parameter", "header.NAME"},
        {"-- param: a query float\n", "no parameter type", "bigint"},
        {"-- param: a query int default x\n", "the default is no int", NULL},
        {"-- param: a query int default 5 max 4\n", "the default is no int", NULL},
        {"-- param: a query int min 3 max 2\n", "min is above max", NULL},
        {"-- param: a query uuid min 3\n", "min needs a parameter", NULL},
        {"-- param: a query int mim 3\n", "\"mim\" is unknown", "default VALUE"},
        {"-- param: a query int default 1 optional\n", "never absent", NULL},
        {"-- param: a path int default 1\n", "always there", NULL},
        {"-- param: a query int\n-- param: a query.b int\n", "declared twice", NULL},
        {"-- not-found: 700 x\n", "between 200 and 499", NULL},
        {"-- cache: a\x01"
         "b\n",
         "control characters", NULL},
        {HEAD "SELECT 1", "{user_id}, which is not declared", "param: user_id"},
        {HEAD "-- param: user_id path int\n-- param: x path int\nSELECT 1", "\"x\" is not in the path", NULL},
        {HEAD "-- param: user_id path int\n-- user: path.id\nSELECT 1", "does not name the user", "header.NAME"},
        {HEAD "-- param: user_id path int\n-- key: id\nSELECT 1", "only parameter", "coalesced"},
        {HEAD "-- param: user_id path int\n-- key: user_id\nSELECT 1", "does not use the key", NULL},
        {HEAD "-- param: user_id path int\n-- param: b query int\nSELECT :user_id", "does not use it", "ignore: b"},
        {HEAD "-- param: user_id path int\nDELETE FROM t", "comes a SELECT", NULL},
        {HEAD "-- param: user_id path int\n\nSELECT\n:userid", "t.sql:7: no such parameter :userid", "array slice"},
        {HEAD "-- param: user_id path int\nSELECT $1", "$n is not a parameter", "declare"},
        {HEAD "-- param: user_id path int\nSELECT 1; DROP TABLE t", "more than one statement", NULL},
        {HEAD "-- param: user_id path int\nSELECT 1) x, (SELECT 2", "unbalanced bracket", NULL},
        {HEAD "-- param: user_id path int\nSELECT (1", "never closed", NULL},
        {HEAD "-- param: user_id path int\nSELECT 'x", "unterminated string", NULL},
        {HEAD "-- param: user_id path int\nSELECT \"x", "unterminated quoted name", NULL},
        {HEAD "-- param: user_id path int\nSELECT 1 /* /* */", "unterminated comment", NULL},
        {HEAD "-- param: user_id path int\nSELECT $a$ x $b$", "unterminated dollar quote", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused(cases[i].text, cases[i].message, cases[i].hint);
    CHECK(!endpoint_parse(STR("t.sql"), str_n("-- \0", 4), &arena, &e, &err));
    CHECK(strstr(err.text, "NUL"));
}

static void rewrites(const char *sql, const char *want)
{
    const struct str names[] = {STR("a"), STR("b")}, replace[] = {STR("$1"), STR("$2")};
    struct buf out;
    uint32_t used = 0;
    buf_init(&out, 4096);
    err_clear(&err);
    CHECK(endpoint_rewrite(STR("t.sql"), 1, str_of(sql), names, replace, 2, &out, &used, &err));
    CHECK_STR(buf_str(&out), want);
    buf_free(&out);
}

TEST(rewriting_respects_quotes)
{
    rewrites("SELECT :a, :b::int, x::text", "SELECT $1, $2::int, x::text");
    rewrites("SELECT ':a', ''':a', E'\\':a', \":a\", \":a\"\":b\"",
             "SELECT ':a', ''':a', E'\\':a', \":a\", \":a\"\":b\"");
    rewrites("SELECT -- :a\n:a /* :a /* :b */ :c */", "SELECT -- :a\n$1 /* :a /* :b */ :c */");
    rewrites("SELECT $$ :a $$, $t$ :a $$ $t$, :b", "SELECT $$ :a $$, $t$ :a $$ $t$, $2");
    rewrites("SELECT x[1:2], f(y => :a), 'c' || :b;", "SELECT x[1:2], f(y => $1), 'c' || $2");
    rewrites("SELECT name'x', te'\\', :a ; -- end\n;", "SELECT name'x', te'\\', $1 ");
    rewrites("SELECT a:::b", "SELECT a::$2");
}

static bool value_ok(enum endpoint_type type, const char *text)
{
    struct endpoint_param p = {.type = type};
    return endpoint_value_ok(&p, str_of(text));
}

TEST(value_types)
{
    static const struct {
        enum endpoint_type type;
        const char *good[8], *bad[14];
    } cases[] = {
        {ENDPOINT_INT,
         {"0", "7", "-1", "2147483647", "-2147483648"},
         {"", "-", "007", "-0", "+1", "2147483648", "1 ", " 1", "1.0", "1e3", "0x1", "a"}},
        {ENDPOINT_BIGINT, {"9223372036854775807", "-9223372036854775808"}, {"9223372036854775808", "00", "1;"}},
        {ENDPOINT_TEXT, {"", "x'y", "\xc3\xa4"}, {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3"}},
        {ENDPOINT_UUID,
         {"123e4567-e89b-12d3-a456-426614174000"},
         {"123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400",
          "g23e4567-e89b-12d3-a456-426614174000"}},
        {ENDPOINT_NUMERIC, {"1", "-1.50", "0.1"}, {"", ".", ".5", "1.", "-", "1e5", "NaN", "1.2.3", "--1"}},
        {ENDPOINT_DATE,
         {"2024-02-29", "0001-01-01", "2000-02-29"},
         {"2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01", "2024-1-1", "0000-01-01", "24-01-01", "2024-04-31"}},
        {ENDPOINT_TIMESTAMPTZ,
         {"2024-01-01T00:00:00Z", "2024-01-01 23:59:59.123456+05:30", "2024-01-01T00:00:00-08:00"},
         {"2024-01-01T00:00:00", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:00.Z",
          "2024-01-01T00:00:00.1234567Z", "2024-01-01T00:00:00+16:00", "2024-01-01T00:00:00+05", "now"}},
        {ENDPOINT_BOOL, {"true", "false", "1", "0"}, {"", "t", "TRUE", "yes", "2"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t k = 0; cases[i].good[k]; k++)
            if (!value_ok(cases[i].type, cases[i].good[k])) {
                test_failures++;
                printf("# %s refuses \"%s\"\n", endpoint_types[cases[i].type].name, cases[i].good[k]);
            }
        for (size_t k = 0; cases[i].bad[k]; k++)
            if (value_ok(cases[i].type, cases[i].bad[k])) {
                test_failures++;
                printf("# %s takes \"%s\"\n", endpoint_types[cases[i].type].name, cases[i].bad[k]);
            }
    }
    struct endpoint_param nul = {.type = ENDPOINT_TEXT};
    CHECK(!endpoint_value_ok(&nul, str_n("a\0b", 3)));
    struct endpoint_param bounded = {.type = ENDPOINT_INT, .has_min = true, .min = 1, .has_max = true, .max = 9};
    CHECK(endpoint_value_ok(&bounded, STR("9")) && !endpoint_value_ok(&bounded, STR("10")));
    CHECK(endpoint_value_ok(&bounded, STR("1")) && !endpoint_value_ok(&bounded, STR("0")));
}

static struct str header(void *arg, struct str name, bool *ret_repeated)
{
    const char *value = arg;
    *ret_repeated = value && strcmp(value, "twice") == 0;
    return str_is(name, "x-tenant") && value ? str_of(value) : (struct str){NULL, 0};
}

static enum endpoint_bound bind(const char *path, const char *query, const char *tenant, struct str *values)
{
    static char scratch[4096];
    union {
        const char *in;
        char *out;
    } arg = {tenant};
    if (!endpoint_path_matches(&e, str_of(path)))
        return (enum endpoint_bound) - 1;
    return endpoint_bind(&e, str_of(path), str_of(query), header, arg.out, scratch, values);
}

TEST(binding)
{
    struct str v[ENDPOINT_PARAMS_MAX];
    CHECK(parse("-- endpoint: GET /u/{name}/items\n-- service: s\n-- flag: f\n-- param: name path text\n"
                "-- param: page query int default 1 min 1\n-- param: q query text optional\n"
                "-- param: tenant header.X-Tenant text optional\n-- ignore: utm\n"
                "SELECT body FROM t WHERE n = :name AND p = :page AND q = :q AND t = :tenant"));
    CHECK_INT(bind("/u/a%20b/items", "", NULL, v), ENDPOINT_BOUND);
    CHECK_STR(v[0], "a b");
    CHECK_STR(v[1], "1");
    CHECK(!v[2].data && !v[3].data);
    CHECK_INT(bind("/u/a+b/items", "q=c+d%26&page=3&utm=x&", "t1", v), ENDPOINT_BOUND);
    CHECK_STR(v[0], "a+b");
    CHECK_STR(v[1], "3");
    CHECK_STR(v[2], "c d&");
    CHECK_STR(v[3], "t1");
    CHECK_INT(bind("/u/a/items", "q=", NULL, v), ENDPOINT_BOUND);
    CHECK(v[2].data && v[2].len == 0);
    static const struct {
        const char *path, *query, *tenant;
        int want;
    } cases[] = {
        {"/u/a", "", NULL, -1},
        {"/u/a/items/", "", NULL, -1},
        {"/u//items", "", NULL, -1},
        {"/U/a/items", "", NULL, -1},
        {"/%75/a/items", "", NULL, -1},
        {"", "", NULL, -1},
        {"*", "", NULL, -1},
        {"/u/../items", "", NULL, ENDPOINT_BAD},
        {"/u/%2e%2E/items", "", NULL, ENDPOINT_BAD},
        {"/u/a%2Fb/items", "", NULL, ENDPOINT_BAD},
        {"/u/a%5cb/items", "", NULL, ENDPOINT_BAD},
        {"/u/a%00b/items", "", NULL, ENDPOINT_BAD},
        {"/u/%ff/items", "", NULL, ENDPOINT_BAD},
        {"/u/a%/items", "", NULL, ENDPOINT_BAD},
        {"/u/a%2/items", "", NULL, ENDPOINT_BAD},
        {"/u/a%zz/items", "", NULL, ENDPOINT_BAD},
        {"/u/a/items", "page=0", NULL, ENDPOINT_BAD},
        {"/u/a/items", "page=1&page=2", NULL, ENDPOINT_BAD},
        {"/u/a/items", "page", NULL, ENDPOINT_BAD},
        {"/u/a/items", "page=%3", NULL, ENDPOINT_BAD},
        {"/u/a/items", "other=1", NULL, ENDPOINT_UNKNOWN},
        {"/u/a/items", "page=0&other=1", NULL, ENDPOINT_UNKNOWN},
        {"/u/a/items", "%zz=1", NULL, ENDPOINT_UNKNOWN},
        {"/u/a/items", "p%61ge=2", NULL, ENDPOINT_BOUND},
        {"/u/a/items", "", "twice", ENDPOINT_BAD},
        {"/u/a/items", "", "\xff", ENDPOINT_BAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int got = (int)bind(cases[i].path, cases[i].query, cases[i].tenant, v);
        if (got != cases[i].want) {
            test_failures++;
            printf("# %s?%s: %d, not %d\n", cases[i].path, cases[i].query, got, cases[i].want);
        }
    }
}

TEST(target_is_the_reverse)
{
    struct str v[ENDPOINT_PARAMS_MAX] = {STR("a b/c"), STR("1"), STR("x&y")};
    struct buf out;
    buf_init(&out, 4096);
    CHECK(parse("-- endpoint: GET /u/{name}\n-- service: s\n-- flag: f\n-- param: name path text\n"
                "-- param: page query int default 1\n-- param: q query text optional\n"
                "SELECT body FROM t WHERE n = :name AND p = :page AND q = :q"));
    endpoint_target(&e, v, &out);
    CHECK_STR(buf_str(&out), "/u/a%20b%2Fc?q=x%26y");
    buf_clear(&out);
    v[1] = STR("2");
    v[2] = (struct str){NULL, 0};
    endpoint_target(&e, v, &out);
    CHECK_STR(buf_str(&out), "/u/a%20b%2Fc?page=2");
    buf_free(&out);
    arena_free(&arena);
}

TEST_MAIN
