// SPDX-License-Identifier: Apache-2.0
/* The compiled endpoint catalogue; see catalogue.h. */
#include "codec/catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'U', 'N', 'D', 'A', 'M', 'C', 'A', 'T'};

/* --- writing ------------------------------------------------------------------------------------------------- */

static void put_u32(struct buf *out, uint32_t v) { buf_add(out, &v, sizeof v); }
static void put_i64(struct buf *out, int64_t v) { buf_add(out, &v, sizeof v); }
static void put_str(struct buf *out, struct str s)
{
    put_u32(out, (uint32_t)s.len);
    buf_add_str(out, s);
}

enum { PARAM_OPTIONAL = 1, PARAM_FALLBACK = 2, PARAM_MIN = 4, PARAM_MAX = 8, PARAM_FLAGS = 15 };

static void put_param(struct buf *out, const struct endpoint_param *p)
{
    put_str(out, p->name);
    put_str(out, p->wire);
    put_u32(out, p->place);
    put_u32(out, p->type);
    put_u32(out, (p->optional ? PARAM_OPTIONAL : 0) | (p->has_fallback ? PARAM_FALLBACK : 0) |
                     (p->has_min ? PARAM_MIN : 0) | (p->has_max ? PARAM_MAX : 0));
    put_str(out, p->has_fallback ? p->fallback : STR(""));
    put_i64(out, p->has_min ? p->min : 0);
    put_i64(out, p->has_max ? p->max : 0);
}

static void put_endpoint(struct buf *out, const struct endpoint *e)
{
    put_str(out, e->name);
    put_str(out, e->path);
    put_str(out, e->file);
    put_str(out, e->service);
    put_str(out, e->flag);
    put_u32(out, e->segment_count);
    for (uint32_t i = 0; i < e->segment_count; i++) {
        put_u32(out, (uint32_t)e->segments[i].param);
        put_str(out, e->segments[i].literal);
    }
    put_u32(out, e->param_count);
    for (uint32_t i = 0; i < e->param_count; i++)
        put_param(out, &e->params[i]);
    put_u32(out, (uint32_t)e->key);
    put_u32(out, e->user);
    put_u32(out, (uint32_t)e->user_param);
    put_str(out, e->user_header);
    put_str(out, e->ignored);
    put_str(out, e->cache_control);
    put_str(out, e->content_type);
    put_u32(out, (uint32_t)e->not_found.status);
    put_str(out, e->not_found.body);
    put_u32(out, (uint32_t)e->bad_parameter.status);
    put_str(out, e->bad_parameter.body);
    put_str(out, e->enumerate);
    put_u32(out, e->compare_count);
    for (uint32_t i = 0; i < e->compare_count; i++)
        put_str(out, e->compare[i]);
    put_str(out, e->select);
    put_str(out, e->single);
    put_str(out, e->batch);
    put_i64(out, (int64_t)e->hash);
}

static int by_look_up(const void *a, const void *b) { return endpoint_compare(a, b); }

bool catalogue_sort(struct endpoint *endpoints, size_t count, struct err *err)
{
    if (count > CATALOGUE_ENDPOINTS_MAX)
        return err_set(err, ERR_CONFIG, "%zu endpoints, the limit is %d", count, CATALOGUE_ENDPOINTS_MAX);
    if (count)
        qsort(endpoints, count, sizeof *endpoints, by_look_up);
    for (size_t i = 1; i < count; i++) {
        if (endpoint_compare(&endpoints[i - 1], &endpoints[i]) != 0)
            continue;
        err_set(err, ERR_CONFIG,
                STR_FMT " and " STR_FMT ": \"" STR_FMT "\" and \"" STR_FMT "\" answer the same requests",
                STR_ARG(endpoints[i - 1].file), STR_ARG(endpoints[i].file), STR_ARG(endpoints[i - 1].name),
                STR_ARG(endpoints[i].name));
        return err_hint(err, "remove one of the two files");
    }
    return true;
}

void catalogue_encode(const struct endpoint *endpoints, size_t count, struct buf *out)
{
    struct buf payload;
    buf_init(&payload, CATALOGUE_FILE_MAX);
    for (size_t i = 0; i < count; i++)
        put_endpoint(&payload, &endpoints[i]);
    buf_add(out, magic, sizeof magic);
    put_u32(out, CATALOGUE_VERSION);
    put_u32(out, (uint32_t)count);
    put_i64(out, (int64_t)payload.len);
    put_i64(out, (int64_t)endpoint_hash(ENDPOINT_HASH_START, payload.data, payload.len));
    buf_add(out, payload.data, payload.len);
    out->overflow |= payload.overflow;
    buf_free(&payload);
}

/* --- reading ------------------------------------------------------------------------------------------------- */

struct cursor {
    const char *at, *end;
    struct arena *arena;
    bool bad; /* sticky: everything read afterwards is empty */
};

static bool spoil(struct cursor *c)
{
    c->bad = true;
    return false;
}

/* n more bytes to *ret; false (and nothing copied) past the end. */
static bool get_bytes(struct cursor *c, void *ret, size_t n)
{
    if (c->bad || (size_t)(c->end - c->at) < n)
        return spoil(c);
    memcpy(ret, c->at, n);
    c->at += n;
    return true;
}

static uint32_t get_u32(struct cursor *c)
{
    uint32_t v = 0;
    return get_bytes(c, &v, sizeof v) ? v : 0;
}

static int64_t get_i64(struct cursor *c)
{
    int64_t v = 0;
    return get_bytes(c, &v, sizeof v) ? v : 0;
}

static struct str get_str(struct cursor *c)
{
    uint32_t len = get_u32(c);
    if (c->bad || (size_t)(c->end - c->at) < len) {
        c->bad = true;
        return STR("");
    }
    struct str s = str_n(arena_memdup(c->arena, c->at, len), len);
    c->at += len;
    return s;
}

/* A number in [min, max]. */
static int32_t get_in(struct cursor *c, int32_t min, int32_t max)
{
    int32_t v = (int32_t)get_u32(c);
    if (v >= min && v <= max)
        return v;
    c->bad = true;
    return min > 0 ? min : 0;
}

static void get_param(struct cursor *c, struct endpoint_param *p)
{
    p->name = get_str(c);
    p->wire = get_str(c);
    p->place = (enum endpoint_place)get_in(c, ENDPOINT_PATH, ENDPOINT_HEADER);
    p->type = (enum endpoint_type)get_in(c, 0, ENDPOINT_TYPE_COUNT - 1);
    int32_t flags = get_in(c, 0, PARAM_FLAGS);
    p->optional = flags & PARAM_OPTIONAL;
    p->has_fallback = flags & PARAM_FALLBACK;
    p->has_min = flags & PARAM_MIN;
    p->has_max = flags & PARAM_MAX;
    p->fallback = get_str(c);
    p->min = get_i64(c);
    p->max = get_i64(c);
    bool text_bounds = p->type != ENDPOINT_TEXT || (p->min >= 0 && p->max >= 0 && p->max <= ENDPOINT_BODY_MAX);
    bool spare = (!p->has_min && p->min) || (!p->has_max && p->max) || (!p->has_fallback && p->fallback.len);
    if (!text_bounds || spare || (p->has_fallback && !endpoint_value_ok(p, p->fallback)))
        c->bad = true;
}

static void get_segments(struct cursor *c, struct endpoint *e)
{
    e->segment_count = (uint32_t)get_in(c, 1, ENDPOINT_SEGMENTS_MAX);
    for (uint32_t i = 0; i < e->segment_count; i++) {
        e->segments[i].param = get_in(c, -1, ENDPOINT_PARAMS_MAX - 1);
        e->segments[i].literal = get_str(c);
    }
}

/* A path parameter is bound by exactly one segment, or endpoint_bind() would leave it out. */
static bool segments_fit(const struct endpoint *e)
{
    uint32_t seen = 0;
    for (uint32_t i = 0; i < e->segment_count; i++) {
        int32_t param = e->segments[i].param;
        if (param < 0)
            continue;
        if ((uint32_t)param >= e->param_count || e->params[param].place != ENDPOINT_PATH || (seen & 1u << param) ||
            e->segments[i].literal.len)
            return false;
        seen |= 1u << param;
    }
    for (uint32_t i = 0; i < e->param_count; i++)
        if (e->params[i].place == ENDPOINT_PATH && !(seen & 1u << i))
            return false;
    return true;
}

/* Bytes that go into a header of an answer. */
static bool header_safe(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7f)
            return false;
    return true;
}

static bool endpoint_fits(const struct endpoint *e)
{
    bool key = e->key < 0 ? e->batch.len == 0 : e->key == 0 && e->param_count == 1 && e->batch.len > 0;
    bool user = e->user == ENDPOINT_USER_PARAM ? e->user_param >= 0 && (uint32_t)e->user_param < e->param_count
                                               : e->user_param == -1;
    bool statements = !memchr(e->single.data, 0, e->single.len) && !memchr(e->batch.data, 0, e->batch.len);
    bool status = e->bad_parameter.status == 0 || e->bad_parameter.status >= 400;
    return key && user && statements && status && segments_fit(e) && header_safe(e->cache_control) &&
           header_safe(e->content_type) && header_safe(e->name) && e->not_found.body.len <= ENDPOINT_BODY_MAX &&
           e->bad_parameter.body.len <= ENDPOINT_BODY_MAX;
}

static bool get_endpoint(struct cursor *c, struct endpoint *e)
{
    e->name = get_str(c);
    e->path = get_str(c);
    e->file = get_str(c);
    e->service = get_str(c);
    e->flag = get_str(c);
    get_segments(c, e);
    e->param_count = (uint32_t)get_in(c, 0, ENDPOINT_PARAMS_MAX);
    for (uint32_t i = 0; i < e->param_count; i++)
        get_param(c, &e->params[i]);
    e->key = get_in(c, -1, ENDPOINT_PARAMS_MAX - 1);
    e->user = (enum endpoint_user)get_in(c, ENDPOINT_USER_NONE, ENDPOINT_USER_HEADER);
    e->user_param = get_in(c, -1, ENDPOINT_PARAMS_MAX - 1);
    e->user_header = get_str(c);
    e->ignored = get_str(c);
    e->cache_control = get_str(c);
    e->content_type = get_str(c);
    e->not_found.status = get_in(c, 200, 499);
    e->not_found.body = get_str(c);
    e->bad_parameter.status = get_in(c, 0, 499);
    e->bad_parameter.body = get_str(c);
    e->enumerate = get_str(c);
    e->compare_count = (uint32_t)get_in(c, 0, ENDPOINT_COMPARE_MAX);
    for (uint32_t i = 0; i < e->compare_count; i++)
        e->compare[i] = get_str(c);
    e->select = get_str(c);
    e->single = get_str(c);
    e->batch = get_str(c);
    e->hash = (uint64_t)get_i64(c);
    return !c->bad && endpoint_fits(e);
}

static bool damaged(struct err *err, const char *what)
{
    err_set(err, ERR_CONFIG, "endpoint catalogue: %s", what);
    return err_hint(err, "write it again with `undam endpoint compile`");
}

bool catalogue_decode(struct str bytes, struct arena *arena, struct catalogue *ret, struct err *err)
{
    struct cursor c = {.at = bytes.data, .end = bytes.data + bytes.len, .arena = arena};
    if (bytes.len < CATALOGUE_HEADER || memcmp(bytes.data, magic, sizeof magic) != 0)
        return damaged(err, "not a catalogue");
    c.at += sizeof magic;
    uint32_t version = get_u32(&c), count = get_u32(&c);
    uint64_t size = (uint64_t)get_i64(&c), hash = (uint64_t)get_i64(&c);
    if (version != CATALOGUE_VERSION)
        return damaged(err, "of another version");
    if (size != bytes.len - CATALOGUE_HEADER || count > CATALOGUE_ENDPOINTS_MAX)
        return damaged(err, "cut off or too long");
    if (hash != endpoint_hash(ENDPOINT_HASH_START, c.at, (size_t)size))
        return damaged(err, "its hash does not fit its content");
    struct endpoint *endpoints = arena_calloc(arena, count ? count : 1, sizeof *endpoints);
    for (uint32_t i = 0; i < count; i++) {
        if (!get_endpoint(&c, &endpoints[i]))
            return damaged(err, "a value is out of bounds");
        if (i && endpoint_compare(&endpoints[i - 1], &endpoints[i]) >= 0)
            return damaged(err, "endpoints out of order");
    }
    if (c.at != c.end)
        return damaged(err, "bytes left over");
    *ret = (struct catalogue){.hash = hash, .endpoints = endpoints, .count = count};
    return true;
}

static bool read_all(int fd, char *to, size_t size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, to + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

bool catalogue_load(const char *path, struct arena *arena, struct catalogue *ret, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_errno(err, "endpoint catalogue %s", path);
        return err_hint(err, "write it with `undam endpoint compile`");
    }
    struct stat st;
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= CATALOGUE_FILE_MAX;
    char *bytes = ok ? arena_alloc(arena, (size_t)st.st_size + 1) : NULL;
    ok = ok && read_all(fd, bytes, (size_t)st.st_size);
    close(fd);
    if (!ok)
        return err_set(err, ERR_SYSTEM, "endpoint catalogue %s: cannot be read", path);
    return catalogue_decode(str_n(bytes, (size_t)st.st_size), arena, ret, err) || err_wrap(err, "%s", path);
}

bool catalogue_file_hash(const char *path, uint64_t *ret, struct err *err)
{
    struct arena arena;
    struct catalogue c;
    arena_init(&arena);
    bool ok = catalogue_load(path, &arena, &c, err);
    if (ok)
        *ret = c.hash;
    arena_free(&arena);
    return ok;
}

const struct endpoint *catalogue_match(const struct catalogue *c, struct str path)
{
    for (size_t i = 0; i < c->count; i++)
        if (endpoint_path_matches(&c->endpoints[i], path))
            return &c->endpoints[i];
    return NULL;
}
