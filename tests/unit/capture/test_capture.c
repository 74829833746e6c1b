// SPDX-License-Identifier: Apache-2.0
/*
 * Seeded simulation: transactions, streamed in interleaved blocks or sent whole, with nested subtransactions that roll
 * back, against a model that keeps what must come out. Changes are logical messages, which need no catalog.
 */
#include "capture/capture.h"

#include <unistd.h>

#include "base/mem.h"
#include "test.h"

enum { OPEN_MAX = 6, DEPTH_MAX = 5, CHANGES_MAX = 4000 };

/* An open transaction of the model: its changes, each with the subtransaction that made it. */
struct open_txn {
    uint32_t xid, stack[DEPTH_MAX];
    unsigned depth; /* of stack; [0] is the transaction itself */
    unsigned changes;
    struct {
        uint32_t subxid, value;
        bool lost;
    } change[CHANGES_MAX];
    bool streamed, used;
};

static struct {
    uint32_t random, next_xid, next_value;
    uint64_t lsn;
    struct open_txn open[OPEN_MAX];
    uint32_t want[CHANGES_MAX]; /* of the transaction that commits now */
    unsigned want_count, got_count, begun, ended;
    struct capture *capture;
    struct buf message;
} sim;

static uint32_t pick(uint32_t n)
{
    sim.random = sim.random * 1664525u + 1013904223u;
    return (sim.random >> 8) % n;
}

static void send(const struct pgoutput *m)
{
    struct err err = {0};
    buf_clear(&sim.message);
    pgoutput_encode(m, &sim.message);
    if (!capture_feed(sim.capture, buf_str(&sim.message), &err)) {
        printf("# %s\n", err.text);
        CHECK(false);
    }
}

static bool on_begin(void *arg, const struct event_txn *txn, struct err *err)
{
    (void)arg, (void)err;
    CHECK_INT(txn->lsn, sim.lsn);
    sim.begun++;
    return true;
}

static bool on_change(void *arg, const struct capture_change *change, struct err *err)
{
    (void)arg, (void)err;
    uint64_t value = 0;
    CHECK(str_to_u64(str_n(change->content.data, 10), &value));
    CHECK(sim.got_count < sim.want_count && sim.want[sim.got_count] == value);
    sim.got_count++;
    return true;
}

static bool on_end(void *arg, struct err *err)
{
    (void)arg, (void)err;
    sim.ended++;
    return true;
}

static void add_change(struct open_txn *t, bool in_stream)
{
    static char filler[400];
    char text[512];
    memset(filler, 'x', sizeof filler - 1);
    if (t->changes == CHANGES_MAX)
        return;
    uint32_t subxid = t->stack[t->depth - 1], value = sim.next_value++;
    int n = snprintf(text, sizeof text, "%010u%.*s", value, (int)pick(sizeof filler), filler);
    t->change[t->changes].subxid = subxid;
    t->change[t->changes].value = value;
    t->change[t->changes++].lost = false;
    struct pgoutput m = {.kind = PGOUTPUT_MESSAGE,
                         .in_stream = in_stream,
                         .xid = subxid,
                         .message = {PGOUTPUT_MESSAGE_TRANSACTIONAL, 1, STR("p"), str_n(text, (size_t)n)}};
    send(&m);
}

static void begin_sub(struct open_txn *t)
{
    if (t->depth < DEPTH_MAX)
        t->stack[t->depth++] = sim.next_xid++;
}

/* Rolls back to a savepoint: the subtransactions above it are lost, each told by itself. */
static void abort_subs(struct open_txn *t, unsigned to)
{
    while (t->depth > to && t->depth > 1) {
        uint32_t subxid = t->stack[--t->depth];
        for (unsigned i = 0; i < t->changes; i++)
            t->change[i].lost |= t->change[i].subxid == subxid;
        if (!t->streamed)
            continue;
        struct pgoutput m = {.kind = PGOUTPUT_STREAM_ABORT, .xid = t->xid, .stream_abort = {subxid}};
        send(&m);
    }
}

static void block(struct open_txn *t)
{
    struct pgoutput start = {.kind = PGOUTPUT_STREAM_START, .xid = t->xid, .stream_start = {!t->streamed}};
    struct pgoutput stop = {.kind = PGOUTPUT_STREAM_STOP};
    t->streamed = true;
    send(&start);
    for (uint32_t i = pick(40); i > 0; i--) {
        if (pick(8) == 0)
            begin_sub(t);
        else if (pick(12) == 0 && t->depth > 1)
            t->depth--; /* released: its changes stay */
        add_change(t, true);
    }
    send(&stop);
    if (pick(4) == 0)
        abort_subs(t, 1 + pick(t->depth));
}

static void expect(const struct open_txn *t)
{
    sim.want_count = sim.got_count = sim.begun = sim.ended = 0;
    for (unsigned i = 0; i < t->changes; i++)
        if (!t->change[i].lost)
            sim.want[sim.want_count++] = t->change[i].value;
}

static void arrived(void)
{
    CHECK_INT(sim.got_count, sim.want_count);
    CHECK_INT(sim.begun, sim.want_count > 0);
    CHECK_INT(sim.ended, sim.begun);
    CHECK_INT(capture_received(sim.capture), sim.lsn);
}

static void finish(struct open_txn *t)
{
    t->used = false;
    if (!t->streamed)
        return;
    if (pick(4) == 0) {
        abort_subs(t, 1);
        struct pgoutput m = {.kind = PGOUTPUT_STREAM_ABORT, .xid = t->xid, .stream_abort = {t->xid}};
        send(&m);
        return;
    }
    sim.lsn += 100;
    expect(t);
    struct pgoutput m = {.kind = PGOUTPUT_STREAM_COMMIT, .xid = t->xid, .commit = {0, sim.lsn - 8, sim.lsn, 5}};
    send(&m);
    arrived();
}

/* The server has resolved the subtransactions of a transaction it sends whole. */
static void whole(struct open_txn *t)
{
    struct pgoutput begin = {.kind = PGOUTPUT_BEGIN, .xid = t->xid, .begin = {sim.lsn + 92, 5}};
    sim.lsn += 100;
    send(&begin);
    for (uint32_t i = pick(20); i > 0; i--)
        add_change(t, false);
    expect(t);
    struct pgoutput commit = {.kind = PGOUTPUT_COMMIT, .commit = {0, sim.lsn - 8, sim.lsn, 5}};
    send(&commit);
    arrived();
    t->used = false;
}

static void step(void)
{
    struct open_txn *t = &sim.open[pick(OPEN_MAX)];
    if (!t->used) {
        *t = (struct open_txn){.xid = sim.next_xid, .stack = {sim.next_xid}, .depth = 1, .used = true};
        sim.next_xid++;
        if (pick(3) == 0)
            whole(t);
    } else if (pick(6) == 0) {
        finish(t);
    } else {
        block(t);
    }
}

static void simulate(uint32_t seed, uint64_t memory_max)
{
    char directory[] = "/tmp/undam-capture.XXXXXX";
    struct err err = {0};
    if (!mkdtemp(directory))
        abort();
    struct capture_config config = {.slot = "s", .spool_directory = directory, .memory_max = memory_max};
    struct capture_sink sink = {NULL, on_begin, on_change, on_end};
    memset(&sim, 0, sizeof sim);
    sim.random = seed;
    sim.next_xid = 700;
    sim.lsn = 1000;
    sim.capture = capture_new(&config, &sink);
    CHECK(capture_open_offline(sim.capture, &err));
    for (int i = 0; i < 1500; i++)
        step();
    const struct capture_counts *counts = capture_counts(sim.capture);
    CHECK(counts->transactions > 50 && counts->aborted > 20 && counts->streamed > 20);
    CHECK((counts->spooled > 0) == (memory_max < 10000));
    capture_free(sim.capture);
    buf_free(&sim.message);
    CHECK_INT(rmdir(directory), 0); /* no spool file is left */
}

TEST(interleaved_transactions_in_memory)
{
    for (uint32_t seed = 1; seed <= 5; seed++)
        simulate(seed, 1 << 30);
}

TEST(interleaved_transactions_through_the_spool)
{
    for (uint32_t seed = 11; seed <= 15; seed++)
        simulate(seed, 2000);
}

/* ---- what no server should send ---- */

static bool nothing_begin(void *arg, const struct event_txn *txn, struct err *err)
{
    (void)arg, (void)txn, (void)err;
    return true;
}
static bool nothing_change(void *arg, const struct capture_change *change, struct err *err)
{
    (void)arg, (void)change, (void)err;
    return true;
}
static bool nothing_end(void *arg, struct err *err)
{
    (void)arg, (void)err;
    return true;
}

/* Feeds all but the last, which must be refused with `why`. */
static void refused(const struct pgoutput *messages, size_t count, const char *why)
{
    struct capture_config config = {.slot = "s", .spool_directory = "/tmp", .memory_max = 1 << 20, .dsn = ""};
    struct capture_sink sink = {NULL, nothing_begin, nothing_change, nothing_end};
    struct capture *c = capture_new(&config, &sink);
    struct err err = {0};
    struct buf b = {0};
    CHECK(capture_open_offline(c, &err));
    for (size_t i = 0; i < count; i++) {
        buf_clear(&b);
        pgoutput_encode(&messages[i], &b);
        CHECK(capture_feed(c, buf_str(&b), &err) == (i + 1 < count));
    }
    CHECK_INT(err.class, ERR_DATA);
    CHECK(strstr(err.text, why) != NULL);
    capture_free(c);
    buf_free(&b);
}
#define REFUSED(why, ...) \
    refused((struct pgoutput[]){__VA_ARGS__}, sizeof((struct pgoutput[]){__VA_ARGS__}) / sizeof(struct pgoutput), why)

TEST(a_broken_protocol_is_refused)
{
    struct pgoutput begin = {.kind = PGOUTPUT_BEGIN, .xid = 1};
    struct pgoutput commit = {.kind = PGOUTPUT_COMMIT, .commit = {0, 5, 9, 0}};
    struct pgoutput insert = {.kind = PGOUTPUT_INSERT, .change = {.relation = 77}};
    struct pgoutput start = {.kind = PGOUTPUT_STREAM_START, .xid = 2, .stream_start = {true}};
    struct pgoutput again = {.kind = PGOUTPUT_STREAM_START, .xid = 2, .stream_start = {false}};
    struct pgoutput stop = {.kind = PGOUTPUT_STREAM_STOP};
    struct pgoutput stream_commit = {.kind = PGOUTPUT_STREAM_COMMIT, .xid = 2, .commit = {0, 5, 9, 0}};
    struct pgoutput begin_streamed = {.kind = PGOUTPUT_BEGIN, .xid = 2};
    struct pgoutput message = {.kind = PGOUTPUT_MESSAGE, .message = {1, 1, STR("p"), STR("c")}};
    REFUSED("outside of a transaction", commit);
    REFUSED("outside of a transaction", insert);
    REFUSED("outside of a transaction", stop);
    REFUSED("out of place", begin, begin, commit);
    REFUSED("not announced", begin, insert, commit);
    REFUSED("start is missing", again);
    REFUSED("starts twice", start, stop, start);
    REFUSED("not streamed is committed", stream_commit);
    REFUSED("streamed and whole", start, stop, begin_streamed);
    REFUSED("order of their positions", begin, message, commit, begin, message, commit);
}

TEST_MAIN
