// SPDX-License-Identifier: Apache-2.0
/* The registry: picks the driver, tries again, remembers; see registry.h. */
#include "registry/registry.h"

#include <poll.h>

#include "base/log.h"
#include "model/config.h"
#include "registry/compat.h"
#include "registry/driver.h"

enum {
    TRY_US = 5 * 1000 * 1000, /* since its beginning, how long a call begins further tries */
    PAUSE_MS = 100,           /* before the second try; doubles */
    PAUSE_MAX_MS = 1000,
    IDLE_MS = 250, /* between two calls of idle */
};

static const struct registry_driver *const drivers[] = {&registry_embedded, &registry_confluent};

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
        arena_init(&r->refusal_arena);
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
    int64_t pause = r->wait_ms > t->pause_ms ? r->wait_ms : t->pause_ms;
    r->wait_ms = 0;
    t->pause_ms = t->pause_ms * 2 < PAUSE_MAX_MS ? t->pause_ms * 2 : PAUSE_MAX_MS;
    if (!err->retriable || now + pause * 1000 > t->end_us)
        return false;
    pause_idle(r, pause);
    return true;
}

/* The driver's call, which uses &why, until it goes well or there is no point in going on. */
#define TRIED(r, err, call)                                        \
    ({                                                             \
        struct tries tries_ = {mono_us() + TRY_US, PAUSE_MS};      \
        struct err why = {0};                                      \
        bool good_;                                                \
        (r)->refused = false;                                      \
        (r)->wait_ms = 0;                                          \
        while (!(good_ = (call)) && try_again((r), &tries_, &why)) \
            ;                                                      \
        if (!good_ && (err))                                       \
            *(err) = why;                                          \
        good_;                                                     \
    })

bool registry_register(struct registry *r, struct str subject, struct str schema, int32_t *ret_id, struct err *err)
{
    const struct registry_known *k = known_text(r, subject, schema);
    struct arena arena;
    int32_t id;
    if (k) {
        *ret_id = k->id;
        return true;
    }
    arena_init(&arena);
    bool good = TRIED(r, err, r->driver->add(r, subject, schema, &arena, &id, &why));
    arena_free(&arena);
    if (!good)
        return false;
    know(r, &r->texts.buckets[bucket(schema)], id, subject, schema);
    *ret_id = id;
    return true;
}

bool registry_get(struct registry *r, int32_t id, struct str *ret_schema, struct err *err)
{
    const struct registry_known *k = known_id(r, id);
    struct arena arena;
    struct str schema;
    if (k) {
        *ret_schema = k->schema;
        return true;
    }
    arena_init(&arena);
    bool good = TRIED(r, err, r->driver->get(r, id, &arena, &schema, &why));
    if (good)
        *ret_schema =
            know(r, &r->ids.buckets[(uint32_t)id % COUNT(r->ids.buckets)], id, (struct str){NULL, 0}, schema)->schema;
    arena_free(&arena);
    return good;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    arena_free(&r->arena);
    arena_free(&r->refusal_arena);
    r->driver->close(r);
}

/* ---- refusals ---- */

static struct str keep_refused(struct registry *r, struct str s)
{
    return str_n(arena_memdup(&r->refusal_arena, s.data ? s.data : "", s.len), s.len);
}

bool registry_refuse(struct registry *r, const struct registry_refusal *refusal, struct err *err)
{
    arena_reset(&r->refusal_arena);
    r->refusal = (struct registry_refusal){
        keep_refused(r, refusal->subject),    keep_refused(r, refusal->rule),    keep_refused(r, refusal->reason),
        keep_refused(r, refusal->registered), keep_refused(r, refusal->offered),
    };
    r->refused = true;
    err_set(err, ERR_DATA, "registry: the schema does not go with subject " STR_FMT ", rule " STR_FMT ": " STR_FMT,
            STR_ARG(refusal->subject), STR_ARG(refusal->rule), STR_ARG(refusal->reason));
    return err_hint(err,
                    "`undam registry show " STR_FMT "` prints what is registered; take the change back, or let it pass "
                    "with `undam registry config " STR_FMT " NONE` once every reader can do with it",
                    STR_ARG(refusal->subject), STR_ARG(refusal->subject));
}

const struct registry_refusal *registry_refused(const struct registry *r) { return r->refused ? &r->refusal : NULL; }

/* ---- for operators ---- */

bool registry_subjects(struct registry *r, struct arena *arena, struct str **ret, size_t *ret_count, struct err *err)
{
    return TRIED(r, err, r->driver->subjects(r, arena, ret, ret_count, &why));
}

bool registry_versions(struct registry *r, struct str subject, struct arena *arena, int32_t **ret, size_t *ret_count,
                       struct err *err)
{
    return TRIED(r, err, r->driver->versions(r, subject, arena, ret, ret_count, &why));
}

bool registry_version(struct registry *r, struct str subject, int32_t version, struct arena *arena,
                      struct registry_version *ret, struct err *err)
{
    return TRIED(r, err, r->driver->version(r, subject, version, arena, ret, &why));
}

bool registry_check(struct registry *r, struct str subject, struct str schema, bool *ret_compatible, struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    bool good = TRIED(r, err, r->driver->check(r, subject, schema, &arena, ret_compatible, &why));
    arena_free(&arena);
    return good;
}

bool registry_rule(struct registry *r, struct str subject, struct arena *arena, struct str *ret_rule, bool *ret_own,
                   struct err *err)
{
    return TRIED(r, err, r->driver->rule(r, subject, arena, ret_rule, ret_own, &why));
}

bool registry_rule_set(struct registry *r, struct str subject, struct str rule, struct err *err)
{
    struct arena arena;
    if (rule.len && !compat_rule_valid(rule)) {
        err_set(err, ERR_DATA, "registry: there is no rule \"" STR_FMT "\"", STR_ARG(rule));
        return err_hint(err, "a rule is NONE, BACKWARD, FORWARD or FULL, the last three also with _TRANSITIVE");
    }
    arena_init(&arena);
    bool good = TRIED(r, err, r->driver->rule_set(r, subject, rule, &arena, &why));
    arena_free(&arena);
    return good;
}

bool registry_delete(struct registry *r, struct str subject, int32_t version, struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    bool good = TRIED(r, err, r->driver->remove(r, subject, version, &arena, &why));
    arena_free(&arena);
    return good;
}
