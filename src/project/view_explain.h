// SPDX-License-Identifier: Apache-2.0
/*
 * What a plan would read whole. A view is registered only when, with a realistic number of keys, neither its key maps
 * nor its restricted SELECT scan a large mirror: keyed recompute would else cost as much as computing everything.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct view_scan {
    const char *relation; /* the mirror's name, without its schema */
    const char *how;      /* "Seq Scan", "Index Only Scan without a condition" */
};

/* Every relation that the plan reads from end to end, in plan order. json: one EXPLAIN (FORMAT JSON) of it, made with
 * the real parameters (custom plan) on analyzed tables. Strings live in the arena. ERR_DATA when it is no such text. */
bool view_explain_scans(struct str json, struct arena *arena, struct view_scan **ret, size_t *ret_count,
                        struct err *err) MUST_USE;
