// SPDX-License-Identifier: Apache-2.0
/* One mirror against its source table, and what both that and views need of a read model; see check.h. */
#pragma once
#include "check/check.h"
#include "link/pg/pg.h"

struct model {
    struct check *check;
    const char *service;
    struct pg source, pg; /* the two sides */
    struct arena arena;
};

/* The read model's position. ERR_STATE when nothing was ever projected into it from this source. */
bool model_position(struct model *m, uint64_t *ret, struct err *err) MUST_USE;
/* Until the position is at lsn or past it. ERR_TARGET when it does not move for check->wait_ms. */
bool model_wait(struct model *m, uint64_t lsn, struct err *err) MUST_USE;
/* name: of the relation in schema mirror. */
bool mirror_compare(struct model *m, const char *name, struct err *err) MUST_USE;
/* All stored views, in one snapshot of the read model. */
bool views_compare(struct model *m, struct err *err) MUST_USE;
