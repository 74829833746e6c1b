// SPDX-License-Identifier: Apache-2.0
/* Signals, supervision and health of a daemon; see daemon.h. */
#include "base/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/http.h"
#include "base/log.h"
#include "base/mem.h"

struct daemon_http {
    struct http_server *server; /* NULL: no listener asked for */
};

/* Abstract sockets begin with '@' in the variable and with NUL in the address. */
static int notify_open(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return -1;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] == '/'));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void notify(struct daemon *d, const char *text)
{
    if (d->notify_fd >= 0)
        (void)!send(d->notify_fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Half of what the supervisor allows, as sd_watchdog_enabled(3) recommends; 0: it does not watch us. */
static int64_t watchdog_interval(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t us, who;
    if (!usec || !str_to_i64(str_of(usec), &us) || us <= 0)
        return 0;
    if (pid && (!str_to_i64(str_of(pid), &who) || who != getpid()))
        return 0;
    return us / 2;
}

static const char *signal_name(uint32_t number)
{
    switch (number) {
    case SIGTERM: return "TERM";
    case SIGINT: return "INT";
    case SIGHUP: return "HUP";
    default: return "?";
    }
}

/* The one place where stop changes: it never goes back. */
static void note_signal(struct daemon *d, uint32_t number)
{
    if (number == SIGHUP)
        d->reload = true;
    else if (number == SIGTERM && d->stop == DAEMON_RUN)
        d->stop = DAEMON_STOP_SMART;
    else
        d->stop = DAEMON_STOP_FAST;
    if (d->stop != DAEMON_RUN)
        notify(d, "STOPPING=1");
    log_event(LOG_INFO, "signal", "name=%s action=%s", signal_name(number),
              number == SIGHUP               ? "reload"
              : d->stop == DAEMON_STOP_SMART ? "stop"
                                             : "stop_fast");
}

static void on_signal(void *arg, unsigned events)
{
    struct daemon *d = arg;
    struct signalfd_siginfo info;
    (void)events;
    while (read(d->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        note_signal(d, info.ssi_signo);
}

static int on_request(void *arg, const struct http_request *request, struct buf *body, const char **ret_type)
{
    struct daemon *d = arg;
    if (str_is(request->path, "/metrics")) {
        *ret_type = "text/plain; version=0.0.4; charset=utf-8";
        metrics_print(d->metrics, d->metric_count, body);
        return 200;
    }
    if (str_is(request->path, "/healthz")) {
        buf_adds(body, "ok\n");
        return 200;
    }
    if (str_is(request->path, "/readyz")) {
        buf_printf(body, "%s\n", d->ready ? "ready" : d->not_ready);
        return d->ready ? 200 : 503;
    }
    buf_adds(body, "not found: there are /metrics, /healthz and /readyz\n");
    return 404;
}

/* QUIT is left to the kernel: it ends even a process that hangs, with a core. */
static bool signals_open(struct daemon *d, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, &d->old_mask) != 0)
        return err_errno(err, "signals");
    signal(SIGPIPE, SIG_IGN);
    d->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (d->signal_fd < 0)
        return err_errno(err, "signals");
    return loop_fd(d->loop, d->signal_fd, LOOP_READ, on_signal, d, err);
}

static bool daemon_open(struct daemon *d, const char *listen, struct err *err)
{
    if (!loop_new(&d->loop, err) || !signals_open(d, err))
        return false;
    if (listen && listen[0] && !http_server_new(&d->http->server, d->loop, listen, on_request, d, err))
        return false;
    return true;
}

bool daemon_init(struct daemon *d, const char *listen, const struct metric *metrics, unsigned metric_count,
                 struct err *err)
{
    *d = (struct daemon){.metrics = metrics, .metric_count = metric_count, .signal_fd = -1, .notify_fd = -1};
    snprintf(d->not_ready, sizeof d->not_ready, "starting");
    d->http = xcalloc(1, sizeof *d->http);
    d->notify_fd = notify_open();
    d->watchdog_us = watchdog_interval();
    if (!daemon_open(d, listen, err)) {
        daemon_free(d);
        return false;
    }
    log_event(LOG_INFO, "started", "version=%s pid=%d listen=%s", UNDAM_VERSION, (int)getpid(),
              d->http->server ? http_server_address(d->http->server) : "none");
    return true;
}

void daemon_ready(struct daemon *d, const char *why)
{
    bool was = d->ready;
    d->ready = why == NULL;
    if (d->ready && !was) {
        notify(d, d->told_ready ? "STATUS=ready" : "READY=1");
        d->told_ready = true;
        log_event(LOG_INFO, "ready", "pid=%d", (int)getpid());
    }
    if (why && (was || strcmp(why, d->not_ready) != 0)) {
        snprintf(d->not_ready, sizeof d->not_ready, "%s", why);
        log_event(LOG_WARN, "not_ready", "why=%s", why);
    }
}

void daemon_status(struct daemon *d, const char *fmt, ...)
{
    char text[512] = "STATUS=";
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + 7, sizeof text - 7, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if (*p == '\n')
            *p = ' '; /* a new line would begin another assignment */
    notify(d, text);
}

void daemon_alive(struct daemon *d)
{
    int64_t now = mono_us();
    if (d->watchdog_us == 0 || now < d->watchdog_due_us)
        return;
    d->watchdog_due_us = now + d->watchdog_us;
    notify(d, "WATCHDOG=1");
}

bool daemon_pause(struct daemon *d, int ms)
{
    int64_t until = mono_us() + (int64_t)ms * 1000;
    while (d->stop == DAEMON_RUN) {
        struct err err;
        int64_t left = until - mono_us();
        daemon_alive(d);
        if (left <= 0)
            return true;
        /* Short waits, so that a long pause does not look dead to the supervisor. */
        int64_t wait = left > 1000000 ? 1000000 : left;
        if (d->watchdog_us && d->watchdog_us < wait)
            wait = d->watchdog_us;
        if (!loop_once(d->loop, (int)((wait + 999) / 1000), &err)) {
            log_err(LOG_ERROR, "loop_failed", &err);
            return false;
        }
    }
    return false;
}

void daemon_free(struct daemon *d)
{
    notify(d, "STOPPING=1");
    if (d->http)
        http_server_free(d->http->server);
    free(d->http);
    if (d->signal_fd >= 0) {
        loop_fd_remove(d->loop, d->signal_fd);
        close(d->signal_fd);
        (void)sigprocmask(SIG_SETMASK, &d->old_mask, NULL);
    }
    if (d->notify_fd >= 0)
        close(d->notify_fd);
    loop_free(d->loop);
    *d = (struct daemon){.signal_fd = -1, .notify_fd = -1};
}
