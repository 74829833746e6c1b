// SPDX-License-Identifier: Apache-2.0
/*
 * The schema registry: texts of Avro schemas under subjects, with versions, ids, and a rule of compatibility.
 * One interface, two drivers (embedded: tables in the control database; confluent: any registry with that REST API),
 * one conformance suite (tests/flow/012-registry-conformance.sh).
 *
 * What always holds:
 *  1. An id stands for one text for ever; the same schema (canonically) under a subject keeps its id and version.
 *  2. A schema that the subject's rule refuses is not registered: ERR_DATA with the reason and both schemas.
 *  3. What cannot be asked is an error (ERR_TARGET, retriable), never a guess; secrets never reach errors or logs.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct registry_config {
    const char *driver;        /* "embedded", "confluent" */
    const char *dsn;           /* embedded */
    const char *urls;          /* confluent: base URLs, separated by commas */
    const char *credentials;   /* confluent: file, or empty */
    const char *ca;            /* confluent: file of certificates, or empty */
    const char *compatibility; /* embedded: of subjects without a rule of their own */
};

struct config;
/* As the configuration has it; the strings are the configuration's. */
struct registry_config registry_config_of(const struct config *config);

/* Called at least every 500 ms while a call waits (bus_idle_fn's twin: keepalives). */
typedef void registry_idle_fn(void *arg);

struct registry;
/* Creates the tables (embedded) when they are missing and may be created. Nothing is asked of a confluent registry
 * before it is needed. idle may be NULL. */
bool registry_open(const struct registry_config *config, registry_idle_fn *idle, void *idle_arg, struct registry **ret,
                   struct err *err) MUST_USE;
/* Durable on return. Cached: a (subject, text) seen before costs no round trip. Tries for some seconds, then
 * ERR_TARGET (retriable). Incompatible: ERR_DATA naming subject, rule and reason; registry_refused() has the schemas.
 */
bool registry_register(struct registry *r, struct str subject, struct str schema, int32_t *ret_id,
                       struct err *err) MUST_USE;
/* The text under the id, cached for the registry's life (the view stays valid as long). ERR_DATA when unknown. */
bool registry_get(struct registry *r, int32_t id, struct str *ret_schema, struct err *err) MUST_USE;
/* NULL is fine. */
void registry_close(struct registry *r);

/* An incompatible schema in full, for the log: an error's text is one line. Texts that are not known are empty. */
struct registry_refusal {
    struct str subject, rule, reason;
    struct str registered, offered;
};
/* Why the last registry_register() or registry_check() was refused; NULL when it was not. Valid until the next call. */
const struct registry_refusal *registry_refused(const struct registry *r);

/* ---- for operators: not cached; results live in the arena. Same errors; an unknown subject or version: ERR_DATA ----
 */
struct registry_version {
    struct str subject, schema;
    int32_t version, id;
    bool deleted; /* softly */
};

/* Sorted by name; those with a version that is not deleted. */
bool registry_subjects(struct registry *r, struct arena *arena, struct str **ret, size_t *ret_count,
                       struct err *err) MUST_USE;
/* In ascending order, without deleted ones. */
bool registry_versions(struct registry *r, struct str subject, struct arena *arena, int32_t **ret, size_t *ret_count,
                       struct err *err) MUST_USE;
/* version 0: the newest. */
bool registry_version(struct registry *r, struct str subject, int32_t version, struct arena *arena,
                      struct registry_version *ret, struct err *err) MUST_USE;
/* Whether registry_register() would take the schema; when not, registry_refused() says why. */
bool registry_check(struct registry *r, struct str subject, struct str schema, bool *ret_compatible,
                    struct err *err) MUST_USE;
/* The rule that holds for the subject (empty: globally). *ret_own: it is the subject's own. */
bool registry_rule(struct registry *r, struct str subject, struct arena *arena, struct str *ret_rule, bool *ret_own,
                   struct err *err) MUST_USE;
/* rule empty: back to the global one (of the global one: to the configuration's or the registry's own default). */
bool registry_rule_set(struct registry *r, struct str subject, struct str rule, struct err *err) MUST_USE;
/* Softly: ids go on being known. version 0: all. */
bool registry_delete(struct registry *r, struct str subject, int32_t version, struct err *err) MUST_USE;
