// SPDX-License-Identifier: Apache-2.0
/* What a handler asks about its request. */
#include <stdio.h>
#include <stdlib.h>

#include "ctx.h"
#include "json.h"

const char *param(struct ctx *c, const char *name)
{
    for (int i = 0; i < c->param_count; i++)
        if (strcmp(c->params[i].name, name) == 0)
            return c->params[i].value;
    fprintf(stderr, "fintech-app: %s has no {%s}\n", c->route_name, name);
    abort(); /* a route and its handler do not fit */
}

const char *arg(struct ctx *c, const char *name)
{
    const char *v = c->argument ? c->argument(c->lookup_arg, name) : NULL;
    return v && *v ? v : NULL;
}

const char *header_in(struct ctx *c, const char *name) { return c->header ? c->header(c->lookup_arg, name) : NULL; }

static bool in_range(const char *v, int64_t min, int64_t max)
{
    int64_t n;
    return str_to_i64(str_of(v), &n) && n >= min && n <= max;
}

const char *arg_number(struct ctx *c, const char *name, const char *fallback, int64_t min, int64_t max)
{
    const char *v = arg(c, name);
    if (!v)
        return fallback;
    if (!in_range(v, min, max)) {
        stop(c, 400, "bad_request", "bad request");
        return fallback;
    }
    return v;
}

static bool is_choice(const char *v, const char *choices)
{
    struct str rest = str_of(choices);
    while (rest.len > 0)
        if (str_is(str_cut(rest, '|', &rest), v))
            return true;
    return false;
}

const char *arg_choice(struct ctx *c, const char *name, const char *choices)
{
    const char *v = arg(c, name);
    if (!v || is_choice(v, choices))
        return v;
    stop(c, 400, "bad_request", text(c, "%s must be one of %s", name, choices));
    return NULL;
}

const char *caller(struct ctx *c) { return c->caller ? c->caller : "0"; }
bool is_staff(const struct ctx *c) { return c->role == AUTH_STAFF; }

void only_owner(struct ctx *c, const char *user_id)
{
    if (!is_staff(c) && (!user_id || strcmp(caller(c), user_id) != 0))
        stop(c, 403, "forbidden", "not yours");
}

/* ---- the body ---- */

static bool member(struct ctx *c, const char *name, struct str *ret)
{
    bool found = false;
    if (!json_member(c->body, name, ret, &found)) {
        stop(c, 400, "bad_request", "bad request");
        return false;
    }
    return found;
}

static const char *as_text(struct ctx *c, struct str value)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    bool good = json_text(value, &b);
    const char *v = good ? arena_memdup(&c->arena, b.data ? b.data : "", b.len) : NULL;
    buf_free(&b);
    return v;
}

const char *body(struct ctx *c, const char *name)
{
    struct str value;
    return member(c, name, &value) ? as_text(c, value) : NULL;
}

const char *body_json(struct ctx *c, const char *name)
{
    struct str value;
    return member(c, name, &value) ? arena_memdup(&c->arena, value.data, value.len) : NULL;
}

static const char *refused(struct ctx *c, const char *name, const char *why)
{
    stop(c, 422, "invalid", text(c, "%s %s", name, why));
    return "";
}

const char *need(struct ctx *c, const char *name)
{
    const char *v = body(c, name);
    return v && *v ? v : refused(c, name, "is missing");
}

const char *need_id(struct ctx *c, const char *name)
{
    const char *v = need(c, name);
    return in_range(v, 1, INT64_MAX) ? v : refused(c, name, "must be an id");
}

bool is_amount(const char *v)
{
    size_t whole = strspn(v, "0123456789");
    const char *rest = v + whole;
    size_t fraction = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    bool shaped =
        whole >= 1 && whole <= 12 && (*rest == '\0' || (fraction >= 1 && fraction <= 2 && !rest[1 + fraction]));
    return shaped && strpbrk(v, "123456789");
}

const char *need_amount(struct ctx *c, const char *name)
{
    const char *v = need(c, name);
    return is_amount(v) ? v : refused(c, name, "must be an amount");
}

const char *body_choice(struct ctx *c, const char *name, const char *choices)
{
    const char *v = body(c, name);
    return !v || is_choice(v, choices) ? v : refused(c, name, text(c, "must be one of %s", choices));
}

const char *need_choice(struct ctx *c, const char *name, const char *choices)
{
    const char *v = need(c, name);
    return is_choice(v, choices) ? v : refused(c, name, text(c, "must be one of %s", choices));
}

/* The elements of an array member; NULL when there are none. The last array asked for is kept: handlers go over it. */
static const struct str *elements(struct ctx *c, const char *name, size_t *ret_count)
{
    struct str value;
    if (!c->elements_of || strcmp(c->elements_of, name) != 0) {
        c->elements_of = NULL;
        *ret_count = 0;
        if (!member(c, name, &value))
            return NULL;
        struct str *all = arena_calloc(&c->arena, ELEMENTS_MAX, sizeof *all);
        if (!json_elements(value, all, ELEMENTS_MAX, &c->element_count)) {
            refused(c, name, text(c, "must be an array of at most %d elements", ELEMENTS_MAX));
            return NULL;
        }
        c->elements = all;
        c->elements_of = arena_strdup(&c->arena, name);
    }
    *ret_count = c->element_count;
    return c->elements;
}

int body_count(struct ctx *c, const char *name)
{
    size_t n;
    elements(c, name, &n);
    return (int)n;
}

const char *body_element(struct ctx *c, const char *name, int i)
{
    size_t n;
    const struct str *all = elements(c, name, &n);
    return i >= 0 && (size_t)i < n && !str_is(all[i], "null") ? as_text(c, all[i]) : NULL;
}

const char *body_item(struct ctx *c, const char *name, int i, const char *member_name)
{
    size_t n;
    struct str value;
    bool found = false;
    const struct str *all = elements(c, name, &n);
    if (i < 0 || (size_t)i >= n)
        return NULL;
    if (!json_member(all[i], member_name, &value, &found)) {
        refused(c, name, "must be an array of objects");
        return NULL;
    }
    return found ? as_text(c, value) : NULL;
}

/* ---- paging ---- */

struct page page_of(struct ctx *c, const char *page_name, const char *size_name, int64_t size)
{
    struct page p;
    const char *number = arg_number(c, page_name, "1", 1, 100000);
    const char *per_page = arg_number(c, size_name, text(c, "%lld", (long long)size), 1, 100);
    str_to_i64(str_of(number), &p.number);
    str_to_i64(str_of(per_page), &p.size);
    p.limit = per_page;
    p.offset = text(c, "%lld", (long long)((p.number - 1) * p.size));
    return p;
}

/* Two hexadecimal digits a byte of "AT|ID", and two for the sum of all: enough to see that somebody made one up. */
void cursor_out(struct ctx *c, const char *name, const char *at, const char *id)
{
    if (!at) {
        put_text(c, name, NULL);
        return;
    }
    struct buf b;
    unsigned sum = 0x5a;
    buf_init(&b, 1 << 12);
    for (const char *p = text(c, "%s|%s", at, id); *p; p++) {
        buf_printf(&b, "%02x", (unsigned)(unsigned char)*p);
        sum += (unsigned char)*p;
    }
    buf_printf(&b, "%02x", sum & 0xff);
    put_text(c, name, b.data);
    buf_free(&b);
}

void cursor_in(struct ctx *c, const char **ret_at, const char **ret_id)
{
    const char *v = arg(c, "cursor");
    *ret_at = *ret_id = NULL;
    if (!v)
        return;
    size_t len = strlen(v), n = 0;
    char *plain = arena_alloc(&c->arena, len / 2 + 1);
    unsigned sum = 0x5a, byte = 0;
    bool good = len >= 6 && len % 2 == 0 && len < 400 && strspn(v, "0123456789abcdef") == len;
    for (size_t i = 0; good && i < len; i += 2) {
        char two[3] = {v[i], v[i + 1], 0};
        byte = (unsigned)strtoul(two, NULL, 16);
        if (i + 2 < len) {
            plain[n++] = (char)byte;
            sum += byte;
        }
    }
    plain[n] = '\0';
    char *bar = strchr(plain, '|');
    if (!good || byte != (sum & 0xff) || !bar || !in_range(bar + 1, INT64_MIN, INT64_MAX) ||
        strspn(plain, "0123456789-:+. ") != (size_t)(bar - plain)) {
        stop(c, 400, "bad_cursor", "bad cursor");
        return;
    }
    *bar = '\0';
    *ret_at = plain;
    *ret_id = bar + 1;
}
