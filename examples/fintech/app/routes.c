// SPDX-License-Identifier: Apache-2.0
/* See routes.h. */
#include "routes.h"

#include <stdio.h>
#include <stdlib.h>

#define SERVICE_NAME(name) extern const struct service name##_service;
#include "services.inc"
#undef SERVICE_NAME
#define SERVICE_NAME(name) &name##_service,
const struct service *const services[] = {
#include "services.inc"
};
const size_t service_count = COUNT(services);

static char ***names; /* by service and route: "GET /v1/cards/{id}" */

/* "{id:uuid}" is "{id}" in a name. */
static char *name_of(const struct route *r)
{
    struct buf b;
    bool kind = false;
    buf_init(&b, 1024);
    buf_printf(&b, "%s ", r->method);
    for (const char *p = r->pattern; *p; p++) {
        kind = *p != '}' && (kind || *p == ':');
        if (!kind)
            buf_addc(&b, *p);
    }
    return b.data;
}

void routes_init(void)
{
    names = xcalloc(service_count, sizeof *names);
    for (size_t i = 0; i < service_count; i++) {
        names[i] = xcalloc(services[i]->route_count, sizeof **names);
        for (size_t k = 0; k < services[i]->route_count; k++)
            names[i][k] = name_of(&services[i]->routes[k]);
    }
}

static bool is_uuid(struct str s)
{
    bool good = s.len == 36;
    for (size_t i = 0; good && i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        good = s.data[i] && strchr(dash ? "-" : "0123456789abcdefABCDEF", s.data[i]);
    }
    return good;
}

/* How well a pattern fits: literal characters, -1 when not. Parameters go to params, when wanted; *ret_bad: one has not
 * its shape. */
static int fit(const char *pattern, const char *path, struct arena *memory, struct pair *params, int *ret_count,
               bool *ret_bad)
{
    int literal = 0, n = 0;
    *ret_bad = false;
    while (*pattern) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return -1;
            literal++;
            continue;
        }
        struct str name = str_n(pattern + 1, strcspn(pattern, "}") - 1), kind;
        struct str value = str_n(path, strcspn(path, "/"));
        int64_t number;
        name = str_cut(name, ':', &kind);
        if (value.len == 0)
            return -1;
        bool good = kind.len == 0          ? str_to_i64(value, &number)
                    : str_is(kind, "uuid") ? is_uuid(value)
                                           : value.len <= 200;
        *ret_bad = *ret_bad || !good;
        if (params && n < PARAMS_MAX)
            params[n] =
                (struct pair){arena_memdup(memory, name.data, name.len), arena_memdup(memory, value.data, value.len)};
        n++;
        pattern += strcspn(pattern, "}") + 1;
        path += value.len;
    }
    *ret_count = n;
    return *path ? -1 : literal;
}

enum match routes_match(struct ctx *c, struct arena *memory, const char *method, const char *path)
{
    int best = -1, n;
    bool known = false, bad;
    size_t route = 0;
    const struct service *service = NULL;
    for (size_t i = 0; i < service_count; i++)
        for (size_t k = 0; k < services[i]->route_count; k++) {
            const struct route *r = &services[i]->routes[k];
            int literal = fit(r->pattern, path, memory, NULL, &n, &bad);
            known = known || literal >= 0;
            if (literal > best && strcmp(r->method, method) == 0) {
                best = literal;
                service = services[i];
                route = k;
                c->route_name = names[i][k];
            }
        }
    if (!service)
        return known ? MATCH_PATH : MATCH_NONE;
    c->service = service;
    c->route = &service->routes[route];
    fit(c->route->pattern, path, memory, c->params, &c->param_count, &bad);
    return bad ? MATCH_BAD_PARAM : MATCH_FOUND;
}

void routes_print(void)
{
    static const char *const auths[] = {"none", "user", "staff", "partner"};
    for (size_t i = 0; i < service_count; i++)
        for (size_t k = 0; k < services[i]->route_count; k++) {
            const struct route *r = &services[i]->routes[k];
            struct buf b;
            buf_init(&b, 4096);
            buf_printf(&b, "{\"service\":\"%s\",\"method\":\"%s\",\"pattern\":", services[i]->name, r->method);
            buf_add_json(&b, str_of(strchr(names[i][k], ' ') + 1));
            buf_printf(&b, ",\"auth\":\"%s\",\"etag\":%s,\"sync\":", auths[r->auth], r->etag ? "true" : "false");
            if (r->sync)
                buf_add_json(&b, str_of(r->sync));
            else
                buf_adds(&b, "null");
            printf("%s}\n", b.data);
            buf_free(&b);
        }
}
