// SPDX-License-Identifier: Apache-2.0
/* See server.h: requests become contexts, contexts answers. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctx.h"
#include "hash.h"
#include "routes.h"

enum { BODY_MAX = 64 << 10, POOL_WAIT_MS = 10000 };

struct server {
    struct MHD_Daemon *daemon;
    struct db_pool *pool;
};

/* What is kept between the calls that MHD makes for one request. */
struct exchange {
    struct buf body;
};

static const char *argument(void *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}
static const char *header(void *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Who calls: "Bearer usr_7". False: the header is there and is none of ours. */
static bool identify(struct ctx *c)
{
    static const struct {
        const char *prefix;
        enum auth role;
    } kinds[] = {{"Bearer usr_", AUTH_USER}, {"Bearer stf_", AUTH_STAFF}, {"Bearer prt_", AUTH_PARTNER}};
    const char *v = header_in(c, "Authorization");
    for (size_t i = 0; v && i < COUNT(kinds); i++) {
        size_t n = strlen(kinds[i].prefix);
        int64_t id;
        if (strncmp(v, kinds[i].prefix, n) == 0 && str_to_i64(str_of(v + n), &id) && id > 0) {
            c->caller = v + n;
            c->role = kinds[i].role;
            return true;
        }
    }
    return !v;
}

static bool allowed(const struct ctx *c)
{
    return c->route->auth == AUTH_NONE || c->role == c->route->auth || c->role == AUTH_STAFF;
}

/* A hash of the answer; 304 when the client has it already. */
static void add_etag(struct ctx *c)
{
    uint64_t h = hash_bytes(HASH_SEED, c->out.data, c->out.len);
    const char *tag = text(c, "W/\"%016llx\"", (unsigned long long)h), *have = header_in(c, "If-None-Match");
    header_out(c, "ETag", tag);
    if (have && strstr(have, tag)) {
        c->status = 304;
        buf_clear(&c->out);
    }
}

static void serve(struct db_pool *pool, struct ctx *c)
{
    if (!identify(c) || (c->route->auth != AUTH_NONE && !c->caller)) {
        stop(c, 401, "unauthorized", "who are you?");
        return;
    }
    if (!allowed(c)) {
        stop(c, 403, "forbidden", "not for you");
        return;
    }
    c->db = db_acquire(pool, POOL_WAIT_MS);
    if (!c->db) {
        stop(c, 503, "unavailable", "no database connection is free");
        return;
    }
    ctx_handle(c, c->route->handle);
    db_release(pool, c->db);
    if (c->route->etag && c->status == 200)
        add_etag(c);
}

static void dispatch(struct db_pool *pool, struct ctx *c, struct arena *memory, const char *method, const char *path)
{
    switch (routes_match(c, memory, method, path)) {
    case MATCH_FOUND: serve(pool, c); break;
    case MATCH_BAD_PARAM: stop(c, 400, "bad_request", "bad request"); break;
    case MATCH_PATH: stop(c, 405, "method_not_allowed", "method not allowed"); break;
    case MATCH_NONE:
    default:
        if (strcmp(path, "/healthz") == 0) {
            object(c, NULL);
            put_text(c, "status", "ok");
            end(c);
        } else {
            stop(c, 404, "not_found", "not found");
        }
    }
}

static enum MHD_Result reply(struct MHD_Connection *connection, const struct ctx *c)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        c->out.len, c->out.data ? c->out.data : (char *)(uintptr_t) "", MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    if (c->out.len > 0)
        MHD_add_response_header(r, "Content-Type", c->content_type);
    for (int i = 0; i < c->header_count; i++)
        MHD_add_response_header(r, c->headers[i].name, c->headers[i].value);
    enum MHD_Result queued = MHD_queue_response(connection, c->status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **state)
{
    (void)version;
    struct exchange *x = *state;
    if (!x) {
        x = xcalloc(1, sizeof *x);
        buf_init(&x->body, BODY_MAX);
        *state = x;
        return MHD_YES;
    }
    if (*data_size > 0) {
        buf_add(&x->body, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    const struct server *s = cls;
    struct ctx c = {.argument = argument, .header = header, .lookup_arg = connection, .body = buf_str(&x->body)};
    struct arena memory; /* of the request, longer than that of an attempt */
    arena_init(&memory);
    arena_init(&c.arena);
    ctx_reset(&c);
    if (x->body.overflow)
        stop(&c, 413, "too_large", "body is too large");
    else
        dispatch(s->pool, &c, &memory, method, url);
    enum MHD_Result queued = reply(connection, &c);
    ctx_free(&c);
    arena_free(&memory);
    return queued;
}

static void on_done(void *cls, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how)
{
    (void)cls, (void)c, (void)how;
    struct exchange *x = *state;
    if (x)
        buf_free(&x->body);
    free(x);
    *state = NULL;
}

struct server *server_start(struct db_pool *pool, unsigned port)
{
    struct server *s = xcalloc(1, sizeof *s);
    s->pool = pool;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    s->daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)port, NULL,
                                 NULL, on_request, s, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
                                 on_done, NULL, MHD_OPTION_CONNECTION_LIMIT, 1000u, MHD_OPTION_CONNECTION_TIMEOUT, 300u,
                                 MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u, MHD_OPTION_END);
    if (s->daemon)
        return s;
    free(s);
    return NULL;
}

unsigned server_port(const struct server *s) { return MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port; }

void server_stop(struct server *s)
{
    MHD_stop_daemon(s->daemon);
    free(s);
}
