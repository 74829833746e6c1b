// SPDX-License-Identifier: Apache-2.0
/*
 * Does a stored view hold what its SELECT gives? Compared in one statement, hence in one snapshot, while the projector
 * runs. Rows are compared as their whole text: 1.0 is not 1.00, and types without "=" are compared too.
 */
#pragma once
#include "project/readmodel.h"

struct verify_result {
    const char *view;
    bool whole;
    uint64_t checked; /* stored rows looked at */
    uint64_t extra;   /* stored, not in the SELECT */
    uint64_t missing; /* in the SELECT, not stored */
    const char *keys; /* up to ten row keys that differ, as JSON arrays in a JSON array */
};

/* sample: how many keys taken at random, 0 = the whole view. Results live in the arena. */
bool verify_view(struct pg *pg, const struct view *v, int64_t sample, struct arena *arena, struct verify_result *ret,
                 struct err *err) MUST_USE;
