// SPDX-License-Identifier: Apache-2.0
/*
 * From the return of a commit on the source to
 *   bus      the event in the hands of a reader of the configured bus
 *   topic    a message in the hands of a plain librdkafka consumer that reads committed ones, whoever wrote it
 *   visible  the new value in a row of a read model, asked for again and again
 *   answer   the same in an HTTP answer
 * One update each round, 15 ms apart on average. Beside topic, with no source and nothing of ours between:
 *   raw      from a bare librdkafka producer's begin of a transaction (or its send, when it is only idempotent) to that
 *            same consumer; one message of 600 bytes, to each partition in turn
 *   bench_latency bus SOURCE-DSN ROUNDS NAME CONFIG TOPIC         NAME: of the result
 *   bench_latency topic SOURCE-DSN ROUNDS NAME BROKERS TOPIC
 *   bench_latency raw transactional|idempotent ROUNDS NAME BROKERS TOPIC
 *   bench_latency visible SOURCE-DSN ROUNDS NAME READ-DSN
 *   bench_latency answer SOURCE-DSN ROUNDS NAME PORT
 * $BENCH_UPDATE: another update than that of the example, with one %u for the round and one for a row of 1 to 200.
 * $BENCH_SELECT (visible): gives the value, with one %u for the row.
 * Prints lines `name value unit`.
 */
#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hist.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "link/pg/pg.h"
#include "model/config.h"

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

struct round {
    struct pg *source;
    const char *how; /* raw: the kind of producer */
    unsigned n, row;
    unsigned base; /* values start there, so that no earlier run's is taken for this one's */
    char text[40]; /* the new value */
};

static APART void format_sql(char *sql, size_t size, const char *variable, const char *fallback, unsigned a, unsigned b)
{
    const char *format = getenv(variable);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sql, size, format ? format : fallback, a, b);
#pragma GCC diagnostic pop
}

/* Commits the round's change; returns when the commit had returned. */
static APART int64_t change(struct round *r)
{
    struct err err;
    char sql[300];
    format_sql(sql, sizeof sql, "BENCH_UPDATE", "UPDATE users SET phone = 'round %u.' WHERE id = %u", r->base + r->n,
               r->row);
    snprintf(r->text, sizeof r->text, "round %u.", r->base + r->n);
    if (!pg_exec(r->source, sql, &err))
        fail(err.text);
    return mono_us();
}

/* Until the next round: $BENCH_PAUSE_MS, by chance up to twice it, so that the rounds do not march with somebody's
 * polls. */
static void rest(void)
{
    static uint64_t state = 1;
    const char *pause = getenv("BENCH_PAUSE_MS");
    uint64_t us = (pause ? number(pause, 10000) : PAUSE_MS) * 1000;
    state = state * 6364136223846793005u + 1442695040888963407u;
    usleep((useconds_t)((state >> 33) % (2 * us)));
}

static void report(const struct hist *h, const char *what)
{
    printf("%s_p50_ms\t%.2f ms\n%s_p99_ms\t%.2f ms\n", what, (double)hist_quantile(h, 0.5) / 1e3, what,
           (double)hist_quantile(h, 0.99) / 1e3);
}

/* ---- bus ---- */

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

static APART void measure_bus(struct round *r, unsigned rounds, char **args, struct hist *h)
{
    struct err err;
    struct config *config;
    struct bus_progress progress;
    struct bus_reader *reader;
    const char *topic = args[1];
    if (!config_load(args[0], &config, &err))
        fail(err.text);
    struct bus_config bus = bus_config_of(config);
    if (!bus_progress_get(&bus, &progress, &err) ||
        !bus_reader_open(&bus, &progress.lineage, &topic, 1, progress.lsn, &reader, &err))
        fail(err.text);
    for (; r->n < rounds; r->n++, r->row = 1 + r->n % USERS) {
        int64_t at = change(r);
        wait_event(reader, at);
        hist_add(h, (uint64_t)(mono_us() - at));
        rest();
    }
    bus_reader_close(reader);
    config_free(config);
}

/* ---- topic ---- */

static APART rd_kafka_t *consumer(const char *brokers, const char *topic)
{
    static const char *const settings[][2] = {{"group.id", "bench"},
                                              {"isolation.level", "read_committed"},
                                              {"enable.auto.commit", "false"},
                                              {"enable.partition.eof", "true"}};
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof text);
    for (size_t i = 0; i < COUNT(settings); i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text) != RD_KAFKA_CONF_OK)
            fail(text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!rk)
        fail(text);
    rd_kafka_poll_set_consumer(rk);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    if (rd_kafka_metadata(rk, 0, t, &metadata, 5000) || metadata->topic_cnt != 1 || !metadata->topics[0].partition_cnt)
        fail("the topic is not there");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_END;
    rd_kafka_assign(rk, list);
    for (int ends = 0; ends < list->cnt;) { /* only then is it known to miss nothing */
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 5000);
        if (!m)
            fail("the topic cannot be read");
        ends += m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        rd_kafka_message_destroy(m);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(t);
    return rk;
}

static APART void wait_message(rd_kafka_t *rk, int64_t since)
{
    for (bool seen = false; !seen;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 1000);
        seen = m && !m->err;
        if (m)
            rd_kafka_message_destroy(m);
        if (mono_us() - since > LIMIT_US)
            fail("a message did not come");
    }
}

static APART void measure_topic(struct round *r, unsigned rounds, char **args, struct hist *h)
{
    rd_kafka_t *rk = consumer(args[0], args[1]);
    for (; r->n < rounds; r->n++, r->row = 1 + r->n % USERS) {
        int64_t at = change(r);
        wait_message(rk, at);
        hist_add(h, (uint64_t)(mono_us() - at));
        rest();
    }
    rd_kafka_destroy(rk);
}

/* ---- raw ---- */

/* A flush is only woken by reports: without them it looks every 10 ms. */
static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (m->err)
        fail(rd_kafka_err2str(m->err));
}

static APART rd_kafka_t *producer(const char *brokers, bool transactional)
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof text);
    if (rd_kafka_conf_set(conf, "linger.ms", "0", text, sizeof text) != RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, transactional ? "transactional.id" : "enable.idempotence",
                          transactional ? "bench" : "true", text, sizeof text) != RD_KAFKA_CONF_OK)
        fail(text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!rk)
        fail(text);
    if (transactional && rd_kafka_init_transactions(rk, 10000))
        fail("no transactions");
    return rk;
}

static APART int64_t send_raw(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, bool transactional)
{
    char value[600] = "";
    int64_t at = mono_us();
    if (transactional && rd_kafka_begin_transaction(rk))
        fail("a transaction does not begin");
    if (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, value, sizeof value, NULL, 0, NULL) != 0)
        fail("a message is refused");
    if (transactional ? rd_kafka_commit_transaction(rk, 5000) != NULL : rd_kafka_flush(rk, 5000) != 0)
        fail("a message is not stored");
    return at;
}

static APART void measure_raw(struct round *r, unsigned rounds, char **args, struct hist *h)
{
    bool transactional = strcmp(r->how, "transactional") == 0;
    const struct rd_kafka_metadata *metadata;
    rd_kafka_t *rk = consumer(args[0], args[1]), *sender = producer(args[0], transactional);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(sender, args[1], NULL);
    if (rd_kafka_metadata(sender, 0, topic, &metadata, 5000) || metadata->topic_cnt != 1)
        fail("the topic is not there");
    int partitions = metadata->topics[0].partition_cnt;
    for (; r->n < rounds; r->n++) {
        int64_t at = send_raw(sender, topic, (int32_t)(r->n % (unsigned)partitions), transactional);
        wait_message(rk, at);
        hist_add(h, (uint64_t)(mono_us() - at));
        rest();
    }
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(sender);
    rd_kafka_destroy(rk);
}

/* ---- visible ---- */

static APART void measure_visible(struct round *r, unsigned rounds, char **args, struct hist *h)
{
    struct err err;
    struct pg read;
    char sql[300];
    if (!pg_open(&read, PG_TARGET, "read model", args[0], false, &err))
        fail(err.text);
    for (; r->n < rounds; r->n++, r->row = 1 + r->n % USERS) {
        int64_t at = change(r);
        format_sql(sql, sizeof sql, "BENCH_SELECT", "SELECT phone FROM mirror.users WHERE id = %u", r->row, 0);
        for (bool seen = false; !seen;) {
            PG_RESULT rows = NULL;
            if (!pg_query(&read, sql, &rows, &err))
                fail(err.text);
            seen = PQntuples(rows) == 1 && strcmp(PQgetvalue(rows, 0, 0), r->text) == 0;
            if (mono_us() - at > LIMIT_US)
                fail("a change did not come");
        }
        hist_add(h, (uint64_t)(mono_us() - at));
        rest();
    }
    pg_close(&read);
}

/* ---- answer ---- */

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

static APART void measure_answer(struct round *r, unsigned rounds, char **args, struct hist *h)
{
    char *answer = xmalloc(ANSWER_MAX);
    CLEANUP(free_ptr) struct hist *request = xcalloc(1, sizeof *request);
    int fd = dial(args[0]);
    hist_clear(request);
    for (; r->n < rounds; r->n++, r->row = 1 + r->n % USERS) {
        int64_t at = change(r);
        for (bool seen = false; !seen;) {
            int64_t begun = mono_us();
            seen = asked(fd, r->row, r->text, answer);
            hist_add(request, (uint64_t)(mono_us() - begun));
            if (mono_us() - at > LIMIT_US)
                fail("a change did not come");
        }
        hist_add(h, (uint64_t)(mono_us() - at));
        rest();
    }
    close(fd);
    free(answer);
    report(request, "one_request");
}

static const struct {
    const char *name;
    int args;
    void (*measure)(struct round *r, unsigned rounds, char **args, struct hist *h);
} modes[] = {{"bus", 2, measure_bus},
             {"topic", 2, measure_topic},
             {"raw", 2, measure_raw},
             {"visible", 1, measure_visible},
             {"answer", 1, measure_answer}};

int main(int argc, char **argv)
{
    struct err err;
    struct pg source;
    CLEANUP(free_ptr) struct hist *h = xcalloc(1, sizeof *h);
    struct round r = {.source = &source, .row = 1, .base = (unsigned)(now_us() / 1000 % 1000000000)};
    for (size_t i = 0; i < COUNT(modes); i++) {
        if (argc != 5 + modes[i].args || strcmp(argv[1], modes[i].name) != 0)
            continue;
        bool raw = modes[i].measure == measure_raw;
        r.how = argv[2];
        if (!raw && !pg_open(&source, PG_SOURCE, "source", argv[2], false, &err))
            fail(err.text);
        hist_clear(h);
        modes[i].measure(&r, number(argv[3], 1000000), argv + 5, h);
        report(h, argv[4]);
        if (!raw)
            pg_close(&source);
        return 0;
    }
    fail("usage: bench_latency bus|topic|raw|visible|answer SOURCE ROUNDS NAME ...");
}
