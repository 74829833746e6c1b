// SPDX-License-Identifier: Apache-2.0
/* What a read model holds, for people and programs: views with state, and the position. */
#pragma once
#include "link/pg/pg.h"

/* Appends lines, or JSON objects each after a comma when *any is set (then sets it). A read model in which nothing
 * was ever registered adds nothing. */
bool list_views(struct pg *pg, const char *service, const char *source, bool json, bool *any, struct buf *out,
                struct err *err) MUST_USE;
