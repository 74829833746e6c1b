// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "registry/rest_route.h"
#include "registry/store.h"

static struct arena arena;
static struct rest_route route;
static struct rest_problem problem;

static bool reads(const char *method, const char *path, const char *query)
{
    arena_reset(&arena);
    return rest_route(str_of(method), str_of(path), str_of(query), &arena, &route, &problem);
}

TEST(paths_are_endpoints)
{
    static const struct {
        const char *method, *path;
        enum rest_endpoint endpoint;
    } cases[] = {
        {"GET", "/", REST_ROOT},
        {"GET", "/subjects", REST_SUBJECTS},
        {"GET", "/subjects/", REST_SUBJECTS},
        {"POST", "/subjects/s", REST_LOOKUP},
        {"DELETE", "/subjects/s", REST_SUBJECT_DELETE},
        {"POST", "/subjects/s/versions", REST_REGISTER},
        {"GET", "/subjects/versions/versions", REST_VERSIONS},
        {"GET", "/subjects/s/versions/7", REST_VERSION},
        {"GET", "/schemas/ids/7", REST_ID},
        {"GET", "/schemas/types", REST_TYPES},
        {"POST", "/compatibility/subjects/s/versions", REST_COMPATIBLE},
        {"PUT", "/config", REST_CONFIG_PUT},
        {"DELETE", "/mode/s", REST_MODE_DELETE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK(reads(cases[i].method, cases[i].path, ""));
        CHECK_INT(route.endpoint, cases[i].endpoint);
    }
}

TEST(names_and_numbers_are_decoded)
{
    CHECK(reads("GET", "/subjects/a%2fb+%C3%A9%00/versions/latest", "deleted=true&x=y&subjectPrefix=a+b%26&limit=5"));
    CHECK(str_eq(route.subject, str_n("a/b+\xc3\xa9\0", 7)));
    CHECK(route.version == STORE_LATEST && route.deleted && !route.permanent && route.limit == 5 && route.offset == 0);
    CHECK_STR(route.prefix, "a b&");
    CHECK(reads("DELETE", "/subjects/s/versions/2147483647", "permanent"));
    CHECK(route.version == INT32_MAX && route.permanent);
    CHECK(reads("DELETE", "/subjects/s", "permanent=false"));
    CHECK(!route.permanent && route.version == STORE_ALL);
}

static void wrong(const char *method, const char *path, const char *query, int code)
{
    CHECK(!reads(method, path, query));
    CHECK_INT(problem.code, code);
}

TEST(what_is_none_is_told)
{
    wrong("GET", "", "", 404);
    wrong("GET", "subjects", "", 404);
    wrong("GET", "//subjects", "", 404);
    wrong("GET", "/subject", "", 404);
    wrong("GET", "/subjects/%4", "", 404);
    wrong("GET", "/subjects/%", "", 404);
    wrong("GET", "/subjects/s/versions/1/schema/more/and/more", "", 404);
    wrong("BREW", "/subjects", "", 405);
    wrong("POST", "/subjects//versions", "", 42208);
    wrong("GET", "/subjects/s/versions/0", "", 42202);
    wrong("GET", "/subjects/s/versions/2147483648", "", 42202);
    wrong("GET", "/schemas/ids/-1", "", 404);
    wrong("GET", "/subjects", "subjectPrefix=%f", 400);
}

TEST_MAIN
