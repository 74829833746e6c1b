// SPDX-License-Identifier: Apache-2.0
/* The registry: picks the driver, tries again, remembers; see registry.h. */
#include "registry/registry.h"

#include <poll.h>

#include "base/log.h"
#include "model/config.h"
#include "registry/driver.h"

enum {
    TRY_US = 5 * 1000 * 1000, /* how long a call goes on trying */
    PAUSE_MS = 100,           /* before the second try; doubles */
    PAUSE_MAX_MS = 1000,
    IDLE_MS = 250, /* between two calls of idle */
};

static const struct registry_driver *const drivers[] = {&registry_embedded};

struct registry_config registry_config_of(const struct config *config)
{
    return (struct registry_config){.driver = config->registry.driver,
                                    .dsn = config->registry.dsn,
                                    .urls = config->registry.urls,
                                    .credentials = config->registry.credentials,
                                    .ca = config->registry.ca,
                                    .compatibility = config->registry.compatibility};
}

static void no_idle(void *arg) { (void)arg; }

bool registry_open(const struct registry_config *config, registry_idle_fn *idle, void *idle_arg, struct registry **ret,
                   struct err *err)
{
    const char *name = config->driver && *config->driver ? config->driver : drivers[0]->name;
    for (size_t i = 0; i < COUNT(drivers); i++) {
        struct registry *r;
        if (strcmp(drivers[i]->name, name) != 0)
            continue;
        if (!drivers[i]->open(config, idle ? idle : no_idle, idle_arg, &r, err))
            return false;
        r->driver = drivers[i];
        arena_init(&r->arena);
        *ret = r;
        return true;
    }
    return err_set(err, ERR_CONFIG, "registry.driver: there is no driver \"%s\"", name);
}

/* ---- what was seen before ---- */

struct registry_known {
    struct registry_known *next;
    int32_t id;
    struct str subject, schema;
};

/* FNV-1a: few and long keys, so how well it spreads does not matter. */
static size_t bucket(struct str text)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (unsigned char)text.data[i]) * 16777619u;
    return h % COUNT(((struct registry_cache *)0)->buckets);
}

static const struct registry_known *known_text(const struct registry *r, struct str subject, struct str schema)
{
    for (const struct registry_known *k = r->texts.buckets[bucket(schema)]; k; k = k->next)
        if (str_eq(k->schema, schema) && str_eq(k->subject, subject))
            return k;
    return NULL;
}

static const struct registry_known *known_id(const struct registry *r, int32_t id)
{
    for (const struct registry_known *k = r->ids.buckets[(uint32_t)id % COUNT(r->ids.buckets)]; k; k = k->next)
        if (k->id == id)
            return k;
    return NULL;
}

static struct str keep(struct registry *r, struct str s)
{
    return str_n(arena_memdup(&r->arena, s.data, s.len), s.len);
}

static const struct registry_known *know(struct registry *r, struct registry_known **head, int32_t id,
                                         struct str subject, struct str schema)
{
    struct registry_known *k = arena_calloc(&r->arena, 1, sizeof *k);
    *k = (struct registry_known){*head, id, keep(r, subject), keep(r, schema)};
    *head = k;
    return k;
}

/* ---- tries ---- */

struct tries {
    int64_t end_us, pause_ms;
};

static void pause_idle(struct registry *r, int64_t ms)
{
    for (int64_t end = mono_us() + ms * 1000, left; (left = (end - mono_us()) / 1000) > 0;) {
        poll(NULL, 0, left < IDLE_MS ? (int)left : IDLE_MS);
        r->idle(r->idle_arg);
    }
}

/* Whether another try makes sense and there is time for it; waits before it. */
static bool try_again(struct registry *r, struct tries *t, const struct err *err)
{
    int64_t now = mono_us();
    if (!t->end_us) {
        t->end_us = now + TRY_US;
        t->pause_ms = PAUSE_MS;
    }
    int64_t pause = r->wait_ms > t->pause_ms ? r->wait_ms : t->pause_ms;
    r->wait_ms = 0;
    t->pause_ms = t->pause_ms * 2 < PAUSE_MAX_MS ? t->pause_ms * 2 : PAUSE_MAX_MS;
    if (!err->retriable || now + pause * 1000 > t->end_us)
        return false;
    pause_idle(r, pause);
    return true;
}

bool registry_register(struct registry *r, struct str subject, struct str schema, int32_t *ret_id, struct err *err)
{
    const struct registry_known *k = known_text(r, subject, schema);
    struct tries tries = {0};
    struct arena arena;
    struct err why = {0};
    int32_t id;
    if (k) {
        *ret_id = k->id;
        return true;
    }
    arena_init(&arena);
    bool good;
    while (!(good = r->driver->add(r, subject, schema, &arena, &id, &why)) && try_again(r, &tries, &why))
        arena_reset(&arena);
    arena_free(&arena);
    if (good) {
        know(r, &r->texts.buckets[bucket(schema)], id, subject, schema);
        *ret_id = id;
    } else if (err) {
        *err = why;
    }
    return good;
}

bool registry_get(struct registry *r, int32_t id, struct str *ret_schema, struct err *err)
{
    const struct registry_known *k = known_id(r, id);
    struct tries tries = {0};
    struct arena arena;
    struct err why = {0};
    struct str schema;
    if (k) {
        *ret_schema = k->schema;
        return true;
    }
    arena_init(&arena);
    bool good;
    while (!(good = r->driver->get(r, id, &arena, &schema, &why)) && try_again(r, &tries, &why))
        arena_reset(&arena);
    if (good)
        *ret_schema =
            know(r, &r->ids.buckets[(uint32_t)id % COUNT(r->ids.buckets)], id, (struct str){NULL, 0}, schema)->schema;
    else if (err)
        *err = why;
    arena_free(&arena);
    return good;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    arena_free(&r->arena);
    r->driver->close(r);
}
