// SPDX-License-Identifier: Apache-2.0
/*
 * Registration: views added to, replaced in, rebuilt in and dropped from a read model.
 *
 * What always holds:
 *  1. Whatever happens before the last transaction of a registration touches schema undam_load and rows of undam.view
 *     in state loading or failed, nothing that readers or the projector use.
 *  2. That transaction holds the lock of the position row: copied tables are brought to exactly that position, join,
 *     and the catalogue version moves with them, so that a running projector sees the change between two batches.
 *  3. One registration at a time (a session's advisory lock, so that a killed one holds nothing).
 */
#pragma once
#include "base/str.h"
#include "model/config.h"

struct readmodel;

struct registration {
    const struct config *config;
    const struct config_service *service;
    const char *const *files; /* view files of this service */
    size_t file_count;
    const struct readmodel *like; /* or NULL: the views of another read model, instead of files */
    bool empty;                   /* mirrors begin without rows at empty_lsn, instead of as copies */
    uint64_t empty_lsn;
    bool rebuild;     /* every registered view too, every mirror copied anew, whatever the position */
    bool dry_run;     /* plan only */
    bool allow_scans; /* see scan_check.h */
    bool json, quiet;
};

/* out gets what was planned (and, unless dry_run, done). */
bool registration_run(const struct registration *r, struct buf *out, struct err *err) MUST_USE;
/* Drops views and the mirrors that nothing uses then. */
bool registration_drop(const struct config *config, const struct config_service *service, const char *const *names,
                       size_t count, struct err *err) MUST_USE;
