// SPDX-License-Identifier: Apache-2.0
/* What the driver counts: one set of numbers a phase, each request booked to the phase in which it was due. */
#pragma once
#include "base/hist.h"
#include "base/str.h"
#include "mix.h"

enum outcome { OUTCOME_OK, OUTCOME_STATUS, OUTCOME_TRANSPORT, OUTCOME_TIMEOUT, OUTCOME_NOT_SEEN, OUTCOME_COUNT };

struct phase {
    char name[40];
    int64_t started_us, ended_us; /* ended_us 0: the current one */
    uint64_t outstanding;         /* due, not finished */
    uint64_t outcomes[OUTCOME_COUNT];
    uint64_t streamed, retried, own_checked;
    struct {
        uint64_t streamed, failed;
        struct hist latency; /* microseconds from the intended start; failed ones too */
    } endpoints[MIX_COUNT];
    uint64_t status_seen[600];
};

uint64_t phase_requests(const struct phase *p);
uint64_t phase_failed(const struct phase *p);
/* Latencies of a group of endpoints merged. */
void phase_group(const struct phase *p, enum mix_group group, struct hist *ret);
/* One JSON object on one line. */
void phase_json(const struct phase *p, struct buf *out);
