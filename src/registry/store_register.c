// SPDX-License-Identifier: Apache-2.0
/* Registering a schema in the embedded registry; see store.h. */
#include <stdio.h>

#include "base/mem.h"
#include "codec/json_normal.h"
#include "codec/utf8.h"
#include "registry/store.h"

static bool subject_good(struct store *s, struct str subject, struct err *err)
{
    if (subject.len && subject.len <= STORE_SUBJECT_MAX && !memchr(subject.data, 0, subject.len) && utf8_valid(subject))
        return true;
    return store_refuse(s, STORE_SUBJECT_BAD, err, "registry: a subject's name is 1 to %d bytes of UTF-8",
                        STORE_SUBJECT_MAX);
}

/* A schema as the statements below want it. */
struct offered {
    const char *subject, *text, *normal; /* NUL-terminated */
};

static bool offer(struct store *s, struct str subject, struct str schema, struct arena *arena, struct offered *ret,
                  struct err *err)
{
    struct buf normal;
    if (!subject_good(s, subject, err))
        return false;
    if (schema.len > STORE_SCHEMA_MAX)
        return store_refuse(s, STORE_SCHEMA_BAD, err, "registry: the schema is larger than %d bytes", STORE_SCHEMA_MAX);
    buf_init(&normal, 4 * STORE_SCHEMA_MAX);
    bool good = json_normal(schema, arena, &normal, err);
    if (good)
        *ret = (struct offered){arena_memdup(arena, subject.data, subject.len),
                                arena_memdup(arena, schema.data, schema.len),
                                arena_memdup(arena, normal.data, normal.len)};
    buf_free(&normal);
    if (!good)
        s->code = STORE_SCHEMA_BAD;
    return good || err_wrap(err, "registry: schema for subject " STR_FMT, STR_ARG(subject));
}

/* Takes the subject's row, so that registrations of one subject come one after the other. */
static bool lock_subject(struct store *s, const char *subject, const char **ret_rule, const char **ret_mode,
                         struct arena *arena, struct err *err)
{
    PG_RESULT made = NULL;
    PG_RESULT r = NULL;
    const char *values[] = {subject, s->fallback};
    if (!store_ask(s, "cannot add a subject",
                   "INSERT INTO undam_registry.subject (name) VALUES ($1) ON CONFLICT DO NOTHING", 1, values, &made,
                   err) ||
        !store_ask(s, "cannot read a subject",
                   "SELECT coalesce(u.compatibility, g.compatibility, $2), coalesce(u.mode, g.mode)"
                   " FROM undam_registry.subject u, undam_registry.setting g WHERE u.name = $1 FOR UPDATE OF u",
                   2, values, &r, err))
        return false;
    if (PQntuples(r) != 1)
        return err_again(err, ERR_TARGET, "registry: subject %s went away", subject);
    *ret_rule = arena_strdup(arena, PQgetvalue(r, 0, 0));
    *ret_mode = arena_strdup(arena, PQgetvalue(r, 0, 1));
    return true;
}

/* *ret_found: a version that is not deleted has it. */
static bool find_same(struct store *s, const struct offered *o, struct store_version *v, bool *ret_found,
                      struct err *err)
{
    PG_RESULT r = NULL;
    const char *values[] = {o->subject, o->normal};
    if (!store_ask(s, "cannot look for a schema",
                   "SELECT v.version, v.schema FROM undam_registry.version v JOIN undam_registry.schema s"
                   " ON s.id = v.schema WHERE v.subject = $1 AND NOT v.deleted AND s.hash ="
                   " sha256(convert_to($2, 'UTF8')) ORDER BY v.version DESC LIMIT 1",
                   2, values, &r, err))
        return false;
    *ret_found = PQntuples(r) > 0;
    if (*ret_found) {
        v->version = (int32_t)pg_cell_i64(r, 0, 0);
        v->id = (int32_t)pg_cell_i64(r, 0, 1);
    }
    return true;
}

static bool add_version(struct store *s, const struct offered *o, struct store_version *v, struct err *err)
{
    PG_RESULT added = NULL;
    PG_RESULT r = NULL;
    const char *texts[] = {o->text, o->normal};
    const char *values[] = {o->subject, o->normal};
    if (!store_ask(s, "cannot store a schema",
                   "INSERT INTO undam_registry.schema (definition, hash) VALUES ($1, sha256(convert_to($2, 'UTF8')))"
                   " ON CONFLICT (hash) DO NOTHING",
                   2, texts, &added, err) ||
        !store_ask(s, "cannot store a version",
                   "INSERT INTO undam_registry.version (subject, version, schema)"
                   " SELECT $1, coalesce(max(v.version), 0) + 1, (SELECT id FROM undam_registry.schema"
                   " WHERE hash = sha256(convert_to($2, 'UTF8'))) FROM undam_registry.version v WHERE v.subject = $1"
                   " RETURNING version, schema",
                   2, values, &r, err))
        return false;
    v->version = (int32_t)pg_cell_i64(r, 0, 0);
    v->id = (int32_t)pg_cell_i64(r, 0, 1);
    return true;
}

static bool register_locked(struct store *s, const struct offered *o, struct arena *arena, struct store_version *v,
                            struct err *err)
{
    const char *rule, *mode;
    bool found;
    if (!lock_subject(s, o->subject, &rule, &mode, arena, err) || !find_same(s, o, v, &found, err))
        return false;
    if (found)
        return true;
    if (strcmp(mode, "READWRITE") != 0)
        return store_refuse(s, STORE_NOT_PERMITTED, err, "registry: subject %s is in mode %s", o->subject, mode);
    return add_version(s, o, v, err);
}

bool store_register(struct store *s, struct str subject, struct str schema, struct arena *arena,
                    struct store_version *ret, struct err *err)
{
    struct offered o;
    struct store_version v = {.subject = subject, .schema = schema};
    if (!store_begin(s, err))
        return false;
    bool ok = offer(s, subject, schema, arena, &o, err) && register_locked(s, &o, arena, &v, err);
    if (!store_end(s, ok, err))
        return false;
    *ret = v;
    return true;
}
