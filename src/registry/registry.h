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
 * ERR_TARGET (retriable). Incompatible: ERR_DATA naming subject, reason, and both schemas. */
bool registry_register(struct registry *r, struct str subject, struct str schema, int32_t *ret_id,
                       struct err *err) MUST_USE;
/* The text under the id, cached for the registry's life (the view stays valid as long). ERR_DATA when unknown. */
bool registry_get(struct registry *r, int32_t id, struct str *ret_schema, struct err *err) MUST_USE;
/* NULL is fine. */
void registry_close(struct registry *r);
