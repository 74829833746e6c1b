// SPDX-License-Identifier: Apache-2.0
/* What the comparisons ask of the source: where its log is, and what a table is made of. */
#pragma once
#include "base/mem.h"
#include "link/pg/pg.h"

/* The end of what is committed now, as a position that an idle server's stream reaches. Never past a page's header,
 * and after asynchronous commits have been flushed (waits up to a second for that). */
bool source_lsn(struct pg *pg, uint64_t *ret, struct err *err) MUST_USE;

struct columns {
    struct str *names;
    size_t count;
    size_t *key; /* indexes in names of the primary key's columns, in its order */
    size_t key_count;
};

/* Columns that are stored (not dropped, not generated), in order, less _lsn and _seq. count 0: there is no such table.
 */
bool columns_get(struct pg *pg, const char *schema, const char *table, struct arena *arena, struct columns *ret,
                 struct err *err) MUST_USE;
