// SPDX-License-Identifier: Apache-2.0
/*
 * What operators expect of a daemon: foreground, PostgreSQL's signal meanings (TERM finish the batch and
 * leave, a second TERM or INT leave quickly, HUP reload, QUIT abort with a core), sd_notify (READY=1, STATUS=,
 * STOPPING=1, WATCHDOG=1), /metrics, /healthz (alive) and /readyz on a loopback port.
 */
#pragma once
#include <signal.h>

#include "base/loop.h"
#include "base/metrics.h"

enum daemon_stop { DAEMON_RUN = 0, DAEMON_STOP_SMART, DAEMON_STOP_FAST };

struct daemon {
    struct loop *loop;
    enum daemon_stop stop; /* set by signals, read by the tick */
    bool reload;           /* set by HUP, cleared by the tick */
    bool ready;            /* answers /readyz; set through daemon_ready() */
    char not_ready[256];   /* why not, shown by /readyz */
    const struct metric *metrics;
    unsigned metric_count;
    struct daemon_http *http; /* internal */
    int signal_fd, notify_fd;
    bool told_ready;
    int64_t watchdog_us, watchdog_due_us; /* 0: the supervisor does not watch */
    sigset_t old_mask;                    /* before daemon_init(), put back by daemon_free() */
};

/* listen: "host:port", ":port" means 127.0.0.1, "" or NULL none; port 0 takes a free one and logs it.
 * Signals are blocked and read by signalfd in the loop; SIGPIPE is ignored. Logs event=started. */
bool daemon_init(struct daemon *d, const char *listen, const struct metric *metrics, unsigned metric_count,
                 struct err *err) MUST_USE;
/* READY=1 the first time; afterwards only /readyz changes, and a change is logged. why: NULL = ready. */
void daemon_ready(struct daemon *d, const char *why);
/* STATUS=... for systemctl status. */
void daemon_status(struct daemon *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* From the tick, at least once a second: WATCHDOG=1 when due. A tick may not block longer than half of WatchdogSec. */
void daemon_alive(struct daemon *d);
/* STOPPING=1, closes everything. */
void daemon_free(struct daemon *d);
/* Sleeps in the loop (signals, health, metrics and the watchdog are served); false when a stop was asked for. */
bool daemon_pause(struct daemon *d, int ms);
