// SPDX-License-Identifier: Apache-2.0
/*
 * The embedded registry's tables, schema undam_registry of registry.dsn, and what is done with them: under the driver
 * `embedded` and under the REST server alike.
 *
 *   setting  one row: the global rule (null: the configuration's) and mode
 *   subject  name, its rule and mode (null: the global ones); its row is the lock of a registration
 *   schema   id, text as it was first given, SHA-256 of its normal form; never changed, never deleted: what lies on
 *            the bus needs it
 *   version  subject, number, schema, deleted (softly); numbers are not used twice while the subject lives
 *
 * "The same schema" is the same JSON but for its layout (json_normal.h). That is narrower than Avro's canonical form,
 * which drops logicalType, doc, defaults and undam.*: a change of those is a new version, never lost.
 *
 * A refusal carries Confluent's error code (store.code, 0 when the database itself failed) and a text for people. Each
 * call is one transaction; after a failure of the connection the next call connects again.
 */
#pragma once
#include "base/mem.h"
#include "link/pg/pg_async.h"

enum {
    STORE_LAYOUT = 1,
    STORE_SUBJECT_MAX = 512, /* bytes of a subject's name */
    STORE_SCHEMA_MAX = 1 << 20,
};

enum store_code {
    STORE_SUBJECT_UNKNOWN = 40401,
    STORE_VERSION_UNKNOWN = 40402,
    STORE_SCHEMA_UNKNOWN = 40403,
    STORE_INCOMPATIBLE = 409,
    STORE_SCHEMA_BAD = 42201,
    STORE_SUBJECT_BAD = 42208,
    STORE_NOT_PERMITTED = 42205,
};

struct store {
    struct pg pg;
    struct pg_idle idle;
    char *dsn;
    const char *fallback; /* the configuration's rule; not copied */
    bool there;           /* the tables */
    int code;
};

struct store_version {
    struct str subject, schema;
    int32_t version, id;
    bool deleted;
};

/* Connects, and creates the tables when they are missing and the role may. */
bool store_open(struct store *s, const char *dsn, const char *fallback, const struct pg_idle *idle,
                struct err *err) MUST_USE;
void store_close(struct store *s);

/* The version under which the subject has the schema now; results live in the arena. */
bool store_register(struct store *s, struct str subject, struct str schema, struct arena *arena,
                    struct store_version *ret, struct err *err) MUST_USE;
bool store_schema(struct store *s, int32_t id, struct arena *arena, struct str *ret, struct err *err) MUST_USE;

/* ---- for store*.c ---- */
/* Connected, and the tables are there (*ret_there false: not, and they need not be made). */
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
