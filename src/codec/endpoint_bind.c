// SPDX-License-Identifier: Apache-2.0
/*
 * From a request to the values of an endpoint's parameters, and back; see endpoint.h. Segments are compared raw and
 * decoded afterwards, so an encoded slash or dot can never make a path look like another endpoint's.
 */
#include "codec/endpoint.h"

/* The next raw segment of a path whose leading slash is at path->data[0]. */
static struct str next_segment(struct str *path)
{
    struct str rest = str_n(path->data + 1, path->len - 1);
    const char *slash = rest.len ? memchr(rest.data, '/', rest.len) : NULL;
    size_t n = slash ? (size_t)(slash - rest.data) : rest.len;
    *path = str_n(rest.data + n, rest.len - n);
    return str_n(rest.data, n);
}

bool endpoint_path_matches(const struct endpoint *e, struct str path)
{
    for (uint32_t i = 0; i < e->segment_count; i++) {
        if (path.len == 0 || path.data[0] != '/')
            return false;
        struct str segment = next_segment(&path);
        if (e->segments[i].param < 0 ? !str_eq(segment, e->segments[i].literal) : segment.len == 0)
            return false;
    }
    return path.len == 0;
}

int endpoint_compare(const struct endpoint *a, const struct endpoint *b)
{
    if (a->segment_count != b->segment_count)
        return a->segment_count < b->segment_count ? -1 : 1;
    for (uint32_t i = 0; i < a->segment_count; i++) {
        bool pa = a->segments[i].param >= 0, pb = b->segments[i].param >= 0;
        if (pa != pb)
            return pa ? 1 : -1;
        int c = pa ? 0 : str_cmp(a->segments[i].literal, b->segments[i].literal);
        if (c)
            return c;
    }
    return 0;
}

/* Percent-decodes `raw` to *scratch, which moves on. False for a broken escape. */
static bool decode(struct str raw, bool plus, char **scratch, struct str *ret)
{
    if (!str_unpercent(raw, plus, *scratch, ret))
        return false;
    *scratch += ret->len;
    return true;
}

/* A decoded segment that a monolith could take for structure is nobody's value. */
static bool segment_safe(struct str s)
{
    return !str_is(s, ".") && !str_is(s, "..") && !memchr(s.data, '/', s.len) && !memchr(s.data, '\\', s.len);
}

static bool bind_path(const struct endpoint *e, struct str path, char **scratch, struct str *values)
{
    for (uint32_t i = 0; i < e->segment_count; i++) {
        struct str segment = next_segment(&path), value;
        int32_t param = e->segments[i].param;
        if (param < 0)
            continue;
        if (!decode(segment, false, scratch, &value) || !segment_safe(value) ||
            !endpoint_value_ok(&e->params[param], value))
            return false;
        values[param] = value;
    }
    return true;
}

static bool is_ignored(const struct endpoint *e, struct str name)
{
    struct str rest = e->ignored;
    while (rest.len) {
        struct str word = str_cut(rest, ' ', &rest);
        if (str_is(word, "*") || str_eq(word, name))
            return true;
    }
    return false;
}

static int32_t query_param(const struct endpoint *e, struct str name)
{
    for (uint32_t i = 0; i < e->param_count; i++)
        if (e->params[i].place == ENDPOINT_QUERY && str_eq(e->params[i].wire, name))
            return (int32_t)i;
    return -1;
}

static enum endpoint_bound bind_query(const struct endpoint *e, struct str query, char **scratch, struct str *values)
{
    uint32_t pairs = 0;
    enum endpoint_bound bound = ENDPOINT_BOUND;
    while (query.len) {
        struct str raw_value, name, value, pair = str_cut(query, '&', &query);
        if (pair.len == 0)
            continue;
        struct str raw_name = str_cut(pair, '=', &raw_value);
        if (++pairs > ENDPOINT_QUERY_PAIRS_MAX || !decode(raw_name, true, scratch, &name))
            return ENDPOINT_UNKNOWN;
        int32_t param = query_param(e, name);
        if (param < 0) {
            if (!is_ignored(e, name))
                return ENDPOINT_UNKNOWN;
            continue;
        }
        /* Given twice: frameworks disagree about which one counts. */
        if (values[param].data || !decode(raw_value, true, scratch, &value) ||
            !endpoint_value_ok(&e->params[param], value))
            bound = ENDPOINT_BAD; /* and go on: an unknown parameter outweighs a bad one, only the monolith knows it */
        else
            values[param] = value;
    }
    return bound;
}

static bool bind_rest(const struct endpoint *e, endpoint_header_fn *header, void *arg, struct str *values)
{
    for (uint32_t i = 0; i < e->param_count; i++) {
        const struct endpoint_param *p = &e->params[i];
        if (p->place == ENDPOINT_HEADER) {
            bool repeated = false;
            values[i] = header(arg, p->wire, &repeated);
            if (repeated || (values[i].data && !endpoint_value_ok(p, values[i])))
                return false;
        }
        if (values[i].data)
            continue;
        if (p->has_fallback)
            values[i] = p->fallback;
        else if (!p->optional)
            return false;
    }
    return true;
}

enum endpoint_bound endpoint_bind(const struct endpoint *e, struct str path, struct str query,
                                  endpoint_header_fn *header, void *arg, char *scratch, struct str *ret_values)
{
    for (uint32_t i = 0; i < e->param_count; i++)
        ret_values[i] = (struct str){NULL, 0};
    enum endpoint_bound bound = bind_path(e, path, &scratch, ret_values) ? ENDPOINT_BOUND : ENDPOINT_BAD;
    enum endpoint_bound from_query = bind_query(e, query, &scratch, ret_values);
    if (from_query != ENDPOINT_BOUND)
        bound = from_query;
    if (bound == ENDPOINT_BOUND && !bind_rest(e, header, arg, ret_values))
        bound = ENDPOINT_BAD;
    return bound;
}

static void add_encoded(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                     c == '_' || c == '.' || c == '~';
        if (plain)
            buf_addc(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

void endpoint_target(const struct endpoint *e, const struct str *values, struct buf *out)
{
    for (uint32_t i = 0; i < e->segment_count; i++) {
        buf_addc(out, '/');
        if (e->segments[i].param < 0)
            buf_add_str(out, e->segments[i].literal);
        else
            add_encoded(out, values[e->segments[i].param]);
    }
    char separator = '?';
    for (uint32_t i = 0; i < e->param_count; i++) {
        const struct endpoint_param *p = &e->params[i];
        if (p->place != ENDPOINT_QUERY || !values[i].data || (p->has_fallback && str_eq(p->fallback, values[i])))
            continue;
        buf_addc(out, separator);
        separator = '&';
        add_encoded(out, p->wire);
        buf_addc(out, '=');
        add_encoded(out, values[i]);
    }
}
