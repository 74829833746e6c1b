// SPDX-License-Identifier: Apache-2.0
/*
 * The legacy application of the fintech example: REST over one PostgreSQL database, a thread a connection, blocking
 * calls, everything joined at read time. It knows nothing of Undam.
 *   fintech-app --dsn DSN [--port N] [--pool N] [--jobs] [--jobs-every S] [--sql-tags] [--trace FILE]
 *   fintech-app --routes
 * Listens on 127.0.0.1; prints "listening PORT" on stdout when it serves; ends on TERM or INT.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctx.h"
#include "jobs.h"
#include "routes.h"
#include "server.h"
#include "trace.h"

static const char usage[] = "usage: fintech-app --dsn DSN [OPTION]...\n"
                            "  --dsn DSN       the database\n"
                            "  --port N        on 127.0.0.1; 0: any free one (8080)\n"
                            "  --pool N        connections to the database at most (16)\n"
                            "  --jobs          run the background jobs\n"
                            "  --jobs-every S  every job every S seconds, instead of as it says\n"
                            "  --sql-tags      end every statement with a comment that names method and route\n"
                            "  --trace FILE    count statements by route, into FILE at the end and on USR1\n"
                            "  --routes        print the routes, a JSON line each, and end\n";

struct settings {
    const char *dsn, *trace;
    unsigned port, pool, jobs_every;
    bool jobs;
};

static unsigned number_option(const char *name, const char *v, int64_t min, int64_t max)
{
    int64_t n;
    if (!str_to_i64(str_of(v), &n) || n < min || n > max) {
        fprintf(stderr, "fintech-app: --%s wants a number from %lld to %lld\n", name, (long long)min, (long long)max);
        exit(2);
    }
    return (unsigned)n;
}

static struct settings parse(int argc, char **argv)
{
    static const struct option options[] = {{"dsn", required_argument, NULL, 'd'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"pool", required_argument, NULL, 'n'},
                                            {"jobs", no_argument, NULL, 'j'},
                                            {"jobs-every", required_argument, NULL, 'e'},
                                            {"sql-tags", no_argument, NULL, 't'},
                                            {"trace", required_argument, NULL, 'f'},
                                            {"routes", no_argument, NULL, 'r'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct settings s = {.port = 8080, .pool = 16};
    int o;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (o) {
        case 'd': s.dsn = optarg; break;
        case 'p': s.port = number_option("port", optarg, 0, 65535); break;
        case 'n': s.pool = number_option("pool", optarg, 1, 1000); break;
        case 'j': s.jobs = true; break;
        case 'e': s.jobs_every = number_option("jobs-every", optarg, 1, 86400); break;
        case 't': sql_tags = true; break;
        case 'f': s.trace = optarg; break;
        case 'r': routes_print(); exit(0);
        case 'h': fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2);
        }
    }
    if (!s.dsn || optind != argc) {
        fputs(usage, stderr);
        exit(2);
    }
    return s;
}

int main(int argc, char **argv)
{
    routes_init();
    struct settings s = parse(argc, argv);
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &awaited, NULL);
    signal(SIGPIPE, SIG_IGN);

    trace_open(s.trace);
    struct db_pool *pool = db_pool_new(s.dsn, s.pool);
    struct server *server = server_start(pool, s.port);
    if (!server) {
        fprintf(stderr, "fintech-app: cannot listen on 127.0.0.1:%u: %s\n", s.port, strerror(errno));
        return 8;
    }
    struct jobs *jobs = s.jobs ? jobs_start(pool, s.jobs_every) : NULL;
    printf("listening %u\n", server_port(server));
    fflush(stdout);
    int signal_number = 0;
    while (sigwait(&awaited, &signal_number) == 0 && signal_number == SIGUSR1)
        trace_write();
    jobs_stop(jobs);
    server_stop(server);
    bool good = trace_write();
    db_pool_free(pool);
    return good ? 0 : 8;
}
