// SPDX-License-Identifier: Apache-2.0
/*
 * fintech-load: the example's traffic.
 *   fintech-load --url http://127.0.0.1:8000 --rate 100 --seconds 10 --users 2000 --transactions 100000
 * sends the quick demo's requests; with --services examples/fintech/services --pools pools.tsv those of the services'
 * requests.mix. --dry-run N prints the first N of them, --contract FILE sends every line of the mixes and writes down
 * the exchanges (contract.h). With --control, lines on stdin steer it while it runs: `rate N`, `writes PERCENT`,
 * `verify PERCENT`, `phase NAME`, `quit`; the end of stdin is `quit`. --json appends a line for each phase once its
 * last request is finished; --status keeps one line of the last second in a file, for whoever draws a live line. Exit
 * 0: no request failed; 1: some did.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "contract.h"
#include "driver.h"
#include "mix.h"

struct settings {
    struct driver_settings driver;
    struct mix_settings mix; /* seed, users, transactions and writes are of both kinds of traffic */
    struct services_settings services;
    struct contract_settings contract;
    const char *url, *json, *status, *phase;
    double seconds;
    uint64_t dry_run;
    bool control, quiet, writes_set;
};

enum { OPT_NUMBER, OPT_TEXT, OPT_FLAG, OPT_REAL };
static const struct row {
    const char *name, *help;
    int kind;
    double min, max;
} rows[] = {
    {"url", "where the requests go: http://HOST:PORT", OPT_TEXT, 0, 0},
    {"rate", "requests a second, open loop (50)", OPT_REAL, 0.1, 1e6},
    {"seconds", "how long; 0: until told (10)", OPT_REAL, 0, 1e6},
    {"connections", "at most so many (64)", OPT_NUMBER, 1, 10000},
    {"services", "the folder whose */requests.mix are the traffic (the quick demo's)", OPT_TEXT, 0, 0},
    {"pools", "ids for it: lines of pool, owner, value, with tabs", OPT_TEXT, 0, 0},
    {"only", "of these services alone: cards,loans", OPT_TEXT, 0, 0},
    {"contract", "send every line of the mixes, write each exchange to this file", OPT_TEXT, 0, 0},
    {"times", "how often it sends each read (3)", OPT_NUMBER, 1, 1000},
    {"dry-run", "print the first N requests and send none", OPT_NUMBER, 1, 1e7},
    {"writes", "per cent of requests that write (15; of services that write or are synchronous: 28)", OPT_NUMBER, 0,
     100},
    {"verify", "per cent of payments looked up at once by their payer (100)", OPT_NUMBER, 0, 100},
    {"unknown", "per mille of reads that ask for what is not there (5)", OPT_NUMBER, 0, 1000},
    {"timeout-ms", "of one request (10000)", OPT_NUMBER, 1, 600000},
    {"seed", "of everything random (1)", OPT_NUMBER, 0, 1e15},
    {"users", "as seeded (2000)", OPT_NUMBER, 1, 1e9},
    {"transactions", "as seeded (100000)", OPT_NUMBER, 1, 1e9},
    {"cases", "compliance cases there are (100)", OPT_NUMBER, 1, 1e9},
    {"phase", "name of the first phase (run)", OPT_TEXT, 0, 0},
    {"json", "append a JSON line a phase to this file", OPT_TEXT, 0, 0},
    {"status", "keep a line about the last second in this file", OPT_TEXT, 0, 0},
    {"control", "read commands from stdin", OPT_FLAG, 0, 0},
    {"quiet", "no line a second on stderr", OPT_FLAG, 0, 0},
    {"help", "this", OPT_FLAG, 0, 0},
};
enum { ROWS = sizeof rows / sizeof *rows };

static int usage(FILE *f)
{
    fputs("usage: fintech-load --url URL [OPTION]...\n", f);
    for (unsigned i = 0; i < ROWS; i++)
        fprintf(f, "  --%-14s %s\n", rows[i].name, rows[i].help);
    return f == stdout ? 0 : 2;
}

static void fail(const char *name, const char *what)
{
    fprintf(stderr, "fintech-load: %s: %s\n", name, what);
    exit(2);
}

static double number(const struct row *row, const char *text)
{
    char *end;
    double v = strtod(text, &end);
    if (!*text || *end || !(v >= row->min && v <= row->max) || (row->kind == OPT_NUMBER && v != (double)(int64_t)v))
        fail(row->name, "not a number in its range");
    return v;
}

static void set_option(struct settings *s, const struct row *row, const char *text)
{
    double v = row->kind == OPT_NUMBER || row->kind == OPT_REAL ? number(row, text) : 0;
    struct driver_settings *d = &s->driver;
    const char *n = row->name;
#define SET(option, place, value) \
    if (strcmp(n, option) == 0)   \
        (place) = (value);
    SET("url", s->url, text)
    SET("rate", d->rate, v)
    SET("seconds", s->seconds, v)
    SET("connections", d->connections, (unsigned)v)
    SET("writes", s->mix.writes_percent, (unsigned)v)
    SET("writes", s->writes_set, true)
    SET("verify", d->verify_percent, (unsigned)v)
    SET("unknown", s->mix.unknown_per_mille, (unsigned)v)
    SET("timeout-ms", d->timeout_ms, (unsigned)v)
    SET("seed", s->mix.seed, (uint64_t)v)
    SET("users", s->mix.users, (uint64_t)v)
    SET("transactions", s->mix.transactions, (uint64_t)v)
    SET("cases", s->mix.cases, (uint64_t)v)
    SET("services", s->services.folder, text)
    SET("pools", s->services.pools, text)
    SET("only", s->services.only, text)
    SET("contract", s->contract.file, text)
    SET("times", s->contract.times, (unsigned)v)
    SET("dry-run", s->dry_run, (uint64_t)v)
    SET("phase", s->phase, text)
    SET("json", s->json, text)
    SET("status", s->status, text)
    SET("control", s->control, true)
    SET("quiet", s->quiet, true)
#undef SET
}

static void parse_url(struct settings *s)
{
    static char host[256];
    if (!s->url || strncmp(s->url, "http://", 7) != 0)
        fail(s->url ? s->url : "no url", "want --url http://HOST:PORT");
    snprintf(host, sizeof host, "%s", s->url + 7);
    char *slash = strchr(host, '/'), *colon;
    if (slash)
        *slash = '\0';
    colon = strrchr(host, ':');
    if (colon)
        *colon = '\0';
    s->driver.host = host;
    s->driver.port = colon ? colon + 1 : "80";
}

static void parse(struct settings *s, int argc, char **argv)
{
    struct option options[ROWS + 1] = {0};
    for (int i = 0; i < ROWS; i++)
        options[i] =
            (struct option){rows[i].name, rows[i].kind == OPT_FLAG ? no_argument : required_argument, NULL, 'A' + i};
    int o;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == '?' || strcmp(rows[o - 'A'].name, "help") == 0)
            exit(usage(o == '?' ? stderr : stdout));
        set_option(s, &rows[o - 'A'], optarg);
    }
    if (optind != argc)
        exit(usage(stderr));
    if (!s->services.folder && (s->services.pools || s->services.only || s->contract.file))
        fail("--pools, --only and --contract", "want --services as well");
    if (!s->dry_run)
        parse_url(s);
}

/* One line from stdin. False: quit. */
static bool command(struct driver *d, struct str line)
{
    struct str rest, word = str_cut(str_trim(line), ' ', &rest);
    char text[64];
    snprintf(text, sizeof text, STR_FMT, STR_ARG(str_trim(rest)));
    double v = strtod(text, NULL);
    if (str_is(word, "quit"))
        return false;
    if (str_is(word, "rate") && v > 0)
        driver_rate(d, v);
    else if (str_is(word, "writes") && v >= 0 && v <= 100)
        driver_writes(d, (unsigned)v);
    else if (str_is(word, "verify") && v >= 0 && v <= 100)
        driver_verify(d, (unsigned)v);
    else if (!str_is(word, "phase") || !*text || !driver_phase(d, text))
        fprintf(stderr, "fintech-load: not understood: " STR_FMT "\n", STR_ARG(line));
    return true;
}

static bool read_commands(struct driver *d, struct buf *input)
{
    char *room = buf_reserve(input, 4096);
    ssize_t n = room ? read(STDIN_FILENO, room, 4096) : 0;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    input->len += (size_t)n;
    struct str rest = buf_str(input);
    bool go_on = true;
    const char *end;
    while (go_on && rest.len && (end = memchr(rest.data, '\n', rest.len))) {
        go_on = command(d, str_cut(rest, '\n', &rest));
        if (!rest.data)
            rest = (struct str){0};
    }
    size_t left = rest.len;
    memmove(input->data, rest.data ? rest.data : input->data, left);
    input->len = left;
    return go_on;
}

/* Phases that are over and have nothing outstanding, in order. */
static bool write_finished(struct driver *d, unsigned *written, const char *path, bool all)
{
    struct buf out;
    buf_init(&out, 0);
    for (; *written < driver_phase_count(d); ++*written) {
        const struct phase *p = driver_get_phase(d, *written);
        if (p->ended_us == 0 || (p->outstanding && !all))
            break;
        phase_json(p, &out);
        buf_addc(&out, '\n');
    }
    bool good = true;
    if (out.len && path) {
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        good = fd >= 0 && write(fd, out.data, out.len) == (ssize_t)out.len;
        if (fd >= 0)
            close(fd);
    }
    buf_free(&out);
    return good;
}

struct ticker {
    int64_t started_us, next_us;
    uint64_t requests, failed;
    int status_fd;
    struct hist seen[2]; /* reads so far in this phase: before this second, and now */
    struct hist recent;
    unsigned phase;
};

/* The reads' 95th percentile of the last second: the difference of two readings of the phase's histogram. */
static double recent_p95_ms(struct ticker *k, struct driver *d)
{
    unsigned last = driver_phase_count(d) - 1;
    if (k->phase != last)
        hist_clear(&k->seen[0]);
    k->phase = last;
    phase_group(driver_get_phase(d, last), GROUP_READ, &k->seen[1]);
    k->recent = k->seen[1];
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        k->recent.buckets[i] -= k->seen[0].buckets[i];
    k->recent.count -= k->seen[0].count;
    k->seen[0] = k->seen[1];
    return (double)hist_quantile(&k->recent, 0.95) / 1e3;
}

static void tick(struct ticker *k, struct driver *d, bool quiet)
{
    int64_t now = mono_us();
    if (now < k->next_us)
        return;
    uint64_t requests = 0, failed = 0, streamed = 0;
    for (unsigned i = 0; i < driver_phase_count(d); i++) {
        requests += phase_requests(driver_get_phase(d, i));
        failed += phase_failed(driver_get_phase(d, i));
    }
    const struct phase *p = driver_get_phase(d, driver_phase_count(d) - 1);
    streamed = p->streamed;
    uint64_t in_phase = phase_requests(p);
    char line[200];
    int n = snprintf(line, sizeof line,
                     "%4llu req/s   read p95 %8.1f ms   %3.0f %% from the stream   waiting %-5llu failed %llu",
                     (unsigned long long)(requests - k->requests), recent_p95_ms(k, d),
                     in_phase ? 100.0 * (double)streamed / (double)in_phase : 0.0,
                     (unsigned long long)driver_waiting(d), (unsigned long long)failed);
    if (!quiet)
        fprintf(stderr, "%4lld s %s\n", (long long)((now - k->started_us) / 1000000), line);
    if (k->status_fd >= 0 && ftruncate(k->status_fd, 0) == 0 && pwrite(k->status_fd, line, (size_t)n, 0) != n)
        fprintf(stderr, "fintech-load: cannot write the status file\n");
    k->requests = requests;
    k->failed = failed;
    k->next_us += 1000000;
}

static void summary(struct driver *d)
{
    CLEANUP(free_ptr) struct hist *h = xmalloc(sizeof *h);
    for (unsigned i = 0; i < driver_phase_count(d); i++) {
        const struct phase *p = driver_get_phase(d, i);
        phase_group(p, GROUP_READ, h);
        printf("%s: %llu requests, %llu failed, reads p50 %.2f p95 %.2f p99 %.2f ms", p->name,
               (unsigned long long)phase_requests(p), (unsigned long long)phase_failed(p),
               (double)hist_quantile(h, 0.5) / 1e3, (double)hist_quantile(h, 0.95) / 1e3,
               (double)hist_quantile(h, 0.99) / 1e3);
        phase_group(p, GROUP_WRITE, h);
        printf(", writes p50 %.2f p95 %.2f ms\n", (double)hist_quantile(h, 0.5) / 1e3,
               (double)hist_quantile(h, 0.95) / 1e3);
    }
}

static void run(struct settings *s, struct driver *d)
{
    CLEANUP(free_ptr) struct ticker *k = xcalloc(1, sizeof *k);
    k->started_us = mono_us();
    k->status_fd = -1;
    k->next_us = k->started_us + 1000000;
    if (s->status)
        k->status_fd = open(s->status, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    struct buf input;
    buf_init(&input, 1 << 16);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    struct pollfd fds[] = {
        {driver_fd(d), POLLIN, 0}, {signalfd(-1, &stop, SFD_CLOEXEC), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    int64_t end = s->seconds > 0 ? k->started_us + (int64_t)(s->seconds * 1e6) : INT64_MAX;
    bool running = true;
    unsigned written = 0;
    while (running || driver_get_phase(d, driver_phase_count(d) - 1)->outstanding) {
        int n = poll(fds, running && s->control ? 3 : 2, 50);
        driver_work(d);
        if (n > 0 && fds[1].revents)
            break;
        if (running && ((n > 0 && s->control && fds[2].revents && !read_commands(d, &input)) || mono_us() >= end)) {
            running = false;
            driver_stop(d);
        }
        tick(k, d, s->quiet);
        write_finished(d, &written, s->json, false);
    }
    driver_stop(d);
    if (!write_finished(d, &written, s->json, true))
        fprintf(stderr, "fintech-load: cannot write %s: %s\n", s->json, strerror(errno));
    buf_free(&input);
    close(fds[1].fd);
    if (k->status_fd >= 0)
        close(k->status_fd);
}

/* What was answered with a status that nobody expected. */
static void show_samples(struct driver *d)
{
    for (unsigned i = 0; i < driver_phase_count(d); i++) {
        const struct phase *p = driver_get_phase(d, i);
        for (unsigned k = 0; k < p->sample_count; k++)
            fprintf(stderr, "%s: got %u: " STR_FMT "\n", p->name, p->samples[k].status,
                    STR_ARG(buf_str(&p->samples[k].request)));
    }
}

static int drive(struct settings *s)
{
    struct driver *d;
    struct err err = {0};
    if (!driver_new(&s->driver, &d, &err)) {
        fprintf(stderr, "fintech-load: %s\n", err.text);
        return (int)err.class;
    }
    driver_phase(d, s->phase);
    run(s, d);
    uint64_t failed = 0;
    for (unsigned i = 0; i < driver_phase_count(d); i++)
        failed += phase_failed(driver_get_phase(d, i));
    summary(d);
    show_samples(d);
    driver_free(d);
    return failed ? 1 : 0;
}

static int dry_run(struct source *source, uint64_t count)
{
    struct buf line;
    buf_init(&line, 0);
    for (uint64_t i = 0; i < count; i++) {
        struct job j;
        job_init(&j);
        source->next(source, &j);
        buf_clear(&line);
        job_text(&j, &line);
        puts(line.data);
        job_free(&j);
    }
    buf_free(&line);
    return fflush(stdout) == 0 ? 0 : 8;
}

static int contract(struct settings *s, struct services *services)
{
    struct contract_result result;
    struct err err = {0};
    s->contract.host = s->driver.host;
    s->contract.port = s->driver.port;
    s->contract.timeout_ms = s->driver.timeout_ms;
    if (!contract_run(services, &s->contract, &result, &err)) {
        fprintf(stderr, "fintech-load: %s\n", err.text);
        return (int)err.class;
    }
    printf("%u exchanges of %zu lines, %u with a status that was not expected\n", result.sent,
           services_lines(services)->count, result.unexpected);
    return result.unexpected ? 1 : 0;
}

static int with_services(struct settings *s)
{
    struct services *services;
    struct err err = {0};
    const struct line *unmatched;
    s->services.seed = s->mix.seed;
    s->services.users = s->mix.users;
    s->services.transactions = s->mix.transactions;
    s->services.writes_percent = s->writes_set ? s->mix.writes_percent : 28;
    if (!services_new(&s->services, &services, &err)) {
        fprintf(stderr, "fintech-load: %s\n", err.text);
        return (int)err.class;
    }
    unsigned n = services_unmatched(services, &unmatched);
    if (n)
        fprintf(stderr, "%s:%u: no user owns something in each pool of this line (%u lines); its requests mix owners\n",
                unmatched->file, unmatched->number, n);
    s->driver.source = services_source(services);
    int status = s->contract.file ? contract(s, services)
                 : s->dry_run     ? dry_run(s->driver.source, s->dry_run)
                                  : drive(s);
    services_free(services);
    return status;
}

int main(int argc, char **argv)
{
    struct settings s = {.seconds = 10,
                         .phase = "run",
                         .driver = {.rate = 50, .connections = 64, .timeout_ms = 10000, .verify_percent = 100},
                         .contract = {.times = 3},
                         .mix = {.seed = 1,
                                 .users = 2000,
                                 .transactions = 100000,
                                 .cases = 100,
                                 .writes_percent = 15,
                                 .unknown_per_mille = 5}};
    parse(&s, argc, argv);
    if (s.services.folder)
        return with_services(&s);
    s.driver.source = mix_new(&s.mix);
    int status = s.dry_run ? dry_run(s.driver.source, s.dry_run) : drive(&s);
    mix_free(s.driver.source);
    return status;
}
