// SPDX-License-Identifier: Apache-2.0
/* The driver `confluent`: any registry with Confluent's REST API; see registry.h and rest_client.h. */
#include <poll.h>
#include <stdio.h>

#include "base/mem.h"
#include "registry/compat.h"
#include "registry/driver.h"
#include "registry/rest_client.h"

enum { CONFLICT_TRIES = 3, CONFLICT_PAUSE_MS = 150 };

struct confluent {
    struct registry base;
    struct rest_client rest;
};

static struct rest_client *rest_of(struct registry *r) { return &((struct confluent *)r)->rest; }

static bool confluent_open(const struct registry_config *config, registry_idle_fn *idle, void *idle_arg,
                           struct registry **ret, struct err *err)
{
    struct confluent *c = xcalloc(1, sizeof *c);
    if (!rest_client_open(&c->rest, config->urls, config->credentials, config->ca, err)) {
        free(c);
        return false;
    }
    c->base.idle = c->rest.idle = idle;
    c->base.idle_arg = c->rest.idle_arg = idle_arg;
    *ret = &c->base;
    return true;
}

static void confluent_close(struct registry *r)
{
    rest_client_close(rest_of(r));
    free(r);
}

/* ---- asking ---- */

/* "/subjects/<s>/versions" and the like: format with one %s for the escaped subject. */
static char *path_of(struct arena *arena, const char *before, struct str subject, const char *after)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_adds(&b, before);
    rest_escape(&b, subject);
    buf_adds(&b, after);
    char *path = arena_memdup(arena, b.data, b.len);
    buf_free(&b);
    return path;
}

static struct str body_of(struct arena *arena, const char *name, struct str value)
{
    struct buf b;
    buf_init(&b, 0);
    buf_printf(&b, "{\"%s\":", name);
    buf_add_json(&b, value);
    buf_addc(&b, '}');
    struct str body = str_n(arena_memdup(arena, b.data, b.len), b.len);
    buf_free(&b);
    return body;
}

static bool ask(struct registry *r, const char *method, const char *path, struct str body, struct arena *arena,
                struct rest_answer *ret, struct err *err)
{
    bool good = rest_ask(rest_of(r), method, path, body, arena, ret, err);
    r->wait_ms = rest_of(r)->wait_ms;
    return good;
}

static const struct str nothing = {"", 0};

/* What the registry says of its own accord, as an error. */
static bool say(const struct rest_answer *a, const char *doing, struct err *err)
{
    return err_set(err, ERR_DATA, "registry: %s: " STR_FMT " (HTTP %d, error code %d)", doing, STR_ARG(a->message),
                   a->status, a->code);
}

static bool unexpected(const char *doing, struct err *err)
{
    return err_set(err, ERR_TARGET, "registry: %s: the answer is not what Confluent's API gives", doing);
}

/* ---- register, get ---- */

static bool confluent_rule(struct registry *r, struct str subject, struct arena *arena, struct str *ret_rule,
                           bool *ret_own, struct err *err)
{
    struct rest_answer a;
    const char *path = subject.len ? path_of(arena, "/config/", subject, "") : "/config";
    if (!ask(r, "GET", path, nothing, arena, &a, err))
        return false;
    *ret_own = a.status == 200;
    if (a.status == 404 && subject.len && !ask(r, "GET", "/config", nothing, arena, &a, err))
        return false;
    if (a.status != 200)
        return say(&a, "its rule cannot be read", err);
    return rest_text(&a.tree, "compatibilityLevel", ret_rule) || unexpected("its rule cannot be read", err);
}

static bool confluent_version(struct registry *r, struct str subject, int32_t version, struct arena *arena,
                              struct registry_version *ret, struct err *err)
{
    struct rest_answer a;
    char number[32];
    snprintf(number, sizeof number, "/versions/%d", version);
    if (!ask(r, "GET", path_of(arena, "/subjects/", subject, version ? number : "/versions/latest"), nothing, arena, &a,
             err))
        return false;
    if (a.status != 200)
        return say(&a, "a version cannot be read", err);
    *ret = (struct registry_version){.subject = subject};
    return (rest_text(&a.tree, "schema", &ret->schema) && rest_int(&a.tree, "id", &ret->id) &&
            rest_int(&a.tree, "version", &ret->version)) ||
           unexpected("a version cannot be read", err);
}

/* The reason is the registry's, the rest is asked for: without it the refusal stands all the same. */
static bool refuse(struct registry *r, struct str subject, struct str schema, struct str reason, struct arena *arena,
                   struct err *err)
{
    struct registry_refusal refusal = {.subject = subject, .reason = reason, .offered = schema};
    struct registry_version latest;
    struct err ignored;
    size_t index;
    const char *why;
    bool own, compatible = true;
    if (!confluent_rule(r, subject, arena, &refusal.rule, &own, &ignored))
        refusal.rule = nothing;
    if (confluent_version(r, subject, 0, arena, &latest, &ignored))
        refusal.registered = latest.schema;
    /* Apicurio's answer to a question gives none; our own rules are the same. */
    if (!reason.len && refusal.registered.len &&
        compat_check(refusal.rule, schema, &refusal.registered, 1, arena, &compatible, &index, &why, &ignored))
        refusal.reason = str_of(compatible ? "the registry gives no reason" : why);
    return registry_refuse(r, &refusal, err);
}

/* Apicurio says 409 also to the one that comes second when two register at the same moment: asked again, it says what
 * it means. */
static bool post_schema(struct registry *r, const char *path, struct str body, struct arena *arena,
                        struct rest_answer *ret, struct err *err)
{
    for (int left = CONFLICT_TRIES; left > 0; left--) {
        if (!ask(r, "POST", path, body, arena, ret, err))
            return false;
        if (ret->status != 409)
            break;
        if (left > 1)
            poll(NULL, 0, CONFLICT_PAUSE_MS);
        r->idle(r->idle_arg);
    }
    return true;
}

static bool confluent_add(struct registry *r, struct str subject, struct str schema, struct arena *arena,
                          int32_t *ret_id, struct err *err)
{
    struct rest_answer a;
    int32_t id;
    if (!post_schema(r, path_of(arena, "/subjects/", subject, "/versions"), body_of(arena, "schema", schema), arena, &a,
                     err))
        return false;
    if (a.status == 409)
        return refuse(r, subject, schema, a.message, arena, err);
    if (a.status >= 300)
        return say(&a, arena_printf(arena, "schema for subject " STR_FMT " is refused", STR_ARG(subject)), err);
    if (!rest_int(&a.tree, "id", &id) || id < 1)
        return unexpected("a schema cannot be registered", err);
    *ret_id = id;
    return true;
}

static bool confluent_get(struct registry *r, int32_t id, struct arena *arena, struct str *ret_schema, struct err *err)
{
    struct rest_answer a;
    struct str type;
    const char *doing = arena_printf(arena, "schema %d", id);
    if (!ask(r, "GET", arena_printf(arena, "/schemas/ids/%d", id), nothing, arena, &a, err))
        return false;
    if (a.status == 404)
        return err_set(err, ERR_DATA, "registry: there is no schema %d", id);
    if (a.status != 200)
        return say(&a, doing, err);
    if (rest_text(&a.tree, "schemaType", &type) && !str_is(type, "AVRO"))
        return err_set(err, ERR_DATA, "registry: schema %d is " STR_FMT ", not Avro", id, STR_ARG(type));
    if (rest_count(&a.tree, "references"))
        return err_set(err, ERR_DATA, "registry: schema %d refers to others, which Undam does not follow", id);
    return rest_text(&a.tree, "schema", ret_schema) || unexpected(doing, err);
}

/* ---- for operators ---- */

static int by_name(const void *a, const void *b) { return str_cmp(*(const struct str *)a, *(const struct str *)b); }

static bool confluent_subjects(struct registry *r, struct arena *arena, struct str **ret, size_t *ret_count,
                               struct err *err)
{
    struct rest_answer a;
    if (!ask(r, "GET", "/subjects", nothing, arena, &a, err))
        return false;
    if (a.status != 200)
        return say(&a, "its subjects cannot be read", err);
    if (!rest_texts(&a.tree, arena, ret, ret_count))
        return unexpected("its subjects cannot be read", err);
    qsort(*ret, *ret_count, sizeof **ret, by_name);
    return true;
}

static bool confluent_versions(struct registry *r, struct str subject, struct arena *arena, int32_t **ret,
                               size_t *ret_count, struct err *err)
{
    struct rest_answer a;
    if (!ask(r, "GET", path_of(arena, "/subjects/", subject, "/versions"), nothing, arena, &a, err))
        return false;
    if (a.status != 200)
        return say(&a, "its versions cannot be read", err);
    return rest_ints(&a.tree, arena, ret, ret_count) || unexpected("its versions cannot be read", err);
}

/* With every version when the rule is a transitive one. */
static bool confluent_check(struct registry *r, struct str subject, struct str schema, struct arena *arena,
                            bool *ret_compatible, struct err *err)
{
    struct rest_answer a;
    struct str rule, body = body_of(arena, "schema", schema);
    bool own;
    if (!confluent_rule(r, subject, arena, &rule, &own, err))
        return false;
    bool all = compat_rule_transitive(rule);
    const char *path = path_of(arena, "/compatibility/subjects/", subject,
                               all ? "/versions?verbose=true" : "/versions/latest?verbose=true");
    if (!ask(r, "POST", path, body, arena, &a, err))
        return false;
    if (a.status == 404 && (a.code == 40401 || a.code == 40402)) {
        *ret_compatible = true; /* the first version of a subject */
        return true;
    }
    if (a.status >= 300)
        return say(&a, "compatibility cannot be checked", err);
    if (!rest_bool(&a.tree, "is_compatible", ret_compatible))
        return unexpected("compatibility cannot be checked", err);
    if (!*ret_compatible)
        refuse(r, subject, schema, rest_joined(&a.tree, "messages", arena), arena, NULL);
    return true;
}

static bool confluent_rule_set(struct registry *r, struct str subject, struct str rule, struct arena *arena,
                               struct err *err)
{
    struct rest_answer a;
    const char *path = subject.len ? path_of(arena, "/config/", subject, "") : "/config";
    bool good = rule.len ? ask(r, "PUT", path, body_of(arena, "compatibility", rule), arena, &a, err)
                         : ask(r, "DELETE", path, nothing, arena, &a, err);
    if (!good)
        return false;
    if (!rule.len && a.status == 404)
        return true; /* it had none */
    return a.status < 300 || say(&a, "the rule cannot be set", err);
}

static bool confluent_remove(struct registry *r, struct str subject, int32_t version, struct arena *arena,
                             struct err *err)
{
    struct rest_answer a;
    char number[32];
    snprintf(number, sizeof number, "/versions/%d", version);
    if (!ask(r, "DELETE", path_of(arena, "/subjects/", subject, version ? number : ""), nothing, arena, &a, err))
        return false;
    return a.status < 300 || say(&a, "it cannot be deleted", err);
}

const struct registry_driver registry_confluent = {
    .name = "confluent",
    .open = confluent_open,
    .add = confluent_add,
    .get = confluent_get,
    .subjects = confluent_subjects,
    .versions = confluent_versions,
    .version = confluent_version,
    .check = confluent_check,
    .rule = confluent_rule,
    .rule_set = confluent_rule_set,
    .remove = confluent_remove,
    .close = confluent_close,
};
