// SPDX-License-Identifier: Apache-2.0
/* `undam validate`: reads both sides, tells stale and unstable from wrong, keeps the evidence. */
#pragma once
#include "base/str.h"
#include "model/config.h"
#include "validate/results.h"

struct validate_options {
    bool once;            /* enumerated keys of the catalogue, then leave; else tickets, until stopped */
    const char *endpoint; /* once: only this one ("GET /users/{id}"), NULL all */
    int64_t limit;        /* once: keys an endpoint at most, 0 all */
    int64_t from;         /* once: keys passed over, in the order of the run */
    const char *evidence; /* folder, NULL: reproducers to stdout (once), none (daemon) */
    bool quiet;           /* once: no progress and no reproducers on stdout */
};

/* Compares; the counters are in *results (to be freed with results_free(), also after a failure). */
bool validate_run(const struct config *config, const struct validate_options *options, struct results *results,
                  struct err *err) MUST_USE;
