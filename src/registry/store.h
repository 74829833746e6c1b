// SPDX-License-Identifier: Apache-2.0
/*
 * The embedded registry's tables, schema undam_registry of registry.dsn, and what is done with them: under the driver
 * `embedded` and under the REST server alike.
 *
 *   setting  one row: the global rule (null: the configuration's) and mode
 *   subject  name, its rule and mode (null: the global ones); its row is the lock of a registration
 *   schema   id, text as it was first given, SHA-256 of its normal form, fingerprint; never changed, never deleted:
 *            what lies on the bus needs it
 *   version  subject, number, schema, deleted (softly); numbers are not used twice while the subject lives
 *
 * "The same schema" is the same JSON but for its layout (json_normal.h). That is narrower than Avro's canonical form,
 * which drops logicalType, doc, defaults and undam.*: a change of those is a new version, never lost.
 *
 * A refusal is ERR_DATA with Confluent's error code in store.code (0 when the database itself failed). Each call is one
 * transaction; after a failure of the connection the next call connects again. Results live in the arena given.
 */
#pragma once
#include "link/pg/pg_async.h"
#include "registry/registry.h"

enum {
    STORE_LAYOUT = 1,
    STORE_SUBJECT_MAX = 512, /* bytes of a subject's name */
    STORE_SCHEMA_MAX = 4 << 20,
};

enum store_code {
    STORE_INCOMPATIBLE = 409,
    STORE_SUBJECT_UNKNOWN = 40401,
    STORE_VERSION_UNKNOWN = 40402,
    STORE_SCHEMA_UNKNOWN = 40403,
    STORE_SUBJECT_DELETED = 40404,     /* softly, already */
    STORE_SUBJECT_NOT_DELETED = 40405, /* softly, which comes first */
    STORE_VERSION_DELETED = 40406,
    STORE_VERSION_NOT_DELETED = 40407,
    STORE_RULE_NOT_SET = 40408,
    STORE_MODE_NOT_SET = 40409,
    STORE_SCHEMA_BAD = 42201,
    STORE_VERSION_BAD = 42202,
    STORE_RULE_BAD = 42203,
    STORE_MODE_BAD = 42204,
    STORE_NOT_PERMITTED = 42205,
    STORE_SUBJECT_BAD = 42208,
    STORE_SCHEMA_TOO_LARGE = 42209,
};

struct store {
    struct pg pg;
    struct pg_idle idle;
    char *dsn;
    const char *fallback; /* the configuration's rule; not copied */
    bool there;           /* the tables */
    int code;
};

/* Connects, and creates the tables when they are missing and the role may. fallback: the rule where none is set. */
bool store_open(struct store *s, const char *dsn, const char *fallback, const struct pg_idle *idle,
                struct err *err) MUST_USE;
void store_close(struct store *s);

/* ---- registering (store_register.c) ---- */
/* The version under which the subject has the schema now. Incompatible: code STORE_INCOMPATIBLE and *ret_refusal. */
bool store_register(struct store *s, struct str subject, struct str schema, struct arena *arena,
                    struct registry_version *ret, struct registry_refusal *ret_refusal, struct err *err) MUST_USE;
/* The version that has this schema. STORE_SUBJECT_UNKNOWN, STORE_SCHEMA_UNKNOWN. */
bool store_lookup(struct store *s, struct str subject, struct str schema, bool deleted, struct arena *arena,
                  struct registry_version *ret, struct err *err) MUST_USE;

enum { STORE_LATEST = -1, STORE_ALL = 0 }; /* instead of a version's number */
/* Whether the rule lets the schema follow the version: STORE_ALL: what a registration would check. A subject without
 * versions takes every schema. */
bool store_check(struct store *s, struct str subject, int32_t version, struct str schema, struct arena *arena,
                 bool *ret_compatible, struct registry_refusal *ret_refusal, struct err *err) MUST_USE;

/* ---- reading (store_read.c) ---- */
bool store_schema(struct store *s, int32_t id, struct arena *arena, struct str *ret, struct err *err) MUST_USE;
/* Whose versions to show. */
enum store_show { STORE_LIVE, STORE_WITH_DELETED, STORE_ONLY_DELETED };
/* Sorted by name, those that begin with `prefix`. */
bool store_subjects(struct store *s, struct str prefix, enum store_show show, struct arena *arena, struct str **ret,
                    size_t *ret_count, struct err *err) MUST_USE;
/* Without their schemas; ascending. STORE_SUBJECT_UNKNOWN when there is none to show. */
bool store_versions(struct store *s, struct str subject, enum store_show show, struct arena *arena,
                    struct registry_version **ret, size_t *ret_count, struct err *err) MUST_USE;
/* STORE_SUBJECT_UNKNOWN, STORE_VERSION_UNKNOWN. */
bool store_version(struct store *s, struct str subject, int32_t version, enum store_show show, struct arena *arena,
                   struct registry_version *ret, struct err *err) MUST_USE;
/* Where a schema is used, without its text. STORE_SCHEMA_UNKNOWN. */
bool store_uses(struct store *s, int32_t id, enum store_show show, struct arena *arena, struct registry_version **ret,
                size_t *ret_count, struct err *err) MUST_USE;

/* ---- deleting, rules, modes (store_change.c) ---- */
/* version: a number, STORE_LATEST, or STORE_ALL. permanent: only what was deleted softly before; schemas stay all the
 * same. *ret: the versions. */
bool store_delete(struct store *s, struct str subject, int32_t version, bool permanent, struct arena *arena,
                  int32_t **ret, size_t *ret_count, struct err *err) MUST_USE;
enum store_setting { STORE_RULE, STORE_MODE };
/* Of a subject, or globally (subject empty). *ret_own: not taken from above. */
bool store_setting_get(struct store *s, enum store_setting what, struct str subject, struct arena *arena,
                       struct str *ret, bool *ret_own, struct err *err) MUST_USE;
/* value empty: unset. STORE_RULE_BAD, STORE_MODE_BAD. */
bool store_setting_set(struct store *s, enum store_setting what, struct str subject, struct str value,
                       struct arena *arena, struct err *err) MUST_USE;

/* ---- for store*.c ---- */
/* Connected, and the tables are there. */
bool store_ready(struct store *s, struct err *err) MUST_USE;
/* One statement; a connection that broke is closed. */
bool store_ask(struct store *s, const char *doing, const char *sql, int count, const char *const *values,
               PGresult **ret, struct err *err) MUST_USE;
bool store_begin(struct store *s, struct err *err) MUST_USE;
/* COMMIT when ok, else ROLLBACK; returns whether all went well. */
bool store_end(struct store *s, bool ok, struct err *err) MUST_USE;
/* ERR_DATA with the code; returns false. */
bool store_refuse(struct store *s, int code, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The name as statements want it; STORE_SUBJECT_BAD. */
bool store_subject(struct store *s, struct str subject, struct arena *arena, const char **ret,
                   struct err *err) MUST_USE;
/* Makes the subject's row and locks it, so that changes of one subject come one after the other. */
bool store_lock(struct store *s, const char *subject, struct arena *arena, const char **ret_rule, const char **ret_mode,
                struct err *err) MUST_USE;
