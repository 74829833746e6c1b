// SPDX-License-Identifier: Apache-2.0
/*
 * The legacy application of the fintech example: REST over one PostgreSQL database, a thread a connection, blocking
 * calls, everything joined at read time. It knows nothing of Undam.
 *   fintech-app --dsn DSN [--port N] [--pool N]
 * Listens on 127.0.0.1; prints "listening PORT" on stdout when it serves; ends on TERM or INT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "app.h"

enum { BODY_MAX = 64 << 10, ANSWER_MAX = 16 << 20, POOL_WAIT_MS = 10000, TRIES = 3 };

/* "{}" in a pattern is the id. */
static const struct route {
    const char *method, *pattern;
    handler_fn *handle;
} routes[] = {
    {"GET", "/users/{}", get_user},
    {"PATCH", "/users/{}", patch_user},
    {"GET", "/users/{}/accounts", get_user_accounts},
    {"GET", "/users/{}/transactions", get_user_transactions},
    {"POST", "/users/{}/transactions", post_transaction},
    {"GET", "/users/{}/compliance", get_user_compliance},
    {"GET", "/transactions/{}", get_transaction},
    {"GET", "/accounts/{}/statement", get_statement},
    {"GET", "/accounts/{}/balance", get_balance},
    {"GET", "/merchants/{}/summary", get_merchant},
    {"POST", "/compliance/cases", post_case},
    {"GET", "/compliance/cases/{}", get_case},
    {"PATCH", "/compliance/cases/{}", patch_case},
    {"POST", "/compliance/cases/{}/evidence", post_evidence},
};

/* What is kept between the calls that MHD makes for one request. */
struct exchange {
    struct buf body;
};

/* Whether path has the pattern's shape; the id's text goes to *id (it may be anything but a slash). */
static bool matches(const char *pattern, const char *path, struct str *id)
{
    while (*pattern && *pattern != '{')
        if (*pattern++ != *path++)
            return false;
    if (!*pattern)
        return !*path;
    *id = str_n(path, strcspn(path, "/"));
    return strcmp(pattern + 2, path + id->len) == 0;
}

/* Which SQLSTATEs are the client's fault, and which are worth another try. */
static bool is_retriable(const PGresult *failed)
{
    const char *state = PQresultErrorField(failed, PG_DIAG_SQLSTATE);
    return state && strncmp(state, "40", 2) == 0;
}

static void database_error(const PGresult *failed, struct answer *a)
{
    const char *state = PQresultErrorField(failed, PG_DIAG_SQLSTATE);
    if (state && (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0)) {
        answer_error(a, 400, "bad request");
        return;
    }
    fprintf(stderr, "fintech-app: %s %s\n", state ? state : "connection", PQresultErrorMessage(failed));
    answer_error(a, 503, "database is not available");
}

static void serve(struct db_pool *pool, handler_fn *handle, const struct request *rq, struct answer *a)
{
    struct db *db = db_acquire(pool, POOL_WAIT_MS);
    if (!db) {
        answer_error(a, 503, "no database connection is free");
        return;
    }
    for (int left = TRIES;; left--) {
        PGresult *failed = NULL;
        a->status = 200;
        buf_clear(&a->body);
        if (handle(db, rq, a, &failed))
            break;
        bool again = left > 1 && is_retriable(failed);
        if (!again)
            database_error(failed, a);
        PQclear(failed);
        if (PQtransactionStatus(db->conn) != PQTRANS_IDLE)
            PQclear(db_run(db, STMT_ROLLBACK, 0, NULL));
        if (!again)
            break;
    }
    db_release(pool, db);
}

static void dispatch(struct db_pool *pool, struct MHD_Connection *c, const char *method, const char *path,
                     struct str body, struct answer *a)
{
    bool known_path = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        struct str id = {0};
        int64_t number = 0;
        char id_text[24];
        if (!matches(routes[i].pattern, path, &id))
            continue;
        known_path = true;
        if (strcmp(routes[i].method, method) != 0)
            continue;
        if (strchr(routes[i].pattern, '{') && !str_to_i64(id, &number)) {
            answer_error(a, 400, "bad request");
            return;
        }
        snprintf(id_text, sizeof id_text, "%lld", (long long)number);
        struct request rq = {.id = id_text,
                             .page = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "page"),
                             .per_page = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "per_page"),
                             .month = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "month"),
                             .body = body};
        serve(pool, routes[i].handle, &rq, a);
        return;
    }
    if (strcmp(path, "/healthz") == 0) {
        a->status = 200;
        buf_adds(&a->body, "{\"status\":\"ok\"}");
        return;
    }
    if (known_path)
        answer_error(a, 405, "method not allowed");
    else
        answer_error(a, 404, "not found");
}

static enum MHD_Result reply(struct MHD_Connection *c, struct answer *a)
{
    if (a->body.overflow)
        answer_error(a, 500, "answer is too large");
    size_t len = a->body.len;
    struct MHD_Response *r = MHD_create_response_from_buffer(len, a->body.data, MHD_RESPMEM_MUST_FREE);
    if (!r)
        return MHD_NO;
    a->body.data = NULL;
    MHD_add_response_header(r, "Content-Type", "application/json");
    enum MHD_Result queued = MHD_queue_response(c, a->status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **state)
{
    (void)version;
    struct exchange *x = *state;
    if (!x) {
        x = calloc(1, sizeof *x);
        if (!x)
            return MHD_NO;
        buf_init(&x->body, BODY_MAX);
        *state = x;
        return MHD_YES;
    }
    if (*data_size > 0) {
        buf_add(&x->body, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    struct answer a = {.status = 500};
    buf_init(&a.body, ANSWER_MAX);
    if (x->body.overflow)
        answer_error(&a, 413, "body is too large");
    else
        dispatch(cls, c, method, url, buf_str(&x->body), &a);
    return reply(c, &a);
}

static void on_done(void *cls, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how)
{
    (void)cls, (void)c, (void)how;
    struct exchange *x = *state;
    if (x) {
        buf_free(&x->body);
        free(x);
    }
    *state = NULL;
}

static unsigned number_option(const char *name, const char *text, int64_t min, int64_t max)
{
    int64_t v;
    if (!str_to_i64(str_of(text), &v) || v < min || v > max) {
        fprintf(stderr, "fintech-app: --%s wants a number from %lld to %lld\n", name, (long long)min, (long long)max);
        exit(2);
    }
    return (unsigned)v;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"dsn", required_argument, NULL, 'd'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"pool", required_argument, NULL, 'n'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *dsn = NULL;
    unsigned port = 8080, pool_size = 16;
    int o;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'd')
            dsn = optarg;
        else if (o == 'p')
            port = number_option("port", optarg, 0, 65535);
        else if (o == 'n')
            pool_size = number_option("pool", optarg, 1, 1000);
        else
            return puts("usage: fintech-app --dsn DSN [--port N] [--pool N]") < 0 || o != 'h' ? 2 : 0;
    }
    if (!dsn || optind != argc) {
        fputs("usage: fintech-app --dsn DSN [--port N] [--pool N]\n", stderr);
        return 2;
    }
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);

    struct db_pool *pool = db_pool_new(dsn, pool_size);
    if (!pool) {
        fputs("fintech-app: out of memory\n", stderr);
        return 8;
    }
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)port, NULL, NULL, on_request, pool,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_CONNECTION_LIMIT, 1000u,
        MHD_OPTION_CONNECTION_TIMEOUT, 300u, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "fintech-app: cannot listen on 127.0.0.1:%u: %s\n", port, strerror(errno));
        return 8;
    }
    printf("listening %u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    int signal_number;
    sigwait(&stop, &signal_number);
    MHD_stop_daemon(daemon);
    db_pool_free(pool);
    return 0;
}
