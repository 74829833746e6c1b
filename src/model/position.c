// SPDX-License-Identifier: Apache-2.0
/* Lineages compared; see position.h. */
#include "model/position.h"

bool lineage_eq(const struct lineage *a, const struct lineage *b)
{
    return a->system_id == b->system_id && a->timeline == b->timeline && strcmp(a->database, b->database) == 0 &&
           strcmp(a->slot, b->slot) == 0;
}
