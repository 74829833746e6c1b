// SPDX-License-Identifier: Apache-2.0
/*
 * The preflight: everything in the source's catalog, and in a Kafka cluster's settings, that will stop the relay, lose
 * something, or surprise somebody, before a byte moves. It only reads.
 */
#pragma once
#include "model/config.h"

enum check_severity {
    CHECK_ERROR,   /* the relay will refuse or stop */
    CHECK_WARNING, /* it works, and something is lost or dear in a case that can come */
    CHECK_NOTE,    /* worth knowing */
};

struct check_finding {
    enum check_severity severity;
    const char *code;   /* stable word: "no_primary_key" */
    const char *object; /* "public.users", "slot undam", a setting */
    const char *text;   /* what is so */
    const char *hint;   /* what to do */
};

struct check_report {
    struct arena arena;
    int server_version;
    struct check_finding *findings; /* errors first */
    size_t finding_count, finding_cap;
    size_t errors, warnings;
};

/* False only when the source cannot be asked at all. To be freed with relay_check_free() either way. */
bool relay_check(const struct config *config, struct check_report *ret, struct err *err) MUST_USE;
void relay_check_free(struct check_report *report);
const char *check_severity_name(enum check_severity severity);
