// SPDX-License-Identifier: Apache-2.0
/*
 * The last step of a registration, all of it in the caller's transaction: copied mirrors join, views are defined,
 * built and described, the catalogue version moves. Readers see the read model before it, or after.
 */
#pragma once
#include "project/planned.h"

struct build {
    struct pg *model;
    const struct planned *planned;
    const struct readmodel *readmodel; /* as it is before */
    uint64_t lsn;                      /* the position that the mirrors are at */
    bool allow_scans;                  /* see scan_check.h */
    bool quiet;                        /* no progress on stderr */
};

/* Rows of undam.view in state loading for new views, in a transaction of its own: `undam view list` shows them. */
bool build_announce(struct pg *model, const struct planned *p, const char *state, struct err *err) MUST_USE;
/* state failed with the reason, for new views; best effort. */
void build_failed(struct pg *model, const struct planned *p, const char *reason);
/* Everything but the position row. */
bool build_all(const struct build *b, struct err *err) MUST_USE;
/* Drops views that no file asks for any more, and mirrors that no view uses. In the caller's transaction.
 * ERR_STATE when a name is not registered. */
bool build_drop(struct pg *model, const char *const *names, size_t count, struct err *err) MUST_USE;
