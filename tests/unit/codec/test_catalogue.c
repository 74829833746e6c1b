// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "codec/catalogue.h"

static struct arena arena;
static struct err err;

static void add(struct endpoint *e, const char *path, const char *params)
{
    char text[1024];
    snprintf(text, sizeof text, "-- endpoint: GET %s\n-- service: s\n-- flag: f\n%sSELECT body FROM t", path, params);
    bool ok = endpoint_parse(str_of(path), str_of(text), &arena, e, &err);
    CHECK(ok);
    if (!ok)
        printf("# %s\n", err.text);
}

static size_t fill(struct endpoint *e)
{
    add(&e[0], "/users/{id}/x", "-- param: id path bigint\n");
    add(&e[1], "/users/me/{y}", "-- param: y path text\n");
    add(&e[2], "/", "");
    add(&e[3], "/users/{id}", "-- param: id path bigint\n");
    add(&e[4], "/users/me", "");
    add(&e[5], "/users/", "");
    return 6;
}

TEST(look_up_order)
{
    static struct endpoint e[6];
    struct buf out;
    struct catalogue c = {0};
    buf_init(&out, 0);
    arena_init(&arena);
    size_t n = fill(e);
    CHECK(catalogue_sort(e, n, &err));
    catalogue_encode(e, n, &out);
    CHECK(catalogue_decode(buf_str(&out), &arena, &c, &err));
    CHECK_INT(c.count, 6);
    static const struct {
        const char *path;
        const char *want;
    } cases[] = {
        {"/users/7/x", "/users/{id}/x"},
        {"/users/me/x", "/users/me/{y}"},
        {"/", "/"},
        {"/users/me", "/users/me"},
        {"/users/7", "/users/{id}"},
        {"/users/", "/users/"},
        {"/users", NULL},
        {"", NULL},
        {"/users/7/y", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct endpoint *got = catalogue_match(&c, str_of(cases[i].path));
        CHECK(cases[i].want ? got && str_is(got->path, cases[i].want) : !got);
    }
    buf_free(&out);
    arena_free(&arena);
}

TEST(same_requests_are_refused)
{
    static struct endpoint e[2];
    arena_init(&arena);
    add(&e[0], "/a/{x}", "-- param: x path int\n");
    add(&e[1], "/a/{y}", "-- param: y path text\n");
    CHECK(!catalogue_sort(e, 2, &err));
    CHECK(strstr(err.text, "answer the same requests"));
    arena_free(&arena);
}

/* Every cut and every changed byte is noticed. */
TEST(damage_is_refused)
{
    static struct endpoint e[6];
    struct buf out;
    struct catalogue c;
    buf_init(&out, 0);
    arena_init(&arena);
    size_t n = fill(e);
    CHECK(catalogue_sort(e, n, &err));
    catalogue_encode(e, n, &out);
    for (size_t i = 0; i < out.len; i++) {
        CHECK(!catalogue_decode(str_n(out.data, i), &arena, &c, &err));
        out.data[i] = (char)(out.data[i] ^ 1);
        CHECK(!catalogue_decode(buf_str(&out), &arena, &c, &err));
        out.data[i] = (char)(out.data[i] ^ 1);
    }
    CHECK(catalogue_decode(buf_str(&out), &arena, &c, &err));
    buf_addc(&out, 'x');
    CHECK(!catalogue_decode(buf_str(&out), &arena, &c, &err));
    buf_free(&out);
    arena_free(&arena);
}

TEST(missing_file)
{
    struct catalogue c;
    arena_init(&arena);
    CHECK(!catalogue_load("/nonexistent/catalogue", &arena, &c, &err));
    CHECK(strstr(err.hint, "undam endpoint compile"));
    arena_free(&arena);
}

TEST_MAIN
