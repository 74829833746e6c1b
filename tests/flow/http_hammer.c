// SPDX-License-Identifier: Apache-2.0
/*
 * Load for the edge that checks every answer: raw sockets, keepalive, pipelining, one thread.
 *   http_hammer PORT [-c CONNECTIONS] [-d DEPTH] [-n REQUESTS | -s SECONDS] [-k KEYS] [-a ABORT_PERCENT] [-p PREFIX]
 * [-x] Asks for PREFIX<key> (default /users/) with keys 1..KEYS and accepts as the body either the read model's
 * ({"id" : <key>, ...) or the legacy side's ("legacy GET PREFIX<key>"), for exactly that key: an answer that belongs to
 * another request is `wrong`. A connection closed before the first byte of an answer is no failure of a GET (RFC 9110,
 * 9.2.2): the request is sent again and counted as `retried`; one closed within an answer is `failed`.
 * With -x any body of status 200 will do.
 * Prints one line of key=value; exit 1 when something was wrong or failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { DEPTH_MAX = 64, IN_MAX = 1 << 20 };

struct client {
    int fd;
    unsigned keys[DEPTH_MAX]; /* asked for, in order */
    int asked;
    struct buf out;
    char *in;
    size_t in_len;
    bool close_after;
};

static int port, connections = 16, depth = 1, epoll_fd;
static long wanted = 10000, seconds, key_count = 1000, abort_percent;
static const char *prefix = "/users/";
static bool any_body; /* for benchmarks: only the status counts */
static long started, done, stream, legacy, other, wrong, failed, retried, aborted, connects;
static int64_t stop_us;
static unsigned seed = 1;

static unsigned random_number(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static bool finished(void) { return seconds ? now_us() >= stop_us : started >= wanted; }

static void ask(struct client *c, unsigned key)
{
    c->keys[c->asked++] = key;
    buf_printf(&c->out, "GET %s%u HTTP/1.1\r\nHost: edge\r\nX-User-Id: %u\r\n\r\n", prefix, key, key);
}

static void fill(struct client *c)
{
    while (c->asked < depth && !finished() && !c->close_after) {
        started++;
        ask(c, 1 + random_number() % (unsigned)key_count);
    }
}

static void watch(struct client *c, int op)
{
    struct epoll_event ev = {.events = EPOLLIN | (c->out.len ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(epoll_fd, op, c->fd, &ev);
}

static void dial(struct client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int one = 1;
    for (int tries = 0;; tries++) {
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0)
            break;
        close(c->fd);
        if (tries == 200) {
            fprintf(stderr, "http_hammer: cannot connect: %s\n", strerror(errno));
            exit(1);
        }
        usleep(10000);
    }
    connects++;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->in_len = 0;
    c->close_after = false;
    watch(c, EPOLL_CTL_ADD);
}

/* A new connection; what had no answer yet is asked for again. */
static void redial(struct client *c, bool count)
{
    unsigned keys[DEPTH_MAX];
    int n = c->asked;
    memcpy(keys, c->keys, sizeof keys);
    close(c->fd);
    buf_clear(&c->out);
    c->asked = 0;
    dial(c);
    for (int i = 0; i < n; i++) {
        retried += count;
        ask(c, keys[i]);
    }
    watch(c, EPOLL_CTL_MOD);
}

static bool body_fits(struct str body, unsigned key, bool is_legacy)
{
    char want[256];
    if (is_legacy)
        snprintf(want, sizeof want, "legacy GET %s%u\n", prefix, key);
    else
        snprintf(want, sizeof want, "{\"id\" : %u, \"side\" : \"stream\", ", key);
    return is_legacy ? str_is(body, want) : str_starts(body, str_of(want)) && body.data[body.len - 1] == '}';
}

static void judge(struct str head, struct str body, unsigned key)
{
    bool is_legacy = memmem(head.data, head.len, "Undam-Route: legacy", 19) != NULL;
    bool is_stream = memmem(head.data, head.len, "Undam-Route: stream", 19) != NULL;
    done++;
    if (memcmp(head.data, "HTTP/1.1 200", 12) != 0) {
        other++;
        return;
    }
    stream += is_stream;
    legacy += is_legacy;
    if (any_body || ((is_stream || is_legacy) && body_fits(body, key, is_legacy)))
        return;
    if (wrong++ < 5)
        fprintf(stderr, "wrong answer for %s%u:\n%.*s%.*s\n", prefix, key, STR_ARG(head),
                (int)(body.len < 200 ? body.len : 200), body.data);
}

/* Takes one whole answer off the input; false when there is none yet. */
static bool take_answer(struct client *c)
{
    char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4), *length;
    if (!end)
        return false;
    size_t head = (size_t)(end - c->in) + 4;
    end[2] = '\0'; /* the blank line's CR; the head is text now */
    length = strcasestr(c->in, "\nContent-Length:");
    size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
    bool close_after = strcasestr(c->in, "\nConnection: close") != NULL;
    end[2] = '\r';
    if (c->in_len < head + body)
        return false;
    if (c->asked == 0) {
        fprintf(stderr, "an answer nobody asked for\n");
        wrong++;
        exit(1);
    }
    judge(str_n(c->in, head), str_n(c->in + head, body), c->keys[0]);
    memmove(c->keys, c->keys + 1, (size_t)(c->asked - 1) * sizeof c->keys[0]);
    c->asked--;
    c->close_after |= close_after;
    memmove(c->in, c->in + head + body, c->in_len - head - body);
    c->in_len -= head + body;
    return true;
}

static void on_closed(struct client *c)
{
    if (c->in_len && c->asked) {
        fprintf(stderr, "closed within an answer: %.*s\n", (int)(c->in_len < 200 ? c->in_len : 200), c->in);
        failed++;
        memmove(c->keys, c->keys + 1, (size_t)(c->asked - 1) * sizeof c->keys[0]);
        c->asked--;
    }
    redial(c, true);
}

static void on_input(struct client *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, IN_MAX - c->in_len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        on_closed(c);
        return;
    }
    c->in_len += (size_t)n;
    while (take_answer(c))
        ;
}

static void on_output(struct client *c)
{
    ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n <= 0)
        return;
    memmove(c->out.data, c->out.data + n, c->out.len - (size_t)n);
    c->out.len -= (size_t)n;
    if (abort_percent && random_number() % 100 < (unsigned)abort_percent) {
        aborted += c->asked;
        c->asked = 0;
        redial(c, false);
        fill(c);
    }
}

static void serve(struct client *c, unsigned events)
{
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        on_input(c);
    if (c->close_after)
        redial(c, true);
    fill(c);
    if (c->out.len)
        on_output(c);
    watch(c, EPOLL_CTL_MOD);
}

static bool parse(int argc, char **argv)
{
    for (int o; (o = getopt(argc, argv, "c:d:n:s:k:a:p:r:x")) != -1;) {
        long value = optarg ? strtol(optarg, NULL, 10) : 0;
        switch (o) {
        case 'c': connections = (int)value; break;
        case 'd': depth = value < DEPTH_MAX ? (int)value : DEPTH_MAX; break;
        case 'n': wanted = value; break;
        case 's': seconds = value; break;
        case 'k': key_count = value; break;
        case 'a': abort_percent = value; break;
        case 'p': prefix = optarg; break;
        case 'r': seed = (unsigned)value; break;
        case 'x': any_body = true; break;
        default: return false;
        }
    }
    port = optind < argc ? (int)strtol(argv[optind], NULL, 10) : 0;
    return port > 0 && connections > 0 && depth > 0;
}

int main(int argc, char **argv)
{
    if (!parse(argc, argv)) {
        fprintf(stderr, "usage: http_hammer [-c N] [-d N] [-n N | -s SECONDS] [-k KEYS] [-a PERCENT] [-p PREFIX] [-r "
                        "SEED] [-x] PORT\n");
        return 2;
    }
    struct client *clients = xcalloc((size_t)connections, sizeof *clients);
    int64_t begun = now_us();
    stop_us = begun + seconds * 1000000;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < connections; i++) {
        clients[i].in = xmalloc(IN_MAX + 1);
        buf_init(&clients[i].out, 0);
        dial(&clients[i]);
        fill(&clients[i]);
        watch(&clients[i], EPOLL_CTL_MOD);
    }
    int64_t quiet_since = now_us();
    for (long before = -1; done + aborted + failed < started || !finished();) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll_fd, events, 64, 1000);
        for (int i = 0; i < n; i++)
            serve(events[i].data.ptr, events[i].events);
        if (done + aborted + failed != before)
            quiet_since = now_us();
        before = done + aborted + failed;
        if (now_us() - quiet_since > 20000000) {
            fprintf(stderr, "no answer for 20 s\n");
            failed++;
            break;
        }
    }
    double took = (double)(now_us() - begun) / 1e6;
    printf("requests=%ld stream=%ld legacy=%ld other=%ld wrong=%ld failed=%ld retried=%ld aborted=%ld connects=%ld "
           "rps=%.0f\n",
           done, stream, legacy, other, wrong, failed, retried, aborted, connects, (double)done / took);
    return wrong || failed ? 1 : 0;
}
