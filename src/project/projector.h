// SPDX-License-Identifier: Apache-2.0
/*
 * The projector without its daemon: open, step, step, ..., close. A step applies what the bus has next, whole source
 * transactions in one PostgreSQL transaction together with the position; a source transaction larger than a batch
 * takes several steps of one PostgreSQL transaction.
 *
 * What always holds:
 *  1. After any failure nothing half-done is visible, and projector_recover() goes on from the stored position.
 *  2. The read model's session has synchronous_commit off: the position is in the same transaction as the rows, so a
 *     tail lost in a server crash is simply applied again. Only the epoch is stored durably (fence.h).
 */
#pragma once
#include "bus/bus.h"
#include "model/config.h"
#include "project/apply.h"
#include "project/fence.h"

struct projector_stats {
    uint64_t batches, transactions, events, retries;
    struct hist *visible_us; /* commit at the source to commit here; NULL: not wanted */
};

struct projector {
    const struct config *config;
    const struct config_service *service;
    struct bus_config bus;
    struct pg model;
    struct pg_pipe pipe;
    struct fence fence;
    struct readmodel readmodel;
    struct applier applier;
    struct bus_reader *reader;
    struct registry *registry;
    registry_idle_fn *idle; /* while the registry is waited for; NULL, or set after projector_init() */
    void *idle_arg;
    struct bus_batch batch;
    char what[96];           /* "read model transactions" */
    bool taken;              /* the epoch is ours */
    bool unregistered;       /* projector_open() failed because no view was ever registered */
    bool open;               /* a PostgreSQL transaction is open between steps */
    uint64_t pending_events; /* in the open transaction */
    int64_t *pending;        /* commit times of the source transactions that are complete in it */
    size_t pending_count, pending_capacity;
    uint64_t until;          /* apply nothing after this position; 0: whatever comes */
    bool tolerant;           /* see applier_tolerate() */
    int careful;             /* batches to go one event at a time, to name the one that fails */
    struct position at;      /* of the event being applied, for errors */
    int64_t progress_us;     /* when the position was last moved without rows */
    struct bus_progress log; /* of the last fetch */
    struct projector_stats stats;
};

/* wait: see pipe.h, may be NULL. Nothing is connected yet. */
void projector_init(struct projector *p, const struct config *config, const struct config_service *service,
                    pg_wait_fn *wait, void *wait_arg);
/* Connects, takes the read model over (the first time) or resumes it, reads what it holds, opens the bus. ERR_STATE
 * when nothing is registered, another lineage, the bus no longer holds the position, or another projector has taken
 * over. */
bool projector_open(struct projector *p, struct err *err) MUST_USE;
/* Fetches and applies. *ret_worked: there was something. wait_ms: for the bus, when there is nothing. */
bool projector_step(struct projector *p, int wait_ms, bool *ret_worked, struct err *err) MUST_USE;
/*
 * After a failed step: true when it is worth going on (the error is retriable, its views have changed, or the failing
 * event is to be found one by one); *ret_pause: after a pause and with projector_open() again. false: the error is
 * final and names position and table or view.
 */
bool projector_recover(struct projector *p, struct err *err, bool *ret_pause);
/* Closes connections; a further projector_open() resumes. */
void projector_disconnect(struct projector *p);
void projector_free(struct projector *p);
/* Runs until the read model has reached lsn: for registrations when no projector runs. */
bool projector_until(const struct config *config, const struct config_service *service, uint64_t lsn,
                     struct err *err) MUST_USE;
