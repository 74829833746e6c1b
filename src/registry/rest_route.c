// SPDX-License-Identifier: Apache-2.0
/* See rest_route.h. A path is compared segment by segment with the patterns of a table. */
#include "registry/rest_route.h"

#include "registry/store.h"

enum { SEGMENTS_MAX = 6 };

/* S: a subject; V: a version; I: an id; anything else is itself. */
static const struct pattern {
    const char *method, *segments[SEGMENTS_MAX];
    enum rest_endpoint endpoint;
} patterns[] = {
    {"GET", {NULL}, REST_ROOT},
    {"GET", {"subjects"}, REST_SUBJECTS},
    {"POST", {"subjects", "S"}, REST_LOOKUP},
    {"DELETE", {"subjects", "S"}, REST_SUBJECT_DELETE},
    {"GET", {"subjects", "S", "versions"}, REST_VERSIONS},
    {"POST", {"subjects", "S", "versions"}, REST_REGISTER},
    {"GET", {"subjects", "S", "versions", "V"}, REST_VERSION},
    {"DELETE", {"subjects", "S", "versions", "V"}, REST_VERSION_DELETE},
    {"GET", {"subjects", "S", "versions", "V", "schema"}, REST_VERSION_SCHEMA},
    {"GET", {"subjects", "S", "versions", "V", "referencedby"}, REST_REFERENCED_BY},
    {"GET", {"schemas", "types"}, REST_TYPES},
    {"GET", {"schemas", "ids", "I"}, REST_ID},
    {"GET", {"schemas", "ids", "I", "schema"}, REST_ID_SCHEMA},
    {"GET", {"schemas", "ids", "I", "subjects"}, REST_ID_SUBJECTS},
    {"GET", {"schemas", "ids", "I", "versions"}, REST_ID_VERSIONS},
    {"POST", {"compatibility", "subjects", "S", "versions"}, REST_COMPATIBLE},
    {"POST", {"compatibility", "subjects", "S", "versions", "V"}, REST_COMPATIBLE},
    {"GET", {"config"}, REST_CONFIG_GET},
    {"PUT", {"config"}, REST_CONFIG_PUT},
    {"DELETE", {"config"}, REST_CONFIG_DELETE},
    {"GET", {"config", "S"}, REST_CONFIG_GET},
    {"PUT", {"config", "S"}, REST_CONFIG_PUT},
    {"DELETE", {"config", "S"}, REST_CONFIG_DELETE},
    {"GET", {"mode"}, REST_MODE_GET},
    {"PUT", {"mode"}, REST_MODE_PUT},
    {"GET", {"mode", "S"}, REST_MODE_GET},
    {"PUT", {"mode", "S"}, REST_MODE_PUT},
    {"DELETE", {"mode", "S"}, REST_MODE_DELETE},
    {"GET", {"contexts"}, REST_CONTEXTS},
    {"GET", {"v1", "metadata", "version"}, REST_METADATA_VERSION},
};

static bool problem(struct rest_problem *p, int code, const char *text)
{
    *p = (struct rest_problem){code, text};
    return false;
}

/* ---- decoding ---- */

/* %XX, and + for a space in queries. */
static bool decode(struct str s, bool plus, struct arena *arena, struct str *ret)
{
    char *out = arena_alloc(arena, s.len + 1);
    if (!str_unpercent(s, plus, out, ret))
        return false;
    out[ret->len] = '\0';
    return true;
}

/* ---- path ---- */

static bool split(struct str path, struct arena *arena, struct str *segments, size_t *ret_count)
{
    size_t n = 0;
    if (path.len == 0 || path.data[0] != '/')
        return false;
    path = str_n(path.data + 1, path.len - 1);
    for (struct str rest = path; rest.data && rest.len;) {
        struct str next, one = str_cut(rest, '/', &next);
        if (n == SEGMENTS_MAX || !decode(one, false, arena, &segments[n++]))
            return false;
        rest = next; /* a slash at the end is nothing */
    }
    *ret_count = n;
    return true;
}

static bool fits(const struct pattern *p, const struct str *segments, size_t count)
{
    size_t n = 0;
    for (; n < SEGMENTS_MAX && p->segments[n]; n++) {
        bool variable = p->segments[n][1] == '\0';
        if (n >= count || (!variable && !str_is(segments[n], p->segments[n])))
            return false;
    }
    return n == count;
}

static bool read_version(struct str s, int32_t *ret)
{
    int64_t v;
    *ret = STORE_LATEST;
    if (str_is(s, "latest") || str_is(s, "-1"))
        return true;
    if (!str_to_i64(s, &v) || v < 1 || v > INT32_MAX)
        return false;
    *ret = (int32_t)v;
    return true;
}

static bool read_segment(char kind, struct str s, struct rest_route *r, struct rest_problem *p)
{
    int64_t id;
    if (kind == 'S') {
        r->subject = s;
        return s.len || problem(p, 42208, "the subject is empty");
    }
    if (kind == 'V')
        return read_version(s, &r->version) ||
               problem(p, 42202, "the version is neither a number from 1 to 2^31-1 nor \"latest\"");
    if (!str_to_i64(s, &id) || id < 0 || id > INT32_MAX)
        return problem(p, 404, "the id is no number");
    r->id = (int32_t)id;
    return true;
}

/* ---- query ---- */

static bool truth(struct str s) { return s.len == 0 || str_is(s, "true"); }

static void read_number(struct str s, int32_t *ret)
{
    int64_t v;
    if (str_to_i64(s, &v) && v >= 0 && v <= INT32_MAX)
        *ret = (int32_t)v;
}

/* Unknown parameters are of newer clients; what they ask for is extra. */
static bool read_query(struct str query, struct arena *arena, struct rest_route *r)
{
    for (struct str rest = query; rest.data && rest.len;) {
        struct str next, raw, value, name = str_cut(str_cut(rest, '&', &next), '=', &raw);
        rest = next;
        if (!decode(raw, true, arena, &value))
            return false;
        if (str_is(name, "deleted") || str_is(name, "lookupDeletedSchema"))
            r->deleted = truth(value);
        else if (str_is(name, "deletedOnly"))
            r->deleted_only = truth(value);
        else if (str_is(name, "permanent"))
            r->permanent = truth(value);
        else if (str_is(name, "verbose"))
            r->verbose = truth(value);
        else if (str_is(name, "defaultToGlobal"))
            r->default_to_global = truth(value);
        else if (str_is(name, "subjectPrefix"))
            r->prefix = value;
        else if (str_is(name, "offset"))
            read_number(value, &r->offset);
        else if (str_is(name, "limit"))
            read_number(value, &r->limit);
    }
    return true;
}

bool rest_route(struct str method, struct str path, struct str query, struct arena *arena, struct rest_route *ret,
                struct rest_problem *ret_problem)
{
    struct str segments[SEGMENTS_MAX];
    size_t count;
    bool known = false;
    struct rest_route r = {.version = STORE_ALL, .limit = -1};
    if (!split(path, arena, segments, &count))
        return problem(ret_problem, 404, "HTTP 404 Not Found");
    for (size_t i = 0; i < COUNT(patterns); i++) {
        const struct pattern *p = &patterns[i];
        if (!fits(p, segments, count))
            continue;
        known = true;
        if (!str_is(method, p->method))
            continue;
        r.endpoint = p->endpoint;
        for (size_t k = 0; k < count; k++)
            if (p->segments[k][1] == '\0' && !read_segment(p->segments[k][0], segments[k], &r, ret_problem))
                return false;
        if (!read_query(query, arena, &r))
            return problem(ret_problem, 400, "the query is not escaped as it must be");
        *ret = r;
        return true;
    }
    return known ? problem(ret_problem, 405, "HTTP 405 Method Not Allowed")
                 : problem(ret_problem, 404, "HTTP 404 Not Found");
}
