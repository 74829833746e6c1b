// SPDX-License-Identifier: Apache-2.0
/* The configuration as rows; see config.h. */
#include "model/config.h"

#include "base/mem.h"

void config_free(struct config *c)
{
    if (!c)
        return;
    arena_free(&c->arena);
    free(c);
}

bool config_load(const char *path, struct config **ret, struct err *err)
{
    (void)ret;
    return err_set(err, ERR_CONFIG, "%s: not implemented", path);
}
