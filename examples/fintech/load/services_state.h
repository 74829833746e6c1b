// SPDX-License-Identifier: Apache-2.0
/* What services.c makes ready and request.c makes requests from; nobody else includes this. */
#pragma once
#include "services.h"

/* Lines to choose from: sums[i] is the weight of lines[0] to lines[i]. */
struct choice {
    unsigned *lines;
    double *sums;
    unsigned count;
};

struct services {
    struct source source;
    struct arena arena, request;
    struct pools pools;
    struct lines lines;
    struct endpoint *endpoints;
    struct choice reads, others;
    const struct pool *partners;
    uint32_t *base; /* who may call, ascending; NULL: 1 to users */
    size_t base_count;
    bool *seen; /* users that fresh requests have had, by their place among those who may call */
    uint64_t state, users, transactions, sequence;
    unsigned writes_percent;
};
