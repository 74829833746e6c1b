// SPDX-License-Identifier: Apache-2.0
/* The driver `embedded`: the tables of store.h, asked directly. */
#include "base/mem.h"
#include "registry/driver.h"
#include "registry/store.h"

struct embedded {
    struct registry base;
    struct store store;
};

static struct store *store_of(struct registry *r) { return &((struct embedded *)r)->store; }

static bool embedded_open(const struct registry_config *config, registry_idle_fn *idle, void *idle_arg,
                          struct registry **ret, struct err *err)
{
    struct embedded *e = xcalloc(1, sizeof *e);
    struct pg_idle waiting = {idle, idle_arg};
    e->base.idle = idle;
    e->base.idle_arg = idle_arg;
    if (!store_open(&e->store, config->dsn, config->compatibility, &waiting, err)) {
        free(e);
        return false;
    }
    *ret = &e->base;
    return true;
}

static bool embedded_add(struct registry *r, struct str subject, struct str schema, struct arena *arena,
                         int32_t *ret_id, struct err *err)
{
    struct store_version version;
    if (!store_register(store_of(r), subject, schema, arena, &version, err))
        return false;
    *ret_id = version.id;
    return true;
}

static bool embedded_get(struct registry *r, int32_t id, struct arena *arena, struct str *ret_schema, struct err *err)
{
    return store_schema(store_of(r), id, arena, ret_schema, err);
}

static void embedded_close(struct registry *r)
{
    store_close(store_of(r));
    free(r);
}

const struct registry_driver registry_embedded = {
    .name = "embedded",
    .open = embedded_open,
    .add = embedded_add,
    .get = embedded_get,
    .close = embedded_close,
};
