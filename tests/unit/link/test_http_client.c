// SPDX-License-Identifier: Apache-2.0
/* The HTTP client against the small server of base/http.h, in one loop. */
#include "test.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http.h"
#include "base/mem.h"
#include "link/http/http_client.h"

static struct loop *loop;
static struct http_pool *pool;
static struct http_server *server;
static int done;
static const char *const wanted[] = {"content-type", "x-nothing"};

static int answer(void *arg, const struct http_request *r, struct buf *body, const char **type)
{
    (void)arg;
    if (str_is(r->path, "/large"))
        for (int i = 0; i < 100000; i++)
            buf_addc(body, 'x');
    else
        buf_printf(body, STR_FMT "?" STR_FMT, STR_ARG(r->path), STR_ARG(r->query));
    *type = "application/json; charset=utf-8";
    return str_is(r->path, "/missing") ? 404 : 200;
}

static void on_done(struct http_call *call)
{
    (void)call;
    done++;
}

static void begin(void)
{
    struct err err;
    done = 0;
    CHECK(loop_new(&loop, &err));
    CHECK(http_server_new(&server, loop, "127.0.0.1:0", answer, NULL, &err));
    CHECK(http_pool_new(&pool, loop, 4, &err));
}

static void end(void)
{
    http_pool_free(pool);
    http_server_free(server);
    loop_free(loop);
}

static void run_until(int count)
{
    struct err err;
    for (int i = 0; i < 2000 && done < count; i++)
        CHECK(loop_once(loop, 10, &err));
    CHECK_INT(done, count);
}

static struct http_call call_of(const char *address, const char *target)
{
    return (struct http_call){.url = xasprintf("http://%s%s", address, target),
                              .timeout_ms = 5000,
                              .body_max = 1000,
                              .wanted = wanted,
                              .wanted_count = 2,
                              .on_done = on_done};
}

static void drop(struct http_call *c)
{
    char *url;
    memcpy(&url, &c->url, sizeof url);
    free(url);
    http_call_clear(c);
}

TEST(answers_come_beside_each_other)
{
    begin();
    static struct http_call calls[8];
    for (int i = 0; i < 8; i++) {
        calls[i] = call_of(http_server_address(server), i == 3 ? "/missing" : i == 5 ? "/large" : "/a/../b?x=1");
        calls[i].head = i == 6;
        http_call_start(pool, &calls[i]);
    }
    run_until(8);
    CHECK(!calls[0].failed && calls[0].status == 200);
    CHECK_STR(buf_str(&calls[0].body), "/a/../b?x=1"); /* the path as it is */
    CHECK_STR(str_of(calls[0].values[0]), "application/json; charset=utf-8");
    CHECK_STR(str_of(calls[0].values[1]), "");
    CHECK(calls[3].status == 404 && !calls[3].failed);
    CHECK(calls[5].failed && strstr(calls[5].error, "larger than 1000 bytes"));
    CHECK(!calls[6].failed && calls[6].status == 200 && calls[6].body.len == 0);
    for (int i = 0; i < 8; i++)
        drop(&calls[i]);
    end();
}

TEST(nobody_there_and_nobody_answering)
{
    begin();
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    char silent[64], refused[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 4) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&a, &size) == 0);
    snprintf(silent, sizeof silent, "127.0.0.1:%d", ntohs(a.sin_port));
    int closed = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_port = 0;
    CHECK(bind(closed, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(closed, (struct sockaddr *)&a, &size) == 0);
    snprintf(refused, sizeof refused, "127.0.0.1:%d", ntohs(a.sin_port));
    static struct http_call slow, none;
    slow = call_of(silent, "/");
    slow.timeout_ms = 100;
    none = call_of(refused, "/");
    http_call_start(pool, &slow);
    http_call_start(pool, &none);
    run_until(2);
    CHECK(slow.failed && slow.timed_out);
    CHECK(none.failed && !none.timed_out && none.error[0]);
    drop(&slow);
    drop(&none);
    close(fd);
    close(closed);
    end();
}

TEST(a_pool_that_ends_ends_its_calls)
{
    begin();
    static struct http_call c;
    c = call_of(http_server_address(server), "/x");
    http_call_start(pool, &c);
    end();
    CHECK_INT(done, 1);
    CHECK(c.failed);
    drop(&c);
}

/* A server that keeps what it is sent and answers nothing special. */
struct echo {
    int listening, fd;
    char text[4096];
    size_t len, want; /* bytes the request has */
};

static void on_echo(void *arg, unsigned events)
{
    static const char answer_text[] = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    struct echo *e = arg;
    (void)events;
    ssize_t n = read(e->fd, e->text + e->len, sizeof e->text - 1 - e->len);
    if (n > 0)
        e->len += (size_t)n;
    e->text[e->len] = '\0';
    const char *end = strstr(e->text, "\r\n\r\n"), *length = strcasestr(e->text, "\r\nContent-Length: ");
    if (n > 0 && (!end || e->len < (size_t)(end + 4 - e->text) + (length ? strtoul(length + 18, NULL, 10) : 0)))
        return;
    CHECK(write(e->fd, answer_text, sizeof answer_text - 1) == (ssize_t)sizeof answer_text - 1);
    loop_fd_remove(loop, e->fd);
    close(e->fd);
}

static void on_connection(void *arg, unsigned events)
{
    struct echo *e = arg;
    struct err err;
    (void)events;
    e->fd = accept(e->listening, NULL, NULL);
    e->len = 0;
    CHECK(loop_fd(loop, e->fd, LOOP_READ, on_echo, e, &err));
}

static char *echo_begin(struct echo *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    struct err err;
    *e = (struct echo){.listening = socket(AF_INET, SOCK_STREAM, 0)};
    CHECK(bind(e->listening, (struct sockaddr *)&a, sizeof a) == 0 && listen(e->listening, 4) == 0);
    CHECK(getsockname(e->listening, (struct sockaddr *)&a, &size) == 0);
    CHECK(loop_fd(loop, e->listening, LOOP_READ, on_connection, e, &err));
    return xasprintf("127.0.0.1:%d", ntohs(a.sin_port));
}

static void echo_end(struct echo *e)
{
    loop_fd_remove(loop, e->listening);
    close(e->listening);
}

TEST(bodies_and_credentials_are_sent)
{
    static struct echo e;
    static const struct str lines[] = {{"Content-Type: application/x", 27}};
    static struct http_call c;
    begin();
    CLEANUP(free_ptr) char *address = echo_begin(&e);
    c = call_of(address, "/subjects");
    c.method = "POST";
    c.send = STR("{\"a\":1}");
    c.headers = lines;
    c.header_count = 1;
    c.auth = HTTP_AUTH_BASIC;
    c.secret = "user:pass word";
    http_call_start(pool, &c);
    run_until(1);
    CHECK(!c.failed && c.status == 201);
    CHECK(strstr(e.text, "POST /subjects HTTP/1.1\r\n") == e.text);
    CHECK(strstr(e.text, "\r\nAuthorization: Basic dXNlcjpwYXNzIHdvcmQ=\r\n"));
    CHECK(strstr(e.text, "\r\nContent-Type: application/x\r\n"));
    CHECK(strstr(e.text, "\r\nUser-Agent: undam/"));
    CHECK(strstr(e.text, "\r\n\r\n{\"a\":1}"));
    drop(&c);
    c = call_of(address, "/x");
    c.method = "DELETE";
    c.auth = HTTP_AUTH_BEARER;
    c.secret = "to.ken-1";
    c.agent = "me/1";
    done = 0;
    http_call_start(pool, &c);
    run_until(1);
    CHECK(!c.failed && strstr(e.text, "DELETE /x HTTP/1.1\r\n") == e.text);
    CHECK(strstr(e.text, "\r\nAuthorization: Bearer to.ken-1\r\n") && strstr(e.text, "\r\nUser-Agent: me/1\r\n"));
    CHECK(!strstr(e.text, "Content-Type"));
    drop(&c);
    echo_end(&e);
    end();
}

TEST(what_waiting_does_not_mend_is_told_apart)
{
    static struct http_call calls[3];
    begin();
    calls[0] = call_of("[::1", "/");
    calls[1] = call_of(http_server_address(server), "/");
    calls[1].ca = "/nonexistent/ca.pem";
    calls[2] = call_of("127.0.0.1:1", "/");
    char *plain, *secure = xasprintf("https://%s/", http_server_address(server));
    memcpy(&plain, &calls[1].url, sizeof plain);
    free(plain);
    calls[1].url = secure;
    for (int i = 0; i < 3; i++) {
        calls[i].auth = HTTP_AUTH_BASIC;
        calls[i].secret = "user:hidden";
        http_call_start(pool, &calls[i]);
    }
    run_until(3);
    CHECK(calls[0].failed && calls[0].misconfigured);
    CHECK(calls[1].failed && calls[1].misconfigured);
    CHECK(calls[2].failed && !calls[2].misconfigured);
    for (int i = 0; i < 3; i++) {
        CHECK(calls[i].error[0] && !strstr(calls[i].error, "hidden"));
        drop(&calls[i]);
    }
    end();
}

TEST_MAIN
