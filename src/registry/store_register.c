// SPDX-License-Identifier: Apache-2.0
/* Registering a schema in the embedded registry, and asking whether it could be; see store.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "codec/avro_schema.h"
#include "codec/json_normal.h"
#include "registry/compat.h"
#include "registry/store.h"

/* A schema as the statements below want it. */
struct offered {
    const char *subject, *text, *normal, *fingerprint; /* NUL-terminated */
    struct str schema;
};

static bool read_schema(struct str schema, struct arena *arena, struct offered *o, struct buf *normal, struct err *err)
{
    const struct avro_schema *tree;
    if (!json_normal(schema, arena, normal, err) || !avro_schema_parse(schema, arena, &tree, err))
        return false;
    o->schema = schema;
    o->text = arena_memdup(arena, schema.data, schema.len);
    o->normal = arena_memdup(arena, normal->data, normal->len);
    o->fingerprint = arena_printf(arena, "%" PRId64, (int64_t)avro_schema_fingerprint(tree));
    return true;
}

static bool offer(struct store *s, struct str subject, struct str schema, struct arena *arena, struct offered *ret,
                  struct err *err)
{
    struct buf normal;
    if (!store_subject(s, subject, arena, &ret->subject, err))
        return false;
    if (schema.len > STORE_SCHEMA_MAX)
        return store_refuse(s, STORE_SCHEMA_TOO_LARGE, err, "registry: the schema is larger than %d bytes",
                            STORE_SCHEMA_MAX);
    buf_init(&normal, 4 * STORE_SCHEMA_MAX);
    bool good = read_schema(schema, arena, ret, &normal, err);
    buf_free(&normal);
    if (!good)
        s->code = STORE_SCHEMA_BAD;
    return good || err_wrap(err, "registry: schema for subject " STR_FMT, STR_ARG(subject));
}

/* *ret_found: the newest version that has it, of those to be shown. */
static bool find_same(struct store *s, const struct offered *o, bool deleted, struct registry_version *v,
                      bool *ret_found, struct arena *arena, struct err *err)
{
    PG_RESULT r = NULL;
    const char *values[] = {o->subject, o->normal, deleted ? "t" : "f"};
    if (!store_ask(s, "cannot look for a schema",
                   "SELECT v.version, v.schema, s.definition, v.deleted FROM undam_registry.version v"
                   " JOIN undam_registry.schema s ON s.id = v.schema WHERE v.subject = $1 AND ($3::bool OR NOT"
                   " v.deleted) AND s.hash = sha256(convert_to($2, 'UTF8')) ORDER BY v.deleted, v.version DESC LIMIT 1",
                   3, values, &r, err))
        return false;
    *ret_found = PQntuples(r) > 0;
    if (*ret_found)
        *v = (struct registry_version){.subject = str_of(o->subject),
                                       .version = (int32_t)pg_cell_i64(r, 0, 0),
                                       .id = (int32_t)pg_cell_i64(r, 0, 1),
                                       .schema = str_of(arena_strdup(arena, PQgetvalue(r, 0, 2))),
                                       .deleted = PQgetvalue(r, 0, 3)[0] == 't'};
    return true;
}

/* Texts that the rule looks at, the newest last. version: a number, STORE_LATEST, STORE_ALL. */
static bool earlier(struct store *s, const char *subject, int32_t version, struct arena *arena, struct str **ret,
                    size_t *ret_count, struct err *err)
{
    PG_RESULT r = NULL;
    char number[16];
    const char *values[] = {subject, number};
    snprintf(number, sizeof number, "%d", version);
    if (!store_ask(s, "cannot read the versions",
                   "SELECT s.definition FROM undam_registry.version v JOIN undam_registry.schema s ON s.id = v.schema"
                   " WHERE v.subject = $1 AND NOT v.deleted AND ($2::int4 <= 0 OR v.version = $2::int4)"
                   " ORDER BY v.version DESC LIMIT CASE $2::int4 WHEN -1 THEN 1 END",
                   2, values, &r, err))
        return false;
    int n = PQntuples(r);
    *ret = arena_calloc(arena, (size_t)n + 1, sizeof **ret);
    *ret_count = (size_t)n;
    for (int i = 0; i < n; i++)
        (*ret)[n - 1 - i] = str_of(arena_strdup(arena, PQgetvalue(r, i, 0)));
    return true;
}

static bool check(struct store *s, const struct offered *o, const char *rule, int32_t version, struct arena *arena,
                  bool *ret_compatible, struct registry_refusal *ret_refusal, struct err *err)
{
    struct str *texts;
    size_t count, index;
    const char *why;
    if (version == STORE_ALL && !compat_rule_transitive(str_of(rule)))
        version = STORE_LATEST; /* the others are not looked at */
    if (!earlier(s, o->subject, version, arena, &texts, &count, err))
        return false;
    if (version > 0 && count == 0)
        return store_refuse(s, STORE_VERSION_UNKNOWN, err, "registry: subject %s has no version %d", o->subject,
                            version);
    if (!compat_check(str_of(rule), o->schema, texts, count, arena, ret_compatible, &index, &why, err))
        return false;
    if (!*ret_compatible)
        *ret_refusal = (struct registry_refusal){.subject = str_of(o->subject),
                                                 .rule = str_of(rule),
                                                 .reason = str_of(why),
                                                 .registered = texts[index],
                                                 .offered = o->schema};
    return true;
}

static bool add_version(struct store *s, const struct offered *o, struct registry_version *v, struct err *err)
{
    PG_RESULT added = NULL;
    PG_RESULT r = NULL;
    const char *texts[] = {o->text, o->normal, o->fingerprint};
    const char *values[] = {o->subject, o->normal};
    if (!store_ask(s, "cannot store a schema",
                   /* looked for first: ids would have holes where one schema is in several subjects */
                   "INSERT INTO undam_registry.schema (definition, hash, fingerprint)"
                   " SELECT $1, h, $3::int8 FROM sha256(convert_to($2, 'UTF8')) h WHERE NOT EXISTS"
                   " (SELECT FROM undam_registry.schema WHERE hash = h) ON CONFLICT (hash) DO NOTHING",
                   3, texts, &added, err) ||
        !store_ask(s, "cannot store a version",
                   "INSERT INTO undam_registry.version (subject, version, schema)"
                   " SELECT $1, coalesce(max(v.version), 0) + 1, (SELECT id FROM undam_registry.schema"
                   " WHERE hash = sha256(convert_to($2, 'UTF8'))) FROM undam_registry.version v WHERE v.subject = $1"
                   " RETURNING version, schema",
                   2, values, &r, err))
        return false;
    *v = (struct registry_version){.subject = str_of(o->subject),
                                   .schema = o->schema,
                                   .version = (int32_t)pg_cell_i64(r, 0, 0),
                                   .id = (int32_t)pg_cell_i64(r, 0, 1)};
    return true;
}

static bool register_locked(struct store *s, const struct offered *o, struct arena *arena, struct registry_version *v,
                            struct registry_refusal *ret_refusal, struct err *err)
{
    const char *rule, *mode;
    bool found, compatible;
    if (!store_lock(s, o->subject, arena, &rule, &mode, err) || !find_same(s, o, false, v, &found, arena, err))
        return false;
    if (found)
        return true;
    if (strcmp(mode, "READWRITE") != 0)
        return store_refuse(s, STORE_NOT_PERMITTED, err, "registry: subject %s is in mode %s", o->subject, mode);
    if (!check(s, o, rule, STORE_ALL, arena, &compatible, ret_refusal, err))
        return false;
    if (!compatible)
        return store_refuse(s, STORE_INCOMPATIBLE, err, "registry: subject %s, rule %s: %s", o->subject, rule,
                            ret_refusal->reason.data);
    return add_version(s, o, v, err);
}

bool store_register(struct store *s, struct str subject, struct str schema, struct arena *arena,
                    struct registry_version *ret, struct registry_refusal *ret_refusal, struct err *err)
{
    struct offered o;
    struct registry_version v;
    struct registry_refusal refusal = {.rule = {NULL, 0}};
    if (!store_ready(s, err) || !offer(s, subject, schema, arena, &o, err) || !store_begin(s, err))
        return false;
    bool ok = register_locked(s, &o, arena, &v, &refusal, err);
    if (!store_end(s, ok, err)) {
        *ret_refusal = refusal;
        return false;
    }
    *ret = v;
    return true;
}

bool store_lookup(struct store *s, struct str subject, struct str schema, bool deleted, struct arena *arena,
                  struct registry_version *ret, struct err *err)
{
    struct offered o;
    struct registry_version *versions;
    size_t count;
    bool found;
    if (!store_ready(s, err) || !offer(s, subject, schema, arena, &o, err) ||
        !store_versions(s, subject, deleted ? STORE_WITH_DELETED : STORE_LIVE, arena, &versions, &count, err) ||
        !find_same(s, &o, deleted, ret, &found, arena, err))
        return false;
    return found ||
           store_refuse(s, STORE_SCHEMA_UNKNOWN, err, "registry: subject %s does not have this schema", o.subject);
}

bool store_check(struct store *s, struct str subject, int32_t version, struct str schema, struct arena *arena,
                 bool *ret_compatible, struct registry_refusal *ret_refusal, struct err *err)
{
    struct offered o;
    struct str rule;
    bool own;
    return store_ready(s, err) && offer(s, subject, schema, arena, &o, err) &&
           store_setting_get(s, STORE_RULE, subject, arena, &rule, &own, err) &&
           check(s, &o, rule.data, version, arena, ret_compatible, ret_refusal, err);
}
