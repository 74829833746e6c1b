// SPDX-License-Identifier: Apache-2.0
/*
 * Loading: source tables copied under one exported snapshot into schema undam_load, where nothing reads them, and
 * brought forward through the bus until they can join the read model in one transaction.
 *
 * What always holds: undam_load is empty or the work of the one registration that holds the registration lock; a
 * killed registration leaves only that schema behind, and the next one starts by dropping it.
 */
#pragma once
#include "bus/bus.h"
#include "project/planned.h"

struct load {
    const struct config *config;
    struct pg *model;
    struct planned *planned;
    struct lineage lineage;  /* of the bus */
    uint64_t lsn;            /* the copied tables hold all source transactions up to here, and none after */
    bool quiet;              /* no progress bar */
    struct readmodel staged; /* the copied mirrors, for the applier; views none */
    struct pg_pipe pipe;
};

/* The bus and its lineage; refused while the relay has never written. */
bool load_bus(const struct config *config, struct bus_config *ret_bus, struct bus_progress *ret_progress,
              struct err *err) MUST_USE;
/* Copies every planned mirror with `copy`; sets lsn. Each table is complete, keyed and analyzed on return. */
bool load_copy(struct load *l, struct err *err) MUST_USE;
/* Instead: every planned mirror as an empty table, at this position. */
bool load_empty(struct load *l, uint64_t lsn, struct err *err) MUST_USE;
/* Waits until the bus holds everything up to lsn. */
bool load_wait_bus(const struct load *l, struct err *err) MUST_USE;
/* Applies the bus to the copied tables, from lsn to `to` (a position that the bus has reached), then lsn = to.
 * in_transaction: the caller's; else each batch is one of its own. */
bool load_forward(struct load *l, uint64_t to, bool in_transaction, struct err *err) MUST_USE;
/* Drops undam_load. */
bool load_clean(struct pg *model, struct err *err) MUST_USE;
void load_free(struct load *l);
