// SPDX-License-Identifier: Apache-2.0
/*
 * Replay: a service's events projected once more, into a side read model: to debug, or to rebuild beside the live one.
 *
 * What always holds:
 *  1. The live read model is only read. The side model is an ordinary read model with its own position and epoch, and
 *     schema undam_replay beside it, which says what it is; without that schema nothing is ever written into a
 * database.
 *  2. A row of the side model is exact or not there: what the events do not tell is never guessed. Keys of rows left
 * out are in undam_replay.unknown, in the transaction that left them out.
 *  3. Killed at any instant, the same command goes on from the side model's position.
 */
#pragma once
#include "base/progress.h"
#include "bus/bus.h"
#include "link/pg/pg.h"
#include "model/config.h"
#include "project/readmodel.h"

enum replay_base {
    REPLAY_EMPTY,  /* only what events say */
    REPLAY_SOURCE, /* tables copied from the source first */
};

/* Rows that could not be applied, of one mirror. */
struct replay_unknown {
    const char *table;
    uint64_t keys;
};

struct replay {
    /* set by the caller */
    const struct config *config;
    const struct config_service *service; /* the live one */
    const char *into;                     /* connection string of the side model's database */
    bool quiet;
    bool (*stopped)(void *arg); /* asked between batches */
    void *arg;
    /* set by replay_open() */
    struct arena arena;
    struct pg live, side;
    struct readmodel definitions; /* the live one's */
    struct config_service side_service;
    struct bus_progress log;
    bool resumed;          /* the side model was there */
    enum replay_base base; /* of a side model that was there; else set before replay_prepare() */
    uint64_t from_lsn;     /* the side model began complete through here (REPLAY_EMPTY) */
    /* set by replay_run() */
    struct place place; /* of the side model */
    uint64_t events, transactions;
    struct replay_unknown *unknown;
    size_t unknown_count;
};

/* Connects to both, reads the live definitions and what the side database is. ERR_STATE when it is the live read model,
 * or one that no replay of this service made. Close it also after a failure. */
bool replay_open(struct replay *r, struct err *err) MUST_USE;
/* Makes the side model where there is none yet, with base and from_lsn. */
bool replay_prepare(struct replay *r, struct err *err) MUST_USE;
/* Applies the log until the side model is at `until`; 0: until stopped. */
bool replay_run(struct replay *r, uint64_t until, struct err *err) MUST_USE;
/* Counts the keys left out. */
bool replay_unknown_count(struct replay *r, struct err *err) MUST_USE;
void replay_close(struct replay *r);
