// SPDX-License-Identifier: Apache-2.0
/* What the embedded registry is asked; see store.h. */
#include <stdio.h>

#include "base/mem.h"
#include "registry/store.h"

/* $2 of the statements below: which versions to show. */
#define SHOWN "(CASE $2 WHEN 'live' THEN NOT v.deleted WHEN 'deleted' THEN v.deleted ELSE true END)"
static const char *const show_words[] = {"live", "all", "deleted"};

bool store_schema(struct store *s, int32_t id, struct arena *arena, struct str *ret, struct err *err)
{
    PG_RESULT r = NULL;
    char text[16];
    const char *values[] = {text};
    snprintf(text, sizeof text, "%d", id);
    if (!store_ready(s, err) ||
        !store_ask(s, "cannot read a schema", "SELECT definition FROM undam_registry.schema WHERE id = $1::int4", 1,
                   values, &r, err))
        return false;
    if (PQntuples(r) == 0)
        return store_refuse(s, STORE_SCHEMA_UNKNOWN, err, "registry: there is no schema %d", id);
    *ret = str_of(arena_strdup(arena, PQgetvalue(r, 0, 0)));
    return true;
}

bool store_subjects(struct store *s, struct str prefix, enum store_show show, struct arena *arena, struct str **ret,
                    size_t *ret_count, struct err *err)
{
    PG_RESULT r = NULL;
    if (prefix.len && memchr(prefix.data, 0, prefix.len))
        return store_refuse(s, STORE_SUBJECT_BAD, err, "registry: a prefix holds a null byte");
    const char *values[] = {arena_memdup(arena, prefix.len ? prefix.data : "", prefix.len), show_words[show]};
    if (!store_ready(s, err) || !store_ask(s, "cannot list subjects",
                                           "SELECT DISTINCT v.subject COLLATE \"C\" FROM undam_registry.version v"
                                           " WHERE starts_with(v.subject, $1) AND " SHOWN " ORDER BY 1",
                                           2, values, &r, err))
        return false;
    *ret_count = (size_t)PQntuples(r);
    *ret = arena_calloc(arena, *ret_count + 1, sizeof **ret);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret)[i] = str_of(arena_strdup(arena, PQgetvalue(r, (int)i, 0)));
    return true;
}

/* Rows of subject, version, schema's id, deleted, and the text when there is a fifth column. */
static void take_versions(const PGresult *r, struct arena *arena, struct registry_version **ret, size_t *ret_count)
{
    *ret_count = (size_t)PQntuples(r);
    *ret = arena_calloc(arena, *ret_count + 1, sizeof **ret);
    for (int i = 0; i < PQntuples(r); i++)
        (*ret)[i] = (struct registry_version){
            .subject = str_of(arena_strdup(arena, PQgetvalue(r, i, 0))),
            .version = (int32_t)pg_cell_i64(r, i, 1),
            .id = (int32_t)pg_cell_i64(r, i, 2),
            .deleted = PQgetvalue(r, i, 3)[0] == 't',
            .schema = str_of(PQnfields(r) > 4 ? arena_strdup(arena, PQgetvalue(r, i, 4)) : ""),
        };
}

bool store_versions(struct store *s, struct str subject, enum store_show show, struct arena *arena,
                    struct registry_version **ret, size_t *ret_count, struct err *err)
{
    PG_RESULT r = NULL;
    const char *name;
    if (!store_ready(s, err) || !store_subject(s, subject, arena, &name, err))
        return false;
    const char *values[] = {name, show_words[show]};
    if (!store_ask(s, "cannot list versions",
                   "SELECT v.subject, v.version, v.schema, v.deleted FROM undam_registry.version v"
                   " WHERE v.subject = $1 AND " SHOWN " ORDER BY v.version",
                   2, values, &r, err))
        return false;
    take_versions(r, arena, ret, ret_count);
    return *ret_count || store_refuse(s, STORE_SUBJECT_UNKNOWN, err, "registry: there is no subject %s", name);
}

bool store_version(struct store *s, struct str subject, int32_t version, enum store_show show, struct arena *arena,
                   struct registry_version *ret, struct err *err)
{
    PG_RESULT r = NULL;
    struct registry_version *found;
    size_t count;
    const char *name;
    char number[16];
    if (!store_ready(s, err) || !store_subject(s, subject, arena, &name, err))
        return false;
    snprintf(number, sizeof number, "%d", version);
    const char *values[] = {name, show_words[show], number};
    if (!store_ask(s, "cannot read a version",
                   "SELECT v.subject, v.version, v.schema, v.deleted, s.definition FROM undam_registry.version v"
                   " JOIN undam_registry.schema s ON s.id = v.schema WHERE v.subject = $1 AND " SHOWN
                   " AND ($3::int4 < 0 OR v.version = $3::int4) ORDER BY v.version DESC LIMIT 1",
                   3, values, &r, err))
        return false;
    take_versions(r, arena, &found, &count);
    if (count) {
        *ret = found[0];
        return true;
    }
    struct registry_version *all;
    return store_versions(s, subject, show, arena, &all, &count, err) &&
           store_refuse(s, STORE_VERSION_UNKNOWN, err, "registry: subject %s has no version %d", name, version);
}

bool store_uses(struct store *s, int32_t id, enum store_show show, struct arena *arena, struct registry_version **ret,
                size_t *ret_count, struct err *err)
{
    PG_RESULT r = NULL;
    struct str text;
    char number[16];
    const char *values[] = {number, show_words[show]};
    snprintf(number, sizeof number, "%d", id);
    if (!store_schema(s, id, arena, &text, err) ||
        !store_ask(s, "cannot read where a schema is used",
                   "SELECT v.subject, v.version, v.schema, v.deleted FROM undam_registry.version v"
                   " WHERE v.schema = $1::int4 AND " SHOWN " ORDER BY v.subject COLLATE \"C\", v.version",
                   2, values, &r, err))
        return false;
    take_versions(r, arena, ret, ret_count);
    return true;
}
