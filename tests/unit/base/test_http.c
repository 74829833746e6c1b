// SPDX-License-Identifier: Apache-2.0
/* The responder: the request head by cases, then real sockets with good, slow, silent, rude and many clients. */
#include "base/http.h"
#include "base/log.h"
#include "base/mem.h"
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

TEST(request_heads)
{
    static const struct {
        const char *text;
        enum http_parsed want;
    } cases[] = {
        {"", HTTP_MORE},
        {"GET / HTTP/1.1\r\n", HTTP_MORE},
        {"GET / HTTP/1.1\r\nHost: x\r\n", HTTP_MORE},
        {"GET / HTTP/1.1\r\n\r\n", HTTP_OK},
        {"GET / HTTP/1.0\n\n", HTTP_OK},
        {"HEAD /a?b=c HTTP/1.1\r\nHost: x\r\nEmpty:\r\n\r\n", HTTP_OK},
        {"POST / HTTP/1.1\r\n\r\n", HTTP_BAD_METHOD},
        {"GET / HTTP/2.0\r\n\r\n", HTTP_BAD},
        {"GET  / HTTP/1.1\r\n\r\n", HTTP_BAD},
        {"GET x HTTP/1.1\r\n\r\n", HTTP_BAD},
        {"GET http://x/ HTTP/1.1\r\n\r\n", HTTP_BAD},
        {"GET /\x01 HTTP/1.1\r\n\r\n", HTTP_BAD},
        {"GET / HTTP/1.1 \r\n\r\n", HTTP_BAD},
        {"G(T / HTTP/1.1\r\n\r\n", HTTP_BAD},
        {"GET / HTTP/1.1\r\nno colon\r\n\r\n", HTTP_BAD},
        {"GET / HTTP/1.1\r\nName : x\r\n\r\n", HTTP_BAD},
        {"GET / HTTP/1.1\r\nA: \x01\r\n\r\n", HTTP_BAD},
        {"\r\nGET / HTTP/1.1\r\n\r\n", HTTP_BAD},
    };
    struct http_request r;
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum http_parsed got = http_parse(str_of(cases[i].text), &r);
        CHECK_INT(got, cases[i].want);
        if (got != cases[i].want)
            printf("# %s\n", cases[i].text);
    }
    CHECK(http_parse(STR("GET /a?b=c HTTP/1.1\r\n\r\n"), &r) == HTTP_OK);
    CHECK_STR(r.path, "/a");
    CHECK_STR(r.query, "b=c");
}

static struct loop *loop;
static struct http_server *server;
static struct err err;
static int handled;

static int handler(void *arg, const struct http_request *request, struct buf *body, const char **ret_type)
{
    (void)arg;
    (void)ret_type;
    handled++;
    if (str_is(request->path, "/big"))
        for (int i = 0; i < 1 << 20; i++)
            buf_addc(body, 'x');
    buf_adds(body, "hello\n");
    return str_is(request->path, "/missing") ? 404 : 200;
}

static void begin(void)
{
    handled = 0;
    CHECK(loop_new(&loop, &err));
    CHECK(http_server_new(&server, loop, ":0", handler, NULL, &err));
}
static void end(void)
{
    http_server_free(server);
    loop_free(loop);
}

static int connect_client(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int64_t port = 0;
    CHECK(str_to_i64(str_of(strchr(http_server_address(server), ':') + 1), &port));
    to.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS);
    return fd;
}

/* Runs the loop until the server closes fd or ms are over; what came is in answer. */
static struct buf answer;
static bool run_client(int fd, int ms)
{
    int64_t until = mono_us() + ms * 1000LL;
    buf_clear(&answer);
    while (mono_us() < until) {
        static char piece[65536];
        CHECK(loop_once(loop, 1, &err));
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n > 0)
            buf_add(&answer, piece, (size_t)n);
        else if (n == 0 || errno != EAGAIN)
            return true;
    }
    return false;
}

static void send_text(int fd, const char *text)
{
    for (int tries = 0; send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 && tries < 1000; tries++)
        CHECK(loop_once(loop, 1, &err)); /* the connection is not established yet */
}

static bool begins(const char *want) { return answer.data && strncmp(answer.data, want, strlen(want)) == 0; }

static void ask(const char *request, const char *want)
{
    int fd = connect_client();
    send_text(fd, request);
    CHECK(run_client(fd, 5000));
    CHECK(begins(want));
    if (!begins(want))
        printf("# got %s\n", answer.data ? answer.data : "nothing");
    close(fd);
}

TEST(answers)
{
    begin();
    ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n");
    CHECK(strstr(answer.data, "\r\nContent-Length: 6\r\n") && strstr(answer.data, "\r\n\r\nhello\n"));
    ask("HEAD /x HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n");
    CHECK(strstr(answer.data, "\r\nContent-Length: 6\r\n") && !strstr(answer.data, "hello"));
    ask("GET /missing HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n");
    ask("PUT /x HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n");
    CHECK(strstr(answer.data, "\r\nAllow: GET, HEAD\r\n") != NULL);
    ask("\x16\x03\x01\n\n", "HTTP/1.1 400 Bad Request\r\n");
    ask("GET /big HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n");
    CHECK(answer.len > 1 << 20);
    CHECK_INT(handled, 4);
    end();
}

TEST(a_head_that_is_too_large)
{
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "GET / HTTP/1.1\r\nA: ");
    while (b.len < HTTP_REQUEST_MAX + 100)
        buf_addc(&b, 'x');
    begin();
    ask(b.data, "HTTP/1.1 431 ");
    CHECK_INT(handled, 0);
    end();
    buf_free(&b);
}

TEST(a_slow_client_is_served_and_a_silent_one_is_closed)
{
    begin();
    int silent = connect_client(), slow = connect_client();
    static const char request[] = "GET / HTTP/1.1\r\n\r\n";
    for (size_t i = 0; i < sizeof request - 1; i++) {
        char one[2] = {request[i], 0};
        send_text(slow, one);
        CHECK(loop_once(loop, 1, &err));
    }
    CHECK(run_client(slow, 5000) && begins("HTTP/1.1 200"));
    CHECK(run_client(silent, HTTP_CLIENT_MS + 3000));
    CHECK_INT(answer.len, 0);
    close(silent);
    close(slow);
    end();
}

TEST(clients_that_leave)
{
    begin();
    for (int i = 0; i < 100; i++) {
        int fd = connect_client();
        send_text(fd, i % 2 ? "GET /big HTTP/1.1\r\n\r\n" : "GET /b");
        CHECK(loop_once(loop, 1, &err));
        struct linger now = {1, 0}; /* a reset instead of a farewell */
        if (i % 3 == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(fd);
        CHECK(loop_once(loop, 0, &err));
    }
    ask("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n");
    end();
}

TEST(a_full_house_waits)
{
    int fds[HTTP_CLIENTS_MAX + 4];
    begin();
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = connect_client();
    for (int i = 0; i < 100; i++)
        CHECK(loop_once(loop, 1, &err));
    int last = fds[COUNT(fds) - 1];
    send_text(last, "GET / HTTP/1.1\r\n\r\n");
    CHECK(!run_client(last, 50));
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    CHECK(run_client(last, 5000) && begins("HTTP/1.1 200"));
    for (size_t i = 4; i < COUNT(fds); i++)
        close(fds[i]);
    end();
}

TEST(listen_addresses)
{
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {{"127.0.0.1:0", true}, {":0", true},      {"localhost:0", true}, {"9101", false},
                 {"a:b", false},        {":70000", false}, {":-1", false}};
    CHECK(loop_new(&loop, &err));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_server *s = NULL;
        bool ok = http_server_new(&s, loop, cases[i].text, handler, NULL, &err);
        CHECK_INT(ok, cases[i].ok);
        if (ok)
            CHECK(strncmp(http_server_address(s), "127.0.0.1:", 10) == 0);
        else
            CHECK_INT(err.class, ERR_CONFIG);
        http_server_free(s);
    }
    struct http_server *a, *b;
    CHECK(http_server_new(&a, loop, ":0", handler, NULL, &err));
    CHECK(!http_server_new(&b, loop, http_server_address(a), handler, NULL, &err));
    CHECK(err.class == ERR_SYSTEM && strstr(err.hint, "another process has that port"));
    http_server_free(a);
    loop_free(loop);
    buf_free(&answer);
}

TEST_MAIN
