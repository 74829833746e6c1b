// SPDX-License-Identifier: Apache-2.0
/*
 * What every bus driver must do, whatever it is made of (src/bus/bus.h). Driver and place come from the environment:
 * BUS_DRIVER, BUS_DSN, and commands that do to the bus what the interface cannot: BUS_RESTART (crash and start it
 * again), BUS_AGE SOURCE (make all that is stored nine days old), BUS_STALL (let writes hang for two seconds).
 * BUS_SEED varies the random parts; BUS_ROUNDS the number of kills.
 *
 * Where drivers differ, the environment says what holds instead:
 *   BUS_DELIVERY      the delivery that writers are opened with
 *   BUS_UNREACHABLE   an address where nothing answers
 *   BUS_UNFENCED      an older writer may still write what it had, and then notices; readers see each event once all
 * the same
 *   BUS_EAGER         what was ended may be read before its flush
 *   BUS_RIDES         writers and readers live through BUS_RESTART
 *   BUS_BACKDATE      what BUS_AGE is to age was written nine days ago by the program's clock
 *   BUS_KEEPS         what no event needs is dropped, never what is still there: retention of events is not the
 * writer's
 *
 * The log of these tests is a function of (seed, number of the transaction), so that any reader can tell what it
 * must see: event_make() makes what was written and what must come back.
 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "bus/bus.h"
#include "codec/murmur2.h"
#include "conformance.h"

static const struct lineage lineage = {
    .system_id = 7300000000000000001u, .timeline = 1, .database = "shop", .slot = "s"};
static uint64_t seed = 1;

/* The program's clocks (linked with --wrap), so that days can go by. */
static int64_t clock_ahead_us;
int64_t __real_now_us(void);
int64_t __real_mono_us(void);
int64_t __wrap_now_us(void);
int64_t __wrap_mono_us(void);
int64_t __wrap_now_us(void) { return __real_now_us() + clock_ahead_us; }
int64_t __wrap_mono_us(void) { return __real_mono_us() + clock_ahead_us; }

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15u ^ (b + 0x7f4a7c15u) * 0xbf58476d1ce4e5b9u;
    x ^= x >> 31;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 29;
}

static struct bus_config config_of(const char *source)
{
    return (struct bus_config){.driver = getenv("BUS_DRIVER"),
                               .dsn = getenv("BUS_DSN"),
                               .delivery = getenv("BUS_DELIVERY"),
                               .source = source,
                               .prefix = source,
                               .partitions = 8,
                               .retention_days = 7};
}

/* ---- the log as a function ---- */

static uint64_t txn_lsn(uint64_t i) { return 0x1000 + i * 64; }
static struct event_txn txn_make(uint64_t i)
{
    return (struct event_txn){
        .lsn = txn_lsn(i), .commit_time_us = 1700000000000000 + (int64_t)i * 1000, .xid = (uint32_t)(700 + i)};
}
static uint32_t txn_events(uint64_t s, uint64_t i) { return (uint32_t)(1 + mix(s, i) % 6); }

/* Bytes of every kind, NULs and broken UTF-8 among them. */
static struct str bytes_make(struct arena *a, uint64_t h, size_t max)
{
    size_t len = h % (max + 1);
    char *p = arena_alloc(a, len + 1);
    for (size_t i = 0; i < len; i++)
        p[i] = (char)(mix(h, i) >> 7);
    return str_n(p, len);
}

static struct event event_make(struct arena *a, const char *prefix, uint64_t s, uint64_t i, uint32_t seq)
{
    static const char ops[] = "cudtom";
    uint64_t h = mix(mix(s, i), seq);
    struct event e = {.pos = {txn_lsn(i), seq}, .op = (enum event_op)ops[h % 6], .schema_id = (int32_t)(h % 1000)};
    e.topic = str_of(arena_printf(a, "%s.service%u", prefix, (unsigned)(mix(h, 1) % 3)));
    e.entity = str_of(arena_printf(a, "public.table%u", (unsigned)(mix(h, 2) % 50)));
    e.type = str_of(arena_printf(a, "table%u.created", (unsigned)(mix(h, 2) % 50)));
    e.subject = bytes_make(a, mix(h, 3), 30);
    e.key_null = mix(h, 4) % 8 == 0;
    if (!e.key_null)
        e.key = mix(h, 5) % 2 ? e.subject : bytes_make(a, mix(h, 6), 20);
    e.value_null = mix(h, 7) % 8 == 0;
    if (!e.value_null)
        e.value = bytes_make(a, mix(h, 8), mix(h, 9) % 40 == 0 ? 30000 : 300);
    if (mix(h, 10) % 4 == 0)
        e.id = bytes_make(a, mix(h, 11), 16);
    if (mix(h, 12) % 4 == 0)
        e.missing = STR("[\"wide\"]");
    if (mix(h, 13) % 4 == 0)
        e.oldkey = STR("[\"1\",\"2\"]");
    if (mix(h, 14) % 4 == 0)
        e.headers = STR("{\"traceparent\":\"00-1\"}");
    e.partition = e.op == EVENT_TRUNCATED ? EVENT_ALL_PARTITIONS : 0;
    return e;
}

static int32_t partition_want(const struct event *e)
{
    if (e->partition == EVENT_ALL_PARTITIONS)
        return EVENT_ALL_PARTITIONS;
    return e->key_null ? 0 : murmur2_partition(e->key, 8);
}

static bool event_same(const struct event *got, const struct event *want)
{
    return position_cmp(got->pos, want->pos) == 0 && got->op == want->op && got->schema_id == want->schema_id &&
           got->partition == partition_want(want) && got->key_null == want->key_null &&
           got->value_null == want->value_null && str_eq(got->topic, want->topic) &&
           str_eq(got->entity, want->entity) && str_eq(got->type, want->type) && str_eq(got->id, want->id) &&
           str_eq(got->subject, want->subject) && str_eq(got->key, want->key) && str_eq(got->value, want->value) &&
           str_eq(got->missing, want->missing) && str_eq(got->oldkey, want->oldkey) &&
           str_eq(got->headers, want->headers);
}

/* Puts transaction i of the log; not flushed. */
static bool txn_put(struct bus_writer *w, const char *prefix, uint64_t s, uint64_t i, struct err *err)
{
    struct arena a;
    struct event_txn txn = txn_make(i);
    uint32_t n = txn_events(s, i);
    arena_init(&a);
    bool ok = bus_writer_begin(w, &txn, err);
    for (uint32_t seq = 1; ok && seq <= n; seq++) {
        struct event e = event_make(&a, prefix, s, i, seq);
        ok = bus_writer_put(w, &e, err);
        /* What was put is the caller's again: the driver must have copied it. */
        memset((void *)(uintptr_t)e.entity.data, 'x', e.entity.len);
        arena_reset(&a);
    }
    arena_free(&a);
    return ok && bus_writer_end(w, err);
}

static bool log_write(const char *source, uint64_t s, uint64_t from, uint64_t to, uint64_t flush_every)
{
    struct bus_config config = config_of(source);
    struct bus_writer *w;
    struct bus_progress progress;
    struct err err = {0};
    bool ok = good(bus_writer_open(&config, &lineage, NULL, NULL, &w, &progress, &err), &err, "open");
    if (!ok)
        return false;
    for (uint64_t i = from; ok && i < to; i++)
        ok = txn_put(w, source, s, i, &err) && ((i + 1) % flush_every || bus_writer_flush(w, &err));
    ok = good(ok && bus_writer_flush(w, &err), &err, "write");
    bus_writer_close(w);
    return ok;
}

/* ---- reading it back ---- */

/* Checks what comes against the function, transaction by transaction. */
struct follow {
    const char *source;
    uint64_t s, next; /* the transaction that must come, or is open */
    uint32_t seq;     /* events of it seen */
    uint64_t progress;
    int wrong;
    bool loose; /* more may come: a killed writer's last flush can still be on its way in the server */
};

static void follow_wrong(struct follow *f, const char *what)
{
    if (f->wrong++ < 5)
        printf("# %s: transaction %llu event %u: %s\n", f->source, (unsigned long long)f->next, f->seq, what);
}

static void follow_part(struct follow *f, const struct bus_part *part)
{
    struct arena a;
    uint32_t n = txn_events(f->s, f->next);
    struct event_txn want = txn_make(f->next);
    if (part->txn.lsn != want.lsn || part->txn.xid != want.xid || part->txn.commit_time_us != want.commit_time_us)
        follow_wrong(f, "another transaction");
    if (part->begins != (f->seq == 0))
        follow_wrong(f, "begins");
    arena_init(&a);
    for (size_t k = 0; k < part->event_count; k++) {
        struct event e = event_make(&a, f->source, f->s, f->next, ++f->seq);
        if (!event_same(&part->events[k], &e))
            follow_wrong(f, "event differs");
        arena_reset(&a);
    }
    arena_free(&a);
    if (part->ends != (f->seq == n) || (part->ends && part->txn.events != n))
        follow_wrong(f, "ends");
    if (part->ends) {
        f->next++;
        f->seq = 0;
    }
}

static void follow_batch(struct follow *f, const struct bus_batch *b)
{
    for (size_t i = 0; i < b->part_count; i++)
        follow_part(f, &b->parts[i]);
    if (b->part_count && !b->parts[b->part_count - 1].ends)
        return;
    if (f->next > 0 && b->progress.lsn < txn_lsn(f->next - 1))
        follow_wrong(f, "progress is behind what was read");
    if (b->progress.lsn >= txn_lsn(f->next))
        follow_wrong(f, "progress is ahead of what was read");
    if (b->progress.lsn < f->progress)
        follow_wrong(f, "progress goes back");
    f->progress = b->progress.lsn;
}

/* Reads until `to` transactions were seen; limits vary with h. */
static bool follow_read(struct follow *f, uint64_t to, uint64_t h)
{
    struct bus_config config = config_of(f->source);
    struct bus_reader *r;
    struct bus_batch b;
    struct err err = {0};
    uint64_t after = f->next ? txn_lsn(f->next - 1) : 0;
    if (!good(bus_reader_open(&config, &lineage, NULL, 0, after, &r, &err), &err, "reader open"))
        return false;
    bus_batch_init(&b);
    bool ok = true;
    while (ok && (f->next < to || f->seq > 0) && f->wrong == 0) {
        h = mix(h, 77);
        struct bus_read_limits limits = {1 + h % 200, 1 + (h >> 20) % 40000, 0};
        ok = good(bus_reader_fetch(r, &limits, &b, &err), &err, "fetch");
        if (ok && b.part_count == 0) {
            printf("# the log ends before transaction %llu\n", (unsigned long long)f->next);
            ok = false;
        }
        if (ok)
            follow_batch(f, &b);
    }
    struct bus_read_limits limits = {100, 100000, 0};
    if (ok && f->wrong == 0)
        ok = good(bus_reader_fetch(r, &limits, &b, &err), &err, "fetch") && (b.part_count == 0 || f->loose);
    bus_batch_free(&b);
    bus_reader_close(r);
    return ok && f->wrong == 0;
}

static struct bus_writer *writer_new(struct bus_config *config, struct bus_progress *progress)
{
    struct bus_writer *w = NULL;
    struct err err = {0};
    if (!good(bus_writer_open(config, &lineage, NULL, NULL, &w, progress, &err), &err, "writer open"))
        exit(1);
    return w;
}

static struct bus_reader *reader_new(struct bus_config *config, uint64_t after)
{
    struct bus_reader *r = NULL;
    struct err err = {0};
    if (!good(bus_reader_open(config, &lineage, NULL, 0, after, &r, &err), &err, "reader open"))
        exit(1);
    return r;
}

static bool put_small(struct bus_writer *w, const char *topic, uint64_t lsn, uint32_t events, size_t size,
                      struct err *err)
{
    struct event_txn txn = {.lsn = lsn, .commit_time_us = (int64_t)lsn, .xid = 1};
    CLEANUP(free_ptr)
    char *value = xcalloc(size + 1, 1);
    if (!bus_writer_begin(w, &txn, err))
        return false;
    for (uint32_t seq = 1; seq <= events; seq++) {
        struct event e = {.pos = {lsn, seq},
                          .op = EVENT_CREATED,
                          .topic = str_of(topic),
                          .entity = STR("public.t"),
                          .type = STR("t.created"),
                          .subject = STR("1"),
                          .key = STR("1"),
                          .value = {value, size}};
        if (!bus_writer_put(w, &e, err))
            return false;
    }
    return bus_writer_end(w, err);
}

/* ---- the tests ---- */

TEST(a_log_that_is_not_there)
{
    struct bus_config config = config_of("absent");
    struct bus_progress progress;
    struct bus_reader *r;
    struct err err = {0};
    GOOD(bus_progress_get(&config, &progress, &err));
    CHECK(!progress.found);
    CHECK(!bus_reader_open(&config, &lineage, NULL, 0, 0, &r, &err));
    CHECK_INT(err.class, ERR_TARGET);
    CHECK(err.retriable && err.hint[0]);
}

TEST(unknown_driver_and_unreachable_bus)
{
    struct bus_config config = config_of("x");
    struct bus_progress progress;
    struct bus_writer *w;
    struct err err = {0};
    config.driver = "pigeon";
    CHECK(!bus_progress_get(&config, &progress, &err));
    CHECK_INT(err.class, ERR_CONFIG);
    config = config_of("x");
    config.dsn = getenv("BUS_UNREACHABLE") ? getenv("BUS_UNREACHABLE") : "host=/nowhere dbname=x password=hush";
    CHECK(!bus_writer_open(&config, &lineage, NULL, NULL, &w, &progress, &err));
    CHECK_INT(err.class, ERR_TARGET);
    CHECK(!strstr(err.text, "hush"));
    config.partitions = 0;
    CHECK(!bus_writer_open(&config, &lineage, NULL, NULL, &w, &progress, &err));
    CHECK_INT(err.class, ERR_CONFIG);
}

TEST(what_is_written_is_read_in_order)
{
    static const uint64_t flush_every[] = {1, 7, 400};
    for (size_t i = 0; i < COUNT(flush_every); i++) {
        char source[32];
        snprintf(source, sizeof source, "order%zu", i);
        CHECK(log_write(source, seed + i, 0, 400, flush_every[i]));
        for (uint64_t h = 0; h < 3; h++) {
            struct follow f = {.source = source, .s = seed + i};
            CHECK(follow_read(&f, 400, h));
            CHECK_INT(f.next, 400);
        }
    }
}

TEST(a_reader_goes_on_where_it_was)
{
    for (uint64_t at = 1; at < 400; at += 23) {
        struct follow f = {.source = "order1", .s = seed + 1, .next = at};
        CHECK(follow_read(&f, 400, at));
    }
}

TEST(a_writer_goes_on_where_the_log_ends)
{
    struct bus_config config = config_of("resume");
    struct bus_progress progress;
    struct err err = {0};
    struct bus_writer *w = writer_new(&config, &progress);
    CHECK(!progress.found && progress.lsn == 0);
    GOOD(txn_put(w, "resume", seed, 0, &err));
    GOOD(bus_writer_flush(w, &err));
    for (uint64_t i = 1; i < 300; i++) /* enough to be streamed, never flushed */
        GOOD(txn_put(w, "resume", seed, i, &err));
    bus_writer_close(w);
    w = writer_new(&config, &progress);
    CHECK(progress.found && lineage_eq(&progress.lineage, &lineage));
    uint64_t done = 0, to = 40;
    if (getenv("BUS_EAGER")) {
        done = (progress.lsn - txn_lsn(0)) / 64;
        to = 300; /* and readers may know of them already */
        CHECK(progress.lsn == txn_lsn(done) && done < 300);
    } else {
        CHECK_INT(progress.lsn, txn_lsn(0));
    }
    CHECK_INT(progress.commit_time_us, txn_make(done).commit_time_us);
    for (uint64_t i = done + 1; i < to; i++)
        GOOD(txn_put(w, "resume", seed, i, &err));
    uint64_t events, bytes, n = 0;
    for (uint64_t i = done + 1; i < to; i++)
        n += txn_events(seed, i);
    bus_writer_pending(w, &events, &bytes);
    CHECK_INT(events, n);
    CHECK(bytes > 0 || done + 1 == to);
    GOOD(bus_writer_flush(w, &err));
    bus_writer_pending(w, &events, &bytes);
    CHECK(events == 0 && bytes == 0);
    bus_writer_close(w);
    struct follow f = {.source = "resume", .s = seed};
    CHECK(follow_read(&f, to, 3));
}

TEST(a_transaction_larger_than_the_limits)
{
    enum { EVENTS = 40000 };
    struct bus_config config = config_of("large");
    struct bus_progress progress, now;
    struct err err = {0};
    struct bus_writer *w = writer_new(&config, &progress);
    GOOD(put_small(w, "large.a", 10, 2, 10, &err));
    GOOD(bus_writer_flush(w, &err));
    struct bus_reader *r = reader_new(&config, 0);
    struct bus_batch b;
    struct bus_read_limits limits = {100, 20000, 0};
    bus_batch_init(&b);
    GOOD(bus_reader_fetch(r, &limits, &b, &err));
    CHECK(b.part_count == 1 && b.parts[0].begins && b.parts[0].ends);
    GOOD(put_small(w, "large.a", 20, EVENTS, 200, &err));
    if (!getenv("BUS_EAGER")) {
        GOOD(bus_reader_fetch(r, &limits, &b, &err)); /* put and ended, not flushed: not there */
        CHECK(b.part_count == 0);
        GOOD(bus_progress_get(&config, &now, &err));
        CHECK_INT(now.lsn, 10);
    }
    GOOD(bus_writer_flush(w, &err));
    uint32_t seen = 0, begins = 0, ends = 0;
    while (ends == 0 && bus_reader_fetch(r, &limits, &b, &err) && b.part_count == 1) {
        CHECK(b.parts[0].event_count <= 100 && b.parts[0].txn.lsn == 20);
        for (size_t i = 0; i < b.parts[0].event_count; i++)
            CHECK(b.parts[0].events[i].pos.seq == ++seen);
        begins += b.parts[0].begins;
        ends += b.parts[0].ends;
    }
    CHECK_INT(seen, EVENTS);
    CHECK(begins == 1 && ends == 1);
    CHECK_INT(b.parts[0].txn.events, EVENTS);
    CHECK_INT(b.progress.lsn, 20);
    bus_batch_free(&b);
    bus_reader_close(r);
    bus_writer_close(w);
}

TEST(one_large_value)
{
    struct bus_config config = config_of("wide");
    struct bus_progress progress;
    struct err err = {0};
    struct bus_writer *w = writer_new(&config, &progress);
    GOOD(put_small(w, "wide.a", 10, 1, 20 << 20, &err));
    GOOD(put_small(w, "wide.a", 20, 3, 10, &err));
    GOOD(bus_writer_flush(w, &err));
    GOOD(put_small(w, "wide.a", 30, 1, 20 << 20, &err)); /* the way of small flushes, with one block */
    GOOD(bus_writer_flush(w, &err));
    struct bus_reader *r = reader_new(&config, 0);
    struct bus_batch b;
    struct bus_read_limits limits = {100, 1000000, 0};
    bus_batch_init(&b);
    size_t sizes = 0, events = 0;
    while (bus_reader_fetch(r, &limits, &b, &err) && b.part_count)
        for (size_t i = 0; i < b.part_count; i++)
            for (size_t k = 0; k < b.parts[i].event_count; k++, events++)
                sizes += b.parts[i].events[k].value.len;
    CHECK_INT(sizes, 2 * (20 << 20) + 30);
    CHECK_INT(events, 5);
    bus_batch_free(&b);
    bus_reader_close(r);
    bus_writer_close(w);
}

TEST(only_the_topics_asked_for)
{
    struct bus_config config = config_of("order2");
    static const char *const topics[] = {"order2.service1", "order2.unheard"};
    struct bus_reader *r;
    struct bus_batch b;
    struct bus_read_limits limits = {7, 100000, 0};
    struct err err = {0};
    struct arena a;
    uint64_t i = 0;
    uint32_t seq = 0;
    arena_init(&a);
    bus_batch_init(&b);
    GOOD(bus_reader_open(&config, &lineage, topics, 2, 0, &r, &err));
    do {
        GOOD(bus_reader_fetch(r, &limits, &b, &err));
        for (size_t p = 0; p < b.part_count; p++) {
            CHECK(b.parts[p].event_count > 0 || (!b.parts[p].begins && b.parts[p].ends));
            for (size_t k = 0; k < b.parts[p].event_count; k++) {
                struct event want;
                do { /* the next of the log in our topic */
                    if (++seq > txn_events(seed + 2, i)) {
                        seq = 1;
                        i++;
                    }
                    want = event_make(&a, "order2", seed + 2, i, seq);
                } while (!str_is(want.topic, topics[0]));
                CHECK(event_same(&b.parts[p].events[k], &want));
            }
        }
    } while (b.part_count);
    CHECK_INT(b.progress.lsn, txn_lsn(399)); /* over what was left out as well */
    CHECK(i > 390 && i < 400);
    bus_batch_free(&b);
    arena_free(&a);
    bus_reader_close(r);
}

TEST(progress_moves_over_what_is_left_out)
{
    struct bus_config config = config_of("skip");
    static const char *const topics[] = {"skip.quiet"};
    struct bus_progress progress;
    struct bus_reader *r;
    struct bus_batch b;
    struct bus_read_limits limits = {10, 1000000, 0};
    struct err err = {0};
    struct bus_writer *w = writer_new(&config, &progress);
    bus_batch_init(&b);
    GOOD(put_small(w, "skip.loud", 10, 1, 10, &err));
    GOOD(bus_writer_flush(w, &err));
    GOOD(bus_reader_open(&config, &lineage, topics, 1, 0, &r, &err));
    for (uint64_t lsn = 20; lsn < 40; lsn += 10) {
        GOOD(put_small(w, "skip.loud", lsn, 3000, 10, &err));
        GOOD(bus_writer_flush(w, &err));
        GOOD(bus_reader_fetch(r, &limits, &b, &err));
        CHECK_INT(b.part_count, 0);
        CHECK_INT(b.progress.lsn, lsn);
    }
    GOOD(put_small(w, "skip.quiet", 50, 1, 10, &err)); /* a topic that did not exist when the reader opened */
    GOOD(bus_writer_flush(w, &err));
    GOOD(bus_reader_fetch(r, &limits, &b, &err));
    CHECK(b.part_count == 1 && b.parts[0].txn.lsn == 50);
    bus_batch_free(&b);
    bus_reader_close(r);
    bus_writer_close(w);
}

/* Not fenced: each of the two writes what it has, and the log is that of one. */
static void check_unfenced(struct bus_config *config, struct bus_writer *old, const char *topic, uint32_t events)
{
    struct bus_progress progress;
    struct err err = {0};
    struct bus_writer *new = writer_new(config, &progress);
    CHECK(progress.lsn == 10 || progress.lsn == 20);
    if (progress.lsn == 10)
        GOOD(put_small(new, topic, 20, events, 10, &err));
    GOOD(put_small(new, topic, 30, 1, 10, &err));
    GOOD(bus_writer_flush(new, &err));
    GOOD(put_small(old, topic, 30, 1, 10, &err));
    CHECK(!bus_writer_flush(old, &err)); /* it is stored, and the old one has noticed */
    CHECK_INT(err.class, ERR_STATE);
    CHECK(strstr(err.text, "fenced"));
    bus_writer_close(old);
    GOOD(put_small(new, topic, 40, 1, 10, &err));
    GOOD(bus_writer_flush(new, &err));
    bus_writer_close(new);
    struct bus_reader *r = reader_new(config, 10);
    struct bus_batch b;
    struct bus_read_limits limits = {100000, 100000000, 0};
    uint64_t lsn = 10;
    bus_batch_init(&b);
    while (good(bus_reader_fetch(r, &limits, &b, &err), &err, "fetch") && b.part_count)
        for (size_t i = 0; i < b.part_count; i++) {
            CHECK_INT(b.parts[i].txn.lsn, lsn += 10);
            CHECK_INT(b.parts[i].event_count, lsn == 20 ? events : 1);
            CHECK(b.parts[i].begins && b.parts[i].ends);
        }
    CHECK_INT(lsn, 40);
    bus_batch_free(&b);
    bus_reader_close(r);
}

TEST(an_older_writer_is_fenced)
{
    for (int streamed = 0; streamed < 2; streamed++) {
        struct bus_config config = config_of(streamed ? "fence1" : "fence0");
        const char *topic = streamed ? "fence1.a" : "fence0.a";
        struct bus_progress progress;
        struct err err = {0};
        uint32_t events = streamed ? 5000 : 1;
        struct bus_writer *old = writer_new(&config, &progress);
        GOOD(put_small(old, topic, 10, 1, 10, &err));
        GOOD(bus_writer_flush(old, &err));
        GOOD(put_small(old, topic, 20, events, 10, &err));
        if (getenv("BUS_UNFENCED")) {
            check_unfenced(&config, old, topic, events);
            continue;
        }
        struct bus_writer *new = writer_new(&config, &progress);
        CHECK_INT(progress.lsn, 10);
        GOOD(put_small(new, topic, 20, events, 20, &err)); /* the same transaction, while the old one holds it */
        GOOD(bus_writer_flush(new, &err));
        CHECK(!bus_writer_flush(old, &err));
        CHECK_INT(err.class, ERR_STATE);
        CHECK(strstr(err.text, "fenced"));
        CHECK(!bus_writer_flush(old, &err)); /* and stays so */
        bus_writer_close(old);
        GOOD(put_small(new, topic, 30, 1, 10, &err));
        GOOD(bus_writer_flush(new, &err));
        struct bus_reader *r = reader_new(&config, 10);
        struct bus_batch b;
        struct bus_read_limits limits = {100000, 100000000, 0};
        bus_batch_init(&b);
        GOOD(bus_reader_fetch(r, &limits, &b, &err));
        CHECK_INT(b.part_count, 2);
        CHECK_INT(b.parts[0].event_count, events);
        CHECK_INT(b.parts[0].events[0].value.len, 20);
        bus_batch_free(&b);
        bus_reader_close(r);
        bus_writer_close(new);
    }
}

TEST(order_is_the_writers_duty)
{
    struct bus_config config = config_of("duty");
    struct bus_progress progress;
    struct err err = {0};
    struct bus_writer *w = writer_new(&config, &progress);
    struct event_txn txn = {.lsn = 100};
    GOOD(put_small(w, "duty.a", 100, 1, 1, &err));
    CHECK(!bus_writer_begin(w, &txn, &err));
    CHECK_INT(err.class, ERR_INTERNAL);
    bus_writer_close(w);
    w = writer_new(&config, &progress);
    bus_writer_quiet(w, 500, 0);
    txn.lsn = 400; /* readers would never see it */
    CHECK(!bus_writer_begin(w, &txn, &err));
    bus_writer_close(w);
    w = writer_new(&config, &progress);
    txn.lsn = 600;
    GOOD(bus_writer_begin(w, &txn, &err));
    CHECK(!bus_writer_flush(w, &err));
    bus_writer_close(w);
    bus_writer_close(NULL);
}

TEST(partition_counts_are_pinned)
{
    struct bus_config config = config_of("order0");
    struct bus_progress progress;
    struct bus_writer *w;
    struct err err = {0};
    config.partitions = 9;
    CHECK(!bus_writer_open(&config, &lineage, NULL, NULL, &w, &progress, &err));
    CHECK_INT(err.class, ERR_CONFIG);
    CHECK(strstr(err.text, "order0.service") && strstr(err.hint, "partitions: 8"));
    config.prefix = "elsewhere"; /* found out at the first event then */
    GOOD(bus_writer_open(&config, &lineage, NULL, NULL, &w, &progress, &err));
    CHECK(!put_small(w, "order0.service1", txn_lsn(1000), 1, 1, &err));
    CHECK_INT(err.class, ERR_CONFIG);
    bus_writer_close(w);
}

TEST(another_lineage_is_refused)
{
    struct bus_config config = config_of("lineage");
    struct bus_progress progress;
    struct err err = {0};
    struct bus_writer *w = writer_new(&config, &progress), *other;
    struct bus_reader *r;
    GOOD(put_small(w, "lineage.a", 10, 1, 1, &err));
    for (int i = 0; i < 4; i++) {
        struct lineage foreign = lineage;
        foreign.system_id += i == 0;
        foreign.timeline += i == 1;
        foreign.database[0] = i == 2 ? 'S' : foreign.database[0];
        foreign.slot[0] = i == 3 ? 'S' : foreign.slot[0];
        CHECK(!bus_writer_open(&config, &foreign, NULL, NULL, &other, &progress, &err));
        CHECK_INT(err.class, ERR_STATE);
        CHECK(err.hint[0]);
        CHECK(!bus_reader_open(&config, &foreign, NULL, 0, 0, &r, &err));
        CHECK_INT(err.class, ERR_STATE);
    }
    GOOD(bus_writer_flush(w, &err)); /* and they did not fence the right one */
    bus_writer_close(w);
    GOOD(bus_reader_open(&config, NULL, NULL, 0, 0, &r, &err));
    bus_reader_close(r);
}

TEST(two_sources_share_a_bus)
{
    struct bus_config a = config_of("left"), b = config_of("right");
    struct bus_progress progress;
    struct err err = {0};
    struct bus_writer *left = writer_new(&a, &progress), *right = writer_new(&b, &progress);
    for (uint64_t i = 0; i < 60; i++) {
        GOOD(txn_put(left, "left", seed + 5, i, &err));
        GOOD(txn_put(right, "right", seed + 6, i, &err));
        if (i % 9 == 8)
            GOOD(bus_writer_flush(i % 2 ? left : right, &err));
    }
    GOOD(bus_writer_flush(left, &err) && bus_writer_flush(right, &err));
    bus_writer_close(left);
    bus_writer_close(right);
    struct follow l = {.source = "left", .s = seed + 5}, r = {.source = "right", .s = seed + 6};
    CHECK(follow_read(&l, 60, 1));
    CHECK(follow_read(&r, 60, 2));
}

/* In a child: waits, then writes transaction i. */
static pid_t write_later(const char *source, uint64_t i, unsigned ms)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        usleep(ms * 1000);
        _exit(!log_write(source, seed, i, i + 1, 1));
    }
    return pid;
}

TEST(readers_are_woken)
{
    struct bus_config config = config_of("wake");
    struct bus_batch b;
    struct bus_read_limits limits = {100, 100000, 0};
    struct err err = {0};
    int status;
    CHECK(log_write("wake", seed, 0, 1, 1));
    bus_batch_init(&b);
    struct bus_reader *r = reader_new(&config, txn_lsn(0));
    do
        GOOD(bus_reader_fetch(r, &limits, &b, &err));
    while (b.part_count);
    pid_t pid = write_later("wake", 1, 100);
    struct pollfd fd = {.fd = bus_reader_fd(r), .events = POLLIN};
    CHECK_INT(poll(&fd, 1, 10000), 1);
    limits.wait_ms = 10000; /* what woke us need not be what we wait for */
    do
        GOOD(bus_reader_fetch(r, &limits, &b, &err));
    while (b.part_count == 0);
    CHECK(b.part_count == 1 && b.parts[0].txn.lsn == txn_lsn(1));
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    pid = write_later("wake", 2, 100); /* and inside fetch */
    int64_t start = mono_us();
    do
        GOOD(bus_reader_fetch(r, &limits, &b, &err));
    while (b.part_count == 0);
    CHECK(mono_us() - start < 9000000);
    CHECK(b.part_count == 1 && b.parts[0].txn.lsn == txn_lsn(2));
    waitpid(pid, &status, 0);
    limits.wait_ms = 300;
    start = mono_us();
    GOOD(bus_reader_fetch(r, &limits, &b, &err));
    CHECK(b.part_count == 0 && mono_us() - start < 5000000);
    bus_batch_free(&b);
    bus_reader_close(r);
}

TEST(quiet_and_watermark)
{
    struct bus_config config = config_of("quiet");
    struct bus_progress progress;
    struct bus_batch b;
    struct bus_read_limits limits = {2, 100000, 0};
    struct err err = {0};
    struct bus_reader *r;
    struct bus_writer *w = writer_new(&config, &progress);
    bus_batch_init(&b);
    bus_writer_quiet(w, 1000, 0); /* where the log begins */
    GOOD(bus_writer_flush(w, &err));
    CHECK(!bus_reader_open(&config, &lineage, NULL, 0, 999, &r, &err));
    CHECK_INT(err.class, ERR_STATE);
    r = reader_new(&config, 1000);
    GOOD(bus_reader_fetch(r, &limits, &b, &err));
    CHECK(b.part_count == 0 && b.progress.lsn == 1000 && b.progress.watermark_us == 0);
    bus_writer_quiet(w, 1000, 5000);
    GOOD(bus_writer_flush(w, &err));
    GOOD(bus_reader_fetch(r, &limits, &b, &err));
    CHECK(b.part_count == 0 && b.progress.lsn == 1000 && b.progress.watermark_us == 5000);
    bus_writer_quiet(w, 900, 4000); /* older news */
    GOOD(bus_writer_flush(w, &err));
    for (uint64_t lsn = 2000; lsn < 2010; lsn++)
        GOOD(put_small(w, "quiet.a", lsn, 1, 1, &err));
    bus_writer_quiet(w, 3000, 6000);
    GOOD(bus_writer_flush(w, &err));
    uint64_t seen = 2000;
    for (; seen < 2010; seen += 2) { /* a watermark is told only when all before it was handed out */
        GOOD(bus_reader_fetch(r, &limits, &b, &err));
        CHECK_INT(b.part_count, 2);
        CHECK(b.progress.watermark_us == (b.progress.lsn == 3000 ? 6000 : 5000));
    }
    CHECK_INT(b.progress.lsn, 3000);
    CHECK_INT(b.progress.watermark_us, 6000);
    bus_reader_close(r);
    r = reader_new(&config, 9000); /* a snapshot newer than the log: nothing goes back */
    GOOD(bus_reader_fetch(r, &limits, &b, &err));
    CHECK(b.part_count == 0 && b.progress.lsn == 9000 && b.progress.watermark_us == 6000);
    GOOD(put_small(w, "quiet.a", 8000, 1, 1, &err));
    GOOD(put_small(w, "quiet.a", 9500, 1, 1, &err));
    GOOD(bus_writer_flush(w, &err));
    GOOD(bus_reader_fetch(r, &limits, &b, &err));
    CHECK(b.part_count == 1 && b.parts[0].txn.lsn == 9500);
    bus_batch_free(&b);
    bus_reader_close(r);
    bus_writer_close(w);
}

TEST(what_operators_are_told)
{
    struct bus_config config = config_of("order0");
    struct bus_info info = {.epoch = 0};
    struct err err = {0};
    uint64_t n = 0, topics = 0;
    for (uint64_t i = 0; i < 400; i++)
        n += txn_events(seed, i);
    GOOD(bus_info_get(&config, &info, &err));
    CHECK(info.progress.found && info.progress.lsn == txn_lsn(399));
    CHECK_INT(info.events, n);
    CHECK_INT(info.transactions, 400);
    CHECK_INT(info.topic_count, 3);
    for (size_t i = 0; i < info.topic_count; i++) {
        topics += info.topics[i].events;
        CHECK_INT(info.topics[i].partitions, 8);
    }
    CHECK_INT(topics, n);
    CHECK(info.bytes > 0 || strcmp(config.driver, "kafka") == 0); /* which cannot be asked */
    CHECK(info.floor_lsn == 0 && info.epoch > 0);
    bus_info_free(&info);
}

/* ---- crashes ---- */

/* A child that writes the log from where it is, for ever, flushing now and then; some flushes are large.
 * ret_open: readable when it has opened the log, or NULL. */
static pid_t endless_writer(const char *source, uint64_t round, int *ret_open)
{
    int open_fds[2];
    fflush(stdout);
    if (pipe(open_fds))
        abort();
    pid_t pid = fork();
    if (pid) {
        close(open_fds[1]);
        if (ret_open)
            *ret_open = open_fds[0];
        else
            close(open_fds[0]);
        return pid;
    }
    close(open_fds[0]);
    signal(SIGPIPE, SIG_IGN);
    struct bus_config config = config_of(source);
    struct bus_progress progress;
    struct err err = {0};
    struct bus_writer *w;
    while (!bus_writer_open(&config, &lineage, NULL, NULL, &w, &progress, &err))
        usleep(20000);
    (void)!write(open_fds[1], "o", 1);
    uint64_t i = progress.lsn ? (progress.lsn - txn_lsn(0)) / 64 + 1 : 0;
    for (uint64_t h = mix(seed, round);; i++) {
        h = mix(h, i);
        if (!txn_put(w, source, seed, i, &err) || (h % 16 == 0 && !bus_writer_flush(w, &err))) {
            (void)good(false, &err, source);
            fflush(stdout);
            _exit(3);
        }
    }
}

/* Until the log is past the LSN, for 20 seconds. */
static void progress_await(struct bus_config *config, uint64_t lsn)
{
    struct bus_progress progress = {.lsn = 0};
    struct err err = {0};
    int64_t until = mono_us() + 20000000;
    do
        GOOD(bus_progress_get(config, &progress, &err));
    while (progress.lsn <= lsn && mono_us() < until);
    CHECK(progress.lsn > lsn);
}

/* The log is exactly the transactions before its progress, with one reader over all rounds. */
static void check_log(struct follow *f, const char *source)
{
    struct bus_config config = config_of(source);
    struct bus_progress progress;
    struct err err = {0};
    GOOD(bus_progress_get(&config, &progress, &err));
    if (!progress.lsn)
        return;
    CHECK(follow_read(f, (progress.lsn - txn_lsn(0)) / 64 + 1, f->next));
}

TEST(a_writer_killed_at_any_instant)
{
    int64_t rounds = 40;
    (void)!str_to_i64(str_of(getenv("BUS_ROUNDS")), &rounds);
    struct follow f = {.source = "killed", .s = seed, .loose = true};
    struct bus_config config = config_of("killed");
    for (int64_t round = 0; round < rounds; round++) {
        int status, opened;
        pid_t pid = endless_writer("killed", (uint64_t)round, &opened);
        /* Every other one at any instant of its start as well. */
        struct pollfd fd = {.fd = opened, .events = POLLIN};
        if (round % 2)
            CHECK_INT(poll(&fd, 1, 20000), 1);
        close(opened);
        /* The last one gets as far as a flush, however slow the machine. */
        if (round == rounds - 1)
            progress_await(&config, 0);
        usleep((unsigned)(5000 + mix(seed, (uint64_t)round) % 120000));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        CHECK(WIFSIGNALED(status));
        check_log(&f, "killed");
    }
    printf("# %lld kills, %llu transactions\n", (long long)rounds, (unsigned long long)f.next);
    CHECK(f.next > 0);
}

/* The bus crashes while a reader asks again and again: every answer before the error leaves a descriptor to wait for.
 */
TEST(the_bus_crashes_under_an_idle_reader)
{
    struct bus_config config = config_of("idle");
    struct bus_batch b;
    struct bus_read_limits limits = {10, 1000, 0};
    struct err err = {0};
    int status = 0;
    if (!getenv("BUS_RESTART"))
        return;
    CHECK(log_write("idle", seed, 0, 1, 1));
    struct bus_reader *r = reader_new(&config, 0);
    bus_batch_init(&b);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(!hook("BUS_RESTART", ""));
    bool rides = getenv("BUS_RIDES") != NULL, done = false;
    /* One that rides need not notice. */
    while (!done && bus_reader_fetch(r, &limits, &b, &err)) {
        CHECK(bus_reader_fd(r) >= 0);
        if (rides) {
            usleep(20000);
            done = waitpid(pid, &status, WNOHANG) == pid;
        }
    }
    if (!done) {
        CHECK(err.class == ERR_TARGET && err.retriable);
        CHECK(waitpid(pid, &status, 0) == pid);
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    bus_batch_free(&b);
    bus_reader_close(r);
}

/* The bus is gone for a while; who had it open goes on as if nothing had been. */
__attribute__((noinline)) static void check_rides(void)
{
    struct follow f = {.source = "crashed", .s = seed, .loose = true}, seen = {.source = "crashed", .s = seed};
    struct bus_config config = config_of("crashed");
    struct bus_progress before, after;
    struct bus_read_limits limits = {1000, 1000000, 100};
    struct bus_batch b;
    struct err err = {0};
    int status;
    bus_batch_init(&b);
    for (int round = 0; round < 2; round++) {
        pid_t pid = endless_writer("crashed", (uint64_t)round, NULL);
        struct bus_reader *r = NULL;
        int64_t until = mono_us() + 20000000;
        while (!bus_reader_open(&config, &lineage, NULL, 0, seen.next ? txn_lsn(seen.next - 1) : 0, &r, &err) &&
               mono_us() < until)
            usleep(20000);
        CHECK(r != NULL);
        /* Topics are made by then: who makes one while the bus is away gives up, and tries again as a whole. */
        progress_await(&config, txn_lsn(f.next + 20));
        usleep((unsigned)(100000 + mix(seed, (uint64_t)round) % 200000));
        CHECK(hook("BUS_RESTART", ""));
        GOOD(bus_progress_get(&config, &before, &err));
        until = mono_us() + 20000000;
        do
            GOOD(bus_progress_get(&config, &after, &err));
        while (after.lsn <= before.lsn && mono_us() < until);
        CHECK(after.lsn > before.lsn); /* the writer writes on */
        CHECK(waitpid(pid, &status, WNOHANG) == 0);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        while (r && seen.wrong == 0 && txn_lsn(seen.next) <= after.lsn && mono_us() < until) {
            GOOD(bus_reader_fetch(r, &limits, &b, &err));
            follow_batch(&seen, &b);
        }
        CHECK(seen.wrong == 0 && txn_lsn(seen.next) > after.lsn);
        if (seen.seq) /* the rest of a transaction, so that the next reader begins with a whole one */
            seen.seq = 0;
        bus_reader_close(r);
        check_log(&f, "crashed");
    }
    bus_batch_free(&b);
    printf("# %llu transactions\n", (unsigned long long)f.next);
}

TEST(the_bus_crashes_under_writer_and_reader)
{
    struct follow f = {.source = "crashed", .s = seed, .loose = true};
    if (!getenv("BUS_RESTART"))
        return;
    if (getenv("BUS_RIDES")) {
        check_rides();
        return;
    }
    for (int round = 0; round < 4; round++) {
        pid_t pid = endless_writer("crashed", (uint64_t)round, NULL);
        int status;
        usleep((unsigned)(100000 + mix(seed, (uint64_t)round) % 200000));
        struct bus_config config = config_of("crashed");
        struct bus_reader *r = NULL;
        struct err err = {0};
        bool open = bus_reader_open(&config, &lineage, NULL, 0, 0, &r, &err);
        CHECK(hook("BUS_RESTART", ""));
        waitpid(pid, &status, 0); /* its own error ends it */
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
        if (open) {
            struct bus_batch b;
            struct bus_read_limits limits = {10, 1000, 0};
            bus_batch_init(&b);
            CHECK(!bus_reader_fetch(r, &limits, &b, &err));
            CHECK_INT(err.class, ERR_TARGET);
            CHECK(err.retriable);
            bus_batch_free(&b);
            bus_reader_close(r);
        }
        check_log(&f, "crashed");
    }
    printf("# %llu transactions\n", (unsigned long long)f.next);
}

static void count_idle(void *arg) { ++*(int *)arg; }

TEST(idle_is_called_while_the_bus_stalls)
{
    struct bus_config config = config_of("stall");
    struct bus_progress progress;
    struct bus_writer *w;
    struct err err = {0};
    int calls = 0;
    if (!getenv("BUS_STALL"))
        return;
    GOOD(bus_writer_open(&config, &lineage, count_idle, &calls, &w, &progress, &err));
    GOOD(put_small(w, "stall.a", 5, 1, 1, &err) && bus_writer_flush(w, &err)); /* the topic is there */
    CHECK(hook("BUS_STALL", ""));
    calls = 0;
    GOOD(put_small(w, "stall.a", 10, 1, 1, &err));
    int64_t start = mono_us();
    GOOD(bus_writer_flush(w, &err));
    int64_t ms = (mono_us() - start) / 1000;
    CHECK(ms > 500);
    CHECK(calls >= ms / 500);
    bus_writer_close(w);
}

TEST(retention_leaves_a_floor)
{
    struct bus_config config = config_of("aged");
    struct bus_progress progress;
    struct bus_reader *late, *done, *none;
    struct bus_batch b;
    struct bus_read_limits limits = {5, 100000, 0};
    struct err err = {0};
    struct bus_info info;
    int64_t ago = getenv("BUS_BACKDATE") ? -(int64_t)9 * 86400 * 1000000 : 0;
    if (!getenv("BUS_AGE"))
        return;
    clock_ahead_us = ago;
    CHECK(log_write("aged", seed, 0, 50, 50));
    clock_ahead_us = 0;
    bus_batch_init(&b);
    late = reader_new(&config, 0);
    done = reader_new(&config, txn_lsn(49));
    GOOD(bus_reader_fetch(done, &limits, &b, &err));
    CHECK(hook("BUS_AGE", "aged"));
    CHECK(log_write("aged", seed, 50, 60, 3)); /* the writer's start drops what is too old */
    CHECK(!bus_reader_fetch(late, &limits, &b, &err));
    CHECK_INT(err.class, ERR_STATE);
    CHECK(strstr(err.hint, "rebuild"));
    if (getenv("BUS_KEEPS") && bus_reader_open(&config, &lineage, NULL, 0, txn_lsn(48), &none, &err)) {
        CHECK(!bus_reader_fetch(none, &limits, &b, &err)); /* found out when it is read */
        bus_reader_close(none);
    } else {
        CHECK(!bus_reader_open(&config, &lineage, NULL, 0, txn_lsn(48), &none, &err));
    }
    CHECK_INT(err.class, ERR_STATE);
    GOOD(bus_reader_fetch(done, &limits, &b, &err)); /* was through with it: goes on */
    CHECK(b.part_count > 0 && b.parts[0].txn.lsn == txn_lsn(50));
    struct follow f = {.source = "aged", .s = seed, .next = 50};
    CHECK(follow_read(&f, 60, 1));
    GOOD(bus_info_get(&config, &info, &err));
    if (getenv("BUS_KEEPS")) /* as far back as can be promised: what no partition tells is taken to be gone */
        CHECK(info.floor_lsn >= txn_lsn(49) && info.floor_lsn < txn_lsn(59));
    else
        CHECK_INT(info.floor_lsn, txn_lsn(49));
    bus_info_free(&info);
    bus_batch_free(&b);
    bus_reader_close(late);
    bus_reader_close(done);
    /* A log that got nothing since. */
    clock_ahead_us = ago;
    CHECK(log_write("aged2", seed, 0, 5, 5));
    clock_ahead_us = 0;
    config = config_of("aged2");
    done = reader_new(&config, txn_lsn(4));
    GOOD(bus_reader_fetch(done, &limits, &b, &err));
    CHECK(hook("BUS_AGE", "aged2"));
    struct bus_writer *w = writer_new(&config, &progress);
    CHECK_INT(progress.lsn, txn_lsn(4));
    GOOD(bus_reader_fetch(done, &limits, &b, &err));
    CHECK(b.part_count == 0);
    GOOD(txn_put(w, "aged2", seed, 5, &err) && bus_writer_flush(w, &err));
    GOOD(bus_reader_fetch(done, &limits, &b, &err));
    CHECK_INT(b.part_count, 1);
    bus_batch_free(&b);
    bus_reader_close(done);
    bus_writer_close(w);
}

/* Transaction i commits at 1700000000 s + i ms; the clock step allowed for is a minute, 60000 of them. */
TEST(a_position_by_time)
{
    struct bus_config config = config_of("times");
    struct err err = {0};
    uint64_t lsn = 1, floor_lsn;
    struct bus_info info;
    GOOD(bus_position_at(&config, 1700000000000000, &lsn, &err)); /* a log that is not there */
    CHECK_INT(lsn, 0);
    CHECK(log_write("times", seed, 0, 20, 7));
    CHECK(log_write("times", seed, 200000, 200030, 10));
    CHECK(log_write("times", seed, 400000, 400040, 1));
    GOOD(bus_info_get(&config, &info, &err));
    floor_lsn = info.floor_lsn;
    bus_info_free(&info);
    static const struct {
        int64_t at;         /* ms */
        uint64_t low, high; /* what may be read after: transactions of the log, both included */
    } cases[] = {
        {-100000, 0, 0},
        {0, 0, 0},
        {10, 0, 0},
        {100000, 0, 19},
        {150000, 0, 19},
        {200020, 1, 19},
        {300000, 200000, 200029},
        {400001, 200000, 200029},
        {400039, 200000, 200029},
        {470000, 400000, 400039},
        {9999999, 400000, 400039},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        GOOD(bus_position_at(&config, 1700000000000000 + cases[i].at * 1000, &lsn, &err));
        uint64_t low = cases[i].low ? txn_lsn(cases[i].low) : floor_lsn;
        uint64_t high = cases[i].high ? txn_lsn(cases[i].high) : floor_lsn;
        if (lsn < low || lsn > high)
            printf("# at %lld ms: %llx\n", (long long)cases[i].at, (unsigned long long)lsn);
        CHECK(lsn >= low && lsn <= high);
    }
}

TEST(days_go_by)
{
    struct bus_config config = config_of("days");
    struct bus_progress progress;
    struct bus_batch b;
    struct bus_read_limits limits = {1000, 1000000, 0};
    struct err err = {0};
    struct follow f = {.source = "days", .s = seed};
    config.retention_days = 3;
    struct bus_writer *w = writer_new(&config, &progress);
    GOOD(txn_put(w, "days", seed, 0, &err) && bus_writer_flush(w, &err));
    struct bus_reader *r = reader_new(&config, 0), *late = reader_new(&config, 0), *none;
    bus_batch_init(&b);
    uint64_t n = 1;
    for (int day = 0; day < 8; day++) {
        if (day % 3 == 2) /* begun before midnight, and large enough to be streamed */
            for (int i = 0; i < 40; i++)
                GOOD(txn_put(w, "days", seed, n++, &err));
        clock_ahead_us += (int64_t)86400 * 1000000;
        for (int i = 0; i < 3; i++)
            GOOD(txn_put(w, "days", seed, n++, &err) && bus_writer_flush(w, &err));
        while (bus_reader_fetch(r, &limits, &b, &err) && b.part_count)
            follow_batch(&f, &b);
        CHECK_INT(f.next, n);
    }
    CHECK_INT(f.wrong, 0);
    if (getenv("BUS_KEEPS")) {
        struct follow all = {.source = "days", .s = seed};
        while (bus_reader_fetch(late, &limits, &b, &err) && b.part_count)
            follow_batch(&all, &b);
        CHECK_INT(all.next, n);
        GOOD(bus_reader_open(&config, &lineage, NULL, 0, 0, &none, &err));
        bus_reader_close(none);
    } else {
        CHECK(!bus_reader_fetch(late, &limits, &b, &err));
        CHECK_INT(err.class, ERR_STATE);
        CHECK(!bus_reader_open(&config, &lineage, NULL, 0, 0, &none, &err));
        CHECK_INT(err.class, ERR_STATE);
    }
    bus_reader_close(late);
    late = reader_new(&config, txn_lsn(n - 5)); /* yesterday and today */
    GOOD(bus_reader_fetch(late, &limits, &b, &err));
    CHECK(b.part_count > 0 && b.parts[0].txn.lsn == txn_lsn(n - 4));
    bus_batch_free(&b);
    bus_reader_close(late);
    bus_reader_close(r);
    bus_writer_close(w);
    clock_ahead_us = 0; /* a clock that was set back: the log's day stays */
    w = writer_new(&config, &progress);
    GOOD(txn_put(w, "days", seed, n++, &err) && bus_writer_flush(w, &err));
    bus_writer_close(w);
    CHECK(follow_read(&f, n, 1));
}

__attribute__((constructor)) static void read_seed(void)
{
    (void)!str_to_u64(str_of(getenv("BUS_SEED")), &seed);
    if (!getenv("BUS_DSN")) {
        printf("Bail out! BUS_DSN is not set\n");
        exit(1);
    }
}

TEST_MAIN
