// SPDX-License-Identifier: Apache-2.0
/* What the embedded registry is asked; see store.h. */
#include <stdio.h>

#include "base/mem.h"
#include "registry/store.h"

bool store_schema(struct store *s, int32_t id, struct arena *arena, struct str *ret, struct err *err)
{
    PG_RESULT r = NULL;
    char text[16];
    const char *values[] = {text};
    snprintf(text, sizeof text, "%d", id);
    if (!store_ready(s, err) ||
        !store_ask(s, "cannot read a schema", "SELECT definition FROM undam_registry.schema WHERE id = $1::int4", 1,
                   values, &r, err))
        return false;
    if (PQntuples(r) == 0)
        return store_refuse(s, STORE_SCHEMA_UNKNOWN, err, "registry: there is no schema %d", id);
    *ret = str_of(arena_strdup(arena, PQgetvalue(r, 0, 0)));
    return true;
}
