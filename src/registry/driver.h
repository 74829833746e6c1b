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
    struct arena refusal_arena;
    struct registry_refusal refusal;
    bool refused; /* refusal is of the last call */
};

struct registry_driver {
    const char *name;
    bool (*open)(const struct registry_config *config, registry_idle_fn *idle, void *idle_arg, struct registry **ret,
                 struct err *err);
    bool (*add)(struct registry *r, struct str subject, struct str schema, struct arena *arena, int32_t *ret_id,
                struct err *err);
    bool (*subjects)(struct registry *r, struct arena *arena, struct str **ret, size_t *ret_count, struct err *err);
    bool (*versions)(struct registry *r, struct str subject, struct arena *arena, int32_t **ret, size_t *ret_count,
                     struct err *err);
    bool (*version)(struct registry *r, struct str subject, int32_t version, struct arena *arena,
                    struct registry_version *ret, struct err *err);
    bool (*check)(struct registry *r, struct str subject, struct str schema, struct arena *arena, bool *ret_compatible,
                  struct err *err);
    bool (*rule)(struct registry *r, struct str subject, struct arena *arena, struct str *ret_rule, bool *ret_own,
                 struct err *err);
    bool (*rule_set)(struct registry *r, struct str subject, struct str rule, struct arena *arena, struct err *err);
    bool (*remove)(struct registry *r, struct str subject, int32_t version, struct arena *arena, struct err *err);
    bool (*get)(struct registry *r, int32_t id, struct arena *arena, struct str *ret_schema, struct err *err);
    void (*close)(struct registry *r);
};

/* Keeps why a schema is refused, and says it: ERR_DATA. Returns false. */
bool registry_refuse(struct registry *r, const struct registry_refusal *refusal, struct err *err);

extern const struct registry_driver registry_embedded, registry_confluent;
