// SPDX-License-Identifier: Apache-2.0
/*
 * A side read model against the live one, at one and the same position: a snapshot of the live model says where it is,
 * the side model is brought to exactly there, and then the two are compared by checksums, row by row where those
 * differ. What is reported was different in that one state; the live projector is never waited for by anybody, nor held
 * up.
 */
#pragma once
#include "project/replay.h"

enum { COMPARE_KEYS = 5 };

struct compare_line {
    const char *kind; /* "table", "view" */
    const char *name;
    uint64_t rows;                         /* of the live model */
    uint64_t differ, only_live, only_side; /* rows */
    uint64_t unknown;                      /* rows of the live model that the replayed events do not tell of */
    const char *keys[COMPARE_KEYS];        /* of the first differences, as PostgreSQL prints a row */
    unsigned key_count;
    const char *skipped; /* why it was not compared, or NULL */
};

struct compare {
    struct compare_line *lines; /* in the replay's arena */
    size_t line_count;
    uint64_t wrong; /* rows, of all */
    uint64_t lsn;   /* where both were */
};

/* After replay_run(). ERR_STATE when the live model does not come to where the side model is already. */
bool compare_run(struct replay *r, struct compare *ret, struct err *err) MUST_USE;
