// SPDX-License-Identifier: Apache-2.0
/*
 * A client of Kafka: its settings, its log, its errors. Producers, consumers and administration stand on it; nothing
 * outside of link/kafka includes librdkafka's header.
 *
 * What always holds:
 *  1. Settings on which exactly-once or order rest are Undam's own: a properties file that names one is refused.
 *  2. Every failure becomes a `struct err` by one table: brokers that cannot be reached now are ERR_TARGET and
 *     retriable, a newer writer is ERR_STATE, passwords, certificates, rights and unknown settings are ERR_CONFIG.
 *  3. No value of a setting that may be secret reaches a log or an error.
 *  4. Callbacks run inside the calls of the thread that owns the client, never beside it (but the log's).
 */
#pragma once
#include <librdkafka/rdkafka.h>

#include "base/err.h"
#include "base/str.h"

/* A call that may wait does so in slices, with an idle function called between them. */
enum { KAFKA_SLICE_MS = 200 };
struct kafka_idle {
    void (*fn)(void *arg); /* may be NULL */
    void *arg;
};
void kafka_idle(const struct kafka_idle *idle); /* idle may be NULL */

struct kafka_config {
    const char *brokers;    /* host:port, separated by commas */
    const char *properties; /* file of further settings, or NULL or empty */
};

/* A setting of Undam's; `soft` ones give way to the properties file. The list ends with a NULL name. */
struct kafka_setting {
    const char *name, *value;
    bool soft;
};

/* An open client. Its address must not change while it is open: callbacks come back to it. */
struct kafka {
    rd_kafka_t *rk;
    /* Of the last trouble that librdkafka told: why nothing answers. Cleared by kafka_trouble_clear(). */
    rd_kafka_resp_err_t trouble;
    char trouble_text[320];
};

/* Reads brokers and properties and opens a client. ERR_CONFIG: a setting is unknown, wrong, or Undam's own. No
 * connection is made yet. */
bool kafka_open(struct kafka *k, rd_kafka_type_t type, const struct kafka_config *config,
                const struct kafka_setting *settings, struct err *err) MUST_USE;
/* As kafka_open() with a configuration that the caller began (callbacks): taken over in any case. */
bool kafka_open_with(struct kafka *k, rd_kafka_type_t type, rd_kafka_conf_t *conf, const struct kafka_config *config,
                     const struct kafka_setting *settings, struct err *err) MUST_USE;
/* A closed one is fine. */
void kafka_close(struct kafka *k);
void kafka_trouble_clear(struct kafka *k);

/* Why a setting may not stand in the properties file, or NULL when it may. */
const char *kafka_setting_owned(struct str name);
/* Called for each line of a properties file; false ends the reading. */
typedef bool kafka_property_fn(void *arg, struct str name, struct str value, unsigned line, struct err *err);
/* The settings of a properties file, in order. path NULL or empty: none. ERR_CONFIG with file and line. */
bool kafka_properties(const char *path, kafka_property_fn *fn, void *arg, struct err *err) MUST_USE;
/* The same of a text; `path` is for errors only. */
bool kafka_properties_parse(const char *path, struct str text, kafka_property_fn *fn, void *arg,
                            struct err *err) MUST_USE;

/*
 * All return false. `doing`: "cannot read topic x"; detail: the broker's own words or NULL. A time-out says what was
 * wrong with the connection when that is known, and takes its class from it.
 */
bool kafka_fail(const struct kafka *k, const char *doing, rd_kafka_resp_err_t code, const char *detail,
                struct err *err);
/* Takes and destroys the error. Fatal errors are looked up. */
bool kafka_fail_error(const struct kafka *k, const char *doing, rd_kafka_error_t *error, struct err *err);
enum err_class kafka_class(rd_kafka_resp_err_t code, bool *ret_retriable);
/* A newer client with the same transactional id exists, or the coordinator took the transaction away. */
bool kafka_code_fenced(rd_kafka_resp_err_t code);
