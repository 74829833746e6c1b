// SPDX-License-Identifier: Apache-2.0
/*
 * Progress of long work, on stderr: a bar that is redrawn where stderr is a terminal, a line every ten
 * seconds elsewhere. Nothing is printed for work that ends within a second.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* "backfill transactions"; not copied */
    const char *unit; /* "rows" */
    uint64_t done, total;
    bool quiet, tty, drawn;
    int64_t began_us, shown_us;
};

/* total 0: not known. quiet: draws nothing (for --json). */
void progress_begin(struct progress *p, const char *what, const char *unit, uint64_t total, bool quiet);
/* done: so far, in all. Cheap enough for every row: it reads the clock, and draws ten times a second at most. */
void progress_set(struct progress *p, uint64_t done);
/* The last line, with count and time, when anything was drawn. */
void progress_end(struct progress *p);
