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
    struct registry_version version;
    struct registry_refusal refusal;
    if (store_register(store_of(r), subject, schema, arena, &version, &refusal, err)) {
        *ret_id = version.id;
        return true;
    }
    return store_of(r)->code == STORE_INCOMPATIBLE && registry_refuse(r, &refusal, err);
}

static bool embedded_get(struct registry *r, int32_t id, struct arena *arena, struct str *ret_schema, struct err *err)
{
    return store_schema(store_of(r), id, arena, ret_schema, err);
}

static bool embedded_subjects(struct registry *r, struct arena *arena, struct str **ret, size_t *ret_count,
                              struct err *err)
{
    return store_subjects(store_of(r), STR(""), STORE_LIVE, arena, ret, ret_count, err);
}

static bool embedded_versions(struct registry *r, struct str subject, struct arena *arena, int32_t **ret,
                              size_t *ret_count, struct err *err)
{
    struct registry_version *versions;
    size_t count;
    if (!store_versions(store_of(r), subject, STORE_LIVE, arena, &versions, &count, err))
        return false;
    *ret = arena_calloc(arena, count + 1, sizeof **ret);
    *ret_count = count;
    for (size_t i = 0; i < count; i++)
        (*ret)[i] = versions[i].version;
    return true;
}

static bool embedded_version(struct registry *r, struct str subject, int32_t version, struct arena *arena,
                             struct registry_version *ret, struct err *err)
{
    return store_version(store_of(r), subject, version ? version : STORE_LATEST, STORE_LIVE, arena, ret, err);
}

static bool embedded_check(struct registry *r, struct str subject, struct str schema, struct arena *arena,
                           bool *ret_compatible, struct err *err)
{
    struct registry_refusal refusal;
    if (!store_check(store_of(r), subject, STORE_ALL, schema, arena, ret_compatible, &refusal, err))
        return false;
    if (!*ret_compatible)
        registry_refuse(r, &refusal, NULL);
    return true;
}

static bool embedded_rule(struct registry *r, struct str subject, struct arena *arena, struct str *ret_rule,
                          bool *ret_own, struct err *err)
{
    return store_setting_get(store_of(r), STORE_RULE, subject, arena, ret_rule, ret_own, err);
}

static bool embedded_rule_set(struct registry *r, struct str subject, struct str rule, struct arena *arena,
                              struct err *err)
{
    return store_setting_set(store_of(r), STORE_RULE, subject, rule, arena, err);
}

static bool embedded_remove(struct registry *r, struct str subject, int32_t version, struct arena *arena,
                            struct err *err)
{
    int32_t *versions;
    size_t count;
    return store_delete(store_of(r), subject, version ? version : STORE_ALL, false, arena, &versions, &count, err);
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
    .subjects = embedded_subjects,
    .versions = embedded_versions,
    .version = embedded_version,
    .check = embedded_check,
    .rule = embedded_rule,
    .rule_set = embedded_rule_set,
    .remove = embedded_remove,
    .close = embedded_close,
};
