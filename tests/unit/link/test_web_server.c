// SPDX-License-Identifier: Apache-2.0
/* The threaded server, asked through sockets. */
#include "test.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "link/http/web_server.h"

static struct web_server *server;

static int echo(void *arg, unsigned thread, const struct web_request *r, struct buf *body, const char **type)
{
    (void)arg;
    CHECK(thread < WEB_THREADS);
    *type = "application/x";
    buf_printf(body, STR_FMT " " STR_FMT " " STR_FMT " %zu", STR_ARG(r->method), STR_ARG(r->path), STR_ARG(r->query),
               r->body.len);
    return str_is(r->path, "/teapot") ? 418 : 200;
}

static void begin(void)
{
    struct err err = {0};
    CHECK(web_server_new(&server, "127.0.0.1:0", 1000, echo, NULL, &err));
}

static int dial(void)
{
    uint64_t port = 0;
    CHECK(str_to_u64(str_of(strrchr(web_server_address(server), ':') + 1), &port));
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

static void tell(int fd, const char *text)
{
    CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* What comes until the other side closes, or `want` is in it, or five seconds are over. */
static const char *hear(int fd, const char *want)
{
    static char text[65536];
    size_t len = 0;
    text[0] = '\0';
    for (int64_t end = mono_us() + 5000000; mono_us() < end && !strstr(text, want) && len < sizeof text - 1;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        text[len] = '\0';
    }
    return text;
}

TEST(requests_reach_the_handler_whole)
{
    begin();
    int fd = dial();
    tell(fd, "GET /a%2Fb/../c?x=%20 HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *text = hear(fd, " 0");
    CHECK(strstr(text, "HTTP/1.1 200 ") == text && strstr(text, "Content-Type: application/x\r\n"));
    CHECK(strstr(text, "\r\n\r\nGET /a%2Fb/../c x=%20 0")); /* as it was sent */
    tell(fd, "POST /teapot HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    tell(fd, "cde");
    text = hear(fd, " 5");
    CHECK(strstr(text, "HTTP/1.1 418 ") == text && strstr(text, "POST /teapot  5"));
    tell(fd, "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\nabcd\r\n0\r\n\r\n");
    CHECK(strstr(hear(fd, " 7"), "POST /c  7"));
    close(fd);
    web_server_free(server);
}

TEST(what_is_too_large_is_told)
{
    begin();
    int fd = dial();
    tell(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
    CHECK(strstr(hear(fd, "error_code"), "HTTP/1.1 413 "));
    close(fd);
    fd = dial();
    tell(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n");
    CHECK(strstr(hear(fd, "\r\n\r\n"), "HTTP/1.1 4"));
    close(fd);
    fd = dial();
    char piece[600];
    memset(piece, 'x', sizeof piece);
    tell(fd, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        tell(fd, "258\r\n");
        CHECK(send(fd, piece, sizeof piece, MSG_NOSIGNAL) == (ssize_t)sizeof piece);
        tell(fd, "\r\n");
    }
    tell(fd, "0\r\n\r\n");
    CHECK(strstr(hear(fd, "error_code"), "HTTP/1.1 413 "));
    close(fd);
    web_server_free(server);
}

TEST(slow_ones_are_ended_and_only_they)
{
    begin();
    int slow = dial(), silent = dial(), good = dial();
    tell(slow, "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
    tell(good, "GET /good HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(strstr(hear(good, "/good"), "200"));
    for (int i = 0; i < 100 && web_server_sweep(server, 60000) != 3; i++)
        poll(NULL, 0, 20);
    CHECK_INT(web_server_sweep(server, 60000), 3);
    tell(slow, "x");
    poll(NULL, 0, 300);
    tell(slow, "x"); /* a byte now and then does not help */
    tell(good, "GET /good HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(strstr(hear(good, "/good"), "200"));
    CHECK_INT(web_server_sweep(server, 200), 3);
    char byte;
    struct pollfd p[] = {{.fd = slow, .events = POLLIN}, {.fd = silent, .events = POLLIN}};
    for (int i = 0; i < 2; i++) {
        CHECK(poll(&p[i], 1, 5000) == 1);
        CHECK(recv(p[i].fd, &byte, 1, 0) <= 0);
    }
    tell(good, "GET /good HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(strstr(hear(good, "/good"), "200"));
    close(slow);
    close(silent);
    close(good);
    web_server_free(server);
}

TEST_MAIN
