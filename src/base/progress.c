// SPDX-License-Identifier: Apache-2.0
/* A bar on a terminal, lines elsewhere; see progress.h. */
#include "base/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

enum { BAR_CELLS = 30, QUIET_US = 1000000, TTY_US = 100000, LINE_US = 10000000 };

void progress_begin(struct progress *p, const char *what, const char *unit, uint64_t total, bool quiet)
{
    *p = (struct progress){.what = what, .unit = unit, .total = total, .quiet = quiet};
    p->tty = isatty(STDERR_FILENO);
    p->began_us = mono_us();
    p->shown_us = p->began_us + QUIET_US - (p->tty ? TTY_US : LINE_US);
}

static void draw(const struct progress *p, int64_t now)
{
    char bar[BAR_CELLS + 1], share[16] = "";
    uint64_t total = p->total > p->done ? p->total : p->done;
    int cells = total ? (int)((double)p->done / (double)total * BAR_CELLS) : 0;
    for (int i = 0; i < BAR_CELLS; i++)
        bar[i] = i < cells ? '#' : '.';
    bar[BAR_CELLS] = '\0';
    double seconds = (double)(now - p->began_us) / 1e6;
    if (p->total)
        snprintf(share, sizeof share, " %3d%%", (int)((double)p->done / (double)total * 100));
    fprintf(stderr, "%s%s%s%s%s%s %llu %s, %.0f %s/s, %.0f s%s", p->tty ? "\r\033[K" : "", p->what,
            p->tty && p->total ? " [" : "", p->tty && p->total ? bar : "", p->tty && p->total ? "]" : "", share,
            (unsigned long long)p->done, p->unit, seconds > 0 ? (double)p->done / seconds : 0, p->unit, seconds,
            p->tty ? "" : "\n");
    fflush(stderr);
}

void progress_set(struct progress *p, uint64_t done)
{
    p->done = done;
    if (p->quiet)
        return;
    int64_t now = mono_us();
    if (now - p->shown_us < (p->tty ? TTY_US : LINE_US))
        return;
    p->shown_us = now;
    p->drawn = true;
    draw(p, now);
}

void progress_end(struct progress *p)
{
    if (!p->drawn)
        return;
    draw(p, mono_us());
    if (p->tty)
        fputc('\n', stderr);
}
