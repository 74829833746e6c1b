// SPDX-License-Identifier: Apache-2.0
/* See source.h. */
#include "source.h"

#include <math.h>

const char *const group_names[GROUP_COUNT] = {"read", "sync", "write", "own_read"};
static const char *const tokens[] = {[CALLER_USER] = "usr", [CALLER_STAFF] = "stf", [CALLER_PARTNER] = "prt"};

enum { PATH_MAX_BYTES = 16 << 10, BODY_MAX = 1 << 20 };

void job_init(struct job *j)
{
    memset(j, 0, sizeof *j);
    buf_init(&j->path, PATH_MAX_BYTES);
    buf_init(&j->headers, PATH_MAX_BYTES);
    buf_init(&j->body, BODY_MAX);
}

void job_free(struct job *j)
{
    buf_free(&j->path);
    buf_free(&j->headers);
    buf_free(&j->body);
}

bool job_expects(const struct job *j, unsigned status)
{
    for (unsigned i = 0; i < j->expect_count; i++)
        if (j->expect[i] == status)
            return true;
    return false;
}

void job_http(const struct job *j, const char *host, const char *etag, struct buf *ret)
{
    buf_clear(ret);
    buf_printf(ret, "%s " STR_FMT " HTTP/1.1\r\nHost: %s\r\n", j->method, STR_ARG(buf_str(&j->path)), host);
    if (j->caller != CALLER_NONE)
        buf_printf(ret, "Authorization: Bearer %s_%llu\r\n", tokens[j->caller], (unsigned long long)j->caller_id);
    if (j->user)
        buf_printf(ret, "X-User-Id: %llu\r\n", (unsigned long long)j->user);
    if (etag)
        buf_printf(ret, "If-None-Match: %s\r\n", etag);
    buf_add_str(ret, buf_str(&j->headers));
    if (j->body.len)
        buf_adds(ret, "Content-Type: application/json\r\n");
    if (strcmp(j->method, "GET") != 0)
        buf_printf(ret, "Content-Length: %zu\r\n", j->body.len);
    buf_adds(ret, "\r\n");
    buf_add_str(ret, buf_str(&j->body));
}

void job_text(const struct job *j, struct buf *out)
{
    buf_printf(out, "%s " STR_FMT " ", j->method, STR_ARG(buf_str(&j->path)));
    if (j->caller != CALLER_NONE)
        buf_printf(out, "%s_%llu ", tokens[j->caller], (unsigned long long)j->caller_id);
    else if (j->user)
        buf_printf(out, "user=%llu ", (unsigned long long)j->user);
    else
        buf_adds(out, "- ");
    for (unsigned i = 0; i < j->expect_count; i++)
        buf_printf(out, "%s%u", i ? "," : "", j->expect[i]);
    for (struct str rest = buf_str(&j->headers); rest.len;) {
        struct str header = str_trim(str_cut(rest, '\n', &rest));
        buf_printf(out, " " STR_FMT, STR_ARG(header));
    }
    if (j->body.len)
        buf_printf(out, " " STR_FMT, STR_ARG(buf_str(&j->body)));
}

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double draw(uint64_t *state) { return (double)(next(state) >> 11) * 0x1p-53; }

uint64_t draw_below(uint64_t *state, uint64_t n) { return (uint64_t)(draw(state) * (double)n); }

uint64_t draw_popular(uint64_t *state, uint64_t n, double power)
{
    return 1 + (uint64_t)((double)n * pow(draw(state), power));
}

unsigned draw_month(uint64_t *state, unsigned months)
{
    unsigned back = (unsigned)(months * pow(draw(state), 2));
    unsigned at = 2026 * 12 + 5 - back;
    return at / 12 * 100 + at % 12 + 1;
}
