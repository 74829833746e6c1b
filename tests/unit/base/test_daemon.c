// SPDX-License-Identifier: Apache-2.0
/* Signals, sd_notify, the watchdog and the health pages, with a socket in the supervisor's place. */
#include "base/daemon.h"
#include "base/http.h"
#include "base/log.h"
#include "test.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct daemon d;
static struct err err;
static int supervisor = -1;
static struct metric rows[] = {{"undam_test", "Test.", METRIC_GAUGE, NULL, 5, NULL}};

static void supervise(bool abstract)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char path[64];
    snprintf(path, sizeof path, "/tmp/undam-test-notify.%d", (int)getpid());
    if (abstract)
        path[0] = '@';
    memcpy(at.sun_path, path, strlen(path));
    if (abstract)
        at.sun_path[0] = '\0';
    supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    unlink(path);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + !abstract);
    CHECK(bind(supervisor, (struct sockaddr *)&at, len) == 0);
    setenv("NOTIFY_SOCKET", path, 1);
}

static const char *told(void)
{
    static char text[600];
    ssize_t n = recv(supervisor, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void unsupervise(void)
{
    if (getenv("NOTIFY_SOCKET")[0] == '/')
        unlink(getenv("NOTIFY_SOCKET"));
    unsetenv("NOTIFY_SOCKET");
    close(supervisor);
}

static void begin(const char *listen)
{
    log_set_level(LOG_ERROR);
    CHECK(daemon_init(&d, listen, rows, 1, &err));
}

TEST(signals_have_their_meaning)
{
    begin(NULL);
    CHECK(daemon_pause(&d, 1) && d.stop == DAEMON_RUN && !d.reload);
    raise(SIGHUP);
    CHECK(daemon_pause(&d, 20) && d.reload);
    raise(SIGPIPE);
    raise(SIGTERM);
    CHECK(!daemon_pause(&d, 5000) && d.stop == DAEMON_STOP_SMART);
    raise(SIGTERM);
    CHECK(loop_once(d.loop, 1000, &err) && d.stop == DAEMON_STOP_FAST);
    daemon_free(&d);
    begin("");
    raise(SIGINT);
    CHECK(!daemon_pause(&d, 5000) && d.stop == DAEMON_STOP_FAST);
    raise(SIGTERM);
    CHECK(loop_once(d.loop, 1000, &err) && d.stop == DAEMON_STOP_FAST); /* never back to smart */
    daemon_free(&d);
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    CHECK(!sigismember(&mask, SIGTERM));
}

TEST(the_supervisor_is_told)
{
    for (int abstract = 0; abstract < 2; abstract++) {
        supervise(abstract);
        begin(NULL);
        CHECK_STR(str_of(told()), "");
        daemon_ready(&d, "waiting for the slot");
        CHECK_STR(str_of(told()), "");
        daemon_ready(&d, NULL);
        CHECK_STR(str_of(told()), "READY=1");
        daemon_status(&d, "lag %d ms\nREADY=0", 5);
        CHECK_STR(str_of(told()), "STATUS=lag 5 ms READY=0");
        daemon_alive(&d);
        CHECK_STR(str_of(told()), "");
        raise(SIGTERM);
        CHECK(!daemon_pause(&d, 5000));
        CHECK_STR(str_of(told()), "STOPPING=1");
        daemon_free(&d);
        unsupervise();
    }
}

TEST(the_watchdog_is_fed_half_way)
{
    char pid[16];
    supervise(false);
    setenv("WATCHDOG_USEC", "20000", 1);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    begin(NULL);
    daemon_alive(&d);
    CHECK_STR(str_of(told()), "WATCHDOG=1");
    daemon_alive(&d);
    CHECK_STR(str_of(told()), "");
    CHECK(daemon_pause(&d, 15));
    CHECK_STR(str_of(told()), "WATCHDOG=1");
    daemon_free(&d);
    setenv("WATCHDOG_PID", "1", 1);
    begin(NULL);
    CHECK_INT(d.watchdog_us, 0);
    daemon_free(&d);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    unsupervise();
}

/* One request to the daemon's own page, the answer in text. */
static const char *page(const char *path)
{
    static char text[4096];
    char request[128];
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    int fd = -1;
    /* The listening socket is found by its options: the highest open descriptor that accepts. */
    for (int i = 3; i < 64 && fd < 0; i++) {
        int on = 0;
        socklen_t size = sizeof on;
        if (getsockopt(i, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on &&
            getsockname(i, (struct sockaddr *)&at, &len) == 0)
            fd = socket(at.ss_family, SOCK_STREAM, 0);
    }
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&at, len) == 0);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n\r\n", path);
    CHECK(write(fd, request, strlen(request)) == (ssize_t)strlen(request));
    size_t got = 0;
    for (int i = 0; i < 1000; i++) {
        CHECK(loop_once(d.loop, 5, &err));
        ssize_t n = recv(fd, text + got, sizeof text - 1 - got, MSG_DONTWAIT);
        if (n == 0)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    text[got] = '\0';
    close(fd);
    return text;
}

TEST(pages)
{
    begin(":0");
    CHECK(strstr(page("/healthz"), "HTTP/1.1 200 OK") != NULL);
    const char *text = page("/readyz");
    CHECK(strstr(text, "HTTP/1.1 503 ") && strstr(text, "\r\n\r\nstarting\n"));
    daemon_ready(&d, "slot held by another");
    CHECK(strstr(page("/readyz"), "slot held by another") != NULL);
    daemon_ready(&d, NULL);
    CHECK(strstr(page("/readyz"), "HTTP/1.1 200 OK") != NULL);
    text = page("/metrics");
    CHECK(strstr(text, "text/plain; version=0.0.4") && strstr(text, "\nundam_test 5\n"));
    CHECK(strstr(page("/other"), "HTTP/1.1 404 ") != NULL);
    daemon_free(&d);
}

TEST(a_listen_address_that_cannot_be_had)
{
    CHECK(!daemon_init(&d, "nonsense", rows, 1, &err));
    CHECK_INT(err.class, ERR_CONFIG);
    CHECK(d.loop == NULL);
}

TEST_MAIN
