// SPDX-License-Identifier: Apache-2.0
/*
 * The loopback responder; see http.h. A client goes READ -> (http_parse) -> WRITE -> DRAIN -> closed:
 * client_read() answers once the head is whole, client_write() sends and then shuts down its side,
 * client_drain() waits for the other side to close, so that no reset overtakes the answer. The sweep closes
 * whoever is past its time, in any state.
 */
#include "base/http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum client_state { CLIENT_READ, CLIENT_WRITE, CLIENT_DRAIN };

struct client {
    struct http_server *server;
    int fd; /* -1: free */
    enum client_state state;
    int64_t deadline_us;
    char in[HTTP_REQUEST_MAX];
    size_t in_len;
    struct buf out;
    size_t sent;
};

struct http_server {
    struct loop *loop;
    int fd;
    bool accepting;
    int sweep_timer;
    http_handler_fn *fn;
    void *arg;
    char address[HTTP_ADDRESS_SIZE];
    struct client clients[HTTP_CLIENTS_MAX];
};

static void on_accept(void *arg, unsigned events);
static void on_client(void *arg, unsigned events);

static void set_accepting(struct http_server *s, bool on)
{
    struct err err;
    if (s->accepting == on)
        return;
    s->accepting = on ? loop_fd(s->loop, s->fd, LOOP_READ, on_accept, s, &err) : false;
    if (!on)
        loop_fd_remove(s->loop, s->fd);
}

static void client_close(struct client *c)
{
    loop_fd_remove(c->server->loop, c->fd);
    close(c->fd);
    c->fd = -1;
    buf_free(&c->out);
    set_accepting(c->server, true);
}

static bool client_watch(struct client *c, unsigned events)
{
    struct err err;
    return loop_fd(c->server->loop, c->fd, events, on_client, c, &err);
}

static void client_drain(struct client *c)
{
    char waste[4096];
    ssize_t n = recv(c->fd, waste, sizeof waste, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        client_close(c);
}

static void client_write(struct client *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            if (!client_watch(c, LOOP_WRITE))
                client_close(c);
            return;
        }
        if (n < 0) {
            client_close(c);
            return;
        }
        c->sent += (size_t)n;
    }
    shutdown(c->fd, SHUT_WR);
    c->state = CLIENT_DRAIN;
    if (!client_watch(c, LOOP_READ))
        client_close(c);
}

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Internal Server Error";
    }
}

static void client_answer(struct client *c, int status, const struct buf *body, const char *type, bool head)
{
    buf_init(&c->out, HTTP_BODY_MAX + 4096);
    buf_printf(&c->out,
               "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n%s"
               "Connection: close\r\n\r\n",
               status, reason(status), type, body->len, status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (!head)
        buf_add_str(&c->out, buf_str(body));
    c->sent = 0;
    c->state = CLIENT_WRITE;
    client_write(c);
}

static void client_respond(struct client *c, enum http_parsed parsed, const struct http_request *request)
{
    struct buf body;
    const char *type = "text/plain; charset=utf-8";
    int status = parsed == HTTP_OK ? 0 : parsed == HTTP_TOO_LARGE ? 431 : parsed == HTTP_BAD_METHOD ? 405 : 400;
    buf_init(&body, HTTP_BODY_MAX);
    if (parsed == HTTP_OK)
        status = c->server->fn(c->server->arg, request, &body, &type);
    else
        buf_printf(&body, "%s\n", reason(status));
    if (body.overflow) {
        buf_clear(&body);
        status = 500;
    }
    client_answer(c, status, &body, type, parsed == HTTP_OK && request->head);
    buf_free(&body);
}

static void client_read(struct client *c)
{
    struct http_request request;
    ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        client_close(c);
        return;
    }
    c->in_len += (size_t)n;
    enum http_parsed parsed = http_parse(str_n(c->in, c->in_len), &request);
    if (parsed != HTTP_MORE)
        client_respond(c, parsed, &request);
}

static void on_client(void *arg, unsigned events)
{
    struct client *c = arg;
    (void)events;
    switch (c->state) {
    case CLIENT_READ: client_read(c); break;
    case CLIENT_WRITE: client_write(c); break;
    case CLIENT_DRAIN: client_drain(c); break;
    }
}

static struct client *free_client(struct http_server *s)
{
    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++)
        if (s->clients[i].fd < 0)
            return &s->clients[i];
    return NULL;
}

static void on_accept(void *arg, unsigned events)
{
    struct http_server *s = arg;
    (void)events;
    struct client *c = free_client(s);
    if (!c) { /* the kernel's queue holds them until client_close() */
        set_accepting(s, false);
        return;
    }
    int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            set_accepting(s, false); /* out of descriptors: not a busy loop, the sweep tries again */
        return;
    }
    c->fd = fd;
    c->state = CLIENT_READ;
    c->in_len = 0;
    c->deadline_us = mono_us() + HTTP_CLIENT_MS * 1000LL;
    if (!client_watch(c, LOOP_READ))
        client_close(c);
}

static void on_sweep(void *arg)
{
    struct http_server *s = arg;
    int64_t now = mono_us();
    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++)
        if (s->clients[i].fd >= 0 && s->clients[i].deadline_us <= now)
            client_close(&s->clients[i]);
    set_accepting(s, true);
}

/* "host:port" apart: brackets around a v6 address are dropped, no host is loopback. */
static bool split_listen(const char *listen, char host[128], const char **ret_port, struct err *err)
{
    const char *colon = strrchr(listen, ':');
    uint64_t port;
    struct str name = colon ? str_n(listen, (size_t)(colon - listen)) : str_of("");
    if (name.len >= 2 && name.data[0] == '[' && name.data[name.len - 1] == ']')
        name = str_n(name.data + 1, name.len - 2);
    if (!colon || name.len > 127 || !str_to_u64(str_of(colon + 1), &port) || port > 65535)
        return err_set(err, ERR_CONFIG, "listen address %s is not host:port", listen);
    snprintf(host, 128, STR_FMT, STR_ARG(name));
    if (!name.len || str_is(name, "localhost"))
        snprintf(host, 128, "127.0.0.1");
    *ret_port = colon + 1;
    return true;
}

static bool bind_to(int fd, const struct addrinfo *ai, const char *listen_text, char *address, struct err *err)
{
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, 64) != 0) {
        int why = errno;
        err_errno(err, "listen address %s", listen_text);
        if (why == EADDRINUSE)
            err_hint(err, "another process has that port: choose another one, or stop it");
        return false;
    }
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    char host[64] = "?", port[8] = "?";
    if (getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        (void)getnameinfo((struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
                          NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(address, HTTP_ADDRESS_SIZE, at.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return true;
}

bool http_listen(const char *listen_text, int *ret_fd, char *address, struct err *err)
{
    char host[128];
    const char *port;
    if (!split_listen(listen_text, host, &port, err))
        return false;
    const struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host, port, &want, &found);
    if (rc != 0)
        return err_set(err, ERR_CONFIG, "listen address %s: %s", listen_text, gai_strerror(rc));
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 || err_errno(err, "listen address %s", listen_text);
    ok = ok && bind_to(fd, found, listen_text, address, err);
    freeaddrinfo(found);
    if (ok)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    return ok;
}

static bool server_open(struct http_server *s, const char *listen_text, struct err *err)
{
    return http_listen(listen_text, &s->fd, s->address, err) && loop_fd(s->loop, s->fd, LOOP_READ, on_accept, s, err);
}

bool http_server_new(struct http_server **ret, struct loop *loop, const char *listen_text, http_handler_fn *fn,
                     void *arg, struct err *err)
{
    struct http_server *s = xcalloc(1, sizeof *s);
    *s = (struct http_server){.loop = loop, .fd = -1, .accepting = true, .fn = fn, .arg = arg};
    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
        s->clients[i].server = s;
        s->clients[i].fd = -1;
    }
    if (!server_open(s, listen_text, err)) {
        http_server_free(s);
        return false;
    }
    s->sweep_timer = loop_timer(loop, 500, on_sweep, s);
    *ret = s;
    return true;
}

const char *http_server_address(const struct http_server *s) { return s->address; }

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++)
        if (s->clients[i].fd >= 0)
            client_close(&s->clients[i]);
    loop_timer_remove(s->loop, s->sweep_timer);
    if (s->fd >= 0) {
        loop_fd_remove(s->loop, s->fd);
        close(s->fd);
    }
    free(s);
}
