// SPDX-License-Identifier: Apache-2.0
/*
 * What a registry driver is: a row of functions, one for each of registry.h, which says what they promise; each tries
 * once, registry.c tries again. Results live in the arena given.
 */
#pragma once
#include "registry/registry.h"

struct registry_cache {
    struct registry_known *buckets[64];
};

/* The first member of each driver's own. */
struct registry {
    const struct registry_driver *driver;
    registry_idle_fn *idle; /* never NULL */
    void *idle_arg;
    int64_t wait_ms; /* what the other side asked for before the next try, 0: nothing; set by the driver */
    struct registry_cache texts, ids;
    struct arena arena; /* of the cache */
};

struct registry_driver {
    const char *name;
    bool (*open)(const struct registry_config *config, registry_idle_fn *idle, void *idle_arg, struct registry **ret,
                 struct err *err);
    bool (*add)(struct registry *r, struct str subject, struct str schema, struct arena *arena, int32_t *ret_id,
                struct err *err);
    bool (*get)(struct registry *r, int32_t id, struct arena *arena, struct str *ret_schema, struct err *err);
    void (*close)(struct registry *r);
};

extern const struct registry_driver registry_embedded;
