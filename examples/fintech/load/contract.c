// SPDX-License-Identifier: Apache-2.0
/* See contract.h. One kept-alive connection, opened again when the server closes it. */
#include "contract.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "codec/json_read.h"
#include "http.h"

enum { ANSWER_MAX = 64 << 20, REQUEST_MAX = 2 << 20, BODY_SHOWN = 400, TRIES = 10 };

struct runner {
    struct services *services;
    const struct contract_settings *settings;
    struct contract_result result;
    int fd;
    unsigned status; /* of the last line sent */
    FILE *out;
    struct buf request, line;
    struct http_reply reply;
    struct arena arena;
};

static bool dial(struct runner *r, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *a;
    int rc = getaddrinfo(r->settings->host, r->settings->port, &hints, &a);
    if (rc != 0)
        return err_set(err, ERR_USAGE, "%s:%s: %s", r->settings->host, r->settings->port, gai_strerror(rc));
    r->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = r->settings->timeout_ms / 1000,
                            .tv_usec = (suseconds_t)(r->settings->timeout_ms % 1000) * 1000};
    bool good = r->fd >= 0 && setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
                connect(r->fd, a->ai_addr, a->ai_addrlen) == 0;
    if (!good) {
        (void)err_set(err, ERR_SOURCE, "%s:%s: %s", r->settings->host, r->settings->port, strerror(errno));
        if (r->fd >= 0)
            close(r->fd);
        r->fd = -1;
    }
    freeaddrinfo(a);
    return good;
}

/* Sends the request and reads its answer. False: no answer, the connection is closed. */
static bool exchange_once(struct runner *r)
{
    http_clear(&r->reply);
    for (size_t at = 0; at < r->request.len;) {
        ssize_t n = send(r->fd, r->request.data + at, r->request.len - at, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    enum http_progress progress = HTTP_MORE;
    while (progress == HTTP_MORE) {
        char *room = buf_reserve(&r->reply.raw, 1 << 16);
        ssize_t n = room ? recv(r->fd, room, 1 << 16, 0) : -1;
        if (n <= 0)
            break;
        r->reply.raw.len += (size_t)n;
        r->reply.raw.data[r->reply.raw.len] = '\0';
        progress = http_read(&r->reply);
    }
    if (progress != HTTP_DONE || r->reply.close) {
        close(r->fd);
        r->fd = -1;
    }
    return progress == HTTP_DONE;
}

/* A kept-alive connection may have been closed by the server meanwhile: then once more on a new one. */
static bool exchange(struct runner *r, struct err *err)
{
    bool reused = r->fd >= 0;
    if (!reused && !dial(r, err))
        return false;
    if (exchange_once(r))
        return true;
    if (reused && r->reply.raw.len == 0 && errno != EAGAIN)
        return dial(r, err) && (exchange_once(r) || err_set(err, ERR_SOURCE, "no answer"));
    return err_set(err, ERR_SOURCE, "no answer");
}

static bool is_json(struct runner *r, struct str text)
{
    struct json_reader j;
    enum json_token token;
    json_reader_init(&j, text, &r->arena);
    do
        token = json_next(&j);
    while (token != JSON_END && token != JSON_ERROR);
    return token == JSON_END;
}

/* A body as it is when it is JSON (line ends can only stand between its tokens), as a string otherwise, null when
 * empty. */
static void add_body(struct runner *r, struct str body)
{
    size_t from = r->line.len;
    if (body.len == 0)
        buf_adds(&r->line, "null");
    else if (!is_json(r, body))
        buf_add_json(&r->line, body);
    else
        buf_add_str(&r->line, body);
    for (size_t i = from; i < r->line.len; i++)
        if (r->line.data[i] == '\n' || r->line.data[i] == '\r')
            r->line.data[i] = ' ';
}

static void add_text(struct buf *b, const char *name, struct str v)
{
    buf_printf(b, ",\"%s\":", name);
    if (v.data)
        buf_add_json(b, v);
    else
        buf_adds(b, "null");
}

static void record(struct runner *r, const struct line *l, const char *kind, const struct job *j)
{
    static const char *const callers[] = {"none", "user", "staff", "partner"};
    struct buf *b = &r->line;
    buf_clear(b);
    arena_reset(&r->arena);
    const char *name = strrchr(l->file, '/');
    buf_printf(b, "{\"service\":\"%s\",\"kind\":\"%s\",\"at\":\"%s%s:%u\",\"method\":\"%s\"", l->service, kind,
               l->service, name ? name : l->file, l->number, l->method);
    add_text(b, "route", str_of(l->pattern));
    add_text(b, "path", buf_str(&j->path));
    buf_printf(b, ",\"caller\":\"%s\",\"status\":%u,\"expected\":[", callers[l->caller], r->reply.status);
    for (unsigned i = 0; i < j->expect_count; i++)
        buf_printf(b, "%s%u", i ? "," : "", j->expect[i]);
    buf_addc(b, ']');
    add_text(b, "content_type", http_header(&r->reply, "Content-Type"));
    add_text(b, "etag", http_header(&r->reply, "ETag"));
    buf_adds(b, ",\"sent\":");
    add_body(r, buf_str(&j->body));
    buf_adds(b, ",\"body\":");
    add_body(r, http_body(&r->reply));
    buf_adds(b, "}\n");
    fwrite(b->data, 1, b->len, r->out);
}

static void check(struct runner *r, const struct line *l, const struct job *j)
{
    r->result.sent++;
    if (job_expects(j, r->reply.status))
        return;
    r->result.unexpected++;
    struct buf text;
    buf_init(&text, 0);
    job_text(j, &text);
    struct str body = http_body(&r->reply);
    fprintf(stderr, "%s:%u: got %u: " STR_FMT "\n    answer: " STR_FMT "\n", l->file, l->number, r->reply.status,
            STR_ARG(buf_str(&text)), (int)(body.len < BODY_SHOWN ? body.len : BODY_SHOWN), body.data ? body.data : "");
    buf_free(&text);
}

static bool send_line(struct runner *r, const struct line *l, struct err *err)
{
    struct job j;
    job_init(&j);
    services_request(r->services, l, true, &j);
    job_http(&j, r->settings->host, NULL, &r->request);
    bool good = exchange(r, err);
    r->status = good ? r->reply.status : 0;
    if (good) {
        check(r, l, &j);
        record(r, l, line_kinds[l->kind], &j);
    }
    struct str etag = good ? http_header(&r->reply, "ETag") : (struct str){0};
    if (etag.data && r->reply.status == 200 && strcmp(l->method, "GET") == 0) {
        CLEANUP(free_ptr) char *tag = xasprintf(STR_FMT, STR_ARG(etag));
        job_http(&j, r->settings->host, tag, &r->request);
        j.expect[0] = 304;
        j.expect_count = 1;
        good = exchange(r, err);
        if (good) {
            check(r, l, &j);
            record(r, l, "etag", &j);
        }
    }
    if (!good)
        (void)err_wrap(err, "%s:%u: %s " STR_FMT, l->file, l->number, l->method, STR_ARG(buf_str(&j.path)));
    job_free(&j);
    return good;
}

/* Whether a line means to succeed. */
static bool may_succeed(const struct line *l)
{
    for (unsigned i = 0; i < l->expect_count; i++)
        if (l->expect[i] < 300)
            return true;
    return false;
}

/* As often as it is to be sent, and until it has succeeded once if that is what it is for: the first ids may be of
 * things that are past it. */
static bool send_line_enough(struct runner *r, const struct line *l, struct err *err)
{
    bool succeeded = !may_succeed(l);
    services_begin(r->services, l);
    unsigned times = l->kind == LINE_READ ? r->settings->times : 1;
    for (unsigned n = 0; n < times || (!succeeded && n < TRIES); n++) {
        if (!send_line(r, l, err))
            return false;
        succeeded = succeeded || (r->status >= 200 && r->status < 300);
    }
    return true;
}

/* Reads and cases that only read, then what is synchronous, then writes, then the other cases. */
static unsigned turn(const struct line *l)
{
    if (l->kind == LINE_SYNC || l->kind == LINE_WRITE)
        return (unsigned)l->kind;
    return l->kind == LINE_READ || strcmp(l->method, "GET") == 0 ? 0 : 3;
}

static bool send_all(struct runner *r, struct err *err)
{
    const struct lines *ls = services_lines(r->services);
    for (size_t from = 0, to; from < ls->count; from = to) {
        for (to = from; to < ls->count && ls->lines[to].service == ls->lines[from].service;)
            to++;
        for (unsigned t = 0; t < 4; t++)
            for (size_t i = from; i < to; i++)
                if (turn(&ls->lines[i]) == t && !send_line_enough(r, &ls->lines[i], err))
                    return false;
    }
    return true;
}

bool contract_run(struct services *s, const struct contract_settings *settings, struct contract_result *ret,
                  struct err *err)
{
    struct runner r = {.services = s, .settings = settings, .fd = -1, .out = fopen(settings->file, "we")};
    if (!r.out)
        return err_errno(err, "%s", settings->file);
    buf_init(&r.request, REQUEST_MAX);
    buf_init(&r.line, 0);
    http_init(&r.reply, ANSWER_MAX);
    arena_init(&r.arena);
    bool good = send_all(&r, err);
    bool written = fclose(r.out) == 0;
    if (good && !written)
        good = err_errno(err, "%s", settings->file);
    if (good)
        *ret = r.result;
    buf_free(&r.request);
    buf_free(&r.line);
    http_free(&r.reply);
    arena_free(&r.arena);
    if (r.fd >= 0)
        close(r.fd);
    return good;
}
