// SPDX-License-Identifier: Apache-2.0
/* Deleting versions, and rules and modes of the embedded registry; see store.h. */
#include <stdio.h>

#include "base/mem.h"
#include "registry/compat.h"
#include "registry/store.h"

/* ---- deleting ---- */

/* The versions a request means, or why there is none that it can mean. */
static bool choose(struct store *s, const char *subject, int32_t version, bool permanent, struct arena *arena,
                   int32_t **ret, size_t *ret_count, struct err *err)
{
    struct registry_version *all;
    size_t n, live = 0, count = 0;
    if (!store_versions(s, str_of(subject), STORE_WITH_DELETED, arena, &all, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        live += !all[i].deleted;
        if (!all[i].deleted && version == STORE_LATEST)
            count = i + 1;
    }
    if (version == STORE_LATEST)
        version = count ? all[count - 1].version : all[n - 1].version;
    *ret = arena_calloc(arena, n + 1, sizeof **ret);
    *ret_count = 0;
    if (version == STORE_ALL && (permanent ? live > 0 : live == 0))
        return store_refuse(s, permanent ? STORE_SUBJECT_NOT_DELETED : STORE_SUBJECT_DELETED, err,
                            permanent ? "registry: subject %s was not deleted softly first"
                                      : "registry: subject %s is deleted already; permanent=true removes it",
                            subject);
    for (size_t i = 0; i < n; i++) {
        if (version != STORE_ALL && all[i].version != version)
            continue;
        if (version != STORE_ALL && all[i].deleted != permanent)
            return store_refuse(s, permanent ? STORE_VERSION_NOT_DELETED : STORE_VERSION_DELETED, err,
                                permanent ? "registry: subject %s version %d was not deleted softly first"
                                          : "registry: subject %s version %d is deleted already; permanent=true"
                                            " removes it",
                                subject, version);
        if (all[i].deleted == permanent)
            (*ret)[(*ret_count)++] = all[i].version;
    }
    return *ret_count ||
           store_refuse(s, STORE_VERSION_UNKNOWN, err, "registry: subject %s has no version %d", subject, version);
}

static bool remove_versions(struct store *s, const char *subject, bool permanent, const int32_t *versions, size_t count,
                            struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        PG_RESULT r = NULL;
        char number[16];
        const char *values[] = {subject, number};
        snprintf(number, sizeof number, "%d", versions[i]);
        if (!store_ask(s, "cannot delete a version",
                       permanent ? "DELETE FROM undam_registry.version WHERE subject = $1 AND version = $2::int4"
                                 : "UPDATE undam_registry.version SET deleted = true WHERE subject = $1 AND version ="
                                   " $2::int4",
                       2, values, &r, err))
            return false;
    }
    return true;
}

/* A subject without versions forgets its rule and mode. */
static bool forget_settings(struct store *s, const char *subject, struct err *err)
{
    PG_RESULT r = NULL;
    const char *values[] = {subject};
    return store_ask(
        s, "cannot delete a subject's settings",
        "UPDATE undam_registry.subject SET compatibility = NULL, mode = NULL WHERE name = $1 AND NOT EXISTS"
        " (SELECT FROM undam_registry.version v WHERE v.subject = $1 AND NOT v.deleted)",
        1, values, &r, err);
}

static bool delete_locked(struct store *s, const char *subject, int32_t version, bool permanent, struct arena *arena,
                          int32_t **ret, size_t *ret_count, struct err *err)
{
    const char *rule, *mode;
    if (!store_lock(s, subject, arena, &rule, &mode, err) ||
        !choose(s, subject, version, permanent, arena, ret, ret_count, err))
        return false;
    if (strcmp(mode, "READWRITE") != 0)
        return store_refuse(s, STORE_NOT_PERMITTED, err, "registry: subject %s is in mode %s", subject, mode);
    return remove_versions(s, subject, permanent, *ret, *ret_count, err) && forget_settings(s, subject, err);
}

bool store_delete(struct store *s, struct str subject, int32_t version, bool permanent, struct arena *arena,
                  int32_t **ret, size_t *ret_count, struct err *err)
{
    const char *name;
    int32_t *versions = NULL;
    size_t count = 0;
    if (!store_begin(s, err))
        return false;
    bool ok = store_subject(s, subject, arena, &name, err) &&
              delete_locked(s, name, version, permanent, arena, &versions, &count, err);
    if (!store_end(s, ok, err))
        return false;
    *ret = versions;
    *ret_count = count;
    return true;
}

/* ---- rules and modes ---- */

bool store_setting_get(struct store *s, enum store_setting what, struct str subject, struct arena *arena,
                       struct str *ret, bool *ret_own, struct err *err)
{
    PG_RESULT r = NULL;
    const char *name = "";
    if (!store_ready(s, err) || (subject.len && !store_subject(s, subject, arena, &name, err)))
        return false;
    const char *values[] = {name, what == STORE_RULE ? s->fallback : "READWRITE"};
    if (!store_ask(s, "cannot read a setting",
                   what == STORE_RULE
                       ? "SELECT coalesce(u.compatibility, g.compatibility, $2),"
                         " CASE $1 WHEN '' THEN g.compatibility ELSE u.compatibility END IS NOT NULL"
                         " FROM undam_registry.setting g LEFT JOIN undam_registry.subject u ON u.name = $1"
                       : "SELECT coalesce(u.mode, g.mode, $2), $1 = '' OR u.mode IS NOT NULL"
                         " FROM undam_registry.setting g LEFT JOIN undam_registry.subject u ON u.name = $1",
                   2, values, &r, err))
        return false;
    if (PQntuples(r) != 1)
        return err_set(err, ERR_STATE, "registry: table undam_registry.setting has lost its row");
    *ret = str_of(arena_strdup(arena, PQgetvalue(r, 0, 0)));
    *ret_own = PQgetvalue(r, 0, 1)[0] == 't';
    return true;
}

static bool value_good(struct store *s, enum store_setting what, struct str value, struct err *err)
{
    if (value.len == 0)
        return true;
    if (what == STORE_RULE)
        return compat_rule_valid(value) ||
               store_refuse(
                   s, STORE_RULE_BAD, err,
                   "registry: a rule is NONE, BACKWARD, FORWARD or FULL, the last three also with _TRANSITIVE");
    return str_is(value, "READWRITE") || str_is(value, "READONLY") ||
           store_refuse(s, STORE_MODE_BAD, err, "registry: a mode is READWRITE or READONLY");
}

bool store_setting_set(struct store *s, enum store_setting what, struct str subject, struct str value,
                       struct arena *arena, struct err *err)
{
    PG_RESULT r = NULL;
    const char *name = "";
    if (!store_ready(s, err) || (subject.len && !store_subject(s, subject, arena, &name, err)) ||
        !value_good(s, what, value, err))
        return false;
    const char *values[] = {arena_memdup(arena, value.len ? value.data : "", value.len), name};
    if (!subject.len)
        return store_ask(s, "cannot change a setting",
                         what == STORE_RULE ? "UPDATE undam_registry.setting SET compatibility = nullif($1, '')"
                                            : "UPDATE undam_registry.setting SET mode = coalesce(nullif($1, ''),"
                                              " 'READWRITE')",
                         1, values, &r, err);
    return store_ask(s, "cannot change a setting",
                     what == STORE_RULE
                         ? "INSERT INTO undam_registry.subject AS u (compatibility, name) VALUES (nullif($1, ''), $2)"
                           " ON CONFLICT (name) DO UPDATE SET compatibility = excluded.compatibility"
                         : "INSERT INTO undam_registry.subject AS u (mode, name) VALUES (nullif($1, ''), $2)"
                           " ON CONFLICT (name) DO UPDATE SET mode = excluded.mode",
                     2, values, &r, err);
}
