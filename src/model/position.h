// SPDX-License-Identifier: Apache-2.0
/*
 * The place of an event: (commit end LSN, sequence inside the transaction). Order, de-duplication and
 * watermarks all use it, and nothing else; a row's own LSN is never a position.
 * A position is valid for one lineage (system identifier, timeline, slot); another one is refused.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "codec/lsn.h"

struct position {
    uint64_t lsn; /* end LSN of the commit; 0 = before everything */
    uint32_t seq; /* 1.. inside the transaction, over all topics; 0 = before its first event */
};

struct lineage {
    uint64_t system_id; /* IDENTIFY_SYSTEM's systemid */
    uint32_t timeline;
    char database[64];
    char slot[64];
};

static inline int position_cmp(struct position a, struct position b)
{
    if (a.lsn != b.lsn)
        return a.lsn < b.lsn ? -1 : 1;
    return (a.seq > b.seq) - (a.seq < b.seq);
}

/* Same system, timeline, database and slot. */
bool lineage_eq(const struct lineage *a, const struct lineage *b);
