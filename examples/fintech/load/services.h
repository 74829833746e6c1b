// SPDX-License-Identifier: Apache-2.0
/*
 * The traffic of the whole monolith: every service's requests.mix, pools of ids, and the services' shares. A line's
 * weight counts within its service's reads or within its service's writes and synchronous calls; a service's share
 * counts among the services. Users come by a power law among those who own something in each of the line's owned pools.
 */
#pragma once
#include "lines.h"

struct services_settings {
    const char *folder, *pools; /* pools NULL: there are none */
    const char *only;           /* services, with commas between; NULL: all */
    uint64_t seed, users, transactions;
    unsigned writes_percent; /* of requests: writes and synchronous calls */
};

struct services;

/* ERR_CONFIG with file and line when something in the files is wrong; ERR_SYSTEM. */
bool services_new(const struct services_settings *settings, struct services **ret, struct err *err) MUST_USE;
void services_free(struct services *s);
struct source *services_source(struct services *s);
const struct lines *services_lines(const struct services *s);
/* Lines for which no user owns something in each pool, so that requests mix owners. */
unsigned services_unmatched(const struct services *s, const struct line **ret_first);
/* Goes on as if everything random began here with this line: what other lines there are makes no difference to it. */
void services_begin(struct services *s, const struct line *l);
/* A request of this line. fresh: with ids and users that no fresh request had, while there are such. */
void services_request(struct services *s, const struct line *l, bool fresh, struct job *ret);
