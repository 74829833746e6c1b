// SPDX-License-Identifier: Apache-2.0
/*
 * Where the source is and how far each read model has come: what tells stale from wrong.
 *
 * What always holds: after freshness_mark() returned a mark, freshness_reached(service, mark) is true only when that
 * read model holds every transaction that any query on the source could see before the call.
 */
#pragma once
#include "link/pg/pg_poll.h"
#include "model/config.h"

/* A moment of the source: its WAL insert position and its clock, both taken after the answer in question was read. */
struct freshness_mark {
    uint64_t lsn;
    int64_t time_us;
};

struct freshness_model {
    char *what;
    const char *service;
    struct pg_poll *poll;
    struct freshness *owner;
    bool known;
    uint64_t lsn;         /* of the source furthest behind */
    int64_t watermark_us; /* 0 unknown */
};

struct freshness {
    const struct config *config;
    struct pg source;
    struct freshness_model *models; /* one a service */
    void (*moved)(void *arg);       /* a read model reported */
    void *arg;
};

void freshness_init(struct freshness *f, const struct config *config, struct loop *loop, void (*moved)(void *),
                    void *arg);
void freshness_free(struct freshness *f);
/* Blocking, one round trip; reconnects. ERR_SOURCE. */
bool freshness_mark(struct freshness *f, struct freshness_mark *ret, struct err *err) MUST_USE;
/* ret_lsn: the read model's position as last reported, 0 unknown; may be NULL. */
bool freshness_reached(const struct freshness *f, struct str service, const struct freshness_mark *mark,
                       uint64_t *ret_lsn);
/* Asks that read model again as soon as possible. */
void freshness_hurry(const struct freshness *f, struct str service);
