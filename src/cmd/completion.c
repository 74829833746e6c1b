// SPDX-License-Identifier: Apache-2.0
/* Shell completion: stub. */
#include "cmd/table.h"
int completion_run(struct invocation *inv)
{
    (void)inv;
    return ERR_INTERNAL;
}
