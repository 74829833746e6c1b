// SPDX-License-Identifier: Apache-2.0
/*
 * The kafka driver's writer where it is alone: twins that were paused, source transactions larger than a Kafka
 * transaction and killed in the middle, limits of topics, drift, strangers, settings. BUS_DSN: a broker with
 * transaction.max.timeout.ms=8000, message.max.bytes as Kafka has it and auto.create.topics.enable=true; BUS_DELIVERY.
 * What must be read is a function of the transaction's number, as in tests/flow/bus_conformance.c.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "bus/bus.h"
#include "bus/kafka.h"
#include "bus/kafka_check.h"
#include "bus/kafka_record.h"
#include "bus/kafka_tail.h"
#include "bus/kafka_topics.h"
#include "conformance.h"
#include "link/kafka/producer.h"

static const struct lineage lineage = {.system_id = 7300000000000000001u, .timeline = 1, .database = "d", .slot = "s"};

static bool ordered(void) { return strcmp(getenv("BUS_DELIVERY"), "ordered") == 0; }

static struct bus_config config_of(const char *source)
{
    return (struct bus_config){.driver = "kafka",
                               .dsn = getenv("BUS_DSN"),
                               .source = source,
                               .prefix = source,
                               .partitions = 4,
                               .retention_days = 7,
                               .replication = 1,
                               .min_insync = 1,
                               .delivery = getenv("BUS_DELIVERY")};
}

#define REFUSED(call, want, words)                                   \
    do {                                                             \
        CHECK(!(call));                                              \
        CHECK_INT(err.class, want);                                  \
        CHECK(good(strstr(err.text, words) != NULL, &err, "words")); \
        CHECK(err.hint[0]);                                          \
    } while (0)

static struct bus_writer *writer_new(const struct bus_config *config, struct bus_progress *progress)
{
    struct bus_writer *w = NULL;
    struct err err = {0};
    if (!good(bus_writer_open(config, &lineage, NULL, NULL, &w, progress, &err), &err, "writer open"))
        exit(1);
    return w;
}

/* Event seq of transaction lsn; `salt` makes another one. Every 97th is in all partitions. */
static struct event event_make(char *value, size_t size, const char *topic, uint64_t lsn, uint32_t seq, unsigned salt)
{
    static char key[24];
    snprintf(key, sizeof key, "%llu", (unsigned long long)(lsn * 31 + seq) % 50);
    memset(value, 'a' + (int)((lsn + seq + salt) % 23), size);
    struct event e = {.pos = {lsn, seq},
                      .op = EVENT_CREATED,
                      .topic = str_of(topic),
                      .entity = STR("public.t"),
                      .type = STR("t.created"),
                      .subject = str_of(key),
                      .key = str_of(key),
                      .value = {value, size}};
    if (seq % 97 == 0)
        e = (struct event){.pos = e.pos,
                           .op = EVENT_TRUNCATED,
                           .partition = EVENT_ALL_PARTITIONS,
                           .topic = e.topic,
                           .entity = e.entity,
                           .type = STR("t.truncated"),
                           .key_null = true,
                           .value_null = true};
    return e;
}

enum { VALUE = 100 };

static bool put_some(struct bus_writer *w, const char *topic, uint64_t lsn, uint32_t from, uint32_t to, unsigned salt,
                     struct err *err)
{
    char value[VALUE];
    for (uint32_t seq = from; seq <= to; seq++) {
        struct event e = event_make(value, VALUE, topic, lsn, seq, salt);
        if (!bus_writer_put(w, &e, err))
            return false;
    }
    return true;
}

static bool begin(struct bus_writer *w, uint64_t lsn, struct err *err)
{
    struct event_txn txn = {.lsn = lsn, .commit_time_us = (int64_t)lsn, .xid = 1};
    return bus_writer_begin(w, &txn, err);
}

static bool put_txn(struct bus_writer *w, const char *topic, uint64_t lsn, uint32_t events, unsigned salt,
                    struct err *err)
{
    return begin(w, lsn, err) && put_some(w, topic, lsn, 1, events, salt, err) && bus_writer_end(w, err);
}

/* Reads all from the start: each event once and as `salt` made it. Returns the transactions, -1 when something is
 * wrong. */
static int read_all(const struct bus_config *config, const char *topic, unsigned salt, uint64_t *ret_events)
{
    struct bus_reader *r;
    struct bus_batch b;
    struct bus_read_limits limits = {5000, 10000000, 0};
    struct err err = {0};
    char value[VALUE];
    int txns = 0;
    uint64_t lsn = 0, events = 0;
    uint32_t seq = 0;
    bool ok = good(bus_reader_open(config, &lineage, NULL, 0, 0, &r, &err), &err, "reader open");
    if (!ok)
        return -1;
    bus_batch_init(&b);
    while ((ok = ok && good(bus_reader_fetch(r, &limits, &b, &err), &err, "fetch")) && b.part_count) {
        for (size_t i = 0; i < b.part_count; i++) {
            const struct bus_part *p = &b.parts[i];
            ok = ok && (p->begins ? seq == 0 && p->txn.lsn > lsn : p->txn.lsn == lsn);
            lsn = p->txn.lsn;
            for (size_t k = 0; k < p->event_count; k++, events++) {
                struct event want = event_make(value, VALUE, topic, lsn, ++seq, salt);
                ok = ok && p->events[k].pos.seq == seq && str_eq(p->events[k].value, want.value) &&
                     p->events[k].op == want.op;
            }
            ok = ok && (!p->ends || p->txn.events == seq);
            if (p->ends) {
                txns++;
                seq = 0;
            }
        }
    }
    ok = ok && seq == 0;
    bus_batch_free(&b);
    bus_reader_close(r);
    if (ret_events)
        *ret_events = events;
    return ok ? txns : -1;
}

/* ---- twins ---- */

/* The child opens, puts without a flush, stops itself; woken up it flushes and says how that went. */
static pid_t paused_twin(const struct bus_config *config, const char *topic)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid)
        return pid;
    struct bus_progress progress;
    struct err err = {0};
    struct bus_writer *w = writer_new(config, &progress);
    if (!put_txn(w, topic, 10, 200, 1, &err) || !bus_writer_flush(w, &err) || !put_txn(w, topic, 20, 200, 1, &err))
        _exit(9);
    raise(SIGSTOP);
    /* Ordered: it goes on for a while, as one that has not noticed. */
    if (ordered() && !put_txn(w, topic, 30, 200, 1, &err))
        _exit(5);
    if (bus_writer_flush(w, &err))
        _exit(0);
    _exit(err.class == ERR_STATE && strstr(err.text, "fenced") ? 3 : 4);
}

TEST(a_twin_that_wakes_up)
{
    struct bus_config config = config_of(ordered() ? "twin-o" : "twin-e");
    const char *topic = ordered() ? "twin-o.a" : "twin-e.a";
    struct bus_progress progress;
    struct err err = {0};
    uint64_t events;
    int status;
    pid_t pid = paused_twin(&config, topic);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    struct bus_writer *w = writer_new(&config, &progress);
    CHECK(progress.lsn == 10 || (ordered() && progress.lsn == 20));
    if (progress.lsn == 10)
        GOOD(put_txn(w, topic, 20, 200, 1, &err));
    GOOD(bus_writer_flush(w, &err));
    kill(pid, SIGCONT);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 3);
    GOOD(put_txn(w, topic, 30, 200, 1, &err) && put_txn(w, topic, 40, 200, 1, &err) && bus_writer_flush(w, &err));
    bus_writer_close(w);
    CHECK_INT(read_all(&config, topic, 1, &events), 4);
    CHECK_INT(events, 800);
}

/* Writers that are stopped anywhere, replaced, and killed later. */
TEST(twins_at_any_instant)
{
    struct bus_config config = config_of(ordered() ? "twins-o" : "twins-e");
    const char *topic = ordered() ? "twins-o.a" : "twins-e.a";
    pid_t pids[6];
    struct bus_progress progress;
    for (unsigned i = 0; i < COUNT(pids); i++) {
        int fds[2];
        char opened;
        fflush(stdout);
        CHECK(pipe(fds) == 0);
        pids[i] = fork();
        if (pids[i] == 0) {
            struct err err = {0};
            struct bus_writer *w = writer_new(&config, &progress);
            for (uint64_t lsn = progress.lsn + 10;; lsn += 10) {
                if (!put_txn(w, topic, lsn, 40, 1, &err) || (lsn % 70 == 0 && !bus_writer_flush(w, &err)))
                    _exit((int)err.class);
                if (lsn == progress.lsn + 10) /* the topic is there and looked at, which takes its time */
                    (void)!write(fds[1], "o", 1);
            }
        }
        close(fds[1]);
        CHECK(read(fds[0], &opened, 1) == 1);
        close(fds[0]);
        usleep(20000 + i * 13000);
        kill(pids[i], SIGSTOP);
        if (i > 0) { /* the one before wakes up and finds its place taken */
            kill(pids[i - 1], SIGCONT);
            usleep(20000);
        }
    }
    for (unsigned i = 0; i < COUNT(pids); i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    struct bus_writer *w = writer_new(&config, &progress); /* what the last one had begun is aborted */
    bus_writer_close(w);
    uint64_t events;
    int txns = read_all(&config, topic, 1, &events);
    /* Ordered: the last record need not be of the writer that is furthest; what is repeated is left out by readers. */
    CHECK(ordered() ? (uint64_t)txns >= progress.lsn / 10 : (uint64_t)txns == progress.lsn / 10);
    CHECK(txns > 10);
    CHECK_INT(events, 40 * txns);
    printf("# %d transactions\n", txns);
}

/* Every transaction past `after`, through `to`, in order and whole. */
static bool read_on(const struct bus_config *config, uint64_t after, uint64_t to)
{
    struct bus_reader *r;
    struct bus_batch b;
    struct bus_read_limits limits = {100000, 10000000, 0};
    struct err err = {0};
    uint64_t lsn = after;
    bool ok = good(bus_reader_open(config, &lineage, NULL, 0, after, &r, &err), &err, "reader open");
    if (!ok)
        return false;
    bus_batch_init(&b);
    while ((ok = ok && good(bus_reader_fetch(r, &limits, &b, &err), &err, "fetch")) && b.part_count)
        for (size_t i = 0; i < b.part_count; i++)
            ok = ok && b.parts[i].begins && b.parts[i].ends && b.parts[i].event_count == 3 &&
                 b.parts[i].txn.lsn == (lsn += 10);
    if (!ok || lsn != to)
        printf("# after %llu: to %llu, not to %llu\n", (unsigned long long)after, (unsigned long long)lsn,
               (unsigned long long)to);
    bus_batch_free(&b);
    bus_reader_close(r);
    return ok && lsn == to;
}

static bool put_range(struct bus_writer *w, const char *topic, uint64_t from, uint64_t to, uint64_t flush_every,
                      struct err *err)
{
    for (uint64_t lsn = from; lsn <= to; lsn += 10)
        if (!put_txn(w, topic, lsn, 3, 1, err) || (lsn % flush_every == 0 && !bus_writer_flush(w, err)))
            return false;
    return bus_writer_flush(w, err);
}

/* Ordered: a twin that has not noticed repeats records long after those of its successor, those of one flush. A reader
 * that begins anywhere in between misses nothing. */
TEST(readers_that_begin_where_two_have_written)
{
    struct bus_config config = config_of("beside");
    const char *topic = "beside.a";
    struct bus_progress progress;
    struct err err = {0};
    if (!ordered())
        return;
    struct bus_writer *old = writer_new(&config, &progress);
    GOOD(put_range(old, topic, 10, 200, 20, &err));
    struct bus_writer *new = writer_new(&config, &progress);
    CHECK_INT(progress.lsn, 200);
    GOOD(put_range(new, topic, 210, 6000, 100, &err));
    REFUSED(put_range(old, topic, 210, 4000, 10000, &err), ERR_STATE, "fenced");
    CHECK(!put_txn(old, topic, 4010, 3, 1, &err)); /* and stays so */
    bus_writer_close(old);
    GOOD(put_range(new, topic, 6010, 6400, 100, &err)); /* the older one is no reason for the newer */
    for (uint64_t after = 0; after <= 6400; after += 160)
        CHECK(read_on(&config, after, 6400));
    bus_writer_close(new);
}

/* ---- a source transaction in parts ---- */

enum { LARGE = 950, LIMIT = 100 };

static pid_t killed_in_parts(const struct bus_config *config, const char *topic, uint32_t events)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid)
        return pid;
    struct bus_progress progress;
    struct err err = {0};
    struct bus_writer *w = writer_new(config, &progress);
    if (progress.lsn == 0 && (!put_txn(w, topic, 10, 5, 1, &err) || !bus_writer_flush(w, &err)))
        _exit(9);
    if (!begin(w, 20, &err) || !put_some(w, topic, 20, 1, events, 1, &err))
        _exit(8);
    raise(SIGKILL);
    _exit(7);
}

TEST(a_large_transaction_in_parts)
{
    struct bus_config config = config_of("parts");
    const char *topic = "parts.a";
    struct bus_progress progress;
    struct kafka_tail tail;
    struct err err = {0};
    uint64_t events;
    int status;
    config.transaction_max_events = LIMIT;
    if (ordered())
        return;
    static const uint32_t killed_after[] = {250, 251, 400, 850};
    for (size_t i = 0; i < COUNT(killed_after); i++) {
        pid_t pid = killed_in_parts(&config, topic, killed_after[i]);
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
        GOOD(bus_progress_get(&config, &progress, &err));
        CHECK_INT(progress.lsn, 10);
        CHECK_INT(read_all(&config, topic, 1, &events), 1); /* not a part of it is handed out */
        CHECK_INT(events, 5);
        GOOD(kafka_tail_read(&config, NULL, &tail, &err));
        CHECK(tail.unfinished && tail.part.lsn == 20 && tail.through_seq % LIMIT == 0);
        CHECK(tail.through_seq + LIMIT >= killed_after[i] && tail.through_seq < killed_after[i]);
        kafka_tail_free(&tail);
    }
    struct bus_writer *w = writer_new(&config, &progress);
    bus_writer_quiet(w, 15, 1000); /* before it: no harm */
    GOOD(bus_writer_flush(w, &err));
    bus_writer_close(w);
    w = writer_new(&config, &progress);
    CHECK_INT(progress.lsn, 15);
    GOOD(put_txn(w, topic, 20, LARGE, 1, &err) && put_txn(w, topic, 30, 5, 1, &err) && bus_writer_flush(w, &err));
    bus_writer_close(w);
    GOOD(bus_progress_get(&config, &progress, &err));
    CHECK_INT(progress.lsn, 30);
    CHECK_INT(read_all(&config, topic, 1, &events), 3);
    CHECK_INT(events, 5 + LARGE + 5);
    struct bus_info info;
    GOOD(bus_info_get(&config, &info, &err));
    CHECK_INT(info.events, 5 + LARGE + 5);
    CHECK_INT(info.transactions, 3);
    bus_info_free(&info);
}

TEST(parts_that_the_source_does_not_repeat)
{
    struct bus_config config = config_of("parted");
    const char *topic = "parted.a";
    struct bus_progress progress;
    struct bus_writer *w;
    struct err err = {0};
    int status;
    config.transaction_max_events = LIMIT;
    if (ordered())
        return;
    pid_t pid = killed_in_parts(&config, topic, 350);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    w = writer_new(&config, &progress); /* other contents */
    REFUSED(put_txn(w, topic, 20, LARGE, 2, &err), ERR_STATE, "others");
    bus_writer_close(w);
    w = writer_new(&config, &progress); /* fewer events */
    REFUSED(put_txn(w, topic, 20, 299, 1, &err), ERR_STATE, "fewer");
    bus_writer_close(w);
    w = writer_new(&config, &progress); /* another transaction */
    REFUSED(put_txn(w, topic, 30, 5, 1, &err), ERR_STATE, "another transaction");
    bus_writer_close(w);
    w = writer_new(&config, &progress); /* passed over */
    bus_writer_quiet(w, 25, 1000);
    REFUSED(bus_writer_flush(w, &err), ERR_STATE, "passes over");
    bus_writer_close(w);
    w = writer_new(&config, &progress); /* and it is as good as ever */
    GOOD(put_txn(w, topic, 20, LARGE, 1, &err) && bus_writer_flush(w, &err));
    bus_writer_close(w);
    CHECK_INT(read_all(&config, topic, 1, NULL), 2);
}

/* The broker allows eight seconds: at half of it a part is made; one that stands still for longer is aborted. */
TEST(transactions_that_last)
{
    struct bus_config config = config_of("slow");
    struct bus_progress progress;
    struct kafka_tail tail;
    struct err err = {0};
    if (ordered())
        return;
    struct bus_writer *w = writer_new(&config, &progress);
    GOOD(begin(w, 10, &err));
    for (uint32_t seq = 1; seq <= 1024; seq += 256) {
        GOOD(put_some(w, "slow.a", 10, seq, seq + 255, 1, &err));
        usleep(1500000);
    }
    GOOD(kafka_tail_read(&config, NULL, &tail, &err));
    CHECK(tail.unfinished && tail.part.lsn == 10 && tail.through_seq == 768);
    kafka_tail_free(&tail);
    GOOD(bus_writer_end(w, &err) && bus_writer_flush(w, &err));
    CHECK_INT(read_all(&config, "slow.a", 1, NULL), 1);
    GOOD(put_txn(w, "slow.a", 20, 100, 1, &err));
    usleep(11000000); /* nobody took our place: worth trying again */
    CHECK(!bus_writer_flush(w, &err));
    CHECK(good(err.class == ERR_TARGET && err.retriable, &err, "flush"));
    bus_writer_close(w);
    w = writer_new(&config, &progress);
    CHECK_INT(progress.lsn, 10);
    GOOD(put_txn(w, "slow.a", 20, 100, 1, &err) && bus_writer_flush(w, &err));
    bus_writer_close(w);
    CHECK_INT(read_all(&config, "slow.a", 1, NULL), 2);
}

/* ---- what is refused ---- */

static bool put_one(struct bus_writer *w, const char *topic, uint64_t lsn, size_t size, struct err *err)
{
    CLEANUP(free_ptr)
    char *value = xcalloc(size + 1, 1);
    struct event e = event_make(value, size, topic, lsn, 1, 1);
    return begin(w, lsn, err) && bus_writer_put(w, &e, err) && bus_writer_end(w, err);
}

TEST(messages_that_are_too_large)
{
    struct bus_config config = config_of(ordered() ? "over-o" : "over-e");
    const char *topic = ordered() ? "over-o.a" : "over-e.a";
    struct bus_progress progress;
    struct err err = {0};
    struct bus_writer *w = writer_new(&config, &progress);
    GOOD(put_one(w, topic, 10, VALUE, &err) && bus_writer_flush(w, &err));
    GOOD(put_one(w, topic, 20, VALUE, &err));
    REFUSED(put_one(w, topic, 30, 1100000, &err), ERR_DATA, topic);
    CHECK(strstr(err.text, "1048588") && strstr(err.hint, "max.message.bytes"));
    CHECK(!bus_writer_flush(w, &err));
    bus_writer_close(w);
    w = writer_new(&config, &progress);
    CHECK(progress.lsn == 10 || (ordered() && progress.lsn == 20));
    if (progress.lsn == 10)
        GOOD(put_one(w, topic, 20, VALUE, &err));
    GOOD(put_one(w, topic, 30, VALUE, &err) && bus_writer_flush(w, &err));
    bus_writer_close(w);
    CHECK_INT(read_all(&config, topic, 1, NULL), 3);
}

TEST(names_of_topics)
{
    static const char *const names[] = {"with space", "a/b", "umlaut-\xc3\xa4", "..", "line\nbreak"};
    struct bus_config config = config_of("names");
    struct bus_progress progress;
    struct err err = {0};
    char long_name[260];
    memset(long_name, 'n', sizeof long_name);
    long_name[250] = '\0';
    for (size_t i = 0; i < COUNT(names); i++) {
        struct bus_writer *w = writer_new(&config, &progress);
        REFUSED(put_one(w, names[i], 10, 10, &err), ERR_DATA, "cannot be a topic");
        CHECK(!strchr(err.text, '\n'));
        bus_writer_close(w);
    }
    struct bus_writer *w = writer_new(&config, &progress);
    REFUSED(put_one(w, long_name, 10, 10, &err), ERR_DATA, "249");
    bus_writer_close(w);
    w = writer_new(&config, &progress);
    REFUSED(put_one(w, "names.commits", 10, 10, &err), ERR_DATA, "commit records");
    bus_writer_close(w);
}

static bool client_open(struct kafka *k, struct err *err)
{
    const struct kafka_config config = {.brokers = getenv("BUS_DSN")};
    return kafka_open(k, RD_KAFKA_PRODUCER, &config, NULL, err);
}

TEST(strangers)
{
    struct bus_config config = config_of("house"), other = config_of("guest");
    struct bus_progress progress;
    struct bus_writer *w = writer_new(&config, &progress), *none;
    struct err err = {0};
    other.prefix = "house";
    REFUSED(bus_writer_open(&other, &lineage, NULL, NULL, &none, &progress, &err), ERR_CONFIG, "source house");
    GOOD(put_one(w, "house.a", 10, 10, &err) && bus_writer_flush(w, &err)); /* and nobody was fenced */
    bus_writer_close(w);
}

/* An event to each partition as a relay of another source that was there at the same instant would have sent it, past
 * the writer, which would refuse. source NULL: of a program that knows nothing of Undam. */
static bool smuggle(const char *source, const char *topic, uint64_t lsn, bool debezium, struct err *err)
{
    const struct kafka_producer_config config = {.kafka = {.brokers = getenv("BUS_DSN")}, .queue_bytes = 1 << 20};
    struct kafka_header headers[KAFKA_HEADERS_MAX];
    struct kafka_producer p = {.sent = 0};
    struct buf scratch;
    char value[VALUE];
    struct event e = event_make(value, VALUE, topic, lsn, 1, 1);
    e.debezium = debezium;
    struct kafka_message m = {.key = e.key, .value = e.value, .timestamp_ms = now_us() / 1000, .headers = headers};
    buf_init(&scratch, 0);
    bool ok = kafka_producer_open(&p, &config, err);
    if (ok)
        m.topic = kafka_producer_topic(&p, topic);
    for (m.partition = 0; ok && m.partition < 4; m.partition++)
        ok = (!source || kafka_event_headers(source, &lineage, &e, 1, &scratch, headers, &m.header_count, err)) &&
             kafka_producer_send(&p, &m, err);
    ok = ok && kafka_producer_flush(&p, err);
    kafka_producer_topic_free(m.topic);
    kafka_producer_close(&p);
    buf_free(&scratch);
    return ok;
}

static void count_wrong(void *arg, const char *what)
{
    if (strstr(what, "of source b, not of a"))
        ++*(int *)arg;
}

/* Outbox topics need not begin with bus.prefix, so two sources can be sent to one. */
TEST(a_topic_of_another_source)
{
    for (int debezium = 0; debezium < 2; debezium++) {
        struct bus_config config = config_of("a"), other = config_of("b");
        const char *topic = debezium ? "shared.debezium" : "shared.cloudevents";
        struct bus_progress progress;
        struct bus_reader *r;
        struct bus_batch b;
        struct bus_read_limits limits = {5000, 10000000, 0};
        struct err err = {0};
        char prefix[2][16];
        int wrongs = 0;
        snprintf(prefix[0], sizeof *prefix, "a%d", debezium);
        snprintf(prefix[1], sizeof *prefix, "b%d", debezium);
        config.prefix = prefix[0];
        other.prefix = prefix[1];
        struct bus_writer *w = writer_new(&config, &progress), *w2 = writer_new(&other, &progress);
        GOOD(put_txn(w, topic, 10, 50, 1, &err) && bus_writer_flush(w, &err));
        REFUSED(put_txn(w2, topic, 1000, 1, 1, &err), ERR_CONFIG, "of source a, not of b");
        CHECK(strstr(err.text, topic) && strstr(err.text, "offset") && strstr(err.hint, "outbox_topic_prefix"));
        bus_writer_close(w2);
        GOOD(smuggle("b", topic, 15, debezium, &err));
        GOOD(put_txn(w, topic, 20, 50, 1, &err) && bus_writer_flush(w, &err));
        bus_batch_init(&b);
        GOOD(bus_reader_open(&config, &lineage, NULL, 0, 0, &r, &err));
        REFUSED(bus_reader_fetch(r, &limits, &b, &err), ERR_CONFIG, "of source b, not of a");
        CHECK(strstr(err.text, topic) && strstr(err.text, "offset") && strstr(err.hint, "outbox_topic_prefix"));
        bus_reader_close(r);
        bus_batch_free(&b);
        struct bus_audit audit;
        const struct bus_audit_watch watch = {.wrong = count_wrong, .arg = &wrongs};
        GOOD(bus_audit(&config, &watch, &audit, &err));
        CHECK_INT(wrongs, 4);
        bus_writer_close(w);
        GOOD(smuggle("b", topic, 2000, debezium, &err)); /* it is what partitions end in: */
        if (ordered()) {
            REFUSED(bus_writer_open(&config, &lineage, NULL, NULL, &w, &progress, &err), ERR_CONFIG,
                    "of source b, not of a");
        } else { /* and nothing depends on it */
            w = writer_new(&config, &progress);
            CHECK_INT(progress.lsn, 20);
            bus_writer_close(w);
        }
    }
}

/* What was Debezium's may end partitions, before the first event of ours and where there is none of ours yet. */
TEST(a_topic_that_another_program_had)
{
    struct bus_config config = config_of("taken");
    const struct kafka_setting settings[] = {{NULL, NULL, false}};
    struct bus_progress progress;
    struct err err = {0};
    struct kafka k;
    bool created;
    GOOD(client_open(&k, &err));
    GOOD(kafka_topic_create(&k, "outside.a", 4, 1, settings, NULL, &created, &err));
    kafka_close(&k);
    GOOD(smuggle(NULL, "outside.a", 1, false, &err));
    for (uint64_t lsn = 10; lsn <= 20; lsn += 10) {
        struct bus_writer *w = writer_new(&config, &progress);
        CHECK_INT(progress.lsn, lsn - 10);
        GOOD(put_one(w, "outside.a", lsn, VALUE, &err) && bus_writer_flush(w, &err));
        bus_writer_close(w);
    }
}

TEST(topics_that_were_there)
{
    static const struct {
        const char *name, *service;
        int32_t partitions;
        struct kafka_setting setting;
        const char *words;
    } rows[] = {
        {"pre1", "a", 3, {"retention.ms", "604800000", false}, "3 partitions"},
        {"pre2", "a", 4, {"cleanup.policy", "compact", false}, "compact"},
        {"pre3", "a", 4, {"message.timestamp.type", "LogAppendTime", false}, "LogAppendTime"},
        {"pre4", "a", 4, {"max.message.bytes", "20000", false}, "batch.size"},
        {"pre5", "commits", 2, {"retention.ms", "-1", false}, "2 partitions"},
        {"pre6", "commits", 1, {"retention.ms", "86400000", false}, "forgotten"},
        {"pre7", "commits", 1, {"cleanup.policy", "compact", false}, "compact"},
    };
    struct kafka k;
    struct err err = {0};
    struct bus_progress progress;
    bool created;
    GOOD(client_open(&k, &err));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bus_config config = config_of(rows[i].name);
        struct kafka_setting settings[] = {rows[i].setting, {NULL, NULL, false}};
        struct bus_writer *w = NULL;
        char topic[32];
        snprintf(topic, sizeof topic, "%s.%s", rows[i].name, rows[i].service);
        GOOD(kafka_topic_create(&k, topic, rows[i].partitions, 1, settings, NULL, &created, &err));
        if (strcmp(rows[i].service, "commits") != 0) {
            w = writer_new(&config, &progress);
            REFUSED(put_one(w, topic, 10, 10, &err), ERR_CONFIG, rows[i].words);
            bus_writer_close(w);
        } else {
            REFUSED(bus_writer_open(&config, &lineage, NULL, NULL, &w, &progress, &err), ERR_CONFIG, rows[i].words);
        }
    }
    kafka_close(&k);
}

/* ---- findings ---- */

static const struct kafka_finding *finding(const struct kafka_report *r, const char *code, const char *object)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->findings[i].code, code) == 0 && strcmp(r->findings[i].object, object) == 0)
            return &r->findings[i];
    return NULL;
}

TEST(drift_and_dangers)
{
    struct bus_config config = config_of("drift");
    const struct kafka_setting settings[] = {{"retention.ms", "3600000", false},
                                             {"retention.bytes", "1000000", false},
                                             {"unclean.leader.election.enable", "true", false},
                                             {"min.insync.replicas", "2", false},
                                             {NULL, NULL, false}};
    struct bus_progress progress;
    struct kafka_report report;
    struct kafka k;
    struct err err = {0};
    bool created;
    char path[64];
    GOOD(client_open(&k, &err));
    struct bus_writer *w = writer_new(&config, &progress);
    GOOD(put_one(w, "drift.good", 10, 10, &err) && bus_writer_flush(w, &err));
    bus_writer_close(w);
    GOOD(kafka_topic_create(&k, "drift.bad", 3, 1, settings, NULL, &created, &err));
    GOOD(kafka_topics_check(&config, &report, &err));
    CHECK_INT(report.topic_count, 3);
    for (size_t i = 0; i < report.topic_count; i++)
        CHECK_INT(report.topics[i].retention_ms, report.topics[i].commits                          ? -1
                                                 : strcmp(report.topics[i].name, "drift.bad") == 0 ? 3600000
                                                                                                   : 7 * 86400000LL);
    static const char *const bad[] = {"retention_shorter",      "retention_bytes", "unclean_election",
                                      "min_insync_unreachable", "partitions",      "replication_one"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct kafka_finding *f = finding(&report, bad[i], "topic drift.bad");
        CHECK(f && f->text[0] && f->hint[0]);
        CHECK(strcmp(bad[i], "replication_one") == 0 || !finding(&report, bad[i], "topic drift.good"));
    }
    CHECK(report.errors == 2 && report.findings[0].severity == KAFKA_ERROR);
    kafka_report_free(&report);
    snprintf(path, sizeof path, "/tmp/undam-kafka-writer-%d", (int)getpid());
    FILE *f = fopen(path, "w");
    CHECK(f && fputs("linger.ms=500\ncompression.type=none\n", f) >= 0 && fclose(f) == 0);
    config.properties = path;
    config.replication = 3;
    config.min_insync = 2;
    GOOD(kafka_cluster_check(&config, &report, &err));
    CHECK(finding(&report, "too_few_brokers", "bus.replication") && finding(&report, "auto_create", "broker"));
    CHECK(finding(&report, "linger", "bus.properties") && finding(&report, "no_compression", "bus.properties"));
    CHECK(finding(&report, "properties_readable", path));
    CHECK((finding(&report, "transaction_timeout", "broker") == NULL) == ordered());
    CHECK((finding(&report, "transaction_state_one", "broker") == NULL) == ordered());
    kafka_report_free(&report);
    unlink(path);
    kafka_close(&k);
}

TEST_MAIN
