// SPDX-License-Identifier: Apache-2.0
/*
 * The embedded registry for others: Confluent's REST paths at registry.listen, in threads of their own with a
 * connection to the registry's database each, so that control's loop never waits for it.
 */
#pragma once
#include "base/err.h"
#include "model/config.h"

struct registry_http;

struct registry_http_counts {
    uint64_t requests, refused, failed; /* answered 4xx; 5xx */
    unsigned connections;               /* open now */
    bool up;                            /* the database answered the last request that needed it */
};

/* *ret NULL when registry.listen is empty. The database may be away. ERR_CONFIG, ERR_SYSTEM. */
bool registry_http_new(struct registry_http **ret, const struct config *config, struct err *err) MUST_USE;
/* Once a second: ends connections that take too long, and counts. */
void registry_http_beat(struct registry_http *h, struct registry_http_counts *ret);
void registry_http_free(struct registry_http *h);
