// SPDX-License-Identifier: Apache-2.0
/* Manual pages: stub, filled below. */
#include "cmd/table.h"
int man_run(struct invocation *inv)
{
    (void)inv;
    return ERR_INTERNAL;
}
