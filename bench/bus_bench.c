// SPDX-License-Identifier: Apache-2.0
/*
 * The bus alone: what an event costs client and server to write and to read, beside COPY of the same events as rows,
 * one column a field, and reading those; and how long a small flush takes, beside a one-row INSERT with its commit.
 *   bus_bench DSN EVENTS       prints lines `name value unit`
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hist.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "link/pg/pg.h"

enum { TXN_EVENTS = 10, FLUSH_EVENTS = 5000, VALUE_SIZE = 200, FLUSHES = 1000 };

struct cost {
    int64_t wall_us, client_us, server_us;
};

/* Kept out of run(), whose frame would hold them all. */
#define APART __attribute__((noinline))

static struct pg monitor; /* tells the server's CPU */

static _Noreturn void fail(const struct err *err)
{
    fprintf(stderr, "bus_bench: %s\n", err->text);
    exit(1);
}
#define MUST(call)      \
    do {                \
        if (!(call))    \
            fail(&err); \
    } while (0)

static int64_t process_us(const char *pid)
{
    char path[64], line[128] = "";
    snprintf(path, sizeof path, "/proc/%s/schedstat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    int64_t ns = fgets(line, sizeof line, f) ? strtoll(line, NULL, 10) : 0;
    fclose(f);
    return ns / 1000;
}

/* CPU of all sessions but the monitor's. They stay open over a measurement. */
static int64_t server_us(void)
{
    struct err err = {0};
    PGresult *r;
    int64_t sum = 0;
    MUST(pg_query(&monitor,
                  "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
                  &r, &err));
    for (int i = 0; i < PQntuples(r); i++)
        sum += process_us(PQgetvalue(r, i, 0));
    PQclear(r);
    return sum;
}

static struct cost now_cost(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (struct cost){mono_us(),
                         (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec,
                         server_us()};
}

static struct cost since(struct cost start)
{
    struct cost now = now_cost();
    return (struct cost){now.wall_us - start.wall_us, now.client_us - start.client_us, now.server_us - start.server_us};
}

static void print_cost(const char *name, struct cost c, int64_t events)
{
    double n = (double)events;
    printf("%s_events_per_s %.0f events/s\n", name, n * 1e6 / (double)c.wall_us);
    printf("%s_client_us %.3f us/event\n", name, (double)c.client_us / n);
    printf("%s_server_us %.3f us/event\n", name, (double)c.server_us / n);
}

static struct event event_of(int64_t n, uint64_t lsn, uint32_t seq, char *key, char *value)
{
    int len = snprintf(key, 24, "%lld", (long long)(n % 100000));
    memcpy(value + 20, key, (size_t)len);
    return (struct event){.pos = {lsn, seq},
                          .op = EVENT_UPDATED,
                          .schema_id = 7,
                          .topic = STR("bench.transactions"),
                          .entity = STR("public.transactions"),
                          .type = STR("transactions.updated"),
                          .subject = {key, (size_t)len},
                          .key = {key, (size_t)len},
                          .value = {value, VALUE_SIZE}};
}

/* ---- the bus ---- */

static APART struct cost bus_write(struct bus_writer *w, int64_t events)
{
    struct err err = {0};
    char key[24], value[VALUE_SIZE];
    struct event_txn txn = {.lsn = 1000};
    struct cost start = now_cost();
    memset(value, 'v', sizeof value);
    for (int64_t n = 0; n < events;) {
        txn.lsn += 64;
        txn.commit_time_us = (int64_t)txn.lsn;
        MUST(bus_writer_begin(w, &txn, &err));
        for (uint32_t seq = 1; seq <= TXN_EVENTS; seq++, n++) {
            struct event e = event_of(n, txn.lsn, seq, key, value);
            MUST(bus_writer_put(w, &e, &err));
        }
        MUST(bus_writer_end(w, &err));
        if (n % FLUSH_EVENTS < TXN_EVENTS)
            MUST(bus_writer_flush(w, &err));
    }
    MUST(bus_writer_flush(w, &err));
    return since(start);
}

static APART struct cost bus_read(struct bus_reader *r, int64_t events)
{
    struct err err = {0};
    struct bus_batch batch;
    struct bus_read_limits limits = {5000, 4 << 20, 0};
    int64_t seen = 0;
    bus_batch_init(&batch);
    struct cost start = now_cost();
    do {
        MUST(bus_reader_fetch(r, &limits, &batch, &err));
        for (size_t i = 0; i < batch.part_count; i++)
            seen += (int64_t)batch.parts[i].event_count;
    } while (batch.part_count);
    struct cost c = since(start);
    bus_batch_free(&batch);
    if (seen != events)
        fprintf(stderr, "bus_bench: %lld events written, %lld read\n", (long long)events, (long long)seen);
    return c;
}

static APART void bus_latency(struct bus_writer *w, uint64_t lsn, struct hist *h)
{
    struct err err = {0};
    char key[24], value[VALUE_SIZE];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < FLUSHES; i++) {
        struct event_txn txn = {.lsn = lsn += 64, .commit_time_us = 1};
        struct event e = event_of(i, txn.lsn, 1, key, value);
        int64_t start = mono_us();
        MUST(bus_writer_begin(w, &txn, &err) && bus_writer_put(w, &e, &err) && bus_writer_end(w, &err) &&
             bus_writer_flush(w, &err));
        hist_add(h, (uint64_t)(mono_us() - start));
    }
}

/* ---- the raw operations ---- */

static char *put_field(char *p, const void *data, size_t len)
{
    put_be32(p, (uint32_t)len);
    memcpy(p + 4, data, len);
    return p + 4 + len;
}

static char *put_text(char *p, struct str s) { return put_field(p, s.data, s.len); }

static char *put_i32(char *p, uint32_t n)
{
    char bytes[4];
    put_be32(bytes, n);
    return put_field(p, bytes, 4);
}

/* The event as a binary COPY row; returns its length. */
static size_t raw_row(char *row, const struct event *e)
{
    char lsn[8], *p = row + 2;
    put_be16(row, 11);
    put_be64(lsn, e->pos.lsn);
    p = put_field(p, lsn, 8);
    p = put_i32(p, e->pos.seq);
    p = put_i32(p, (uint32_t)e->op);
    p = put_i32(p, (uint32_t)e->partition);
    p = put_i32(p, (uint32_t)e->schema_id);
    p = put_text(p, e->topic);
    p = put_text(p, e->entity);
    p = put_text(p, e->type);
    p = put_text(p, e->subject);
    p = put_text(p, e->key);
    p = put_text(p, e->value);
    return (size_t)(p - row);
}

static APART void raw_copy(struct pg *pg, const char *start, int64_t *n, int64_t events, uint64_t *lsn)
{
    struct err err = {0};
    char key[24], value[VALUE_SIZE], row[1024];
    memset(value, 'v', sizeof value);
    PQclear(PQexec(pg->conn, start));
    PQputCopyData(pg->conn, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    for (int64_t until = *n + FLUSH_EVENTS; *n < until && *n < events;) {
        *lsn += 64;
        for (uint32_t seq = 1; seq <= TXN_EVENTS; seq++, ++*n) {
            struct event e = event_of(*n, *lsn, seq, key, value);
            PQputCopyData(pg->conn, row, (int)raw_row(row, &e));
        }
    }
    PQputCopyData(pg->conn, "\377\377", 2);
    PQputCopyEnd(pg->conn, NULL);
    for (PGresult *r; (r = PQgetResult(pg->conn)); PQclear(r))
        if (PQresultStatus(r) != PGRES_COMMAND_OK) {
            pg_fail(pg, r, "COPY", &err);
            fail(&err);
        }
}

static APART struct cost raw_write(struct pg *pg, int64_t events)
{
    struct err err = {0};
    uint64_t lsn = 1000;
    MUST(pg_exec(pg,
                 "CREATE TABLE raw (lsn pg_lsn, seq int4, op int4, partition int4, schema_id int4, topic text, entity"
                 " text, type text, subject text, key text, value bytea) WITH (autovacuum_enabled = off);"
                 "CREATE INDEX ON raw (lsn, seq)",
                 &err));
    struct cost start = now_cost();
    for (int64_t n = 0; n < events;)
        raw_copy(pg, "COPY raw FROM STDIN (FORMAT binary)", &n, events, &lsn);
    return since(start);
}

static APART struct cost raw_read(struct pg *pg, int64_t events)
{
    struct err err = {0};
    int64_t seen = 0;
    char lsn[8] = {0}, seq[4] = {0};
    const char *values[] = {lsn, seq};
    static const int lengths[] = {8, 4}, formats[] = {1, 1};
    static const Oid types[] = {3220, 23};
    MUST(pg_exec(pg, "SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan",
                 &err));
    PQclear(PQprepare(pg->conn, "read", "SELECT * FROM raw WHERE (lsn, seq) > ($1, $2) ORDER BY lsn, seq LIMIT 5000", 2,
                      types));
    struct cost start = now_cost();
    for (;;) {
        PGresult *r = PQexecPrepared(pg->conn, "read", 2, values, lengths, formats, 1);
        int n = PQntuples(r);
        if (n) {
            memcpy(lsn, PQgetvalue(r, n - 1, 0), 8);
            memcpy(seq, PQgetvalue(r, n - 1, 1), 4);
        }
        PQclear(r);
        seen += n;
        if (n == 0)
            break;
    }
    struct cost c = since(start);
    if (seen != events)
        fprintf(stderr, "bus_bench: %lld rows written, %lld read\n", (long long)events, (long long)seen);
    return c;
}

static APART void raw_latency(struct pg *pg, struct hist *h)
{
    char lsn[24];
    const char *values[] = {lsn};
    PQclear(PQprepare(pg->conn, "insert",
                      "INSERT INTO raw VALUES ($1::pg_lsn, 1, 1, 1, 7, 'bench.transactions', 'public.transactions',"
                      " 'transactions.updated', '1', '1', repeat('v', 200)::bytea)",
                      1, NULL));
    for (int i = 0; i < FLUSHES; i++) {
        snprintf(lsn, sizeof lsn, "7F/%X", (unsigned)i * 64);
        int64_t start = mono_us();
        PQclear(PQexecPrepared(pg->conn, "insert", 1, values, NULL, NULL, 0));
        hist_add(h, (uint64_t)(mono_us() - start));
    }
}

static void run(const char *dsn, int64_t events)
{
    static struct hist bus_flush, raw_insert;
    static const struct lineage lineage = {1, 1, "bench", "bench"};
    struct bus_config config = {
        .driver = "postgres", .dsn = dsn, .source = "bench", .prefix = "bench", .partitions = 8};
    struct bus_progress progress;
    struct bus_writer *w;
    struct bus_reader *r;
    struct pg raw;
    struct err err = {0};
    MUST(pg_open(&monitor, PG_TARGET, "monitor", dsn, false, &err));
    MUST(bus_writer_open(&config, &lineage, NULL, NULL, &w, &progress, &err));
    MUST(pg_open(&raw, PG_TARGET, "raw", dsn, false, &err));
    struct cost bus_w = bus_write(w, events), raw_w = raw_write(&raw, events);
    MUST(bus_reader_open(&config, &lineage, NULL, 0, 0, &r, &err));
    struct cost bus_r = bus_read(r, events), raw_r = raw_read(&raw, events);
    bus_latency(w, (uint64_t)1 << 40, &bus_flush);
    raw_latency(&raw, &raw_insert);
    print_cost("write", bus_w, events);
    print_cost("raw_copy", raw_w, events);
    printf("write_cpu_of_raw %.2f ratio\n",
           (double)(bus_w.client_us + bus_w.server_us) / (double)(raw_w.client_us + raw_w.server_us));
    print_cost("read", bus_r, events);
    print_cost("raw_select", raw_r, events);
    printf("read_cpu_of_raw %.2f ratio\n",
           (double)(bus_r.client_us + bus_r.server_us) / (double)(raw_r.client_us + raw_r.server_us));
    printf("flush_p50 %llu us\nflush_p99 %llu us\n", (unsigned long long)hist_quantile(&bus_flush, 0.5),
           (unsigned long long)hist_quantile(&bus_flush, 0.99));
    printf("raw_insert_p50 %llu us\nraw_insert_p99 %llu us\n", (unsigned long long)hist_quantile(&raw_insert, 0.5),
           (unsigned long long)hist_quantile(&raw_insert, 0.99));
    bus_reader_close(r);
    bus_writer_close(w);
    pg_close(&raw);
    pg_close(&monitor);
}

int main(int argc, char **argv)
{
    int64_t events;
    if (argc != 3 || !str_to_i64(str_of(argv[2]), &events) || events < TXN_EVENTS) {
        fprintf(stderr, "usage: bus_bench DSN EVENTS\n");
        return 2;
    }
    run(argv[1], events - events % TXN_EVENTS);
    return 0;
}
