// SPDX-License-Identifier: Apache-2.0
/* See web_server.h. libmicrohttpd calls on_request at least twice a request: at its head, for each piece of its body,
 * and when it is whole. */
#include "link/http/web_server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http.h"
#include "base/log.h"
#include "base/mem.h"

/* What is kept of a connection, for the sweep. */
struct web_connection {
    int fd;
    int64_t since_us; /* the start, or the end of the last request */
    bool working;     /* the handler has a request */
    struct web_connection *next, **link;
};

/* What is kept between the calls for one request. */
struct web_call {
    char *uri;
    struct buf body;
    bool begun, too_large;
    uint64_t received;
    struct web_connection *connection;
};

struct web_server {
    struct MHD_Daemon *daemon;
    web_handler_fn *fn;
    void *arg;
    size_t body_max;
    int fd;
    char address[HTTP_ADDRESS_SIZE];
    pthread_mutex_t lock; /* of what follows */
    struct web_connection *connections;
    unsigned connection_count;
    bool busy[WEB_THREADS];
};

/* ---- connections ---- */

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct web_server *s = arg;
    pthread_mutex_lock(&s->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct web_connection *c = xcalloc(1, sizeof *c);
        *c = (struct web_connection){.fd = info ? info->connect_fd : -1, .since_us = mono_us()};
        c->next = s->connections;
        c->link = &s->connections;
        if (c->next)
            c->next->link = &c->next;
        s->connections = c;
        s->connection_count++;
        *context = c;
    } else if (*context) { /* before the socket is closed: its number is still this connection's */
        struct web_connection *c = *context;
        *c->link = c->next;
        if (c->next)
            c->next->link = c->link;
        s->connection_count--;
        free(c);
        *context = NULL;
    }
    pthread_mutex_unlock(&s->lock);
}

unsigned web_server_sweep(struct web_server *s, int64_t limit_ms)
{
    int64_t limit = mono_us() - limit_ms * 1000;
    pthread_mutex_lock(&s->lock);
    for (struct web_connection *c = s->connections; c; c = c->next)
        if (!c->working && c->since_us < limit && c->fd >= 0)
            shutdown(c->fd, SHUT_RDWR);
    unsigned open = s->connection_count;
    pthread_mutex_unlock(&s->lock);
    return open;
}

static void set_working(struct web_server *s, struct web_connection *c, bool working)
{
    pthread_mutex_lock(&s->lock);
    if (c) {
        c->working = working;
        c->since_us = mono_us();
    }
    pthread_mutex_unlock(&s->lock);
}

/* There are as many numbers as threads, so one is always free. */
static unsigned take_number(struct web_server *s)
{
    unsigned n = 0;
    pthread_mutex_lock(&s->lock);
    while (n < WEB_THREADS - 1 && s->busy[n])
        n++;
    s->busy[n] = true;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void give_number(struct web_server *s, unsigned n)
{
    pthread_mutex_lock(&s->lock);
    s->busy[n] = false;
    pthread_mutex_unlock(&s->lock);
}

/* ---- requests ---- */

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct web_server *s = arg;
    struct web_call *call = xcalloc(1, sizeof *call);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    call->uri = xstrdup(uri);
    call->connection = info ? info->socket_context : NULL;
    buf_init(&call->body, s->body_max + 1);
    return call;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct web_server *s = arg;
    struct web_call *call = *context;
    (void)connection;
    (void)code;
    if (!call)
        return;
    set_working(s, call->connection, false);
    buf_free(&call->body);
    free(call->uri);
    free(call);
    *context = NULL;
}

static enum MHD_Result reply(struct MHD_Connection *connection, int status, const char *type, struct str body)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)(body.data ? body.data : ""),
                                                             MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_CONTENT_TOO_LARGE)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result queued = MHD_queue_response(connection, (unsigned)status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result refuse_large(struct MHD_Connection *connection)
{
    return reply(connection, MHD_HTTP_CONTENT_TOO_LARGE, "application/json",
                 STR("{\"error_code\":413,\"message\":\"the request's body is too large\"}"));
}

/* A body that is announced as too large is not even read; one that turns out to be is read on for a while, so that the
 * client hears why. */
static bool take_piece(struct web_server *s, struct web_call *call, const char *data, size_t size)
{
    call->received += size;
    if (call->received > s->body_max) {
        call->too_large = true;
        buf_free(&call->body);
    }
    if (!call->too_large)
        buf_add(&call->body, data, size);
    return call->received <= (uint64_t)s->body_max * 4;
}

static bool announced_too_large(const struct web_server *s, struct MHD_Connection *connection)
{
    uint64_t length;
    const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return text && (!str_to_u64(str_of(text), &length) || length > s->body_max);
}

static enum MHD_Result answer(struct web_server *s, struct web_call *call, struct MHD_Connection *connection,
                              const char *method)
{
    struct buf body;
    const char *type = "text/plain";
    struct web_request request = {.body = buf_str(&call->body)};
    request.method = strcmp(method, "HEAD") == 0 ? STR("GET") : str_of(method);
    request.path = str_cut(str_of(call->uri), '?', &request.query);
    buf_init(&body, HTTP_BODY_MAX);
    unsigned number = take_number(s);
    int status = s->fn(s->arg, number, &request, &body, &type);
    give_number(s, number);
    enum MHD_Result queued = body.overflow ? MHD_NO : reply(connection, status, type, buf_str(&body));
    buf_free(&body);
    return queued;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **context)
{
    struct web_server *s = arg;
    struct web_call *call = *context;
    (void)url;
    (void)version;
    if (!call)
        return MHD_NO;
    if (!call->begun) {
        call->begun = true;
        return announced_too_large(s, connection) ? refuse_large(connection) : MHD_YES;
    }
    if (*size) {
        bool more = take_piece(s, call, data, *size);
        *size = 0;
        return more ? MHD_YES : MHD_NO;
    }
    if (call->too_large)
        return refuse_large(connection);
    set_working(s, call->connection, true);
    return answer(s, call, connection, method);
}

/* ---- life ---- */

static void no_log(void *arg, const char *format, va_list values)
{
    (void)arg;
    (void)format;
    (void)values;
}

bool web_server_new(struct web_server **ret, const char *listen, size_t body_max, web_handler_fn *fn, void *arg,
                    struct err *err)
{
    struct web_server *s = xcalloc(1, sizeof *s);
    *s = (struct web_server){.fn = fn, .arg = arg, .body_max = body_max, .fd = -1};
    pthread_mutex_init(&s->lock, NULL);
    if (!http_listen(listen, &s->fd, s->address, err)) {
        web_server_free(s);
        return false;
    }
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER,
        no_log, NULL, MHD_OPTION_LISTEN_SOCKET, s->fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)WEB_THREADS,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)WEB_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)WEB_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEB_HEADERS_MAX, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_END);
    if (!s->daemon) {
        web_server_free(s);
        return err_set(err, ERR_SYSTEM, "listen address %s: the server's threads cannot be started", listen);
    }
    s->fd = -1; /* the daemon closes it */
    *ret = s;
    return true;
}

const char *web_server_address(const struct web_server *s) { return s->address; }

void web_server_free(struct web_server *s)
{
    if (!s)
        return;
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    if (s->fd >= 0)
        close(s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
