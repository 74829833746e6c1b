// SPDX-License-Identifier: Apache-2.0
/*
 * Two sides for tests of the validator, as small as they can be while everything in them is real:
 *
 *   answers serve PORT DSN SQL [stream]   HTTP (port 0: a free one, printed): the row of SQL for the last path segment
 * ($1): body[, position] answers apply SOURCE MODEL MS         a read model: table item copied whole every MS
 * milliseconds, with its position
 *
 *   answers ticket SOCKET METHOD TARGET [NAME:VALUE...]   a ticket, as nginx would send it; $COUNT of them
 *   answers garbage SOCKET TEXT           a datagram that is none
 *
 * apply takes the position before the snapshot that it copies, so the model always holds at least what it says.
 */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "codec/ticket.h"

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static const char *dsn, *sql;
static bool is_stream;

static void answer(FILE *out, PGconn *pg, const char *key, bool head)
{
    PGresult *r = PQexecParams(pg, sql, 1, NULL, &key, NULL, NULL, 0);
    bool good = PQresultStatus(r) == PGRES_TUPLES_OK;
    const char *body = good && PQntuples(r) ? PQgetvalue(r, 0, 0) : good ? "{\"error\":\"not found\"}" : "{}";
    fprintf(out, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n",
            !good          ? "500 Error"
            : PQntuples(r) ? "200 OK"
                           : "404 Not Found",
            strlen(body));
    if (is_stream)
        fprintf(out, "Undam-Route: stream\r\n");
    if (is_stream && good && PQntuples(r) && PQnfields(r) > 1)
        fprintf(out, "Undam-Position: %s\r\n", PQgetvalue(r, 0, 1));
    fprintf(out, "\r\n%s", head ? "" : body);
    fflush(out);
    PQclear(r);
}

static void *serve_client(void *arg)
{
    int fd = *(int *)arg;
    free(arg);
    char line[4000], path[2001], method[8];
    FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
    PGconn *pg = PQconnectdb(dsn);
    while (in && out && fgets(line, sizeof line, in)) {
        bool request = sscanf(line, "%7s %2000s", method, path) == 2;
        while (fgets(line, sizeof line, in) && line[0] != '\r')
            ;
        if (!request)
            break;
        path[strcspn(path, "?")] = '\0';
        char *slash = strrchr(path, '/');
        if (PQstatus(pg) != CONNECTION_OK)
            PQreset(pg);
        answer(out, pg, slash ? slash + 1 : path, strcmp(method, "HEAD") == 0);
    }
    PQfinish(pg);
    if (in)
        fclose(in);
    if (out)
        fclose(out);
    return NULL;
}

static _Noreturn void serve(int port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0)
        fail("listen");
    socklen_t size = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &size) != 0)
        fail("getsockname");
    printf("port %d\n", ntohs(a.sin_port));
    fflush(stdout);
    for (;;) {
        int *client = malloc(sizeof *client);
        pthread_t thread;
        if (!client)
            fail("malloc");
        *client = accept(fd, NULL, NULL);
        if (*client < 0 || pthread_create(&thread, NULL, serve_client, client) != 0) {
            free(client);
            continue;
        }
        pthread_detach(thread);
    }
}

static PGresult *run(PGconn *pg, const char *text)
{
    PGresult *r = PQexec(pg, text);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        fprintf(stderr, "%s: %s", text, PQerrorMessage(pg));
    return r;
}

static void copy_items(PGconn *source, PGconn *model)
{
    static const char upsert[] =
        "INSERT INTO item AS i VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
        " WHERE i.body IS DISTINCT FROM excluded.body";
    PGresult *mark = run(source, "SELECT pg_current_wal_insert_lsn(), clock_timestamp()");
    PGresult *items = run(source, "SELECT id, body FROM item");
    if (PQntuples(mark) == 1) {
        PQclear(run(model, "BEGIN"));
        for (int i = 0; i < PQntuples(items); i++) {
            const char *row[] = {PQgetvalue(items, i, 0), PQgetvalue(items, i, 1)};
            PQclear(PQexecParams(model, upsert, 2, NULL, row, NULL, NULL, 0));
        }
        const char *position[] = {PQgetvalue(mark, 0, 0), PQgetvalue(mark, 0, 1)};
        PQclear(PQexecParams(model, "UPDATE undam.position SET lsn = $1, watermark = $2, applied_at = now()", 2, NULL,
                             position, NULL, NULL, 0));
        PQclear(run(model, "COMMIT"));
    }
    PQclear(mark);
    PQclear(items);
}

static _Noreturn void apply(const char *source_dsn, const char *model_dsn, long ms)
{
    PGconn *source = PQconnectdb(source_dsn), *model = PQconnectdb(model_dsn);
    for (;;) {
        if (PQstatus(source) != CONNECTION_OK)
            PQreset(source);
        if (PQstatus(model) != CONNECTION_OK)
            PQreset(model);
        copy_items(source, model);
        nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
    }
}

static void send_datagram(const char *path, const void *data, size_t size)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    if (sendto(fd, data, size, 0, (struct sockaddr *)&a, sizeof a) != (ssize_t)size)
        fail(path);
    close(fd);
}

static int send_ticket(int argc, char **argv)
{
    static unsigned char wire[TICKET_MAX];
    static struct ticket t;
    t = (struct ticket){
        .status = 200, .method = str_of(argv[1]), .target = str_of(argv[2]), .reason = STR("percentage")};
    for (int i = 3; i < argc && t.header_count < TICKET_HEADERS_MAX; i++) {
        struct ticket_header *h = &t.headers[t.header_count++];
        h->name = str_cut(str_of(argv[i]), ':', &h->value);
        h->listed = true;
    }
    const char *count = getenv("COUNT");
    size_t n = ticket_encode(&t, wire, sizeof wire);
    if (n == 0)
        fail("ticket");
    for (long left = count ? strtol(count, NULL, 10) : 1; left > 0; left--)
        send_datagram(argv[0], wire, n);
    return 0;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc >= 5 && strcmp(argv[1], "serve") == 0) {
        dsn = argv[3];
        sql = argv[4];
        is_stream = argc > 5;
        serve((int)strtol(argv[2], NULL, 10));
    }
    if (argc == 5 && strcmp(argv[1], "apply") == 0)
        apply(argv[2], argv[3], strtol(argv[4], NULL, 10));
    if (argc >= 5 && strcmp(argv[1], "ticket") == 0)
        return send_ticket(argc - 2, argv + 2);
    if (argc == 4 && strcmp(argv[1], "garbage") == 0) {
        send_datagram(argv[2], argv[3], strlen(argv[3]));
        return 0;
    }
    fprintf(stderr, "usage: answers serve PORT DSN SQL [stream] | answers apply SOURCE MODEL MS\n");
    return 2;
}
