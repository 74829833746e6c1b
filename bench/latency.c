// SPDX-License-Identifier: Apache-2.0
/*
 * From the return of a commit on the source to (bus) the event in the hands of a reader of the bus, or (answer) the new
 * value in an HTTP answer, asked for again and again. One update of users.phone each round, paced, from a seed.
 *   bench_latency bus SOURCE-DSN BUS-DSN PREFIX TOPIC ROUNDS
 *   bench_latency answer SOURCE-DSN PORT ROUNDS
 * Prints lines `name value unit`.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hist.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "link/pg/pg.h"

enum { USERS = 200, PAUSE_MS = 15, LIMIT_US = 5000000, ANSWER_MAX = 1 << 16 };

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_latency: %s\n", what);
    exit(8);
}

static unsigned number(const char *text, int64_t max)
{
    int64_t v;
    if (!str_to_i64(str_of(text), &v) || v < 1 || v > max)
        fail("not a number in its range");
    return (unsigned)v;
}

/* Kept out of main(), whose frame would hold them all. */
#define APART __attribute__((noinline))

/* Commits round n's change; returns when the commit had returned. */
static APART int64_t change(struct pg *source, unsigned user, unsigned n)
{
    struct err err;
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE users SET phone = 'round %u.' WHERE id = %u", n, user);
    if (!pg_exec(source, sql, &err))
        fail(err.text);
    return mono_us();
}

static void report(const struct hist *h, const char *what)
{
    printf("%s_p50_ms\t%.2f ms\n%s_p99_ms\t%.2f ms\n", what, (double)hist_quantile(h, 0.5) / 1e3, what,
           (double)hist_quantile(h, 0.99) / 1e3);
}

/* Waits until the reader has an event; the change is the only one under way. */
static APART void wait_event(struct bus_reader *reader, int64_t since)
{
    struct err err;
    struct bus_read_limits limits = {.events_max = 1000, .bytes_max = 1 << 20, .wait_ms = 1000};
    struct bus_batch batch;
    bus_batch_init(&batch);
    do {
        if (!bus_reader_fetch(reader, &limits, &batch, &err))
            fail(err.text);
        if (mono_us() - since > LIMIT_US)
            fail("an event did not come");
    } while (batch.part_count == 0);
    bus_batch_free(&batch);
}

static APART void measure_bus(struct pg *source, const char *dsn, const char *prefix, const char *topic,
                              unsigned rounds, struct hist *h)
{
    struct err err;
    struct bus_config config = {
        .driver = "postgres", .dsn = dsn, .source = "fintech", .prefix = prefix, .partitions = 8, .retention_days = 7};
    struct bus_progress progress;
    struct bus_reader *reader;
    if (!bus_progress_get(&config, &progress, &err) ||
        !bus_reader_open(&config, &progress.lineage, &topic, 1, progress.lsn, &reader, &err))
        fail(err.text);
    for (unsigned n = 0; n < rounds; n++) {
        int64_t at = change(source, 1 + n % USERS, n);
        wait_event(reader, at);
        hist_add(h, (uint64_t)(mono_us() - at));
        usleep(PAUSE_MS * 1000);
    }
    bus_reader_close(reader);
}

static int dial(const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)number(port, 65535)),
                            .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        fail("cannot connect to nginx");
    return fd;
}

/* Whether the answer of one GET holds `want`. Bodies here have a length and are small. */
static bool asked(int fd, unsigned user, const char *want, char *answer)
{
    char request[200];
    int n = snprintf(request, sizeof request, "GET /users/%u HTTP/1.1\r\nHost: x\r\nUndam-Force: stream\r\n\r\n", user);
    if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        fail("nginx closed the connection");
    size_t len = 0, need = 0;
    while (need == 0 || len < need) {
        ssize_t got = recv(fd, answer + len, ANSWER_MAX - 1 - len, 0);
        if (got <= 0)
            fail("nginx closed the connection");
        len += (size_t)got;
        answer[len] = '\0';
        const char *head = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "\r\nContent-Length:");
        if (head && !length)
            fail("an answer without a length");
        if (head)
            need = (size_t)(head + 4 - answer) + strtoul(length + 17, NULL, 10);
    }
    if (!strstr(answer, "Undam-Route: stream"))
        fail("an answer did not come from the read model");
    return strstr(answer, want) != NULL;
}

static APART void measure_answer(struct pg *source, const char *port, unsigned rounds, struct hist *h,
                                 struct hist *request)
{
    char *answer = xmalloc(ANSWER_MAX);
    int fd = dial(port);
    for (unsigned n = 0; n < rounds; n++) {
        char want[40];
        snprintf(want, sizeof want, "\"round %u.\"", n);
        int64_t at = change(source, 1 + n % USERS, n);
        for (bool seen = false; !seen;) {
            int64_t begun = mono_us();
            seen = asked(fd, 1 + n % USERS, want, answer);
            hist_add(request, (uint64_t)(mono_us() - begun));
            if (mono_us() - at > LIMIT_US)
                fail("a change did not come");
        }
        hist_add(h, (uint64_t)(mono_us() - at));
        usleep(PAUSE_MS * 1000);
    }
    close(fd);
    free(answer);
}

int main(int argc, char **argv)
{
    struct err err;
    struct pg source;
    CLEANUP(free_ptr) struct hist *h = xcalloc(1, sizeof *h), *request = xcalloc(1, sizeof *request);
    if (argc < 5)
        fail("usage: bench_latency bus SOURCE BUS PREFIX TOPIC ROUNDS | answer SOURCE PORT ROUNDS");
    if (!pg_open(&source, PG_SOURCE, "source", argv[2], false, &err))
        fail(err.text);
    hist_clear(h);
    hist_clear(request);
    if (argc == 7) {
        measure_bus(&source, argv[3], argv[4], argv[5], number(argv[6], 1000000), h);
        report(h, "commit_to_bus");
    } else {
        measure_answer(&source, argv[3], number(argv[4], 1000000), h, request);
        report(h, "commit_to_answer");
        report(request, "one_request");
    }
    pg_close(&source);
    return 0;
}
