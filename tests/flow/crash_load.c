// SPDX-License-Identifier: Apache-2.0
/*
 * The workload of the crash flow, seeded: a bank whose total must stay the same in every read.
 *
 *   crash_load write DSN CLIENTS SEED   CLIENTS processes make transactions until SIGTERM; a server that goes away is
 *                                       waited for
 *   crash_load watch DSN TOTAL          reads the total from mirror and view until SIGTERM; exit 1 if it was ever wrong
 *   crash_load http PORT TOTAL          asks nginx for /total until SIGTERM; exit 1 if an answer of the read model was
 * ever wrong, or none came
 *
 * Transactions: transfers over several tables, savepoints rolled back, foreign keys moved, primary keys changed (with a
 * cascade), deletes, values large enough for TOAST, thousands of rows at once, rows made and deleted at once, TRUNCATE,
 * and whole transactions rolled back.
 */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ACCOUNTS = 200 };

static volatile sig_atomic_t stop;
static uint64_t state;

static void on_term(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

static unsigned pick(unsigned n) /* 0..n-1 */
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static PGconn *connect_to(const char *dsn)
{
    while (!stop) {
        PGconn *c = PQconnectdb(dsn);
        if (PQstatus(c) == CONNECTION_OK) {
            PQclear(PQexec(c, "SET client_min_messages = error; SET lock_timeout = '5s'"));
            return c;
        }
        PQfinish(c);
        usleep(50000);
    }
    return NULL;
}

static int run(PGconn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int run(PGconn *c, const char *fmt, ...)
{
    char sql[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sql, sizeof sql, fmt, ap);
    va_end(ap);
    PGresult *r = PQexec(c, sql);
    ExecStatusType s = PQresultStatus(r);
    PQclear(r);
    return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

static void transfer(PGconn *c)
{
    unsigned a = 1 + pick(ACCOUNTS), b = 1 + pick(ACCOUNTS), low = a < b ? a : b, high = a < b ? b : a,
             n = 1 + pick(99);
    if (a == b)
        return;
    run(c, "BEGIN; SELECT 1 FROM accounts WHERE id IN (%u, %u) ORDER BY id FOR UPDATE", low, high);
    if (pick(4) == 0) /* a subtransaction that comes to nothing */
        run(c,
            "SAVEPOINT s; UPDATE accounts SET balance = balance - 999999 WHERE id = %u; INSERT INTO transfers"
            " (from_id, to_id, amount) VALUES (%u, %u, 999999); ROLLBACK TO SAVEPOINT s",
            a, a, b);
    run(c, "UPDATE accounts SET balance = balance - %u.25 WHERE id = %u", n, a);
    if (pick(4) == 0)
        run(c, "SAVEPOINT t; UPDATE accounts SET note = 'twice' WHERE id = %u; RELEASE SAVEPOINT t", a);
    run(c, "UPDATE accounts SET balance = balance + %u.25 WHERE id = %u", n, b);
    run(c,
        "WITH t AS (INSERT INTO transfers (from_id, to_id, amount, memo) VALUES (%u, %u, %u.25, 'm%u') RETURNING id)"
        " INSERT INTO lines SELECT id, l, CASE l WHEN 1 THEN %u ELSE %u END, CASE l WHEN 1 THEN -%u.25 ELSE %u.25 END"
        " FROM t, generate_series(1, 2) l",
        a, b, n, pick(1000), a, b, n, n);
    run(c, pick(10) ? "COMMIT" : "ROLLBACK");
}

static void large(PGconn *c)
{
    run(c,
        "BEGIN; UPDATE accounts SET note = 'n' || %u; INSERT INTO bulk SELECT i, repeat(md5(i::text), 8), %u"
        " FROM generate_series(%u, %u) i ON CONFLICT (id) DO UPDATE SET n = bulk.n + 1",
        pick(1000), pick(100), 1 + pick(1000), 2000 + pick(3000));
    run(c, pick(5) ? "COMMIT" : "ROLLBACK");
}

static void step(PGconn *c)
{
    unsigned a = 1 + pick(ACCOUNTS);
    switch (pick(24)) {
    case 0: run(c, "UPDATE accounts SET owner = %u WHERE id = %u", 1 + pick(40), a); break;
    case 1: /* 20 kB that do not compress */
        run(c,
            "UPDATE accounts SET photo = (SELECT string_agg(md5((i * %u)::text), '') FROM generate_series(1, 600) i)"
            " WHERE id = %u",
            1 + pick(100000), a);
        break;
    case 2:
        run(c, "UPDATE transfers SET memo = memo || '!' WHERE id = (SELECT max(id) - %u FROM transfers)", pick(50));
        break;
    case 3: /* a primary key that others refer to */
        run(c, "UPDATE transfers SET id = -id WHERE id = (SELECT max(id) - %u FROM transfers)", pick(20));
        break;
    case 4:
        run(c, "DELETE FROM transfers WHERE id IN (SELECT id FROM transfers ORDER BY abs(id) LIMIT %u)", pick(4));
        break;
    case 5:
        run(c, "INSERT INTO tags VALUES (%u, 't%u', 1) ON CONFLICT (account_id, tag) DO UPDATE SET n = tags.n + 1", a,
            pick(6));
        break;
    case 6: run(c, "UPDATE tags SET tag = 'u' || tag WHERE account_id = %u AND length(tag) < 6", a); break;
    case 7: run(c, "DELETE FROM tags WHERE account_id = %u", a); break;
    case 8:
        run(c,
            "UPDATE lines SET account_id = %u WHERE (transfer_id, line) = (SELECT transfer_id, line FROM lines ORDER "
            "BY transfer_id DESC LIMIT 1)",
            a);
        break;
    case 9:
        run(c, "BEGIN; INSERT INTO tags VALUES (%u, 'gone', 0); DELETE FROM tags WHERE tag = 'gone'; COMMIT", a);
        break;
    case 10:
        run(c, "INSERT INTO scratch SELECT i, 'x' FROM generate_series(1, %u) i ON CONFLICT DO NOTHING", 1 + pick(20));
        break;
    case 11:
        if (pick(4) == 0)
            run(c, "TRUNCATE scratch");
        break;
    case 12:
        if (pick(12) == 0)
            large(c);
        break;
    default: transfer(c); break;
    }
}

static void write_loop(const char *dsn, uint64_t seed)
{
    PGconn *c = NULL;
    uint64_t n = 0;
    state = seed;
    while (!stop) {
        if (!c && !(c = connect_to(dsn)))
            break;
        step(c);
        n++;
        if (PQtransactionStatus(c) != PQTRANS_IDLE && PQstatus(c) == CONNECTION_OK)
            run(c, "ROLLBACK");
        if (PQstatus(c) != CONNECTION_OK) {
            PQfinish(c);
            c = NULL;
        }
        usleep(500 + pick(8000));
    }
    PQfinish(c);
    printf("%llu\n", (unsigned long long)n);
    fflush(stdout);
    _exit(0);
}

static int write_all(const char *dsn, int clients, uint64_t seed)
{
    pid_t pids[64];
    if (clients > 64)
        clients = 64;
    for (int i = 0; i < clients; i++) {
        pids[i] = fork();
        if (pids[i] == 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0)
            write_loop(dsn, seed * 1000003u + (uint64_t)i);
    }
    while (!stop)
        pause();
    for (int i = 0; i < clients; i++)
        kill(pids[i], SIGTERM);
    while (wait(NULL) > 0)
        ;
    return 0;
}

static int watch(const char *dsn, const char *total)
{
    /* One statement, one snapshot: mirror, view by owner and view by account must agree with the bank. */
    static const char sql[] = "SELECT (SELECT sum(balance)::text FROM mirror.accounts), (SELECT sum(balance)::text FROM"
                              " api.by_owner), (SELECT sum(balance)::text FROM api.by_account)";
    unsigned long long reads = 0, wrong = 0;
    PGconn *c = NULL;
    while (!stop) {
        if (!c && !(c = connect_to(dsn)))
            break;
        PGresult *r = PQexec(c, sql);
        if (PQresultStatus(r) == PGRES_TUPLES_OK) {
            reads++;
            for (int i = 0; i < 3; i++) {
                if (strcmp(PQgetvalue(r, 0, i), total) == 0)
                    continue;
                wrong++;
                printf("wrong total %d: %s instead of %s\n", i, PQgetvalue(r, 0, i), total);
            }
        }
        PQclear(r);
        if (PQstatus(c) != CONNECTION_OK) {
            PQfinish(c);
            c = NULL;
        }
        usleep(10000);
    }
    PQfinish(c);
    printf("%llu reads, %llu wrong\n", reads, wrong);
    return wrong > 0 || reads == 0;
}

/* One GET; the length of the whole answer, 0 when there was none or it broke off before its end. */
static size_t get_total(int port, char *answer, size_t size)
{
    static const char request[] = "GET /total HTTP/1.0\r\nHost: bank\r\n\r\n";
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t len = 0;
    ssize_t n = -1;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && write(fd, request, sizeof request - 1) > 0)
        while (len + 1 < size && (n = read(fd, answer + len, size - 1 - len)) > 0)
            len += (size_t)n;
    close(fd);
    answer[len] = '\0';
    const char *length = strstr(answer, "Content-Length: "), *body = strstr(answer, "\r\n\r\n");
    return n == 0 && length && body && strlen(body + 4) == strtoul(length + 16, NULL, 10) ? len : 0;
}

static int ask(int port, const char *total)
{
    unsigned long long stream = 0, legacy = 0, cut = 0, wrong = 0;
    char answer[4096];
    while (!stop) {
        usleep(5000);
        if (!get_total(port, answer, sizeof answer)) {
            cut++;
            continue;
        }
        const char *body = strstr(answer, "\r\n\r\n") + 4;
        if (strstr(answer, "Undam-Route: legacy")) {
            legacy++;
        } else if (strstr(answer, "Undam-Route: stream") && strcmp(body, total) == 0) {
            stream++;
        } else {
            wrong++;
            printf("wrong answer: %s\n", answer);
        }
    }
    printf("%llu from the read model, %llu from the legacy side, %llu cut off, %llu wrong\n", stream, legacy, cut,
           wrong);
    return wrong > 0 || stream == 0;
}

int main(int argc, char **argv)
{
    struct sigaction term = {.sa_handler = on_term};
    sigaction(SIGTERM, &term, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 5 && strcmp(argv[1], "write") == 0)
        return write_all(argv[2], (int)strtol(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "watch") == 0)
        return watch(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "http") == 0)
        return ask((int)strtol(argv[2], NULL, 10), argv[3]);
    fprintf(stderr,
            "usage: crash_load write DSN CLIENTS SEED | crash_load watch DSN TOTAL | crash_load http PORT TOTAL\n");
    return 2;
}
