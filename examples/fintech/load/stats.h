// SPDX-License-Identifier: Apache-2.0
/* What the driver counts: one set of numbers a phase, each request booked to the phase in which it was due. */
#pragma once
#include "base/hist.h"
#include "base/str.h"
#include "source.h"

enum outcome { OUTCOME_OK, OUTCOME_STATUS, OUTCOME_TRANSPORT, OUTCOME_TIMEOUT, OUTCOME_NOT_SEEN, OUTCOME_COUNT };

enum { SAMPLES_MAX = 5 };

struct phase {
    char name[40];
    const struct source *source;
    int64_t started_us, ended_us; /* ended_us 0: the current one */
    uint64_t outstanding;         /* due, not finished */
    uint64_t outcomes[OUTCOME_COUNT];
    uint64_t streamed, retried, own_checked;
    struct {
        struct buf request; /* as job_text() */
        unsigned status;
    } samples[SAMPLES_MAX]; /* the first answers with a status that was not expected */
    unsigned sample_count;
    struct endpoint_count {
        uint64_t streamed, failed;
        uint32_t status_seen[600];
        struct hist latency; /* microseconds from the intended start; failed ones too */
    } endpoints[];
};

struct phase *phase_new(const struct source *source, const char *name);
void phase_free(struct phase *p);
/* A request of this phase has ended. status 0: there is no answer. */
void phase_count(struct phase *p, const struct job *j, enum outcome outcome, unsigned status, bool streamed,
                 int64_t took_us);
uint64_t phase_requests(const struct phase *p);
uint64_t phase_failed(const struct phase *p);
/* Latencies of a group of endpoints merged. */
void phase_group(const struct phase *p, enum group group, struct hist *ret);
/* One JSON object on one line. */
void phase_json(const struct phase *p, struct buf *out);
